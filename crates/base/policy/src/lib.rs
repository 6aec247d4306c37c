//! Who may do what: [`decide`] is a pure function from a [`Request`] to a [`Decision`], and the only place that decides.
//!
//! Today an account's root may do everything in its own account and nobody else may do anything. IAM's policies
//! (identity, resource, session, boundaries) come behind the same function.

use std::fmt;
use std::net::IpAddr;

use millpond_core::{AccountId, Arn, Timestamp};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// An account's root user.
    Root { account: AccountId },
    /// A request that nobody signed.
    Anonymous,
}

impl Principal {
    /// The account that the principal belongs to.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Root { account } => Some(account),
            Self::Anonymous => None,
        }
    }

    /// The ARN by which AWS names the principal, as `arn:aws:iam::000000000000:root`.
    pub fn arn(&self) -> Option<Arn> {
        match self {
            Self::Root { account } => Some(Arn {
                partition: "aws".into(),
                service: "iam".into(),
                region: String::new(),
                account: account.as_str().into(),
                resource: "root".into(),
            }),
            Self::Anonymous => None,
        }
    }

    /// The unique id that `sts:GetCallerIdentity` and S3's owners show; a root's is its account number.
    pub fn user_id(&self) -> &str {
        match self {
            Self::Root { account } => account.as_str(),
            Self::Anonymous => "anonymous",
        }
    }
}

/// As AWS's messages name a principal.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.arn() {
            Some(arn) => arn.fmt(f),
            None => f.write_str("anonymous"),
        }
    }
}

/// What the condition keys of policies will look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub now: Timestamp,
    pub source_ip: IpAddr,
    pub secure_transport: bool,
}

/// One question: may the principal do this to that.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub principal: &'a Principal,
    /// As `kinesis:CreateStream`.
    pub action: &'a str,
    pub resource: &'a Arn,
    /// Who owns the resource; an S3 ARN does not say it.
    pub resource_account: &'a AccountId,
    pub context: Context,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    Allow,
    Deny { reason: Denial },
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The resource is another account's (or the principal has none), and no policy of the resource lets it in.
    NoResourcePolicy,
}

impl Denial {
    /// The end of AWS's sentence "User: … is not authorized to perform: … on resource: … because …".
    pub fn because(self, action: &str) -> String {
        match self {
            Self::NoResourcePolicy => format!("no resource-based policy allows the {action} action"),
        }
    }
}

pub fn decide(request: &Request<'_>) -> Decision {
    match request.principal {
        Principal::Root { account } if account == request.resource_account => Decision::Allow,
        Principal::Root { .. } | Principal::Anonymous => Decision::Deny { reason: Denial::NoResourcePolicy },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn only_an_accounts_own_root_is_let_in() {
        let account = |text: &str| text.parse::<AccountId>().unwrap();
        let (ours, other) = (account("000000000000"), account("111111111111"));
        let denied = Decision::Deny { reason: Denial::NoResourcePolicy };
        for (principal, owner, expected) in [
            (Principal::Root { account: ours.clone() }, &ours, Decision::Allow),
            (Principal::Root { account: ours.clone() }, &other, denied),
            (Principal::Root { account: other.clone() }, &ours, denied),
            (Principal::Anonymous, &ours, denied),
        ] {
            let request = Request {
                principal: &principal,
                action: "s3:GetObject",
                resource: &Arn::global("s3", "bucket/key"),
                resource_account: owner,
                context: Context {
                    now: Timestamp::EPOCH,
                    source_ip: Ipv4Addr::LOCALHOST.into(),
                    secure_transport: false,
                },
            };
            assert_eq!(decide(&request), expected, "{principal} in {owner}");
        }
    }

    #[test]
    fn principals_print_as_aws_names_them() {
        let root = Principal::Root { account: "000000000000".parse().unwrap() };
        assert_eq!(root.to_string(), "arn:aws:iam::000000000000:root");
        assert_eq!(
            (root.user_id(), Principal::Anonymous.to_string().as_str()),
            ("000000000000", "anonymous")
        );
    }
}
