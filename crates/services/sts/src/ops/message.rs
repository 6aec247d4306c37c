//! DecodeAuthorizationMessage: why somebody of the account was denied something.

use millpond_gateway::Call;

use crate::Sts;
use crate::api::{DecodeAuthorizationMessageInput, DecodeAuthorizationMessageOutput};
use crate::error::StsError;

/// Opens the message that an answer of AccessDenied carried, for somebody of the account of whoever was denied.
///
/// Errors: InvalidAuthorizationMessageException (also for a message of another account).
/// Source: AWS STS API reference, DecodeAuthorizationMessage.
/// Differs from AWS: every denial has a message, in the header `x-millpond-authorization-message` of its answer, and not a few in
/// their text. It does not tell the statement of a policy of another account.
pub async fn decode_authorization_message(
    call: Call<Sts>,
    input: DecodeAuthorizationMessageInput,
) -> Result<DecodeAuthorizationMessageOutput, StsError> {
    let opened = call.messages.open(&call.caller.scope.account, &input.encoded_message);
    let decoded_message = Some(opened.ok_or(StsError::InvalidMessage)?);
    Ok(DecodeAuthorizationMessageOutput { decoded_message })
}
