//! The operations, in the order of AWS's reference.

use millpond_gateway::Call;
use millpond_wire::ApiError;

use crate::Sts;
use crate::api::{GetCallerIdentityInput, GetCallerIdentityOutput};

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millpond_core::{Clock, Region, Scope, Timestamp};
    use millpond_gateway::Caller;
    use millpond_policy::Principal;

    use super::*;

    #[tokio::test]
    async fn root_is_named_as_aws_names_it() {
        let account: millpond_core::AccountId = "123456789012".parse().unwrap();
        let caller = Caller::on_behalf_of(
            Principal::Root { account: account.clone() },
            Scope::new(account, Region::us_east_1()),
            Clock::manual(Timestamp::EPOCH),
        );
        let call = Call { svc: Arc::new(Sts), caller };
        let output = get_caller_identity(call, GetCallerIdentityInput {}).await.unwrap();
        assert_eq!(output.user_id.as_deref(), Some("123456789012"));
        assert_eq!(output.arn.as_deref(), Some("arn:aws:iam::123456789012:root"));
    }
}
