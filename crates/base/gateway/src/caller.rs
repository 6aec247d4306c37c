//! Who calls, and from where: what a handler knows of its request, and the seam where it is authorized.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use millpond_core::{AccountId, Arn, Clock, RequestId, Scope};
use millpond_policy::{
    AclGrant, Context, Decision, Denial, IdentityGrants, Policy, Principal, Request, Token, Value, decide,
    explain,
};
use millpond_wire::ApiError;

use crate::authorization::Denied;
use crate::record::Resources;
use crate::service::{Arrival, Origin};

/// Whoever asks for something. Cheap to clone; a service that works for another hands its caller on.
#[derive(Debug, Clone)]
pub struct Caller {
    pub principal: Principal,
    /// The caller's account (for an anonymous one the pond's), in the region that the request is for.
    pub scope: Scope,
    pub request_id: RequestId,
    pub source_ip: IpAddr,
    /// The request came over TLS.
    pub secure: bool,
    pub clock: Clock,
    /// The way that the request came.
    pub origin: Origin,
    /// The caller's own policies.
    pub grants: Arc<IdentityGrants>,
    /// The temporary credentials that the request was signed with.
    pub token: Option<Token>,
    /// Services that carry the request on in the caller's name, the first one first: `aws:CalledVia`.
    pub called_via: Vec<&'static str>,
    /// What a service at its own work works for.
    pub works_for: Option<Arc<WorksFor>>,
    /// The key that the request was signed with, for the record.
    pub access_key: Option<Arc<str>>,
    asked: Arc<Asked>,
}

/// What was asked of the policy on behalf of a request.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    any: AtomicBool,
    /// The last answer that was no.
    denied: Mutex<Option<Denied>>,
    /// Noted when an event of the request is wanted.
    about: Option<Resources>,
}

/// The resource that a service works for: `aws:SourceArn` and `aws:SourceAccount`, by which a policy tells one deputy's errand
/// from another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorksFor {
    pub arn: String,
    pub account: AccountId,
}

impl Asked {
    pub(crate) fn denied(&self) -> Option<Denied> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Caller {
    pub fn new(
        principal: Principal,
        scope: Scope,
        request_id: RequestId,
        source_ip: IpAddr,
        secure: bool,
        clock: Clock,
    ) -> Self {
        Self {
            principal,
            scope,
            request_id,
            source_ip,
            secure,
            clock,
            origin: Origin::default(),
            grants: Arc::default(),
            token: None,
            called_via: Vec::new(),
            works_for: None,
            access_key: None,
            asked: Arc::default(),
        }
    }

    /// Whoever sent the request that arrived so.
    pub fn arrived(principal: Principal, scope: Scope, arrival: &Arrival) -> Self {
        let Arrival { request_id, source_ip, secure, clock, origin } = arrival;
        let caller = Self::new(principal, scope, *request_id, *source_ip, *secure, clock.clone());
        Self { origin: origin.clone(), ..caller }
    }

    /// The caller's own policies and temporary credentials, as its [`crate::Credential`] has them.
    #[must_use]
    pub fn with_grants(self, grants: Arc<IdentityGrants>, token: Option<Token>) -> Self {
        Self { grants, token, ..self }
    }

    #[must_use]
    pub fn with_access_key(self, access_key: Option<Arc<str>>) -> Self {
        Self { access_key, ..self }
    }

    /// Notes the resources that permission is asked for.
    #[must_use]
    pub(crate) fn noting(self) -> Self {
        let asked = Asked { about: Some(Resources::default()), ..Asked::default() };
        Self { asked: Arc::new(asked), ..self }
    }

    pub(crate) fn resources(&self) -> Vec<Arn> {
        self.asked.about.as_ref().map(Resources::all).unwrap_or_default()
    }

    /// For work that no request waits for: a delivery, a crawl, in the name of whoever set it up.
    pub fn on_behalf_of(principal: Principal, scope: Scope, clock: Clock) -> Self {
        Self::new(principal, scope, RequestId::random(), Ipv4Addr::LOCALHOST.into(), true, clock)
    }

    /// A service at its own work for a resource, as `logging.s3.amazonaws.com` for a bucket of the account in `scope`.
    pub fn service(name: &str, arn: &Arn, scope: Scope, clock: Clock) -> Self {
        let works_for = WorksFor { arn: arn.to_string(), account: scope.account.clone() };
        let caller = Self::on_behalf_of(Principal::Service(name.into()), scope, clock);
        Self { works_for: Some(Arc::new(works_for)), ..caller }
    }

    /// The same caller, carried on by a service such as `athena.amazonaws.com`.
    #[must_use]
    pub fn through(mut self, service: &'static str) -> Self {
        self.called_via.push(service);
        self
    }

    /// The same caller in another region.
    #[must_use]
    pub fn in_scope(&self, scope: Scope) -> Self {
        Self { scope, ..self.clone() }
    }

    /// May the caller do this? `action` as `kinesis:CreateStream`. The resource belongs to the account in its ARN; one
    /// without an account is taken for the caller's own (see [`Caller::authorize_owned`]).
    ///
    /// Errors: AccessDenied in AWS's words (each protocol spells its code its own way).
    pub fn authorize(&self, action: &str, resource: &Arn) -> Result<(), ApiError> {
        self.ask(action, resource).decide()
    }

    /// As [`Caller::authorize`], for a resource whose ARN does not say whose it is, as a bucket's.
    pub fn authorize_owned(&self, action: &str, resource: &Arn, owner: &AccountId) -> Result<(), ApiError> {
        self.ask(action, resource).owner(owner).decide()
    }

    /// Whoever makes something with tags needs the permission to tag it besides. Without tags nothing is asked.
    pub fn authorize_tags(
        &self,
        action: &str,
        resource: &Arn,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        if tags.is_empty() {
            return Ok(());
        }
        let pairs: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        self.ask(action, resource).request_tags(&pairs).decide()
    }

    /// The same question with all that may belong to it: nothing is asked until [`Ask::decide`].
    pub fn ask<'a>(&'a self, action: &'a str, resource: &'a Arn) -> Ask<'a> {
        Ask {
            caller: self,
            action,
            resource,
            owner: None,
            resource_policy: None,
            resource_must_allow: false,
            acl: None,
            canonical_id: None,
            keys: &[],
            resource_tags: &[],
            request_tags: None,
        }
    }

    pub(crate) fn asked(&self) -> Arc<Asked> {
        Arc::clone(&self.asked)
    }

    /// What was denied last on behalf of this request, for [`crate::Served`].
    pub fn denied(&self) -> Option<Denied> {
        self.asked.denied()
    }

    /// Some permission was asked for on behalf of this request.
    pub(crate) fn was_authorized(&self) -> bool {
        self.asked.any.load(Ordering::Acquire)
    }
}

/// One question, being put together.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Ask<'a> {
    caller: &'a Caller,
    action: &'a str,
    resource: &'a Arn,
    owner: Option<&'a AccountId>,
    resource_policy: Option<&'a Policy>,
    resource_must_allow: bool,
    acl: Option<AclGrant>,
    canonical_id: Option<&'a str>,
    keys: &'a [(&'a str, Value<'a>)],
    resource_tags: &'a [(&'a str, &'a str)],
    request_tags: Option<&'a [(&'a str, &'a str)]>,
}

impl<'a> Ask<'a> {
    /// Whose the resource is, when its ARN does not say it.
    pub fn owner(self, owner: &'a AccountId) -> Self {
        Self { owner: Some(owner), ..self }
    }

    pub fn resource_policy(self, resource_policy: Option<&'a Policy>) -> Self {
        Self { resource_policy, ..self }
    }

    /// For keys and roles: nobody comes in but by the resource's own policy.
    pub fn resource_must_allow(self) -> Self {
        Self { resource_must_allow: true, ..self }
    }

    /// What S3's access control lists grant for this action.
    pub fn acl(self, acl: Option<AclGrant>) -> Self {
        Self { acl, ..self }
    }

    /// The caller's account as S3 names owners, for policies with a `CanonicalUser`.
    pub fn canonical_id(self, canonical_id: &'a str) -> Self {
        Self { canonical_id: Some(canonical_id), ..self }
    }

    /// The service's condition keys, as `("s3:prefix", "home/".into())`.
    pub fn keys(self, keys: &'a [(&'a str, Value<'a>)]) -> Self {
        Self { keys, ..self }
    }

    /// For `aws:ResourceTag/…`.
    pub fn resource_tags(self, resource_tags: &'a [(&'a str, &'a str)]) -> Self {
        Self { resource_tags, ..self }
    }

    /// For `aws:RequestTag/…` and `aws:TagKeys`: the tags that the request would put.
    pub fn request_tags(self, request_tags: &'a [(&'a str, &'a str)]) -> Self {
        Self { request_tags: Some(request_tags), ..self }
    }

    /// The answer.
    ///
    /// Errors: AccessDenied in AWS's words. Which statement of which policy decided goes to the log alone.
    pub fn decide(self) -> Result<(), ApiError> {
        let Self { caller, action, resource, .. } = self;
        self.answered(|request, denial| {
            if let Some(account) = caller.principal.account() {
                let denied = Denied { account: account.clone(), explanation: explain(request, &denial) };
                *caller.asked.denied.lock().unwrap_or_else(PoisonError::into_inner) = Some(denied);
            }
            tracing::debug!(
                target: "millpond::decision",
                request_id = %caller.request_id, principal = %caller.principal, action, %resource, %denial, "denied"
            );
            // S3 quotes the resource, nobody else does.
            let quote = if resource.service == "s3" { "\"" } else { "" };
            ApiError::access_denied(format!(
                "User: {} is not authorized to perform: {action} on resource: {quote}{resource}{quote} {}",
                caller.principal,
                denial.because(action)
            ))
        })
    }

    /// Whether it is allowed, for those who have another answer than an error.
    pub fn is_allowed(self) -> bool {
        self.answered(|_, _| ()).is_ok()
    }

    fn answered<E>(self, refuse: impl FnOnce(&Request<'_>, Denial<'_>) -> E) -> Result<(), E> {
        let caller = self.caller;
        caller.asked.any.store(true, Ordering::Release);
        if let Some(about) = &caller.asked.about {
            about.note(self.resource);
        }
        let own = &caller.scope.account;
        let named: Option<AccountId> = match self.owner {
            None if self.resource.account != own.as_str() => self.resource.account.parse().ok(),
            _ => None,
        };
        let request = Request {
            principal: &caller.principal,
            grants: &caller.grants,
            action: self.action,
            resource: self.resource,
            resource_account: self.owner.or(named.as_ref()).unwrap_or(own),
            resource_policy: self.resource_policy,
            resource_must_allow: self.resource_must_allow,
            acl: self.acl,
            canonical_id: self.canonical_id,
            context: Context {
                now: caller.clock.now(),
                // A service's own calls come from no address that a policy could know.
                source_ip: (!matches!(caller.principal, Principal::Service(_))).then_some(caller.source_ip),
                secure_transport: caller.secure,
                region: Some(caller.scope.region.as_str()),
                source_vpce: caller.origin.endpoint.as_deref(),
                user_agent: caller.origin.user_agent.as_ref().and_then(text),
                referer: caller.origin.referer.as_ref().and_then(text),
                token: caller.token,
                called_via: &caller.called_via,
                source_arn: caller.works_for.as_ref().map(|works_for| works_for.arn.as_str()),
                source_account: caller.works_for.as_ref().map(|works_for| works_for.account.as_str()),
                resource_tags: self.resource_tags,
                request_tags: self.request_tags,
                keys: self.keys,
                ..Context::default()
            },
        };
        match decide(&request) {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(denial) => Err(refuse(&request, denial)),
        }
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// What a handler is given: its service, to which it derefs, and its caller.
#[derive(Debug)]
pub struct Call<S> {
    pub svc: Arc<S>,
    pub caller: Caller,
}

impl<S> Call<S> {
    pub fn clock(&self) -> &Clock {
        &self.caller.clock
    }

    pub fn scope(&self) -> &Scope {
        &self.caller.scope
    }
}

impl<S> Clone for Call<S> {
    fn clone(&self) -> Self {
        Self { svc: Arc::clone(&self.svc), caller: self.caller.clone() }
    }
}

impl<S> Deref for Call<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.svc
    }
}

#[cfg(test)]
mod tests {
    use millpond_core::{Region, Timestamp};
    use millpond_policy::{Attached, Kind, User};

    use super::*;

    fn account(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    fn policy(json: &str, kind: Kind) -> Arc<Policy> {
        Arc::new(Policy::parse(json, kind).unwrap())
    }

    /// A user of 111122223333 who may read in his home, through the endpoint alone.
    fn bob() -> Caller {
        let principal = Principal::User(Arc::new(User {
            account: account("111122223333"),
            path: "/".into(),
            name: "Bob".into(),
            id: "AIDABOB".into(),
            tags: Vec::new(),
        }));
        let json = r#"{"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake",
            "Condition": {"StringLike": {"s3:prefix": "home/${aws:username}/*"}, "StringEquals": {"aws:SourceVpce": "vpce-1"}}
        }}"#;
        let own = Attached { name: "own".into(), policy: policy(json, Kind::Identity) };
        let grants = IdentityGrants { identity: vec![own], ..IdentityGrants::NONE };
        let scope = Scope::new(account("111122223333"), Region::us_east_1());
        Caller::on_behalf_of(principal, scope, Clock::manual(Timestamp::EPOCH))
            .with_grants(Arc::new(grants), None)
    }

    #[test]
    fn the_callers_policies_and_the_way_of_the_request_count() {
        let (inside, outside) = (bob(), bob());
        let inside =
            Caller { origin: Origin { endpoint: Some("vpce-1".into()), ..Origin::default() }, ..inside };
        let lake = Arn::global("s3", "lake");
        let no_identity = "User: arn:aws:iam::111122223333:user/Bob is not authorized to perform: s3:ListBucket on \
                           resource: \"arn:aws:s3:::lake\" because no identity-based policy allows the \
                           s3:ListBucket action";
        for (caller, prefix, expected) in [
            (&inside, "home/Bob/2013", None),
            (&inside, "home/Eve/2013", Some(no_identity)),
            (&outside, "home/Bob/2013", Some(no_identity)),
        ] {
            let keys = [("s3:prefix", prefix.into())];
            let answer = caller.ask("s3:ListBucket", &lake).keys(&keys).decide();
            assert_eq!(answer.err().map(|error| error.message).as_deref(), expected, "{prefix}");
        }
        assert!(!inside.ask("s3:ListBucket", &lake).is_allowed(), "no prefix");
        assert!(inside.was_authorized());
    }

    #[test]
    fn the_resources_side_counts() {
        let json = r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:Delete*", "Resource": "*"}
        ]}"#;
        let (policy, other) = (policy(json, Kind::Resource), account("444455556666"));
        let root = Caller { principal: Principal::Root { account: account("111122223333") }, ..bob() };
        let key = Arn::global("s3", "lake/key");
        let ask = |action| root.ask(action, &key).owner(&other);
        assert!(!ask("s3:GetObject").is_allowed());
        assert!(ask("s3:GetObject").acl(Some(AclGrant::Account)).is_allowed());
        assert!(ask("s3:GetObject").resource_policy(Some(&policy)).is_allowed());
        let denied = ask("s3:DeleteObject").resource_policy(Some(&policy)).decide().unwrap_err();
        assert!(denied.message.ends_with("with an explicit deny in a resource-based policy"), "{denied}");
    }

    #[test]
    fn services_are_told_apart_by_what_they_work_for() {
        let json = r#"{"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "*",
            "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::lake"}, "StringEquals": {"aws:SourceAccount": "111122223333"}}
        }}"#;
        let (policy, key) = (policy(json, Kind::Resource), Arn::global("s3", "logs/key"));
        for (bucket, owner, expected) in
            [("lake", "111122223333", true), ("mill", "111122223333", false), ("lake", "444455556666", false)]
        {
            let scope = Scope::new(account(owner), Region::us_east_1());
            let clock = Clock::manual(Timestamp::EPOCH);
            let caller =
                Caller::service("logging.s3.amazonaws.com", &Arn::global("s3", bucket), scope, clock);
            let ask = caller.ask("s3:PutObject", &key).resource_policy(Some(&policy));
            assert_eq!(ask.is_allowed(), expected, "{bucket} {owner}");
        }
    }

    #[test]
    fn a_caller_carried_on_says_through_whom() {
        let json = r#"{"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
            "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": "athena.amazonaws.com"}}
        }}"#;
        let own = Attached { name: "own".into(), policy: policy(json, Kind::Identity) };
        let grants = IdentityGrants { identity: vec![own], ..IdentityGrants::NONE };
        let (caller, key) = (bob().with_grants(Arc::new(grants), None), Arn::global("s3", "lake/key"));
        assert!(!caller.ask("s3:GetObject", &key).is_allowed());
        assert!(caller.through("athena.amazonaws.com").ask("s3:GetObject", &key).is_allowed());
    }

    #[test]
    fn a_resource_belongs_to_the_account_in_its_arn() {
        let root = Caller { principal: Principal::Root { account: account("111122223333") }, ..bob() };
        for (owner, expected) in [("111122223333", true), ("", true), ("444455556666", false)] {
            let arn = format!("arn:aws:kinesis:us-east-1:{owner}:stream/s").parse().unwrap();
            assert_eq!(root.authorize("kinesis:PutRecord", &arn).is_ok(), expected, "{owner:?}");
        }
    }
}
