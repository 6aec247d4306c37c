//! The decision: AWS's order of evaluation, with the statement that decided.

use std::fmt;

use millpond_core::{AccountId, Arn};

use crate::context::Context;
use crate::document::{Effect, Policy, Statement};
use crate::glance::Glance;
use crate::grants::{Attached, IdentityGrants};
use crate::pattern::Facts;
use crate::principal::Principal;
use crate::principals::{Named, exempts};

/// One question: may the principal do this to that.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub principal: &'a Principal,
    /// The principal's own policies.
    pub grants: &'a IdentityGrants,
    /// As `kinesis:CreateStream`.
    pub action: &'a str,
    pub resource: &'a Arn,
    /// Who owns the resource; an S3 ARN does not say it.
    pub resource_account: &'a AccountId,
    pub resource_policy: Option<&'a Policy>,
    /// A key or a role is closed to everyone whom its own policy does not let in, its account's root too. Without this, a
    /// resource's policy is one of two ways in for its own account.
    pub resource_must_allow: bool,
    /// What an S3 access control list grants for this action.
    pub acl: Option<AclGrant>,
    /// The caller's account as S3 names owners, for policies that name it so.
    pub canonical_id: Option<&'a str>,
    pub context: Context<'a>,
}

/// To whom an access control list gives what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AclGrant {
    /// To the caller's account, which must let its users do it.
    Account,
    /// To everyone, or to everyone with an account.
    Everyone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision<'a> {
    Allow(Reason<'a>),
    Deny(Denial<'a>),
}

/// Why it is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'a> {
    /// The account's own root.
    Root,
    Statement(Source<'a>),
    Acl,
}

/// Why it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial<'a> {
    /// A statement says Deny.
    Explicit(Source<'a>),
    /// No policy of this layer allows it, and one should.
    Implicit(Layer),
}

/// A statement of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    pub layer: Layer,
    /// The policy's name; empty for a resource's.
    pub policy: &'a str,
    /// Counted from zero.
    pub statement: usize,
    pub sid: Option<&'a str>,
}

/// What a policy is to the decision, in the order in which denials are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    ServiceControl,
    Resource,
    Identity,
    Boundary,
    Session,
}

impl Layer {
    fn with_article(self) -> &'static str {
        match self {
            Self::ServiceControl => "a service control policy",
            Self::Resource => "a resource-based policy",
            Self::Identity => "an identity-based policy",
            Self::Boundary => "a permissions boundary",
            Self::Session => "a session policy",
        }
    }
}

/// As AWS's sentences name it.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = self.with_article().split_once(' ').unwrap_or_default();
        f.write_str(name)
    }
}

/// As `statement "ReadAll" of the identity-based policy arn:aws:iam::aws:policy/ReadOnlyAccess`.
impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sid {
            Some(sid) => write!(f, "statement {sid:?} of the {}", self.layer)?,
            None => write!(f, "statement {} of the {}", self.statement + 1, self.layer)?,
        }
        if self.policy.is_empty() { Ok(()) } else { write!(f, " {}", self.policy) }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the account's own root user"),
            Self::Statement(source) => source.fmt(f),
            Self::Acl => f.write_str("an access control list"),
        }
    }
}

impl Denial<'_> {
    /// The end of AWS's sentence "User: … is not authorized to perform: … on resource: …".
    pub fn because(&self, action: &str) -> String {
        match self {
            Self::Explicit(source) => format!("with an explicit deny in {}", source.layer.with_article()),
            Self::Implicit(layer) => format!("because no {layer} allows the {action} action"),
        }
    }
}

/// For the log and the tools, with the statement that decided.
impl fmt::Display for Denial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit(source) => write!(f, "denied by {source}"),
            Self::Implicit(layer) => write!(f, "allowed by no {layer}"),
        }
    }
}

impl<'a> Decision<'a> {
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    pub fn into_result(self) -> Result<Reason<'a>, Denial<'a>> {
        match self {
            Self::Allow(reason) => Ok(reason),
            Self::Deny(denial) => Err(denial),
        }
    }
}

/// Decides, after AWS's order: a Deny anywhere ends it; then the service control policies of the caller's account must
/// allow; then, within one account, either the resource's policy or the identity's within its boundary and session; across
/// accounts, both.
///
/// Source: IAM User Guide, Policy evaluation logic, with its pages on a single account and on several.
pub fn decide<'a>(request: &Request<'a>) -> Decision<'a> {
    match outcome(request) {
        Ok(reason) => Decision::Allow(reason),
        Err(denial) => Decision::Deny(denial),
    }
}

fn outcome<'a>(request: &Request<'a>) -> Result<Reason<'a>, Denial<'a>> {
    let context = Context { resource_account: Some(request.resource_account.as_str()), ..request.context };
    let action = Lowered::new(request.action);
    let facts = Facts { principal: request.principal, context: &context };
    let question = Question {
        request,
        facts,
        action: action.as_str().split_once(':').unwrap_or_default(),
        glance: Glance::of(request.resource),
    };
    let resource = question.resource()?;
    let acl = match request.acl {
        Some(AclGrant::Everyone) => Some((Named::Itself, Reason::Acl)),
        Some(AclGrant::Account) if request.principal.account().is_some() => {
            Some((Named::AsAccount, Reason::Acl))
        }
        Some(AclGrant::Account) | None => None,
    };
    // What names the caller most closely counts; on a tie the policy.
    let from_resource = match (resource, acl) {
        (Some(policy), Some(acl)) if acl.0 > policy.0 => Some(acl),
        (policy, acl) => policy.or(acl),
    };
    let Some(account) = request.principal.account() else {
        // Nobody's: only the resource can let it in.
        return from_resource.map(|(_, reason)| reason).ok_or(Denial::Implicit(Layer::Resource));
    };
    let own = account == request.resource_account;
    let limits = question.limits()?;
    if !limits.service_control {
        return Err(Denial::Implicit(Layer::ServiceControl));
    }
    match (from_resource, own) {
        (None, false) => return Err(Denial::Implicit(Layer::Resource)),
        (None, true) if request.resource_must_allow => return Err(Denial::Implicit(Layer::Resource)),
        (Some((Named::Itself, reason)), true) => return Ok(reason),
        (Some((Named::AsRole, reason)), true) => return limits.within(reason),
        _ => {}
    }
    if let Principal::Root { .. } = request.principal {
        return Ok(from_resource.map_or(Reason::Root, |(_, reason)| reason));
    }
    match limits.identity {
        Some(reason) => limits.within(reason),
        None => Err(Denial::Implicit(Layer::Identity)),
    }
}

/// What the caller's side says, when nothing of it says Deny.
struct Limits<'a> {
    service_control: bool,
    identity: Option<Reason<'a>>,
    boundary: bool,
    session: bool,
}

impl<'a> Limits<'a> {
    fn within(&self, reason: Reason<'a>) -> Result<Reason<'a>, Denial<'a>> {
        match (self.boundary, self.session) {
            (false, _) => Err(Denial::Implicit(Layer::Boundary)),
            (true, false) => Err(Denial::Implicit(Layer::Session)),
            (true, true) => Ok(reason),
        }
    }
}

struct Question<'r, 'a> {
    request: &'r Request<'a>,
    facts: Facts<'r, 'a>,
    /// Its two halves, in lower case.
    action: (&'r str, &'r str),
    glance: Glance,
}

impl<'a> Question<'_, 'a> {
    /// What the resource's policy grants, and to whom.
    fn resource(&self) -> Result<Option<(Named, Reason<'a>)>, Denial<'a>> {
        let Some(policy) = self.request.resource_policy else { return Ok(None) };
        let mut best: Option<(Named, Reason<'a>)> = None;
        for (index, statement) in policy.about(self.glance) {
            let better = |named| best.is_none_or(|(before, _)| named > before);
            let Some(named) = self.names(statement) else { continue };
            if (statement.effect == Effect::Allow && !better(named)) || !self.applies(statement) {
                continue;
            }
            let source = source(Layer::Resource, "", index, statement);
            match statement.effect {
                Effect::Deny => return Err(Denial::Explicit(source)),
                Effect::Allow => best = Some((named, Reason::Statement(source))),
            }
        }
        Ok(best)
    }

    fn names(&self, statement: &Statement) -> Option<Named> {
        let Request { principal, canonical_id, .. } = *self.request;
        if statement.not_principal {
            return (!exempts(&statement.principals, principal, canonical_id)).then_some(Named::Itself);
        }
        statement.principals.iter().filter_map(|entry| entry.names(principal, canonical_id)).max()
    }

    /// The caller's side, all of it: a Deny in it counts whatever the rest says.
    fn limits(&self) -> Result<Limits<'a>, Denial<'a>> {
        let grants = self.request.grants;
        let mut service_control = true;
        for level in &grants.service_control {
            service_control &= self.any(Layer::ServiceControl, level)?.is_some();
        }
        if let Principal::Root { .. } = self.request.principal {
            return Ok(Limits { service_control, identity: None, boundary: true, session: true });
        }
        let identity = self.any(Layer::Identity, &grants.identity)?.map(Reason::Statement);
        let boundary = match &grants.boundary {
            Some(boundary) => self.any(Layer::Boundary, std::slice::from_ref(boundary))?.is_some(),
            None => true,
        };
        let session = match &grants.session {
            Some(policies) => self.any(Layer::Session, policies)?.is_some(),
            None => true,
        };
        Ok(Limits { service_control, identity, boundary, session })
    }

    /// The first statement of these policies that allows, unless one denies.
    fn any(&self, layer: Layer, policies: &'a [Attached]) -> Result<Option<Source<'a>>, Denial<'a>> {
        let mut allowed = None;
        for attached in policies {
            for (index, statement) in attached.policy.about(self.glance) {
                let is_news = statement.effect == Effect::Deny || allowed.is_none();
                if !is_news || !self.applies(statement) {
                    continue;
                }
                let source = source(layer, &attached.name, index, statement);
                match statement.effect {
                    Effect::Deny => return Err(Denial::Explicit(source)),
                    Effect::Allow => allowed = Some(source),
                }
            }
        }
        Ok(allowed)
    }

    /// Action, resource and conditions; who is asked for elsewhere.
    fn applies(&self, statement: &Statement) -> bool {
        let (service, name) = self.action;
        let acts = statement.actions.iter().any(|pattern| pattern.means(service, name));
        acts != statement.not_action
            && self.is_about_the_resource(statement)
            && statement.conditions.iter().all(|condition| condition.holds(self.facts))
    }

    fn is_about_the_resource(&self, statement: &Statement) -> bool {
        let resource = self.request.resource;
        statement.resources.is_empty()
            || statement.resources.iter().any(|pattern| pattern.matches(resource, self.facts))
                != statement.not_resource
    }
}

fn source<'a>(layer: Layer, policy: &'a str, index: usize, statement: &'a Statement) -> Source<'a> {
    Source { layer, policy, statement: index, sid: statement.sid() }
}

/// An action in lower case; those that exist fit without an allocation.
enum Lowered {
    Short([u8; Self::SHORT], usize),
    Long(String),
}

impl Lowered {
    const SHORT: usize = 128;

    fn new(action: &str) -> Self {
        let mut short = [0; Self::SHORT];
        match short.get_mut(..action.len()) {
            Some(place) => {
                place.copy_from_slice(action.as_bytes());
                place.make_ascii_lowercase();
                Self::Short(short, action.len())
            }
            None => Self::Long(action.to_ascii_lowercase()),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Short(bytes, length) => std::str::from_utf8(&bytes[..*length])
                .expect("ASCII letters were changed in a str, and nothing else"),
            Self::Long(text) => text,
        }
    }
}
