//! Access control lists: grants, the canned lists, the headers that carry them, and what a list grants to whom. Pure.

use http::{HeaderMap, HeaderName, HeaderValue};
use millpond_core::AccountId;
use millpond_policy::{AclGrant, Principal};
use serde::{Deserialize, Serialize};

use crate::digest::sha256_hex;
use crate::error::S3Error;
use crate::logging;
use crate::store::{Document, Kind};

/// The most grants of a list.
const MOST: usize = 100;

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// The account of AWS's that `aws-exec-read` lets in.
const EXEC_READER: &str = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c";

/// AWS names an account to S3 by 64 hexadecimal digits; these are made from its number.
pub fn canonical_id(account: &AccountId) -> String {
    sha256_hex(account.as_str().as_bytes())
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grantee {
    /// An account, by its canonical id.
    Account(String),
    AllUsers,
    AuthenticatedUsers,
    LogDelivery,
}

impl Grantee {
    /// Errors: InvalidArgument (not the form of a canonical id).
    pub fn of_id(id: &str) -> Result<Self, S3Error> {
        match id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Ok(Self::Account(id.to_ascii_lowercase())),
            false => Err(S3Error::invalid_argument("Invalid id", "CanonicalUser/ID", id)),
        }
    }

    /// Errors: InvalidArgument (no group of AWS's).
    pub fn of_uri(uri: &str) -> Result<Self, S3Error> {
        match uri {
            ALL_USERS => Ok(Self::AllUsers),
            AUTHENTICATED_USERS => Ok(Self::AuthenticatedUsers),
            LOG_DELIVERY => Ok(Self::LogDelivery),
            _ => Err(S3Error::invalid_argument("Invalid group uri", "Group/URI", uri)),
        }
    }

    /// AWS itself takes none any more.
    pub fn of_email() -> S3Error {
        S3Error::NotImplemented { what: "A grantee by email address".into() }
    }

    /// `None` for an account.
    pub fn uri(&self) -> Option<&'static str> {
        match self {
            Self::Account(_) => None,
            Self::AllUsers => Some(ALL_USERS),
            Self::AuthenticatedUsers => Some(AUTHENTICATED_USERS),
            Self::LogDelivery => Some(LOG_DELIVERY),
        }
    }

    pub fn is_public(&self) -> bool {
        matches!(self, Self::AllUsers | Self::AuthenticatedUsers)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Permission {
    FullControl,
    Read,
    Write,
    ReadAcp,
    WriteAcp,
}

impl Permission {
    const ALL: [Self; 5] = [Self::FullControl, Self::Read, Self::Write, Self::ReadAcp, Self::WriteAcp];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullControl => "FULL_CONTROL",
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::ReadAcp => "READ_ACP",
            Self::WriteAcp => "WRITE_ACP",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text)
    }

    fn header(self) -> &'static str {
        match self {
            Self::FullControl => "x-amz-grant-full-control",
            Self::Read => "x-amz-grant-read",
            Self::Write => "x-amz-grant-write",
            Self::ReadAcp => "x-amz-grant-read-acp",
            Self::WriteAcp => "x-amz-grant-write-acp",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    pub grantee: Grantee,
    pub permission: Permission,
}

/// A list, without its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    pub grants: Vec<Grant>,
}

/// The list of a bucket; one that has none is its owner's alone.
impl Document for Acl {
    const KIND: Kind = Kind::Acl;
}

/// What a list belongs to: the canned lists differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of<'a> {
    Bucket,
    /// With the canonical id of the bucket's owner.
    Object(&'a str),
}

impl Acl {
    /// What there is without a list: everything for the owner, and nothing for others.
    pub fn private(owner: &str) -> Self {
        let grantee = Grantee::Account(owner.to_owned());
        Self { grants: vec![Grant { grantee, permission: Permission::FullControl }] }
    }

    /// Errors: MalformedACLError (too many grants).
    pub fn checked(grants: Vec<Grant>) -> Result<Self, S3Error> {
        match grants.len() > MOST {
            true => Err(S3Error::MalformedAcl),
            false => Ok(Self { grants }),
        }
    }

    /// Errors: InvalidArgument (no such list).
    fn canned(name: &str, of: Of<'_>, owner: &str) -> Result<Self, S3Error> {
        use Permission::{FullControl, Read, ReadAcp, Write};
        let account = |id: &str| Grantee::Account(id.to_owned());
        let more = match (name, of) {
            ("private", _) => vec![],
            ("public-read", _) => vec![(Grantee::AllUsers, Read)],
            ("public-read-write", _) => vec![(Grantee::AllUsers, Read), (Grantee::AllUsers, Write)],
            ("authenticated-read", _) => vec![(Grantee::AuthenticatedUsers, Read)],
            ("aws-exec-read", _) => vec![(account(EXEC_READER), Read)],
            ("log-delivery-write", Of::Bucket) => {
                vec![(Grantee::LogDelivery, Write), (Grantee::LogDelivery, ReadAcp)]
            }
            // On a bucket they say nothing, since it is its owner's.
            ("bucket-owner-read" | "bucket-owner-full-control", Of::Bucket) => vec![],
            ("bucket-owner-read" | "bucket-owner-full-control", Of::Object(id)) if id == owner => vec![],
            ("bucket-owner-read", Of::Object(id)) => vec![(account(id), Read)],
            ("bucket-owner-full-control", Of::Object(id)) => vec![(account(id), FullControl)],
            _ => return Err(S3Error::invalid_argument("", "x-amz-acl", name)),
        };
        let mut acl = Self::private(owner);
        acl.grants.extend(more.into_iter().map(|(grantee, permission)| Grant { grantee, permission }));
        Ok(acl)
    }

    /// The list that a request's headers ask for; `None` when they ask for none.
    ///
    /// Errors: InvalidRequest (both forms), InvalidArgument, MalformedACLError.
    pub fn of_headers(headers: &HeaderMap, of: Of<'_>, owner: &str) -> Result<Option<Self>, S3Error> {
        let canned = canned_name(headers);
        let mut grants = Vec::new();
        for permission in Permission::ALL {
            for value in headers.get_all(permission.header()) {
                let text = value.to_str().unwrap_or_default();
                grants.extend(parse_grantees(permission, text)?);
            }
        }
        match (canned, grants.is_empty()) {
            (None, true) => Ok(None),
            (Some(name), true) => Self::canned(name, of, owner).map(Some),
            (None, false) => Self::checked(grants).map(Some),
            (Some(_), false) => {
                Err(S3Error::invalid_request("Specifying both Canned ACLs and Header Grants is not allowed"))
            }
        }
    }

    /// The headers that ask for this list.
    pub fn to_headers(&self) -> HeaderMap {
        let header = |Grant { grantee, permission }: &Grant| {
            let text = match grantee {
                Grantee::Account(id) => format!("id=\"{id}\""),
                group => format!("uri=\"{}\"", group.uri().unwrap_or_default()),
            };
            let value =
                HeaderValue::try_from(text).expect("digits and addresses of AWS's are visible characters");
            (HeaderName::from_static(permission.header()), value)
        };
        let mut headers = HeaderMap::new();
        for (name, value) in self.grants.iter().map(header) {
            headers.append(name, value);
        }
        headers
    }

    /// Somebody other than accounts that are named is let in.
    pub fn is_public(&self) -> bool {
        self.grants.iter().any(|grant| grant.grantee.is_public())
    }

    /// Nothing but everything for this account.
    pub fn is_full_control_of(&self, id: &str) -> bool {
        *self == Self::private(id)
    }

    /// In how far the list lets the caller do what needs this permission. `id`: the canonical id of the caller's account.
    pub fn grants(
        &self,
        needed: Permission,
        principal: &Principal,
        id: Option<&str>,
        ignore_public: bool,
    ) -> Option<AclGrant> {
        let mut best = None;
        for Grant { grantee, permission } in &self.grants {
            if *permission != needed && *permission != Permission::FullControl {
                continue;
            }
            match grantee {
                Grantee::Account(granted) if Some(granted.as_str()) == id => {
                    best = best.or(Some(AclGrant::Account));
                }
                Grantee::AllUsers if !ignore_public => best = Some(AclGrant::Everyone),
                Grantee::AuthenticatedUsers if !ignore_public && principal.account().is_some() => {
                    best = Some(AclGrant::Everyone);
                }
                Grantee::LogDelivery if is_log_delivery(principal) => best = Some(AclGrant::Everyone),
                Grantee::Account(_)
                | Grantee::AllUsers
                | Grantee::AuthenticatedUsers
                | Grantee::LogDelivery => {}
            }
        }
        best
    }
}

fn is_log_delivery(principal: &Principal) -> bool {
    matches!(principal, Principal::Service(name) if **name == *logging::SERVICE)
}

/// Whether a request brings a list, in whichever form.
pub fn has_headers(headers: &HeaderMap) -> bool {
    canned_name(headers).is_some()
        || Permission::ALL.iter().any(|permission| headers.contains_key(permission.header()))
}

pub fn canned_name(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-acl").map(|value| value.to_str().unwrap_or_default())
}

/// `id="…", uri="…"`.
fn parse_grantees(permission: Permission, text: &str) -> Result<Vec<Grant>, S3Error> {
    let invalid = || S3Error::invalid_argument("Argument format not recognized", permission.header(), text);
    let mut grants = Vec::new();
    for entry in text.split(',') {
        let (kind, value) = entry.split_once('=').ok_or_else(invalid)?;
        let value = value.trim().trim_matches('"');
        let grantee = match kind.trim().to_ascii_lowercase().as_str() {
            "id" => Grantee::of_id(value)?,
            "uri" => Grantee::of_uri(value)?,
            "emailaddress" => return Err(Grantee::of_email()),
            _ => return Err(invalid()),
        };
        grants.push(Grant { grantee, permission });
    }
    Ok(grants)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: &str = "00000000000000000000000000000000000000000000000000000000000000ff";

    fn of(pairs: &[(&'static str, &str)], of: Of<'_>) -> Result<Option<Acl>, &'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        Acl::of_headers(&headers, of, "me").map_err(|error| error.code())
    }

    #[test]
    fn headers_become_lists() {
        let both = format!("id=\"{OTHER}\", uri=\"{ALL_USERS}\"");
        for (pairs, expected) in [
            (&[][..], Ok(0)),
            (&[("x-amz-acl", "private")], Ok(1)),
            (&[("x-amz-acl", "public-read-write")], Ok(3)),
            (&[("x-amz-acl", "log-delivery-write")], Ok(3)),
            (&[("x-amz-acl", "bucket-owner-read")], Ok(1)),
            (&[("x-amz-acl", "everyone")], Err("InvalidArgument")),
            (&[("x-amz-grant-read", &both), ("x-amz-grant-write-acp", &both)], Ok(4)),
            (&[("x-amz-grant-read", "id=\"short\"")], Err("InvalidArgument")),
            (&[("x-amz-grant-read", "uri=\"http://example.com\"")], Err("InvalidArgument")),
            (&[("x-amz-grant-read", "emailAddress=\"a@b.c\"")], Err("NotImplemented")),
            (&[("x-amz-grant-read", "nobody")], Err("InvalidArgument")),
            (&[("x-amz-acl", "private"), ("x-amz-grant-read", &both)], Err("InvalidRequest")),
        ] {
            let found = of(pairs, Of::Bucket).map(|acl| acl.map_or(0, |acl| acl.grants.len()));
            assert_eq!(found, expected, "{pairs:?}");
        }
        let many = vec![format!("uri=\"{ALL_USERS}\""); 101].join(",");
        assert_eq!(of(&[("x-amz-grant-read", &many)], Of::Bucket), Err("MalformedACLError"));
        let foreign = of(&[("x-amz-acl", "bucket-owner-full-control")], Of::Object(OTHER)).unwrap().unwrap();
        assert_eq!(foreign.grants.len(), 2);
        assert_eq!(of(&[("x-amz-acl", "log-delivery-write")], Of::Object(OTHER)), Err("InvalidArgument"));
    }

    #[test]
    fn lists_become_headers() {
        let grant = |grantee, permission| Grant { grantee, permission };
        let grants = vec![
            grant(Grantee::Account(OTHER.into()), Permission::FullControl),
            grant(Grantee::AllUsers, Permission::Read),
            grant(Grantee::LogDelivery, Permission::Read),
            grant(Grantee::AuthenticatedUsers, Permission::WriteAcp),
        ];
        let list = Acl { grants };
        assert_eq!(Acl::of_headers(&list.to_headers(), Of::Object(OTHER), OTHER).unwrap(), Some(list));
    }

    #[test]
    fn lists_grant() {
        let list = |grantee, permission| Acl { grants: vec![Grant { grantee, permission }] };
        let signed = Principal::Root { account: "111122223333".parse().unwrap() };
        let unsigned = Principal::Anonymous;
        let other = || Grantee::Account(OTHER.into());
        let (account, everyone) = (Some(AclGrant::Account), Some(AclGrant::Everyone));
        use Permission::{FullControl, Read, Write};
        for (acl, principal, id, ignore, expected) in [
            (list(other(), Read), &signed, Some(OTHER), false, account),
            (list(other(), FullControl), &signed, Some(OTHER), true, account),
            (list(other(), Write), &signed, Some(OTHER), false, None),
            (list(other(), Read), &signed, Some("x"), false, None),
            (list(other(), Read), &unsigned, None, false, None),
            (list(Grantee::AllUsers, Read), &unsigned, None, false, everyone),
            (list(Grantee::AllUsers, Read), &unsigned, None, true, None),
            (list(Grantee::AuthenticatedUsers, Read), &unsigned, None, false, None),
            (list(Grantee::AuthenticatedUsers, Read), &signed, None, false, everyone),
            (list(Grantee::AuthenticatedUsers, Read), &signed, None, true, None),
            (list(Grantee::LogDelivery, Read), &signed, None, false, None),
        ] {
            assert_eq!(acl.grants(Read, principal, id, ignore), expected, "{acl:?} {principal:?}");
        }
    }
}
