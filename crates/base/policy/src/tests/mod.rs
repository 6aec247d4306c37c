//! The language held against tables from AWS's documentation and against an evaluator that is too simple to be wrong.

mod conditions;
mod decisions;
mod documents;
mod naive;
mod patterns;
mod public;

use std::sync::Arc;

use millpond_core::{AccountId, Timestamp};

use crate::{Attached, FederatedUser, Kind, Policy, Principal, RoleSession, User};

pub(super) const OURS: &str = "111122223333";
pub(super) const OTHER: &str = "444455556666";
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_789_000_000);

pub(super) fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

pub(super) fn user_of(owner: &str) -> Principal {
    Principal::User(Arc::new(User {
        account: account(owner),
        path: "/".into(),
        name: "Bob".into(),
        id: "AIDABOBBOBBOBBOBB".into(),
        tags: vec![("team".into(), "lake".into())],
    }))
}

pub(super) fn role_of(owner: &str) -> Principal {
    Principal::AssumedRole(Arc::new(RoleSession {
        account: account(owner),
        path: "/jobs/".into(),
        role: "Loader".into(),
        role_id: "AROALOADERLOADERL".into(),
        session: "night".into(),
        tags: vec![("team".into(), "mill".into())],
        transitive_tags: Vec::new(),
        source_identity: Some("alice".into()),
        federated_provider: None,
    }))
}

pub(super) fn federated_of(owner: &str) -> Principal {
    let Principal::User(issuer) = user_of(owner) else { unreachable!() };
    Principal::FederatedUser(Arc::new(FederatedUser {
        account: account(owner),
        name: "guest".into(),
        tags: Vec::new(),
        issuer: Some(issuer),
    }))
}

pub(super) fn root_of(owner: &str) -> Principal {
    Principal::Root { account: account(owner) }
}

pub(super) fn policy(json: &str, kind: Kind) -> Policy {
    Policy::parse(json, kind).unwrap_or_else(|error| panic!("{error:?} in {json}"))
}

pub(super) fn attached(json: &str, kind: Kind) -> Attached {
    Attached { name: "p".into(), policy: Arc::new(policy(json, kind)) }
}

/// A document of these statements, each the inside of an object.
pub(super) fn document(statements: &[&str]) -> String {
    let statements: Vec<_> = statements.iter().map(|inside| format!("{{{inside}}}")).collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}
