//! Accounts, regions, ARNs and request ids. One parser and one printer each; a value that exists is well formed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not the id that it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {what}")]
pub struct InvalidId {
    pub what: &'static str,
    pub text: String,
}

impl InvalidId {
    fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: text.chars().take(200).collect() }
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(InvalidId::new($what, text)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text_id!(
    /// A twelve-digit account number.
    AccountId,
    "account id",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

text_id!(
    /// A region's code, as `us-east-1`: lower-case letters, digits and inner hyphens.
    Region,
    "region",
    |text| {
        (2..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    }
);

impl Region {
    /// `us-east-1`, which AWS takes where a request names no region.
    pub fn us_east_1() -> Self {
        Self("us-east-1".into())
    }

    /// The partition that the region belongs to, by its prefix.
    pub fn partition(&self) -> &'static str {
        if self.0.starts_with("cn-") {
            "aws-cn"
        } else if self.0.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

/// Where a resource lives: an account in a region.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Scope {
    pub account: AccountId,
    pub region: Region,
}

impl Scope {
    pub fn new(account: AccountId, region: Region) -> Self {
        Self { account, region }
    }

    /// The ARN of a resource of `service` that lives here; `resource` as in `stream/orders`.
    pub fn arn(&self, service: &str, resource: impl Into<String>) -> Arn {
        Arn {
            partition: self.region.partition().into(),
            service: service.into(),
            region: self.region.as_str().into(),
            account: self.account.as_str().into(),
            resource: resource.into(),
        }
    }
}

/// An Amazon Resource Name, `arn:partition:service:region:account:resource`. Region and account may be empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Arn {
    pub partition: String,
    pub service: String,
    pub region: String,
    pub account: String,
    pub resource: String,
}

impl Arn {
    /// An ARN without region and account, as S3's are: `arn:aws:s3:::bucket/key`.
    pub fn global(service: &str, resource: impl Into<String>) -> Self {
        Self {
            partition: "aws".into(),
            service: service.into(),
            region: String::new(),
            account: String::new(),
            resource: resource.into(),
        }
    }

    /// The text after the first `/` or `:` of the resource: `orders` of `stream/orders`.
    pub fn resource_name(&self) -> Option<&str> {
        self.resource.split_once(['/', ':']).map(|(_, name)| name)
    }

    /// The name if this is a `kind/name` resource of `service`.
    pub fn name_of(&self, service: &str, kind: &str) -> Option<&str> {
        (self.service == service).then_some(())?;
        self.resource.strip_prefix(kind)?.strip_prefix(['/', ':']).filter(|name| !name.is_empty())
    }
}

impl FromStr for Arn {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or_else(|| InvalidId::new("ARN", text));
        let (scheme, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        if scheme != "arn" || partition.is_empty() || service.is_empty() || resource.is_empty() {
            return Err(InvalidId::new("ARN", text));
        }
        Ok(Self {
            partition: partition.into(),
            service: service.into(),
            region: region.into(),
            account: account.into(),
            resource: resource.into(),
        })
    }
}

impl TryFrom<String> for Arn {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Arn> for String {
    fn from(arn: Arn) -> String {
        arn.to_string()
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The id under which a request is answered and logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RequestId(Uuid);

impl RequestId {
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_print_as_they_were_read() {
        for text in [
            "arn:aws:kinesis:us-east-1:000000000000:stream/orders",
            "arn:aws:s3:::bucket/a:b/c",
            "arn:aws-cn:glue:cn-north-1:123456789012:table/db/t",
        ] {
            assert_eq!(text.parse::<Arn>().map(|arn| arn.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "arn:aws:s3", "arn:aws:s3:::", "urn:aws:s3:::x", "arn::s3:::x"] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_taken_only_from_its_kind() {
        let arn = Arn::from_str("arn:aws:kinesis:us-east-1:000000000000:stream/orders").unwrap();
        assert_eq!(arn.name_of("kinesis", "stream"), Some("orders"));
        assert_eq!(arn.name_of("kinesis", "str"), None);
        assert_eq!(arn.name_of("firehose", "stream"), None);
    }

    #[test]
    fn accounts_have_twelve_digits() {
        assert!("000000000000".parse::<AccountId>().is_ok());
        for text in ["", "00000000000", "0000000000000", "00000000000a"] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }
}
