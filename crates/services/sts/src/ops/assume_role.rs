//! AssumeRole: credentials of a role, for whom its trust policy lets in.

use std::time::Duration;

use millpond_gateway::{Call, Caller};
use millpond_iam::Role;
use millpond_policy::{Principal, Tag, Value};

use crate::Sts;
use crate::api::{self, AssumeRoleInput, AssumeRoleOutput};
use crate::error::{StsError, percent};
use crate::ops::request::{
    DEFAULT_DURATION, TrustQuestion, Wanted, credentials, denied, has, pairs, role_arn,
};
use crate::session::{Named, Session, Who};

const LONGEST_CHAINED: Duration = Duration::from_secs(3_600);

/// Credentials of a role. Its trust policy must let the caller in, and for a caller of another account (or one whom the trust
/// policy names by his account) his own policies must, too. Tags need `sts:TagSession` and a source identity needs
/// `sts:SetSourceIdentity`; both also when an earlier role of the chain hands them on.
///
/// Errors: AccessDenied (also when there is no such role), MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError,
/// InvalidParameterValue (tags).
/// Source: AWS STS API reference, AssumeRole; IAM User Guide, Pass session tags in AWS STS.
/// Differs from AWS: an open pond asks no trust policy, and lets the account's root assume roles.
pub async fn assume_role(call: Call<Sts>, input: AssumeRoleInput) -> Result<AssumeRoleOutput, StsError> {
    let AssumeRoleInput { role_arn: arn, role_session_name: session, external_id, source_identity, .. } =
        input;
    let caller = &call.caller;
    let (arn, account, path, name) = role_arn(&arn)?;
    let wanted = Wanted::checked(input.policy, input.policy_arns, input.tags, input.transitive_tag_keys)?;
    let handed = HandedOn::of(caller);
    let wanted = handed.joined(wanted)?;
    let source_identity = handed.source_identity(caller, source_identity)?;
    if !call.open && matches!(caller.principal, Principal::Root { .. }) {
        return Err(StsError::AccessDenied("Roles may not be assumed by root accounts.".into()));
    }
    if matches!(caller.principal, Principal::FederatedUser(_)) {
        return Err(denied(caller, "sts:AssumeRole", &arn));
    }
    let role = call.iam.role(&account, &name)?.filter(|role| role.path == path);
    let role = role.ok_or_else(|| denied(caller, "sts:AssumeRole", &arn))?;
    let transitive: Vec<&str> = wanted.transitive.iter().map(String::as_str).collect();
    let keys = [
        Some(("sts:RoleSessionName", Value::from(session.as_str()))),
        external_id.as_deref().map(|id| ("sts:ExternalId", Value::from(id))),
        source_identity.as_deref().map(|identity| ("sts:SourceIdentity", Value::from(identity))),
        (!transitive.is_empty()).then(|| ("sts:TransitiveTagKeys", Value::from(transitive.as_slice()))),
    ];
    let keys: Vec<_> = keys.into_iter().flatten().collect();
    let tags = pairs(&wanted.tags);
    let question = TrustQuestion { caller, role: &role, arn: &arn, keys: &keys, tags: &tags };
    let needed = [
        Some("sts:AssumeRole"),
        (!tags.is_empty()).then_some("sts:TagSession"),
        source_identity.is_some().then_some("sts:SetSourceIdentity"),
    ];
    if call.open {
        // Nobody is asked for anything; the question is noted all the same.
        let _unheeded = question.permits("sts:AssumeRole");
    } else {
        needed.into_iter().flatten().try_for_each(|action| question.permits(action))?;
    }
    call.check_managed(&account, &wanted.policy_arns)?;
    let chained = matches!(caller.principal, Principal::AssumedRole(_));
    let duration = duration(input.duration_seconds, &role, chained)?;
    let now = call.clock().now();
    let extras = wanted.into_extras();
    let size = extras.packed_size()?;
    let user = assumed(&role, &session);
    let issued = call.sessions.issue(Session {
        account,
        who: Who::Role { role: Named { name: role.name, id: role.id }, session, provider: None },
        issued: now,
        expires: now.plus(duration),
        source_identity: source_identity.clone(),
        extras,
    })?;
    Ok(AssumeRoleOutput {
        credentials: Some(credentials(issued)),
        assumed_role_user: Some(user),
        packed_policy_size: (size > 0).then(|| percent(size)),
        source_identity,
    })
}

pub(super) fn assumed(role: &Role, session: &str) -> api::AssumedRoleUser {
    let Role { account, name, id, .. } = role;
    api::AssumedRoleUser {
        assumed_role_id: format!("{id}:{session}"),
        arn: format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
    }
}

pub(super) fn duration(asked: Option<i32>, role: &Role, chained: bool) -> Result<Duration, StsError> {
    let asked = asked.map(|seconds| Duration::from_secs(u64::from(seconds.unsigned_abs())));
    let duration = asked.unwrap_or(DEFAULT_DURATION);
    if chained && duration > LONGEST_CHAINED {
        return Err(StsError::Validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.".into(),
        ));
    }
    if duration > role.max_session {
        return Err(StsError::Validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".into(),
        ));
    }
    Ok(duration)
}

/// What the session of the caller hands on to the next role of the chain.
#[derive(Default)]
struct HandedOn<'a> {
    tags: Vec<&'a Tag>,
    source_identity: Option<&'a str>,
}

impl<'a> HandedOn<'a> {
    fn of(caller: &'a Caller) -> Self {
        let Principal::AssumedRole(session) = &caller.principal else { return Self::default() };
        let goes_on = |tag: &&Tag| session.transitive_tags.iter().any(|key| key.eq_ignore_ascii_case(&tag.0));
        Self {
            tags: session.tags.iter().filter(goes_on).collect(),
            source_identity: session.source_identity.as_deref(),
        }
    }

    /// Tags that are handed on stay as they are, and go on from here as well.
    fn joined(&self, mut wanted: Wanted) -> Result<Wanted, StsError> {
        for (key, value) in &self.tags {
            if has(&wanted.tags, key) {
                return Err(StsError::InvalidParameter(
                    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag \
                     key from the calling session.",
                ));
            }
            wanted.tags.push((key.clone(), value.clone()));
            wanted.transitive.push(key.clone());
        }
        Ok(wanted)
    }

    /// Once it is set it stays.
    fn source_identity(&self, caller: &Caller, asked: Option<String>) -> Result<Option<String>, StsError> {
        if asked.as_deref().is_some_and(|asked| asked.starts_with("aws:")) {
            return Err(StsError::Validation("SourceIdentity may not begin with aws:".into()));
        }
        match (self.source_identity, asked) {
            (Some(own), Some(asked)) if own != asked => Err(StsError::AccessDenied(format!(
                "User: {} is not authorized to perform: sts:SetSourceIdentity: the session has a source identity already",
                caller.principal
            ))),
            (Some(own), _) => Ok(Some(own.to_owned())),
            (None, asked) => Ok(asked),
        }
    }
}
