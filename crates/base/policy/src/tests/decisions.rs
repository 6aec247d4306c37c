//! The order of evaluation, after the tables and diagrams of "Policy evaluation logic" in the IAM User Guide.

use millpond_core::Arn;

use super::{OTHER, OURS, account, attached, document, federated_of, policy, role_of, root_of, user_of};
use crate::{
    AclGrant, Context, Decision, Denial, IdentityGrants, Kind, Layer, Principal, Reason, Request, decide,
};

const ALLOW: &str = r#""Sid":"A","Effect":"Allow","Action":"s3:GetObject","Resource":"*""#;
const DENY: &str = r#""Sid":"D","Effect":"Deny","Action":"s3:*","Resource":"*""#;
const OTHERWISE: &str = r#""Effect":"Allow","Action":"sqs:*","Resource":"*""#;

/// Who asks for `s3:GetObject`, and what each layer says; an absent layer is `None`.
#[derive(Clone, Default)]
struct Case {
    identity: Option<&'static str>,
    boundary: Option<&'static str>,
    session: Option<&'static str>,
    service_control: Option<&'static str>,
    resource: Option<String>,
    must_allow: bool,
    acl: Option<AclGrant>,
}

fn ask(who: &Principal, owner: &str, case: &Case) -> String {
    let list = |inside: &str, kind| attached(&document(&[inside]), kind);
    let grants = IdentityGrants {
        identity: case.identity.map(|inside| list(inside, Kind::Identity)).into_iter().collect(),
        boundary: case.boundary.map(|inside| list(inside, Kind::Boundary)),
        session: case.session.map(|inside| vec![list(inside, Kind::Session)]),
        service_control: case
            .service_control
            .map(|inside| vec![list(inside, Kind::ServiceControl)])
            .into_iter()
            .collect(),
    };
    let resource_policy = case.resource.as_ref().map(|inside| policy(&document(&[inside]), Kind::Resource));
    let request = Request {
        principal: who,
        grants: &grants,
        action: "s3:GetObject",
        resource: &"arn:aws:s3:::bucket/key".parse::<Arn>().unwrap(),
        resource_account: &account(owner),
        resource_policy: resource_policy.as_ref(),
        resource_must_allow: case.must_allow,
        acl: case.acl,
        canonical_id: Some("abcd"),
        context: Context::default(),
    };
    match decide(&request) {
        Decision::Allow(Reason::Statement(source)) => format!("allow {}", source.layer),
        Decision::Allow(Reason::Root) => "allow root".into(),
        Decision::Allow(Reason::Acl) => "allow acl".into(),
        Decision::Deny(Denial::Explicit(source)) => format!("deny {}", source.layer),
        Decision::Deny(Denial::Implicit(layer)) => format!("no {layer}"),
    }
}

/// A bucket policy that lets this principal in.
fn lets_in(principal: &str) -> Option<String> {
    Some(format!(r#""Principal":{principal},{ALLOW}"#))
}

fn aws(principal: &str) -> Option<String> {
    lets_in(&format!(r#"{{"AWS":"{principal}"}}"#))
}

#[test]
fn within_an_account_either_side_lets_in() {
    let none = Case::default();
    let identity = Case { identity: Some(ALLOW), ..none.clone() };
    let denied = |layer: &str| format!("deny {layer}");
    for (case, expected) in [
        (none.clone(), "no identity-based policy".to_owned()),
        (identity.clone(), "allow identity-based policy".into()),
        (Case { identity: Some(OTHERWISE), ..none.clone() }, "no identity-based policy".into()),
        (Case { identity: Some(DENY), ..none.clone() }, denied("identity-based policy")),
        (Case { boundary: Some(ALLOW), ..none.clone() }, "no identity-based policy".into()),
        (Case { boundary: Some(OTHERWISE), ..identity.clone() }, "no permissions boundary".into()),
        (Case { boundary: Some(DENY), ..identity.clone() }, denied("permissions boundary")),
        (Case { boundary: Some(ALLOW), ..identity.clone() }, "allow identity-based policy".into()),
        (Case { session: Some(OTHERWISE), ..identity.clone() }, "no session policy".into()),
        (Case { session: Some(DENY), ..identity.clone() }, denied("session policy")),
        (Case { session: Some(ALLOW), ..identity.clone() }, "allow identity-based policy".into()),
        (Case { service_control: Some(OTHERWISE), ..identity.clone() }, "no service control policy".into()),
        (Case { service_control: Some(DENY), ..identity.clone() }, denied("service control policy")),
        (Case { service_control: Some(ALLOW), ..identity.clone() }, "allow identity-based policy".into()),
        (
            Case { resource: Some(format!(r#""Principal":"*",{DENY}"#)), ..identity.clone() },
            denied("resource-based policy"),
        ),
        (
            Case { resource: aws("arn:aws:iam::111122223333:user/Bob"), ..none.clone() },
            "allow resource-based policy".into(),
        ),
        // The account as a principal hands the matter to the account.
        (Case { resource: aws(OURS), ..none.clone() }, "no identity-based policy".into()),
        (Case { resource: aws(OURS), ..identity.clone() }, "allow identity-based policy".into()),
    ] {
        for who in [user_of(OURS), role_of(OURS)] {
            // The user's ARN lets in the user alone.
            if matches!(who, Principal::AssumedRole(_)) && expected == "allow resource-based policy" {
                continue;
            }
            assert_eq!(ask(&who, OURS, &case), expected, "{who}");
        }
    }
}

#[test]
fn what_a_resource_grants_is_limited_by_how_it_names_the_caller() {
    let allowed = "allow resource-based policy";
    let limited = [
        (Case { boundary: Some(OTHERWISE), ..Case::default() }, "no permissions boundary"),
        (Case { session: Some(OTHERWISE), ..Case::default() }, "no session policy"),
        (Case { boundary: Some(ALLOW), session: Some(ALLOW), ..Case::default() }, allowed),
        (Case { service_control: Some(OTHERWISE), ..Case::default() }, "no service control policy"),
    ];
    for (who, principal, by_itself) in [
        (user_of(OURS), "arn:aws:iam::111122223333:user/Bob", true),
        (user_of(OURS), "AIDABOBBOBBOBBOBB", true),
        (user_of(OURS), "*", true),
        (role_of(OURS), "arn:aws:sts::111122223333:assumed-role/Loader/night", true),
        (role_of(OURS), "*", true),
        (role_of(OURS), "arn:aws:iam::111122223333:role/jobs/Loader", false),
        (role_of(OURS), "AROALOADERLOADERL", false),
        (federated_of(OURS), "arn:aws:sts::111122223333:federated-user/guest", true),
        (federated_of(OURS), "arn:aws:iam::111122223333:user/Bob", false),
    ] {
        for (case, expected) in &limited {
            let case = Case { resource: aws(principal), ..case.clone() };
            let limits = !by_itself || case.service_control.is_some();
            let expected = if limits { expected } else { allowed };
            assert_eq!(ask(&who, OURS, &case), expected, "{who} by {principal}");
        }
    }
}

#[test]
fn across_accounts_both_sides_must_let_in() {
    let identity = Case { identity: Some(ALLOW), ..Case::default() };
    for (principal, case, expected) in [
        (None, identity.clone(), "no resource-based policy"),
        (Some(OTHER), Case::default(), "no identity-based policy"),
        (Some(OTHER), identity.clone(), "allow identity-based policy"),
        (Some("*"), Case::default(), "no identity-based policy"),
        (Some("*"), identity.clone(), "allow identity-based policy"),
        (Some("arn:aws:iam::444455556666:user/Bob"), Case::default(), "no identity-based policy"),
        (Some("arn:aws:iam::444455556666:user/Bob"), identity.clone(), "allow identity-based policy"),
        (Some("arn:aws:iam::444455556666:user/Eve"), identity.clone(), "no resource-based policy"),
        (Some("arn:aws:iam::444455556666:root"), identity.clone(), "allow identity-based policy"),
        (Some(OURS), identity.clone(), "no resource-based policy"),
        (Some(OTHER), Case { boundary: Some(OTHERWISE), ..identity.clone() }, "no permissions boundary"),
        (Some(OTHER), Case { session: Some(OTHERWISE), ..identity.clone() }, "no session policy"),
        (Some(OTHER), Case { identity: Some(DENY), ..identity.clone() }, "deny identity-based policy"),
    ] {
        let case = Case { resource: principal.and_then(aws), ..case };
        assert_eq!(ask(&user_of(OTHER), OURS, &case), expected, "{principal:?}");
    }
}

#[test]
fn root_may_do_everything_in_its_own_account() {
    let none = Case::default();
    for (who, case, expected) in [
        (root_of(OURS), none.clone(), "allow root"),
        // Root has no policies of its own; whatever is attached does not bind it.
        (root_of(OURS), Case { identity: Some(DENY), boundary: Some(DENY), ..none.clone() }, "allow root"),
        (root_of(OURS), Case { service_control: Some(DENY), ..none.clone() }, "deny service control policy"),
        (
            root_of(OURS),
            Case { service_control: Some(OTHERWISE), ..none.clone() },
            "no service control policy",
        ),
        (
            root_of(OURS),
            Case { resource: Some(format!(r#""Principal":"*",{DENY}"#)), ..none.clone() },
            "deny resource-based policy",
        ),
        (root_of(OTHER), none.clone(), "no resource-based policy"),
        (root_of(OTHER), Case { resource: aws(OTHER), ..none.clone() }, "allow resource-based policy"),
        // A key or a role does not open to its account's root by itself.
        (root_of(OURS), Case { must_allow: true, ..none.clone() }, "no resource-based policy"),
        (
            root_of(OURS),
            Case { must_allow: true, resource: aws(OURS), ..none.clone() },
            "allow resource-based policy",
        ),
        (
            user_of(OURS),
            Case { must_allow: true, identity: Some(ALLOW), ..none.clone() },
            "no resource-based policy",
        ),
        (
            user_of(OURS),
            Case { must_allow: true, identity: Some(ALLOW), resource: aws(OURS), ..none.clone() },
            "allow identity-based policy",
        ),
    ] {
        assert_eq!(ask(&who, OURS, &case), expected, "{who}");
    }
}

#[test]
fn nobodys_callers_need_the_resource() {
    let service = Principal::Service("logging.s3.amazonaws.com".into());
    let web = Principal::Federated("arn:aws:iam::111122223333:oidc-provider/issuer".into());
    for (who, case, expected) in [
        (Principal::Anonymous, Case::default(), "no resource-based policy"),
        (Principal::Anonymous, Case { identity: Some(ALLOW), ..Case::default() }, "no resource-based policy"),
        (
            Principal::Anonymous,
            Case { resource: lets_in(r#""*""#), ..Case::default() },
            "allow resource-based policy",
        ),
        (Principal::Anonymous, Case { resource: aws("*"), ..Case::default() }, "allow resource-based policy"),
        (Principal::Anonymous, Case { resource: aws(OURS), ..Case::default() }, "no resource-based policy"),
        (Principal::Anonymous, Case { acl: Some(AclGrant::Everyone), ..Case::default() }, "allow acl"),
        (
            Principal::Anonymous,
            Case { acl: Some(AclGrant::Account), ..Case::default() },
            "no resource-based policy",
        ),
        (
            service.clone(),
            Case { resource: lets_in(r#"{"Service":"logging.s3.amazonaws.com"}"#), ..Case::default() },
            "allow resource-based policy",
        ),
        (
            service,
            Case { resource: lets_in(r#"{"Service":"firehose.amazonaws.com"}"#), ..Case::default() },
            "no resource-based policy",
        ),
        (
            web,
            Case {
                resource: lets_in(r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/issuer"}"#),
                ..Case::default()
            },
            "allow resource-based policy",
        ),
    ] {
        assert_eq!(ask(&who, OURS, &case), expected, "{who}");
    }
}

#[test]
fn access_control_lists_count_as_the_resources_word() {
    let identity = Case { identity: Some(ALLOW), ..Case::default() };
    let acl = |acl, case: &Case| Case { acl: Some(acl), ..case.clone() };
    for (who, case, expected) in [
        (user_of(OTHER), acl(AclGrant::Account, &Case::default()), "no identity-based policy"),
        (user_of(OTHER), acl(AclGrant::Account, &identity), "allow identity-based policy"),
        (user_of(OTHER), acl(AclGrant::Everyone, &Case::default()), "no identity-based policy"),
        (root_of(OTHER), acl(AclGrant::Account, &Case::default()), "allow acl"),
        (user_of(OURS), acl(AclGrant::Everyone, &Case::default()), "allow acl"),
        (user_of(OURS), acl(AclGrant::Account, &Case::default()), "no identity-based policy"),
    ] {
        assert_eq!(ask(&who, OURS, &case), expected, "{who}");
    }
    let canonical = Case { resource: lets_in(r#"{"CanonicalUser":"ABCD"}"#), ..Case::default() };
    assert_eq!(ask(&root_of(OTHER), OURS, &canonical), "allow resource-based policy");
    assert_eq!(ask(&user_of(OTHER), OURS, &canonical), "no identity-based policy");
}

#[test]
fn not_principal_leaves_out_whoever_is_named_with_his_account() {
    let deny = |list: &str| Case {
        identity: Some(ALLOW),
        resource: Some(format!(r#""NotPrincipal":{{"AWS":[{list}]}},{DENY}"#)),
        ..Case::default()
    };
    let (root, user) = (r#""arn:aws:iam::111122223333:root""#, r#""arn:aws:iam::111122223333:user/Bob""#);
    let role = r#""arn:aws:iam::111122223333:role/jobs/Loader""#;
    let session = r#""arn:aws:sts::111122223333:assumed-role/Loader/night""#;
    let (denied, allowed) = ("deny resource-based policy", "allow identity-based policy");
    for (who, list, expected) in [
        (user_of(OURS), format!("{root},{user}"), allowed),
        (user_of(OURS), user.to_owned(), denied),
        (user_of(OURS), root.to_owned(), denied),
        (role_of(OURS), format!("{root},{role},{session}"), allowed),
        (role_of(OURS), format!("{root},{role}"), denied),
        (role_of(OURS), format!("{root},{user}"), denied),
        (root_of(OURS), root.to_owned(), "allow root"),
        (root_of(OURS), user.to_owned(), denied),
        (Principal::Anonymous, root.to_owned(), denied),
        (user_of(OURS), r#""*""#.to_owned(), allowed),
    ] {
        assert_eq!(ask(&who, OURS, &deny(&list)), expected, "{who} with {list}");
    }
}

#[test]
fn denials_speak_as_aws_does_and_name_their_statement() {
    let who = user_of(OURS);
    let json = document(&[ALLOW, DENY]);
    let grants = IdentityGrants { identity: vec![attached(&json, Kind::Identity)], ..IdentityGrants::NONE };
    let request = Request {
        principal: &who,
        grants: &grants,
        action: "S3:getobject",
        resource: &"arn:aws:s3:::bucket/key".parse::<Arn>().unwrap(),
        resource_account: &account(OURS),
        resource_policy: None,
        resource_must_allow: false,
        acl: None,
        canonical_id: None,
        context: Context::default(),
    };
    let denial = decide(&request).into_result().unwrap_err();
    assert_eq!(denial.to_string(), r#"denied by statement "D" of the identity-based policy p"#);
    assert_eq!(denial.because("s3:GetObject"), "with an explicit deny in an identity-based policy");
    let because = |layer| Denial::Implicit(layer).because("s3:GetObject");
    for (layer, name) in [
        (Layer::ServiceControl, "service control policy"),
        (Layer::Resource, "resource-based policy"),
        (Layer::Identity, "identity-based policy"),
        (Layer::Boundary, "permissions boundary"),
        (Layer::Session, "session policy"),
    ] {
        assert_eq!(because(layer), format!("because no {name} allows the s3:GetObject action"));
    }
}
