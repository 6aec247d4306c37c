//! GetSessionToken: temporary credentials of the caller's own.

use std::time::Duration;

use millpond_gateway::Call;
use millpond_policy::Principal;

use crate::Sts;
use crate::api::{GetSessionTokenInput, GetSessionTokenOutput};
use crate::error::StsError;
use crate::ops::request::{credentials, long_lived};
use crate::session::{Extras, Session, Who};

/// For a user; a root's session lasts an hour at most, whatever it asks for.
const DEFAULT: Duration = Duration::from_secs(12 * 3_600);
pub(super) const LONGEST_OF_ROOT: Duration = Duration::from_secs(3_600);

/// Temporary credentials with all the permissions of the user or root who asks. Needs no permission.
///
/// Errors: AccessDenied (the caller has temporary credentials already).
/// Source: AWS STS API reference, GetSessionToken.
/// Differs from AWS: there are no second factors.
pub async fn get_session_token(
    call: Call<Sts>,
    input: GetSessionTokenInput,
) -> Result<GetSessionTokenOutput, StsError> {
    let (account, issuer) = long_lived(&call.caller, "GetSessionToken")?;
    let asked = input.duration_seconds.map(|seconds| Duration::from_secs(u64::from(seconds.unsigned_abs())));
    let duration = match call.caller.principal {
        Principal::Root { .. } => asked.unwrap_or(LONGEST_OF_ROOT).min(LONGEST_OF_ROOT),
        _ => asked.unwrap_or(DEFAULT),
    };
    let issued = call.clock().now();
    let issued = call.sessions.issue(Session {
        account,
        who: issuer.map_or(Who::Root, Who::User),
        issued,
        expires: issued.plus(duration),
        source_identity: None,
        extras: Extras::default(),
    })?;
    Ok(GetSessionTokenOutput { credentials: Some(credentials(issued)) })
}
