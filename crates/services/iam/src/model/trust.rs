//! Trust policies: the users and roles that they name.

use std::borrow::Cow;

use millpond_core::AccountId;
use millpond_policy::{Kind as DocumentKind, Policy, PrincipalPattern};

use super::entity::Kind;
use super::outline;
use crate::error::IamError;

/// A user or role that a document names by its ARN.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub arn: String,
    pub account: AccountId,
    pub kind: Kind,
    pub name: String,
}

/// The users and roles that a document names as principals.
pub fn identities(document: &str) -> Result<Vec<Named>, IamError> {
    let policy = Policy::parse(document, DocumentKind::Trust).map_err(IamError::StoredPolicy)?;
    let principals = policy.statements().iter().flat_map(|statement| statement.principals());
    Ok(principals.filter_map(named).collect())
}

fn named(principal: &PrincipalPattern) -> Option<Named> {
    let PrincipalPattern::Identity { account, resource } = principal else { return None };
    let kind = [Kind::User, Kind::Role]
        .into_iter()
        .find(|kind| resource.strip_prefix(kind.as_str()).is_some_and(|rest| rest.starts_with('/')))?;
    let (_, name) = resource.rsplit_once('/')?;
    let arn = format!("arn:aws:iam::{account}:{resource}");
    Some(Named { arn, account: account.clone(), kind, name: name.to_owned() })
}

/// The document with one principal named otherwise, and nothing else changed: conditions may speak of the same ARN.
pub fn renamed(document: &str, from: &str, to: &str) -> String {
    let (from, to) = (format!("\"{from}\""), format!("\"{to}\""));
    let mut out = Cow::Borrowed(document);
    // From the end, so that what is found further ahead stays where it is.
    for span in outline::principals(document).into_iter().rev() {
        let text = document[span.clone()].replace(&from, &to);
        out.to_mut().replace_range(span, &text);
    }
    out.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111122223333:user/a/Bob", "444455556666"]},
         "Action": "sts:AssumeRole", "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/a/Bob"}}},
        {"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:role/Eve"}, "Action": "sts:TagSession"}
    ]}"#;

    #[test]
    fn users_and_roles_are_found() {
        let found = identities(DOCUMENT).unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.kind, one.name.as_str(), one.arn.as_str())).collect();
        let expected = [
            (Kind::User, "Bob", "arn:aws:iam::111122223333:user/a/Bob"),
            (Kind::Role, "Eve", "arn:aws:iam::111122223333:role/Eve"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn principals_alone_are_renamed() {
        let bob = "arn:aws:iam::111122223333:user/a/Bob";
        let once = renamed(DOCUMENT, bob, "AIDABOB");
        let (principals, rest) = once.split_once("Condition").unwrap();
        assert!(principals.contains(r#"["AIDABOB", "444455556666"]"#) && !principals.contains(bob), "{once}");
        assert!(rest.contains(bob), "{once}");
        let twice = renamed(&once, "arn:aws:iam::111122223333:role/Eve", "AROAEVE");
        assert!(twice.contains(r#""NotPrincipal": {"AWS": "AROAEVE"}"#), "{twice}");
        assert_eq!(renamed(DOCUMENT, "none", "x"), DOCUMENT);
    }
}
