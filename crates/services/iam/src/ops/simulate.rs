//! The simulator: the same decisions that requests meet, with the statement that decided.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use millpond_core::{AccountId, Arn, Timestamp};
use millpond_gateway::Call;
use millpond_policy::{
    Attached, Context, Decision, Denial, IdentityGrants, Kind as DocumentKind, Policy, Principal, Reason,
    Request, RoleSession, Source, User, Value, decide,
};

use crate::access::{self, About, account, permit_on};
use crate::api;
use crate::catalogue;
use crate::domain;
use crate::error::IamError;
use crate::model::entity::{Entity, Kind};
use crate::model::outline::{self, Position};
use crate::ops::{Cut, Page};
use crate::service::Iam;
use crate::store;

/// A policy that takes part, with what a matched statement says of it.
struct Part {
    id: String,
    kind: Option<api::PolicySourceType>,
    document: String,
}

/// All that the simulation stands on.
struct Scene {
    principal: Principal,
    grants: IdentityGrants,
    parts: Vec<Part>,
    resource_policy: Option<Policy>,
}

/// What a request says beside actions and resources.
struct Asked {
    actions: Vec<String>,
    resources: Vec<String>,
    resource_policy: Option<String>,
    owner: Option<String>,
    caller: Option<String>,
    entries: Vec<api::ContextEntry>,
    page: Page<u32>,
}

fn invalid(message: impl Into<String>) -> IamError {
    IamError::InvalidInput(message.into())
}

/// Would these policies let these actions be done to these resources?
///
/// Errors: InvalidInput. Source: AWS IAM API reference, SimulateCustomPolicy.
pub async fn simulate_custom_policy(
    call: Call<Iam>,
    input: api::SimulateCustomPolicyInput,
) -> Result<api::SimulateCustomPolicyOutput, IamError> {
    permit_on(&call, "iam:SimulateCustomPolicy", "*")?;
    let mut scene = Scene::of(somebody(account(&call)));
    scene.add_custom(input.policy_input_list)?;
    scene.add_boundary(input.permissions_boundary_policy_input_list)?;
    let asked = Asked {
        actions: input.action_names,
        resources: resources(input.resource_arns),
        resource_policy: input.resource_policy,
        owner: input.resource_owner,
        caller: input.caller_arn,
        entries: input.context_entries.unwrap_or_default(),
        page: Page::of(input.marker.as_ref(), input.max_items, "iam.SimulateCustomPolicy")?,
    };
    simulate(&call, scene, asked)
}

/// Would this user, group or role be let do these actions to these resources, as its policies are now and with these?
///
/// Errors: NoSuchEntity, InvalidInput. Source: AWS IAM API reference, SimulatePrincipalPolicy.
pub async fn simulate_principal_policy(
    call: Call<Iam>,
    input: api::SimulatePrincipalPolicyInput,
) -> Result<api::SimulateCustomPolicyOutput, IamError> {
    let entity = find_source(&call, "iam:SimulatePrincipalPolicy", &input.policy_source_arn)?;
    let mut scene = Scene::of_entity(&call, &entity)?;
    scene.add_custom(input.policy_input_list.unwrap_or_default())?;
    scene.add_boundary(input.permissions_boundary_policy_input_list)?;
    let question = format!("iam.SimulatePrincipalPolicy {}", entity.id);
    let asked = Asked {
        actions: input.action_names,
        resources: resources(input.resource_arns),
        resource_policy: input.resource_policy,
        owner: input.resource_owner,
        caller: input.caller_arn,
        entries: input.context_entries.unwrap_or_default(),
        page: Page::of(input.marker.as_ref(), input.max_items, question)?,
    };
    simulate(&call, scene, asked)
}

/// The condition keys that these policies look at.
///
/// Errors: InvalidInput. Source: AWS IAM API reference, GetContextKeysForCustomPolicy.
pub async fn get_context_keys_for_custom_policy(
    call: Call<Iam>,
    input: api::GetContextKeysForCustomPolicyInput,
) -> Result<api::GetContextKeysForCustomPolicyOutput, IamError> {
    permit_on(&call, "iam:GetContextKeysForCustomPolicy", "*")?;
    let mut scene = Scene::of(somebody(account(&call)));
    scene.add_custom(input.policy_input_list)?;
    Ok(scene.keys_shown())
}

/// The condition keys that the policies of this user, group or role look at, and these.
///
/// Errors: NoSuchEntity, InvalidInput. Source: AWS IAM API reference, GetContextKeysForPrincipalPolicy.
pub async fn get_context_keys_for_principal_policy(
    call: Call<Iam>,
    input: api::GetContextKeysForPrincipalPolicyInput,
) -> Result<api::GetContextKeysForCustomPolicyOutput, IamError> {
    let action = "iam:GetContextKeysForPrincipalPolicy";
    let entity = find_source(&call, action, &input.policy_source_arn)?;
    let mut scene = Scene::of_entity(&call, &entity)?;
    scene.add_custom(input.policy_input_list.unwrap_or_default())?;
    Ok(scene.keys_shown())
}

/// Everything, when none is named.
fn resources(named: Option<Vec<String>>) -> Vec<String> {
    named.filter(|list| !list.is_empty()).unwrap_or_else(|| vec!["*".to_owned()])
}

/// The user, group or role of an ARN.
fn find_source(call: &Call<Iam>, action: &str, text: &str) -> Result<Entity, IamError> {
    let arn: Option<Arn> = text.parse().ok();
    let kinds = [Kind::User, Kind::Group, Kind::Role];
    let named = arn.as_ref().filter(|arn| arn.account == account(call).as_str()).and_then(|arn| {
        let kind = kinds.into_iter().find(|kind| arn.name_of("iam", kind.as_str()).is_some())?;
        let (_, name) = arn.resource.rsplit_once('/')?;
        Some((kind, name))
    });
    let Some((kind, name)) = named else {
        permit_on(call, action, "user/*")?;
        return Err(invalid(format!(
            "Invalid Entity Arn: {text} does not clearly define entity type and name."
        )));
    };
    access::find(call, action, kind, name, About::default())
}

/// A user without a name: whoever the policies are tried for.
fn somebody(account: &AccountId) -> Principal {
    Principal::User(Arc::new(User {
        account: account.clone(),
        path: "/".to_owned(),
        name: String::new(),
        id: String::new(),
        tags: Vec::new(),
    }))
}

fn principal_of(entity: &Entity) -> Principal {
    match entity.kind {
        Kind::User => Principal::User(Arc::new(domain::user(entity))),
        Kind::Group => somebody(&entity.account),
        Kind::Role => Principal::AssumedRole(Arc::new(RoleSession {
            account: entity.account.clone(),
            path: entity.path.clone(),
            role: entity.name.clone(),
            role_id: entity.id.clone(),
            session: "simulated".to_owned(),
            tags: entity.tags.clone().into_iter().collect(),
            transitive_tags: Vec::new(),
            source_identity: None,
            federated_provider: None,
        })),
    }
}

impl Scene {
    fn of(principal: Principal) -> Self {
        Self { principal, grants: IdentityGrants::NONE, parts: Vec::new(), resource_policy: None }
    }

    /// With an entity's own policies.
    fn of_entity(iam: &Iam, entity: &Entity) -> Result<Self, IamError> {
        let reads = iam.read()?;
        let mut scene = Self::of(principal_of(entity));
        scene.grants = iam.grants(&reads, entity)?;
        let mut holders = vec![entity.clone()];
        for group in &entity.groups {
            holders.extend(store::by_id(&reads, group)?);
        }
        for holder in &holders {
            let kind = match holder.kind {
                Kind::User => api::PolicySourceType::User,
                Kind::Group => api::PolicySourceType::Group,
                Kind::Role => api::PolicySourceType::Role,
            };
            for (name, document) in &holder.inline {
                let id = domain::inline_name(holder, name);
                scene.parts.push(Part { id, kind: Some(kind), document: document.clone() });
            }
            for arn in holder.attached.iter().chain(&holder.boundary) {
                let part = match catalogue::find(arn) {
                    Some(known) => (api::PolicySourceType::AwsManaged, known.document.to_owned()),
                    None => {
                        let policy = store::policy(&reads, &entity.account, arn)?;
                        let document = policy.map(|policy| policy.document().to_owned());
                        (api::PolicySourceType::UserManaged, document.unwrap_or_default())
                    }
                };
                scene.parts.push(Part { id: arn.clone(), kind: Some(part.0), document: part.1 });
            }
        }
        Ok(scene)
    }

    fn attached(&mut self, id: String, document: String) -> Result<Attached, IamError> {
        let policy =
            Policy::parse(&document, DocumentKind::Session).map_err(|error| invalid(error.to_string()))?;
        let attached = Attached { name: id.as_str().into(), policy: Arc::new(policy) };
        self.parts.push(Part { id, kind: None, document });
        Ok(attached)
    }

    fn add_custom(&mut self, documents: Vec<String>) -> Result<(), IamError> {
        for (index, document) in documents.into_iter().enumerate() {
            let attached = self.attached(format!("PolicyInputList.{}", index + 1), document)?;
            self.grants.identity.push(attached);
        }
        Ok(())
    }

    /// In the place of the entity's own.
    fn add_boundary(&mut self, documents: Option<Vec<String>>) -> Result<(), IamError> {
        let mut documents = documents.unwrap_or_default().into_iter();
        let Some(document) = documents.next() else { return Ok(()) };
        if documents.next().is_some() {
            return Err(invalid("Only one permissions boundary policy can be simulated."));
        }
        let id = "PermissionsBoundaryPolicyInputList.1".to_owned();
        self.grants.boundary = Some(self.attached(id, document)?);
        Ok(())
    }

    fn keys(&self) -> BTreeSet<String> {
        self.parts.iter().flat_map(|part| outline::context_keys(&part.document)).collect()
    }

    fn keys_shown(&self) -> api::GetContextKeysForCustomPolicyOutput {
        api::GetContextKeysForCustomPolicyOutput {
            context_key_names: Some(self.keys().into_iter().collect()),
        }
    }

    /// The statement as the answer shows it.
    fn shown(&self, source: &Source<'_>) -> api::Statement {
        let id = if source.policy.is_empty() { RESOURCE_POLICY } else { source.policy };
        let part = self.parts.iter().find(|part| part.id == id);
        let span = part.and_then(|part| outline::span(&part.document, source.statement));
        let position = |at: Position| api::Position {
            line: i32::try_from(at.line).ok(),
            column: i32::try_from(at.column).ok(),
        };
        api::Statement {
            source_policy_id: Some(id.to_owned()),
            source_policy_type: part.and_then(|part| part.kind),
            start_position: span.map(|(start, _)| position(start)),
            end_position: span.map(|(_, end)| position(end)),
        }
    }
}

const RESOURCE_POLICY: &str = "ResourcePolicy";

fn simulate(
    call: &Call<Iam>,
    mut scene: Scene,
    asked: Asked,
) -> Result<api::SimulateCustomPolicyOutput, IamError> {
    if let Some(document) = asked.resource_policy {
        let policy =
            Policy::parse(&document, DocumentKind::Resource).map_err(|error| invalid(error.to_string()))?;
        scene.resource_policy = Some(policy);
        let kind = Some(api::PolicySourceType::Resource);
        scene.parts.push(Part { id: RESOURCE_POLICY.to_owned(), kind, document });
    }
    if let Some(arn) = &asked.caller {
        scene.principal = caller(arn)?;
    }
    let owner = asked.owner.as_deref().map(owner).transpose()?;
    let entries = Entries::of(&asked.entries)?;
    let borrowed = entries.borrowed();
    let keys = entries.values(&borrowed)?;
    let mut missing = scene.keys();
    missing.retain(|key| {
        !is_known(&scene.principal, key) && !keys.iter().any(|(name, _)| name.eq_ignore_ascii_case(key))
    });
    for action in &asked.actions {
        if action.split_once(':').is_none_or(|(service, name)| service.is_empty() || name.is_empty()) {
            return Err(invalid(format!("Invalid Action Name: {action}")));
        }
    }
    let resources = asked.resources.iter().map(|text| Ok((text.as_str(), resource(text)?)));
    let resources: Vec<(&str, Arn)> = resources.collect::<Result<_, IamError>>()?;
    let own = scene.principal.account().unwrap_or_else(|| account(call)).clone();
    let pairs = asked.actions.iter().flat_map(|action| resources.iter().map(move |one| (action, one)));
    let after = asked.page.after;
    let pairs = (0..).zip(pairs).filter(|(index, _)| after.is_none_or(|after| *index > after));
    let results = pairs.map(|(index, (action, (text, arn)))| {
        let named: Option<AccountId> = arn.account.parse().ok();
        let question = Question {
            scene: &scene,
            action,
            resource: (*text, arn),
            owner: owner.as_ref().or(named.as_ref()).unwrap_or(&own),
            keys: &keys,
            missing: &missing,
            now: call.now(),
            region: call.scope().region.as_str(),
        };
        Ok((index, question.answer()))
    });
    let Cut { items, is_truncated, marker } = asked.page.take(results)?;
    Ok(api::SimulateCustomPolicyOutput { evaluation_results: Some(items), is_truncated, marker })
}

/// Keys that the principal itself, or the moment, answers.
fn is_known(principal: &Principal, key: &str) -> bool {
    let known = [
        "aws:CurrentTime",
        "aws:EpochTime",
        "aws:PrincipalArn",
        "aws:PrincipalAccount",
        "aws:PrincipalType",
        "aws:PrincipalIsAWSService",
        "aws:ResourceAccount",
        "aws:RequestedRegion",
    ];
    let is = |name: &str| name.eq_ignore_ascii_case(key);
    let of_user = matches!(principal, Principal::User(user) if !user.name.is_empty());
    let tag = key.get(..17).is_some_and(|start| start.eq_ignore_ascii_case("aws:PrincipalTag/"));
    known.into_iter().any(is)
        || (of_user && (is("aws:username") || is("aws:userid")))
        || (tag && principal.tags().iter().any(|(name, _)| name.eq_ignore_ascii_case(&key[17..])))
}

/// `*` stands for everything: only a statement about everything is about it.
fn resource(text: &str) -> Result<Arn, IamError> {
    if text == "*" {
        let star = || "*".to_owned();
        return Ok(Arn {
            partition: star(),
            service: star(),
            region: star(),
            account: star(),
            resource: star(),
        });
    }
    text.parse().map_err(|_| invalid(format!("Invalid resource ARN: {text}")))
}

/// The user that a simulated request comes from.
fn caller(text: &str) -> Result<Principal, IamError> {
    let wrong = || invalid(format!("Invalid caller ARN: {text} is not the ARN of an IAM user."));
    let arn: Arn = text.parse().map_err(|_| wrong())?;
    let account = arn.account.parse().map_err(|_| wrong())?;
    let path_and_name =
        arn.resource.strip_prefix("user").filter(|rest| rest.starts_with('/') && arn.service == "iam");
    let (path, name) = path_and_name.and_then(|rest| rest.rsplit_once('/')).ok_or_else(wrong)?;
    if name.is_empty() {
        return Err(wrong());
    }
    Ok(Principal::User(Arc::new(User {
        account,
        path: format!("{path}/"),
        name: name.to_owned(),
        id: String::new(),
        tags: Vec::new(),
    })))
}

/// An account, by its number or by an ARN of it.
fn owner(text: &str) -> Result<AccountId, IamError> {
    let of_arn = || text.parse::<Arn>().ok()?.account.parse().ok();
    text.parse().ok().or_else(of_arn).ok_or_else(|| invalid(format!("Invalid resource owner: {text}")))
}

/// The condition keys of a request, checked to have a name, a type and values.
struct Entries<'a>(Vec<(&'a str, &'a [String], api::ContextKeyTypeEnum)>);

impl<'a> Entries<'a> {
    fn of(entries: &'a [api::ContextEntry]) -> Result<Self, IamError> {
        let entry = |entry: &'a api::ContextEntry| {
            let api::ContextEntry { context_key_name, context_key_values, context_key_type } = entry;
            let parts = (context_key_name.as_deref(), context_key_values.as_deref(), *context_key_type);
            let (Some(name), Some(values), Some(kind)) = parts else {
                return Err(invalid("A context entry needs a name, values and a type."));
            };
            Ok((name, values, kind))
        };
        Ok(Self(entries.iter().map(entry).collect::<Result<_, _>>()?))
    }

    fn borrowed(&self) -> Vec<Vec<&'a str>> {
        self.0.iter().map(|(_, values, _)| values.iter().map(String::as_str).collect()).collect()
    }

    fn values<'b>(&self, texts: &'b [Vec<&'a str>]) -> Result<Vec<(&'a str, Value<'b>)>, IamError>
    where
        'a: 'b,
    {
        let mut keys = Vec::new();
        for ((name, _, kind), texts) in self.0.iter().zip(texts) {
            let value = match &texts[..] {
                [one] => single(*kind, one).ok_or_else(|| {
                    invalid(format!("The value {one} of the context key {name} is no {kind}."))
                })?,
                several => Value::Texts(several),
            };
            keys.push((*name, value));
        }
        Ok(keys)
    }
}

/// One value in its type. What a policy compares as a text stays one.
fn single<'a>(kind: api::ContextKeyTypeEnum, text: &'a str) -> Option<Value<'a>> {
    use api::ContextKeyTypeEnum as Type;
    Some(match kind {
        Type::Boolean | Type::BooleanList => Value::Bool(text.parse().ok()?),
        Type::Ip | Type::IpList => Value::Ip(text.parse::<IpAddr>().ok()?),
        Type::Numeric | Type::NumericList => match text.parse::<i64>() {
            Ok(number) => Value::Number(number),
            Err(_) => text.parse::<f64>().ok().map(|_number| Value::Text(text.into()))?,
        },
        Type::String | Type::StringList | Type::Binary | Type::BinaryList | Type::Date | Type::DateList => {
            Value::Text(text.into())
        }
    })
}

/// One action on one resource.
struct Question<'q> {
    scene: &'q Scene,
    action: &'q str,
    resource: (&'q str, &'q Arn),
    owner: &'q AccountId,
    keys: &'q [(&'q str, Value<'q>)],
    missing: &'q BTreeSet<String>,
    now: Timestamp,
    region: &'q str,
}

impl Question<'_> {
    fn decide<'s>(&'s self, grants: &'s IdentityGrants, resource_policy: Option<&'s Policy>) -> Decision<'s> {
        decide(&Request {
            principal: &self.scene.principal,
            grants,
            action: self.action,
            resource: self.resource.1,
            resource_account: self.owner,
            resource_policy,
            resource_must_allow: false,
            acl: None,
            canonical_id: None,
            context: Context {
                now: self.now,
                region: Some(self.region),
                keys: self.keys,
                ..Context::default()
            },
        })
    }

    fn answer(&self) -> api::EvaluationResult {
        use api::PolicyEvaluationDecisionType as Verdict;
        let Scene { grants, resource_policy, .. } = self.scene;
        let (verdict, source) = match self.decide(grants, resource_policy.as_ref()) {
            Decision::Allow(Reason::Statement(source)) => (Verdict::Allowed, Some(source)),
            Decision::Allow(Reason::Root | Reason::Acl) => (Verdict::Allowed, None),
            Decision::Deny(Denial::Explicit(source)) => (Verdict::ExplicitDeny, Some(source)),
            Decision::Deny(Denial::Implicit(_)) => (Verdict::ImplicitDeny, None),
        };
        let boundary = grants.boundary.as_ref().map(|boundary| {
            let alone = IdentityGrants { identity: vec![boundary.clone()], ..IdentityGrants::NONE };
            let allowed = self.decide(&alone, None).is_allowed();
            api::PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: Some(allowed) }
        });
        api::EvaluationResult {
            eval_action_name: self.action.to_owned(),
            eval_resource_name: Some(self.resource.0.to_owned()),
            eval_decision: verdict,
            matched_statements: Some(source.iter().map(|source| self.scene.shown(source)).collect()),
            missing_context_values: Some(self.missing.iter().cloned().collect()),
            permissions_boundary_decision_detail: boundary,
        }
    }
}
