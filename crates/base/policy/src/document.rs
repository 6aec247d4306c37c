//! Policy documents: read strictly, and kept in the form in which they are evaluated.

use std::collections::BTreeSet;

use crate::PolicyError;
use crate::arn::ResourcePattern;
use crate::condition::Condition;
use crate::glance::{Glance, Head};
use crate::json::Json;
use crate::pattern::{Pattern, Syntax};
use crate::principals::PrincipalPattern;

/// What the largest document of any service may have; each service has its own, smaller limit.
pub const MAX_DOCUMENT_BYTES: usize = 131_072;

/// What a policy is attached to, which says what may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of a user, group or role; also a managed policy, and so a boundary.
    Identity,
    /// Of a bucket, a queue, a key: says whose requests it speaks of.
    Resource,
    /// Of a role: who may assume it. It names no resource, which is the role.
    Trust,
    Session,
    Boundary,
    ServiceControl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Allow,
    Deny,
}

/// A policy that was read and found to be in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    id: Option<Box<str>>,
    statements: Box<[Statement]>,
    /// Of each statement.
    heads: Box<[Head]>,
    condition_keys: Box<[Box<str>]>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    /// Empty in policies that have no principals.
    pub(crate) principals: Box<[PrincipalPattern]>,
    pub(crate) not_principal: bool,
    pub(crate) actions: Box<[ActionPattern]>,
    pub(crate) not_action: bool,
    /// Empty in trust policies.
    pub(crate) resources: Box<[ResourcePattern]>,
    pub(crate) not_resource: bool,
    pub(crate) conditions: Box<[Condition]>,
}

impl Policy {
    /// Reads a document of this kind.
    ///
    /// Errors: the first thing that is wrong, in the order in which AWS looks: syntax, version, statements in their order.
    /// Source: IAM User Guide, Grammar of the IAM JSON policy language.
    pub fn parse(json: &str, kind: Kind) -> Result<Self, PolicyError> {
        if json.len() > MAX_DOCUMENT_BYTES {
            return Err(PolicyError::TooLarge { limit: MAX_DOCUMENT_BYTES });
        }
        if !json.starts_with('{') {
            return Err(PolicyError::NotJson);
        }
        let Ok(Json::Object(members)) = serde_json::from_str(json) else { return Err(PolicyError::NotJson) };
        let mut members = Members::new(members, &["Version", "Id", "Statement"])?;
        let version = members.text("Version")?;
        let id = members.text("Id")?.map(Into::into);
        let statements = match members.take("Statement") {
            Some(Json::List(list)) => list,
            Some(one @ Json::Object(_)) => vec![one],
            Some(_) => return Err(PolicyError::WrongType { element: "Statement".into() }),
            None => return Err(PolicyError::Missing { element: "Statement" }),
        };
        if statements.is_empty() {
            return Err(PolicyError::Missing { element: "Statement" });
        }
        let variables = match version.as_deref() {
            Some("2012-10-17") => true,
            Some("2008-10-17") | None => false,
            Some(version) => return Err(PolicyError::InvalidVersion { version: version.to_owned() }),
        };
        if !variables && matches!(kind, Kind::Identity | Kind::Boundary) {
            return Err(PolicyError::OldVersion);
        }
        let reader = Reader { kind, variables };
        let statements = statements.into_iter().map(|statement| reader.statement(statement));
        let statements: Box<[Statement]> = statements.collect::<Result<_, _>>()?;
        let heads = statements.iter().map(Head::of).collect();
        let condition_keys = statements.iter().flat_map(Statement::keys).collect::<BTreeSet<_>>();
        let condition_keys = condition_keys.into_iter().map(String::into_boxed_str).collect();
        let policy = Self { id, statements, heads, condition_keys };
        policy.check_ids()?;
        Ok(policy)
    }

    fn check_ids(&self) -> Result<(), PolicyError> {
        let mut sids: Vec<&str> = self.statements.iter().filter_map(Statement::sid).collect();
        sids.sort_unstable();
        match sids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(PolicyError::DuplicateSid { sid: pair[0].to_owned() }),
            None => Ok(()),
        }
    }

    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The statements that may be about it, with their numbers.
    pub(crate) fn about(&self, glance: Glance) -> impl Iterator<Item = (usize, &Statement)> {
        let all = self.heads.iter().zip(&self.statements).enumerate();
        all.filter(move |(_, (head, _))| head.begins(&glance))
            .map(|(index, (_, statement))| (index, statement))
    }

    /// The condition keys that its evaluation may look up, those of policy variables too: in lower case, each once.
    pub fn condition_keys(&self) -> impl Iterator<Item = &str> {
        self.condition_keys.iter().map(|key| &**key)
    }

    /// The size that IAM's quotas count: without white space outside of texts.
    pub fn counted_size(json: &str) -> usize {
        let (mut inside, mut escaped, mut size) = (false, false, 0);
        for character in json.chars() {
            match character {
                '"' if !escaped => inside = !inside,
                _ if !inside && character.is_ascii_whitespace() => continue,
                _ => {}
            }
            escaped = inside && character == '\\' && !escaped;
            size += 1;
        }
        size
    }
}

impl Statement {
    /// `None` when it has none, or an empty one.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Of `Principal`, or of `NotPrincipal` when [`Statement::is_not_principal`].
    pub fn principals(&self) -> &[PrincipalPattern] {
        &self.principals
    }

    pub fn is_not_principal(&self) -> bool {
        self.not_principal
    }

    pub fn actions(&self) -> &[ActionPattern] {
        &self.actions
    }

    pub fn is_not_action(&self) -> bool {
        self.not_action
    }

    pub fn resources(&self) -> &[ResourcePattern] {
        &self.resources
    }

    pub fn is_not_resource(&self) -> bool {
        self.not_resource
    }

    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn keys(&self) -> impl Iterator<Item = String> {
        let conditions = self.conditions.iter().flat_map(Condition::keys);
        let resources = self.resources.iter().flat_map(ResourcePattern::keys);
        conditions.chain(resources).map(str::to_ascii_lowercase)
    }
}

/// One entry of `Action` or `NotAction`.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionPattern {
    text: Box<str>,
    /// In lower case; `None` for `*`.
    service: Option<Box<str>>,
    name: Pattern,
}

impl ActionPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyError> {
        let syntax = Syntax { wildcards: true, variables: false, folded: false };
        let (service, name) = match text.split_once(':') {
            None if text == "*" => ("*", "*"),
            None => return Err(PolicyError::NoVendor { name: text.to_owned() }),
            Some((_, name)) if name.contains(':') => {
                return Err(PolicyError::TooManyColons { action: text.to_owned() });
            }
            Some(both) => both,
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if service != "*" && (service.is_empty() || !service.chars().all(fits)) {
            return Err(PolicyError::InvalidVendor { vendor: service.to_owned() });
        }
        if name.is_empty() {
            return Err(PolicyError::NoVendor { name: text.to_owned() });
        }
        let name = Pattern::parse(&name.to_ascii_lowercase(), syntax)?;
        let service = (service != "*").then(|| service.to_ascii_lowercase().into());
        Ok(Self { text: text.into(), service, name })
    }

    /// As it stands in the policy.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether this action, as `s3:GetObject`, is meant.
    pub fn matches(&self, action: &str) -> bool {
        action.to_ascii_lowercase().split_once(':').is_some_and(|(service, name)| self.means(service, name))
    }

    /// An action's two halves in lower case.
    pub(crate) fn means(&self, service: &str, name: &str) -> bool {
        self.service.as_deref().is_none_or(|own| own == service) && self.name.matches_text(name)
    }
}

/// An object's members, each taken once.
struct Members(Vec<(String, Json)>);

impl Members {
    fn new(members: Vec<(String, Json)>, known: &[&str]) -> Result<Self, PolicyError> {
        for (index, (name, _)) in members.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(PolicyError::Unknown { element: name.clone() });
            }
            if members[..index].iter().any(|(before, _)| before == name) {
                return Err(PolicyError::Duplicate { element: name.clone() });
            }
        }
        Ok(Self(members))
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let index = self.0.iter().position(|(member, _)| member == name)?;
        Some(self.0.swap_remove(index).1)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, PolicyError> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(PolicyError::WrongType { element: name.to_owned() }),
        }
    }

    /// The element or its negation, and which of them it was.
    fn either(
        &mut self,
        element: &'static str,
        negation: &'static str,
    ) -> Result<Option<(Json, bool)>, PolicyError> {
        match (self.take(element), self.take(negation)) {
            (Some(_), Some(_)) => Err(PolicyError::Both { element }),
            (Some(json), None) => Ok(Some((json, false))),
            (None, Some(json)) => Ok(Some((json, true))),
            (None, None) => Ok(None),
        }
    }
}

const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

#[derive(Clone, Copy)]
struct Reader {
    kind: Kind,
    variables: bool,
}

impl Reader {
    fn statement(self, json: Json) -> Result<Statement, PolicyError> {
        let Json::Object(members) = json else {
            return Err(PolicyError::WrongType { element: "Statement".into() });
        };
        let mut members = Members::new(members, &ELEMENTS)?;
        let sid = self.sid(members.text("Sid")?)?;
        let effect = match members.text("Effect")?.as_deref() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            Some(effect) => return Err(PolicyError::InvalidEffect { effect: effect.to_owned() }),
            None => return Err(PolicyError::Missing { element: "Effect" }),
        };
        let (principals, not_principal) = self.principals(&mut members, effect)?;
        let (actions, not_action) = match members.either("Action", "NotAction")? {
            None => return Err(PolicyError::Missing { element: "Action" }),
            Some((json, negated)) => (texts(json, "Action")?, negated),
        };
        let actions = actions.iter().map(|text| ActionPattern::parse(text)).collect::<Result<_, _>>()?;
        let (resources, not_resource) = self.resources(&mut members)?;
        let conditions = match members.take("Condition") {
            None => Box::default(),
            Some(json) => self.conditions(json)?,
        };
        Ok(Statement {
            sid,
            effect,
            principals,
            not_principal,
            actions,
            not_action,
            resources,
            not_resource,
            conditions,
        })
    }

    fn sid(self, sid: Option<String>) -> Result<Option<Box<str>>, PolicyError> {
        let sid = sid.filter(|sid| !sid.is_empty());
        match sid {
            // Resource policies take any text.
            Some(sid) if self.kind != Kind::Resource && !sid.bytes().all(|c| c.is_ascii_alphanumeric()) => {
                Err(PolicyError::InvalidSid { sid })
            }
            sid => Ok(sid.map(Into::into)),
        }
    }

    fn principals(
        self,
        members: &mut Members,
        effect: Effect,
    ) -> Result<(Box<[PrincipalPattern]>, bool), PolicyError> {
        let element = members.either("Principal", "NotPrincipal")?;
        let has_principals = matches!(self.kind, Kind::Resource | Kind::Trust);
        let (json, negated) = match element {
            None if has_principals => return Err(PolicyError::Missing { element: "Principal" }),
            None => return Ok((Box::default(), false)),
            Some(_) if !has_principals => return Err(PolicyError::Prohibited { element: "Principal" }),
            Some(element) => element,
        };
        if negated && effect == Effect::Allow {
            return Err(PolicyError::AllowNotPrincipal);
        }
        let kinds = match json {
            Json::Text(text) if text == "*" => {
                return Ok((Box::new([PrincipalPattern::Everyone]), negated));
            }
            Json::Text(principal) => return Err(PolicyError::InvalidPrincipal { principal }),
            Json::Object(kinds) => Members::new(kinds, &["AWS", "Service", "Federated", "CanonicalUser"])?,
            _ => return Err(PolicyError::WrongType { element: "Principal".into() }),
        };
        let mut principals = Vec::new();
        for (kind, json) in kinds.0 {
            for text in texts(json, "Principal")? {
                principals.push(PrincipalPattern::parse(&kind, &text)?);
            }
        }
        if principals.is_empty() {
            return Err(PolicyError::Missing { element: "Principal" });
        }
        Ok((principals.into(), negated))
    }

    fn resources(self, members: &mut Members) -> Result<(Box<[ResourcePattern]>, bool), PolicyError> {
        match members.either("Resource", "NotResource")? {
            None if self.kind == Kind::Trust => Ok((Box::default(), false)),
            None => Err(PolicyError::Missing { element: "Resource" }),
            Some(_) if self.kind == Kind::Trust => Err(PolicyError::Prohibited { element: "Resource" }),
            Some((json, negated)) => {
                let patterns = texts(json, "Resource")?;
                let patterns = patterns.iter().map(|text| ResourcePattern::parse(text, self.variables));
                Ok((patterns.collect::<Result<_, _>>()?, negated))
            }
        }
    }

    fn conditions(self, json: Json) -> Result<Box<[Condition]>, PolicyError> {
        let wrong = || PolicyError::WrongType { element: "Condition".into() };
        let Json::Object(operators) = json else { return Err(wrong()) };
        let mut conditions = Vec::new();
        for (index, (operator, keys)) in operators.iter().enumerate() {
            if operators[..index].iter().any(|(before, _)| before == operator) {
                return Err(PolicyError::Duplicate { element: operator.clone() });
            }
            let Json::Object(keys) = keys else { return Err(wrong()) };
            for (index, (key, values)) in keys.iter().enumerate() {
                if keys[..index].iter().any(|(before, _)| before.eq_ignore_ascii_case(key)) {
                    return Err(PolicyError::Duplicate { element: key.clone() });
                }
                let values = scalars(values).ok_or_else(wrong)?;
                conditions.push(Condition::parse(operator, key, &values, self.variables)?);
            }
        }
        Ok(conditions.into())
    }
}

/// A text or a list of texts, with at least one in it.
fn texts(json: Json, element: &'static str) -> Result<Vec<String>, PolicyError> {
    let wrong = || PolicyError::WrongType { element: element.to_owned() };
    let list = match json {
        Json::Text(text) => return Ok(vec![text]),
        Json::List(list) => list,
        _ => return Err(wrong()),
    };
    if list.is_empty() {
        return Err(PolicyError::Missing { element });
    }
    let text = |json| match json {
        Json::Text(text) => Ok(text),
        _ => Err(wrong()),
    };
    list.into_iter().map(text).collect()
}

/// A condition's value or values: texts, and numbers and truths, which mean what they read as.
fn scalars(json: &Json) -> Option<Vec<String>> {
    let scalar = |json: &Json| match json {
        Json::Text(text) | Json::Number(text) => Some(text.clone()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null | Json::List(_) | Json::Object(_) => None,
    };
    match json {
        Json::List(list) => list.iter().map(scalar).collect(),
        one => Some(vec![scalar(one)?]),
    }
}
