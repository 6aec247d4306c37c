//! Who somebody is: by a signature, or by an access key id alone.

use millpond_core::access_key::{self, KeyKind};
use millpond_gateway::Call;
use millpond_wire::ApiError;

use crate::Sts;
use crate::api::{
    GetAccessKeyInfoInput, GetAccessKeyInfoOutput, GetCallerIdentityInput, GetCallerIdentityOutput,
};
use crate::error::StsError;

/// Says whose account an access key id belongs to. A temporary one names it itself, as on AWS, and whether its session is still
/// good is not looked at.
///
/// Errors: InvalidClientTokenId (no account of this pond has or had the key).
/// Source: AWS STS API reference, GetAccessKeyInfo.
pub async fn get_access_key_info(
    call: Call<Sts>,
    input: GetAccessKeyInfoInput,
) -> Result<GetAccessKeyInfoOutput, StsError> {
    let id = input.access_key_id;
    let account = match KeyKind::of(&id) {
        Some(KeyKind::Temporary) => match access_key::account_of(&id) {
            Some(account) if call.knows(&account)? => account,
            Some(_) | None => return Err(StsError::UnknownKey),
        },
        Some(KeyKind::LongLived) | None => call.account_of_key(&id)?,
    };
    Ok(GetAccessKeyInfoOutput { account: Some(account.to_string()) })
}

/// Says whose credentials signed the request. Needs no permission, so that it also answers those who have none.
///
/// Errors: AccessDenied for a caller without an identity (no signature gets this far).
/// Source: AWS STS API reference, GetCallerIdentity.
pub async fn get_caller_identity(
    call: Call<Sts>,
    _: GetCallerIdentityInput,
) -> Result<GetCallerIdentityOutput, ApiError> {
    let principal = &call.caller.principal;
    let (Some(account), Some(arn)) = (principal.account(), principal.arn()) else {
        return Err(ApiError::access_denied("An anonymous caller has no identity."));
    };
    Ok(GetCallerIdentityOutput {
        user_id: Some(principal.user_id().into_owned()),
        account: Some(account.to_string()),
        arn: Some(arn.to_string()),
    })
}
