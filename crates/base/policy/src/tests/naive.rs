//! Decisions held against an evaluator that computes every part of the rule whole, over the same policies in plain data.

use millpond_core::Arn;
use proptest::prelude::*;
use proptest::sample::select;

use super::{OTHER, OURS, account, attached, document, federated_of, policy, role_of, root_of, user_of};
use crate::{AclGrant, Context, IdentityGrants, Kind, Principal, Request, Value, decide};

#[derive(Debug, Clone)]
struct Spec {
    deny: bool,
    principals: Vec<&'static str>,
    not_principal: bool,
    actions: Vec<&'static str>,
    not_action: bool,
    resources: Vec<&'static str>,
    not_resource: bool,
    conditions: Vec<(&'static str, Vec<&'static str>)>,
}

#[derive(Debug, Clone)]
struct World {
    who: usize,
    owner: &'static str,
    action: &'static str,
    resource: &'static str,
    prefix: Option<Vec<&'static str>>,
    identity: Vec<Spec>,
    boundary: Option<Vec<Spec>>,
    session: Option<Vec<Spec>>,
    service_control: Vec<Vec<Spec>>,
    resource_policy: Option<Vec<Spec>>,
    acl: Option<AclGrant>,
    must_allow: bool,
}

const EVERYONE: &str = "*";
const PRINCIPALS: [&str; 9] = [
    EVERYONE,
    "111122223333",
    "arn:aws:iam::444455556666:root",
    "arn:aws:iam::111122223333:user/Bob",
    "arn:aws:iam::444455556666:user/Bob",
    "arn:aws:iam::111122223333:role/jobs/Loader",
    "arn:aws:sts::111122223333:assumed-role/Loader/night",
    "arn:aws:sts::111122223333:federated-user/guest",
    "arn:aws:iam::111122223333:user/Eve",
];
const ACTIONS: [&str; 6] = ["*", "s3:*", "s3:GetObject", "S3:get*", "s3:PutObject", "sqs:*"];
const RESOURCES: [&str; 5] =
    ["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a", "arn:aws:s3:::?/*a", "arn:aws:s3:::b/${aws:username}*"];
const OPERATORS: [&str; 9] = [
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringLikeIfExists",
    "ForAllValues:StringLike",
    "ForAnyValue:StringEquals",
    "ForAnyValue:StringNotLike",
    "ForAllValues:StringNotEquals",
    "Null",
];

fn who(index: usize) -> Principal {
    let all = [
        user_of(OURS),
        user_of(OTHER),
        role_of(OURS),
        role_of(OTHER),
        federated_of(OURS),
        root_of(OURS),
        root_of(OTHER),
        Principal::Anonymous,
    ];
    all[index].clone()
}

/// Every name by which a principal element can mean him: his account, his role, himself.
fn names(who: &Principal) -> (Option<String>, Option<String>, Option<String>) {
    let account = who.account().map(|account| account.to_string());
    match who {
        Principal::Root { .. } => (account, None, None),
        Principal::AssumedRole(session) => {
            (account, Some(session.role_arn().to_string()), who.arn().map(|arn| arn.to_string()))
        }
        Principal::FederatedUser(user) => (
            account,
            user.issuer.as_ref().map(|user| user.arn().to_string()),
            who.arn().map(|arn| arn.to_string()),
        ),
        _ => (account, None, who.arn().map(|arn| arn.to_string())),
    }
}

/// 3: himself; 2: his role; 1: his account; 0: not he.
fn named(spec: &Spec, who: &Principal) -> u8 {
    let (account, role, itself) = names(who);
    let is_account = |text: &str| {
        account.as_ref().is_some_and(|own| text == own || text == format!("arn:aws:iam::{own}:root"))
    };
    let is_root = matches!(who, Principal::Root { .. });
    let one = |text: &&str| match *text {
        EVERYONE => 3,
        text if is_account(text) => {
            if is_root {
                3
            } else {
                1
            }
        }
        text if itself.as_deref() == Some(text) => 3,
        text if role.as_deref() == Some(text) => 2,
        _ => 0,
    };
    if !spec.not_principal {
        return spec.principals.iter().map(one).max().unwrap_or(0);
    }
    let lists = |name: &Option<String>| {
        name.as_ref().is_none_or(|name| spec.principals.iter().any(|text| text == name))
    };
    let has_account = spec.principals.iter().any(|text| is_account(text));
    // The one who asked for a federated session need not be listed for it.
    let has_role = matches!(who, Principal::FederatedUser(_)) || lists(&role);
    let exempt = spec.principals.contains(&EVERYONE) || (has_account && has_role && lists(&itself));
    if exempt { 0 } else { 3 }
}

fn glob(pattern: &str, text: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = letters.as_str();
            (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| glob(rest, &text[at..]))
        }
        Some(one) => {
            let mut others = text.chars();
            others.next().is_some_and(|other| one == '?' || one == other)
                && glob(letters.as_str(), others.as_str())
        }
    }
}

fn user_name(who: &Principal) -> Option<&str> {
    match who {
        Principal::User(user) => Some(&user.name),
        _ => None,
    }
}

fn applies(spec: &Spec, world: &World) -> bool {
    let who = who(world.who);
    let action = world.action.to_lowercase();
    let acts = spec.actions.iter().any(|pattern| glob(&pattern.to_lowercase(), &action));
    let concerns = spec.resources.iter().any(|pattern| {
        let resolved = match user_name(&who) {
            Some(name) => pattern.replace("${aws:username}", name),
            None if pattern.contains("${") => return false,
            None => (*pattern).to_owned(),
        };
        glob(&resolved, world.resource)
    });
    let conditions = spec.conditions.iter().all(|(operator, wanted)| {
        let values = world.prefix.as_deref().unwrap_or_default();
        let values: Vec<_> = values.to_vec();
        let absent = values.is_empty();
        let equal = |value: &&str| wanted.iter().any(|wanted| wanted == value);
        let like = |value: &&str| wanted.iter().any(|wanted| glob(wanted, value));
        match *operator {
            "StringEquals" => values.iter().any(equal),
            "StringNotEquals" => !values.iter().any(equal),
            "StringLike" => values.iter().any(like),
            "StringLikeIfExists" => absent || values.iter().any(like),
            "ForAllValues:StringLike" => values.iter().all(like),
            "ForAnyValue:StringEquals" => values.iter().any(equal),
            "ForAnyValue:StringNotLike" => values.iter().any(|value| !like(value)),
            "ForAllValues:StringNotEquals" => values.iter().all(|value| !equal(value)),
            "Null" => wanted.contains(&if absent { "true" } else { "false" }),
            other => panic!("{other}"),
        }
    });
    acts != spec.not_action && concerns != spec.not_resource && conditions
}

fn expected(world: &World) -> bool {
    let who = who(world.who);
    let is_root = matches!(who, Principal::Root { .. });
    let own = who.account().map(|account| account.as_str()) == Some(world.owner);
    let applying = |specs: &[Spec], deny: bool| -> bool {
        specs.iter().any(|spec| spec.deny == deny && applies(spec, world))
    };
    let allows = |specs: &Option<Vec<Spec>>| specs.as_ref().is_none_or(|specs| applying(specs, false));

    let resource = world.resource_policy.clone().unwrap_or_default();
    let level = |deny: bool| {
        let of = |spec: &&Spec| spec.deny == deny && applies(spec, world);
        resource.iter().filter(of).map(|spec| named(spec, &who)).max().unwrap_or(0)
    };
    let mut granted = level(false);
    match world.acl {
        Some(AclGrant::Everyone) => granted = 3,
        Some(AclGrant::Account) if who.account().is_some() => granted = granted.max(1),
        _ => {}
    }
    let mut denied = level(true) > 0;
    if who.account().is_some() {
        denied |= world.service_control.iter().any(|specs| applying(specs, true));
        if !is_root {
            let all = [Some(world.identity.clone()), world.boundary.clone(), world.session.clone()];
            denied |= all.iter().flatten().any(|specs| applying(specs, true));
        }
    }
    if denied {
        return false;
    }
    if who.account().is_none() {
        return granted > 0;
    }
    let organization = world.service_control.iter().all(|specs| applying(specs, false));
    let limits = is_root || (allows(&world.boundary) && allows(&world.session));
    let identity = is_root || applying(&world.identity, false);
    let through_identity = identity && limits;
    organization
        && if own {
            granted == 3
                || (granted == 2 && limits)
                || (through_identity && (granted > 0 || !world.must_allow))
        } else {
            granted > 0 && through_identity
        }
}

fn json(specs: &[Spec], has_principal: bool) -> String {
    let list = |items: &[&str]| {
        let items: Vec<_> = items.iter().map(|item| format!("{item:?}")).collect();
        format!("[{}]", items.join(","))
    };
    let not = |negated| if negated { "Not" } else { "" };
    let statement = |spec: &Spec| {
        let mut text = format!(
            r#""Effect":"{}","{}Action":{},"{}Resource":{}"#,
            if spec.deny { "Deny" } else { "Allow" },
            not(spec.not_action),
            list(&spec.actions),
            not(spec.not_resource),
            list(&spec.resources),
        );
        if has_principal {
            text +=
                &format!(r#","{}Principal":{{"AWS":{}}}"#, not(spec.not_principal), list(&spec.principals));
        }
        let conditions: Vec<_> = spec
            .conditions
            .iter()
            .map(|(operator, wanted)| format!(r#""{operator}":{{"s3:prefix":{}}}"#, list(wanted)))
            .collect();
        if !conditions.is_empty() {
            text += &format!(r#","Condition":{{{}}}"#, conditions.join(","));
        }
        text
    };
    let statements: Vec<_> = specs.iter().map(statement).collect();
    document(&statements.iter().map(String::as_str).collect::<Vec<_>>())
}

fn actual(world: &World) -> bool {
    let one = |specs: &Vec<Spec>, kind| attached(&json(specs, false), kind);
    let grants = IdentityGrants {
        identity: vec![one(&world.identity, Kind::Identity)],
        boundary: world.boundary.as_ref().map(|specs| one(specs, Kind::Boundary)),
        session: world.session.as_ref().map(|specs| vec![one(specs, Kind::Session)]),
        service_control: world
            .service_control
            .iter()
            .map(|specs| vec![one(specs, Kind::ServiceControl)])
            .collect(),
    };
    let resource_policy =
        world.resource_policy.as_ref().map(|specs| policy(&json(specs, true), Kind::Resource));
    let keys: Vec<_> = world.prefix.iter().map(|values| ("s3:prefix", Value::Texts(values))).collect();
    let request = Request {
        principal: &who(world.who),
        grants: &grants,
        action: world.action,
        resource: &world.resource.parse::<Arn>().unwrap(),
        resource_account: &account(world.owner),
        resource_policy: resource_policy.as_ref(),
        resource_must_allow: world.must_allow,
        acl: world.acl,
        canonical_id: None,
        context: Context { keys: &keys, ..Context::default() },
    };
    decide(&request).is_allowed()
}

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(select(of), 1..3)
}

fn condition() -> impl Strategy<Value = (&'static str, Vec<&'static str>)> {
    select(&OPERATORS[..]).prop_flat_map(|operator| {
        let values: &'static [&'static str] =
            if operator == "Null" { &["true", "false"] } else { &["a", "b", "a*", "*"] };
        (Just(operator), some(values))
    })
}

fn spec() -> impl Strategy<Value = Spec> {
    let conditions = prop_oneof![
        2 => Just(Vec::new()),
        1 => condition().prop_map(|one| vec![one]),
    ];
    let rare = || prop::bool::weighted(0.15);
    (
        prop::bool::weighted(0.2),
        some(&PRINCIPALS),
        rare(),
        some(&ACTIONS),
        rare(),
        some(&RESOURCES),
        rare(),
        conditions,
    )
        .prop_map(
            |(deny, principals, not_principal, actions, not_action, resources, not_resource, conditions)| {
                Spec {
                    deny,
                    principals,
                    // An Allow has no NotPrincipal.
                    not_principal: not_principal && deny,
                    actions,
                    not_action,
                    resources,
                    not_resource,
                    conditions,
                }
            },
        )
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    proptest::collection::vec(spec(), 1..4)
}

fn world() -> impl Strategy<Value = World> {
    let maybe = || prop::option::weighted(0.3, specs());
    let prefix = prop::option::of(proptest::collection::vec(select(&["a", "b", "ab", "*"][..]), 0..3));
    let acl =
        prop_oneof![4 => Just(None), 1 => Just(Some(AclGrant::Account)), 1 => Just(Some(AclGrant::Everyone))];
    (
        (
            0..8_usize,
            select(&[OURS, OTHER][..]),
            select(&["s3:GetObject", "s3:PutObject", "SQS:SendMessage"][..]),
        ),
        select(&["arn:aws:s3:::b/a", "arn:aws:s3:::b/Bob/1", "arn:aws:s3:::c/a"][..]),
        (prefix, acl, prop::bool::weighted(0.1)),
        (specs(), maybe(), maybe(), proptest::collection::vec(specs(), 0..2), prop::option::of(specs())),
    )
        .prop_map(|((who, owner, action), resource, (prefix, acl, must_allow), policies)| {
            let (identity, boundary, session, service_control, resource_policy) = policies;
            World {
                who,
                owner,
                action,
                resource,
                prefix,
                identity,
                boundary,
                session,
                service_control,
                resource_policy,
                acl,
                must_allow,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn decisions_are_those_of_the_naive_evaluator(world in world()) {
        prop_assert_eq!(actual(&world), expected(&world));
    }
}
