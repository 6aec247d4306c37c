//! Condition keys: what a request says for `aws:SourceIp`, `s3:prefix` and the like, looked up by a key that was resolved when
//! the policy was read.

use std::borrow::Cow;
use std::net::IpAddr;

use millpond_core::Timestamp;

use crate::principal::{Principal, Tag};

/// What conditions look at, beside the principal. What is absent has no key.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    pub now: Timestamp,
    pub source_ip: Option<IpAddr>,
    /// The request came over TLS.
    pub secure_transport: bool,
    /// `aws:RequestedRegion`.
    pub region: Option<&'a str>,
    /// The gateway endpoint that the request came through, as `vpce-1a2b3c4d`.
    pub source_vpce: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub referer: Option<&'a str>,
    /// The temporary credentials that the request was signed with.
    pub token: Option<Token>,
    /// Services that made the request in the principal's name, the first one first: `aws:CalledVia` and its kin.
    pub called_via: &'a [&'a str],
    /// For a service at its own work: the resource that it works for, `aws:SourceArn`, and whose that is.
    pub source_arn: Option<&'a str>,
    pub source_account: Option<&'a str>,
    /// The account that owns the resource, `aws:ResourceAccount`; [`crate::decide`] fills it in.
    pub resource_account: Option<&'a str>,
    pub resource_tags: &'a [(&'a str, &'a str)],
    /// Tags that the request wants to put, `aws:RequestTag/…` and `aws:TagKeys`.
    pub request_tags: Option<&'a [(&'a str, &'a str)]>,
    /// Keys of the service. One that is named as a global key stands in its place.
    pub keys: &'a [(&'a str, Value<'a>)],
}

/// Temporary credentials, as conditions see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub issued: Timestamp,
    /// When the caller showed a second factor.
    pub mfa: Option<Timestamp>,
}

/// The value or values of a condition key.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    /// A key that can have several values; none of them is as if it were absent.
    Texts(&'a [&'a str]),
    /// The keys of tags.
    TagKeys(&'a [(&'a str, &'a str)]),
    Number(i64),
    Bool(bool),
    Time(Timestamp),
    Ip(IpAddr),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a [&'a str]> for Value<'a> {
    fn from(texts: &'a [&'a str]) -> Self {
        Self::Texts(texts)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    Number(i64),
    Bool(bool),
    Time(Timestamp),
    Ip(IpAddr),
}

impl Value<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::TagKeys(tags) => tags.len(),
            _ => 1,
        }
    }

    fn at(&self, index: usize) -> Scalar<'_> {
        match self {
            Self::Text(text) => Scalar::Text(text),
            Self::Texts(texts) => Scalar::Text(texts[index]),
            Self::TagKeys(tags) => Scalar::Text(tags[index].0),
            &Self::Number(number) => Scalar::Number(number),
            &Self::Bool(value) => Scalar::Bool(value),
            &Self::Time(time) => Scalar::Time(time),
            &Self::Ip(ip) => Scalar::Ip(ip),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Scalar<'_>> {
        (0..self.len()).map(|index| self.at(index))
    }

    /// The value, when there is one alone; only such a one can stand for a policy variable.
    pub(crate) fn single(&self) -> Option<Scalar<'_>> {
        (self.len() == 1).then(|| self.at(0))
    }
}

impl<'a> Scalar<'a> {
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(number) => number.to_string().into(),
            Self::Bool(value) => if value { "true" } else { "false" }.into(),
            Self::Time(time) => time.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into(),
            Self::Ip(ip) => ip.to_string().into(),
        }
    }
}

/// A condition key, resolved. Keys are compared without regard to case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// As it is written.
    name: Box<str>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Global(Global),
    /// What follows the slash is the tag's key.
    PrincipalTag,
    ResourceTag,
    RequestTag,
    Service,
}

macro_rules! globals {
    ($($name:ident = $text:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Global { $($name),* }

        const GLOBALS: &[(&str, Global)] = &[$(($text, Global::$name)),*];
    };
}

globals! {
    CalledVia = "aws:CalledVia",
    CalledViaFirst = "aws:CalledViaFirst",
    CalledViaLast = "aws:CalledViaLast",
    CurrentTime = "aws:CurrentTime",
    EpochTime = "aws:EpochTime",
    FederatedProvider = "aws:FederatedProvider",
    MultiFactorAuthAge = "aws:MultiFactorAuthAge",
    MultiFactorAuthPresent = "aws:MultiFactorAuthPresent",
    PrincipalAccount = "aws:PrincipalAccount",
    PrincipalArn = "aws:PrincipalArn",
    PrincipalIsAwsService = "aws:PrincipalIsAWSService",
    PrincipalServiceName = "aws:PrincipalServiceName",
    PrincipalType = "aws:PrincipalType",
    Referer = "aws:Referer",
    RequestedRegion = "aws:RequestedRegion",
    ResourceAccount = "aws:ResourceAccount",
    SecureTransport = "aws:SecureTransport",
    SourceAccount = "aws:SourceAccount",
    SourceArn = "aws:SourceArn",
    SourceIdentity = "aws:SourceIdentity",
    SourceIp = "aws:SourceIp",
    SourceVpce = "aws:SourceVpce",
    TagKeys = "aws:TagKeys",
    TokenIssueTime = "aws:TokenIssueTime",
    UserAgent = "aws:UserAgent",
    UserId = "aws:userid",
    UserName = "aws:username",
    ViaAwsService = "aws:ViaAWSService",
}

/// The keys that any request may have, but for those of tags.
pub(crate) fn global_keys() -> impl Iterator<Item = &'static str> {
    GLOBALS.iter().map(|(name, _)| *name)
}

const PRINCIPAL_TAG: &str = "aws:PrincipalTag/";
const RESOURCE_TAG: &str = "aws:ResourceTag/";
const REQUEST_TAG: &str = "aws:RequestTag/";

impl Key {
    pub(crate) fn new(name: &str) -> Self {
        let begins =
            |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        let global = GLOBALS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let kind = match global {
            Some((_, global)) => Kind::Global(*global),
            None if begins(PRINCIPAL_TAG) => Kind::PrincipalTag,
            None if begins(RESOURCE_TAG) => Kind::ResourceTag,
            None if begins(REQUEST_TAG) => Kind::RequestTag,
            None => Kind::Service,
        };
        Self { name: name.into(), kind }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn tag_key(&self) -> &str {
        self.name.split_once('/').map_or("", |(_, key)| key)
    }
}

impl<'a> Context<'a> {
    pub(crate) fn lookup<'s>(&self, key: &Key, principal: &'s Principal) -> Option<Value<'s>>
    where
        'a: 's,
    {
        if let Some((_, value)) = self.keys.iter().find(|(name, _)| key.is(name)) {
            return Some(value.clone());
        }
        let text = |text: Option<&'a str>| text.map(|text| Value::Text(text.into()));
        let tag = |tags: &'a [(&'a str, &'a str)]| {
            let tag = tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(key.tag_key()));
            tag.map(|(_, value)| Value::Text((*value).into()))
        };
        match key.kind {
            Kind::Service => None,
            Kind::PrincipalTag => {
                let tags: &[Tag] = principal.tags();
                let tag = tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(key.tag_key()));
                tag.map(|(_, value)| Value::Text(value.as_str().into()))
            }
            Kind::ResourceTag => tag(self.resource_tags),
            Kind::RequestTag => tag(self.request_tags?),
            Kind::Global(global) => match global {
                Global::CalledVia => Some(Value::Texts(self.called_via)),
                Global::CalledViaFirst => text(self.called_via.first().copied()),
                Global::CalledViaLast => text(self.called_via.last().copied()),
                Global::CurrentTime => Some(Value::Time(self.now)),
                Global::EpochTime => Some(Value::Number(self.now.as_secs())),
                Global::Referer => text(self.referer),
                Global::RequestedRegion => text(self.region),
                Global::ResourceAccount => text(self.resource_account),
                Global::SecureTransport => Some(Value::Bool(self.secure_transport)),
                Global::SourceAccount => text(self.source_account),
                Global::SourceArn => text(self.source_arn),
                Global::SourceIp => self.source_ip.map(Value::Ip),
                Global::SourceVpce => text(self.source_vpce),
                Global::TagKeys => self.request_tags.map(Value::TagKeys),
                Global::UserAgent => text(self.user_agent),
                Global::ViaAwsService => Some(Value::Bool(!self.called_via.is_empty())),
                Global::TokenIssueTime => Some(Value::Time(self.token?.issued)),
                Global::MultiFactorAuthPresent => Some(Value::Bool(self.token?.mfa.is_some())),
                Global::MultiFactorAuthAge => {
                    let age = self.now.since(self.token?.mfa?).as_secs();
                    Some(Value::Number(i64::try_from(age).unwrap_or(i64::MAX)))
                }
                _ => about(global, principal),
            },
        }
    }
}

/// Keys that the principal alone answers.
fn about(key: Global, principal: &Principal) -> Option<Value<'_>> {
    let text = |text: &'_ str| Value::Text(text.to_owned().into());
    match (key, principal) {
        (Global::PrincipalAccount, _) => principal.account().map(|account| text(account.as_str())),
        (Global::PrincipalArn, _) => principal.identity_arn().map(|arn| Value::Text(arn.to_string().into())),
        (Global::PrincipalIsAwsService, _) => Some(Value::Bool(matches!(principal, Principal::Service(_)))),
        (Global::PrincipalServiceName, Principal::Service(name)) => Some(Value::Text((&**name).into())),
        (Global::PrincipalType, _) => match principal {
            Principal::Root { .. } => Some("Account".into()),
            Principal::User(_) => Some("User".into()),
            Principal::AssumedRole(_) => Some("AssumedRole".into()),
            Principal::FederatedUser(_) => Some("FederatedUser".into()),
            Principal::Anonymous => Some("Anonymous".into()),
            Principal::Service(_) | Principal::Federated(_) => None,
        },
        (Global::FederatedProvider, Principal::Federated(provider)) => {
            Some(Value::Text((&**provider).into()))
        }
        (Global::FederatedProvider, Principal::AssumedRole(session)) => {
            session.federated_provider.as_deref().map(Value::from)
        }
        (Global::SourceIdentity, Principal::AssumedRole(session)) => {
            session.source_identity.as_deref().map(Value::from)
        }
        (Global::UserId, Principal::Service(_) | Principal::Federated(_)) => None,
        (Global::UserId, _) => Some(Value::Text(principal.user_id())),
        (Global::UserName, Principal::User(user)) => Some(user.name.as_str().into()),
        _ => None,
    }
}
