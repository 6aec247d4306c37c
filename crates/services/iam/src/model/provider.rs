//! OpenID Connect providers: whose word about an identity an account takes.

use millpond_core::{AccountId, Arn, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::iam_arn;
use super::tags::Tags;
use crate::error::IamError;

/// How many client ids a provider may have, and how many thumbprints.
const CLIENTS: usize = 100;
const THUMBPRINTS: usize = 5;

const KIND: &str = "oidc-provider/";

/// A provider, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    pub account: AccountId,
    /// Without `https://`.
    pub url: String,
    #[serde(default)]
    pub clients: Vec<String>,
    #[serde(default)]
    pub thumbprints: Vec<String>,
    pub created: Timestamp,
    #[serde(default)]
    pub tags: Tags,
}

impl Provider {
    pub fn arn(&self) -> Arn {
        provider_arn(&self.account, &self.url)
    }

    /// Errors: LimitExceeded.
    pub fn add_client(&mut self, client: String) -> Result<(), IamError> {
        if !self.clients.contains(&client) {
            self.clients.push(client);
        }
        self.check()
    }

    /// Errors: LimitExceeded, InvalidInput (a thumbprint).
    pub fn check(&self) -> Result<(), IamError> {
        let quota = |name| IamError::quota(&format!("{name}PerOpenIdConnectProvider"), CLIENTS);
        if self.clients.len() > CLIENTS {
            return Err(quota("ClientIds"));
        }
        check_thumbprints(&self.thumbprints)
    }
}

/// Errors: InvalidInput, LimitExceeded.
pub fn check_thumbprints(thumbprints: &[String]) -> Result<(), IamError> {
    if thumbprints.len() > THUMBPRINTS {
        return Err(IamError::InvalidInput("Thumbprint list must contain fewer than 5 entries.".to_owned()));
    }
    match thumbprints.iter().all(|print| print.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        true => Ok(()),
        false => Err(IamError::InvalidInput("A thumbprint must be 40 hexadecimal digits.".to_owned())),
    }
}

pub fn provider_arn(account: &AccountId, url: &str) -> Arn {
    iam_arn(account, format!("{KIND}{url}"))
}

/// The part of a provider's URL that names it.
///
/// Errors: ValidationError.
pub fn checked_url(url: &str) -> Result<&str, IamError> {
    let invalid = || IamError::Validation("Invalid Open ID Connect Provider URL".to_owned());
    let rest = url.strip_prefix("https://").ok_or_else(invalid)?.trim_end_matches('/');
    let host = rest.split('/').next().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~/%:@+".contains(c);
    match !host.is_empty() && rest.chars().all(fits) {
        true => Ok(rest),
        false => Err(invalid()),
    }
}

/// The same of a provider's ARN, if it is one of this account.
pub fn url_of<'a>(account: &AccountId, arn: &'a str) -> Option<&'a str> {
    let start = format!("arn:aws:iam::{account}:{KIND}");
    arn.strip_prefix(start.as_str()).filter(|url| !url.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_providers() {
        for (url, expected) in [
            ("https://idp.example.com", Some("idp.example.com")),
            ("https://idp.example.com/realms/mill/", Some("idp.example.com/realms/mill")),
            ("http://idp.example.com", None),
            ("https://", None),
            ("https:///x", None),
            ("https://idp.example.com/?q=1", None),
            ("https://a b", None),
        ] {
            assert_eq!(checked_url(url).ok(), expected, "{url}");
        }
        let account: AccountId = "111122223333".parse().unwrap();
        let arn = provider_arn(&account, "idp.example.com/x").to_string();
        assert_eq!(url_of(&account, &arn), Some("idp.example.com/x"));
        assert_eq!(url_of(&"000000000000".parse().unwrap(), &arn), None);
    }

    /// Data on disks depends on this layout.
    #[test]
    fn an_older_record_still_decodes() {
        let bytes = hex::decode(include_str!("provider_v1.hex").trim()).unwrap();
        let read: Provider = rmp_serde::from_slice(&bytes).unwrap();
        let expected = Provider {
            account: "111122223333".parse().unwrap(),
            url: "idp.example.com".into(),
            clients: vec!["mill".into()],
            thumbprints: vec!["00".into()],
            created: Timestamp::EPOCH,
            tags: Tags::from([("team".to_owned(), "mill".to_owned())]),
        };
        assert_eq!(read, expected);
    }
}
