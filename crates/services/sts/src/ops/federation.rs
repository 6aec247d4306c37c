//! GetFederationToken: credentials that a user gives to somebody of another house.

use std::time::Duration;

use millpond_core::Arn;
use millpond_gateway::Call;
use millpond_policy::Principal;

use crate::Sts;
use crate::api::{self, GetFederationTokenInput, GetFederationTokenOutput};
use crate::error::{StsError, percent};
use crate::ops::request::{Wanted, credentials, denied, long_lived, pairs};
use crate::ops::session_token::LONGEST_OF_ROOT;
use crate::session::{Session, Who};

const DEFAULT: Duration = Duration::from_secs(12 * 3_600);

/// Credentials of a federated user, who may do what both the caller and the session's policies allow, and without policies
/// nothing but what resources grant to the federated user itself.
///
/// Errors: AccessDenied (also for callers with temporary credentials), MalformedPolicyDocument, PackedPolicyTooLarge,
/// ValidationError, InvalidParameterValue (tags).
/// Source: AWS STS API reference, GetFederationToken.
pub async fn get_federation_token(
    call: Call<Sts>,
    input: GetFederationTokenInput,
) -> Result<GetFederationTokenOutput, StsError> {
    let GetFederationTokenInput { name, policy, policy_arns, duration_seconds, tags, .. } = input;
    let caller = &call.caller;
    let (account, issuer) = long_lived(caller, "GetFederationToken")?;
    let wanted = Wanted::checked(policy, policy_arns, tags, None)?;
    let arn = Arn { account: account.to_string(), ..Arn::global("sts", format!("federated-user/{name}")) };
    let tags = pairs(&wanted.tags);
    for action in ["sts:GetFederationToken", "sts:TagSession"] {
        if action == "sts:TagSession" && tags.is_empty() {
            continue;
        }
        let allowed = caller.ask(action, &arn).request_tags(&tags).decide();
        allowed.map_err(|_| denied(caller, action, &arn))?;
    }
    call.check_managed(&account, &wanted.policy_arns)?;
    let asked = duration_seconds.map(|seconds| Duration::from_secs(u64::from(seconds.unsigned_abs())));
    let duration = match caller.principal {
        Principal::Root { .. } => asked.unwrap_or(LONGEST_OF_ROOT).min(LONGEST_OF_ROOT),
        _ => asked.unwrap_or(DEFAULT),
    };
    let now = call.clock().now();
    let extras = wanted.into_extras();
    let size = extras.packed_size()?;
    let federated_user_id = format!("{account}:{name}");
    let issued = call.sessions.issue(Session {
        account,
        who: Who::Federated { name, issuer },
        issued: now,
        expires: now.plus(duration),
        source_identity: None,
        extras,
    })?;
    Ok(GetFederationTokenOutput {
        credentials: Some(credentials(issued)),
        federated_user: Some(api::FederatedUser { federated_user_id, arn: arn.to_string() }),
        packed_policy_size: (size > 0).then(|| percent(size)),
    })
}
