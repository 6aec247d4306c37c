//! What an account as a whole is set to.

use millpond_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::IamError;

/// An account's settings, as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    #[serde(default)]
    pub alias: Option<String>,
    /// `None` when the account has not set any: then [`PasswordPolicy::UNSET`] holds.
    #[serde(default)]
    pub passwords: Option<PasswordPolicy>,
}

/// What passwords have to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    pub min_length: u32,
    pub symbols: bool,
    pub numbers: bool,
    pub uppercase: bool,
    pub lowercase: bool,
    pub users_may_change: bool,
    #[serde(default)]
    pub max_age_days: Option<u32>,
    /// How many of the passwords before may not be taken again.
    #[serde(default)]
    pub not_again: Option<u32>,
    #[serde(default)]
    pub hard_expiry: bool,
}

/// What counts as a symbol.
const SYMBOLS: &str = "! @ # $ % ^ & * ( ) _ + - = [ ] { } | '";

impl PasswordPolicy {
    /// How long a password is at least where no policy was set; there, three of the four kinds of characters are asked for.
    const UNSET_LENGTH: usize = 8;

    /// Errors: PasswordPolicyViolation.
    pub fn check(policy: Option<&Self>, password: &str, user: &str) -> Result<(), IamError> {
        let has = |fits: fn(char) -> bool| password.chars().any(fits);
        let symbols = has(|c| SYMBOLS.contains(c) && c != ' ');
        let numbers = has(|c| c.is_ascii_digit());
        let uppercase = has(|c| c.is_ascii_uppercase());
        let lowercase = has(|c| c.is_ascii_lowercase());
        let good = match policy {
            Some(policy) => {
                password.chars().count() >= usize::try_from(policy.min_length).unwrap_or(usize::MAX)
                    && (symbols || !policy.symbols)
                    && (numbers || !policy.numbers)
                    && (uppercase || !policy.uppercase)
                    && (lowercase || !policy.lowercase)
            }
            None => {
                let kinds = [symbols, numbers, uppercase, lowercase].into_iter().filter(|has| *has).count();
                password.chars().count() >= Self::UNSET_LENGTH && kinds >= 3 && password != user
            }
        };
        match good {
            true => Ok(()),
            false => Err(IamError::PasswordPolicyViolation(
                "Password does not conform to the account password policy.".to_owned(),
            )),
        }
    }
}

/// A credential report, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub at: Timestamp,
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

/// Errors: ValidationError, for what the model's pattern forbids.
pub fn check_alias(alias: &str) -> Result<(), IamError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = alias.bytes().all(fits)
        && !alias.starts_with('-')
        && !alias.ends_with('-')
        && !alias.contains("--")
        && alias.parse::<millpond_core::AccountId>().is_err();
    match good {
        true => Ok(()),
        false => Err(IamError::Validation(format!(
            "1 validation error detected: Value '{alias}' at 'accountAlias' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){{1,61}}[a-z0-9]$"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_what_the_account_asks_for() {
        let strict = PasswordPolicy {
            min_length: 10,
            symbols: true,
            numbers: true,
            uppercase: true,
            lowercase: true,
            users_may_change: false,
            max_age_days: None,
            not_again: None,
            hard_expiry: false,
        };
        let lax = PasswordPolicy {
            min_length: 6,
            symbols: false,
            numbers: false,
            uppercase: false,
            lowercase: false,
            ..strict.clone()
        };
        for (policy, password, good) in [
            (Some(&strict), "aB3!aB3!aB", true),
            (Some(&strict), "aB3!aB3!a", false),
            (Some(&strict), "aB3aaB3aaB", false),
            (Some(&strict), "aB!!aB!!aB", false),
            (Some(&strict), "ab3!ab3!ab", false),
            (Some(&strict), "AB3!AB3!AB", false),
            (Some(&lax), "aaaaaa", true),
            (Some(&lax), "aaaaa", false),
            (None, "aB3aaaaa", true),
            (None, "aB3aaaa", false),
            (None, "aaaaaaaa", false),
            (None, "Bob12345", false),
        ] {
            let checked = PasswordPolicy::check(policy, password, "Bob12345");
            assert_eq!(checked.is_ok(), good, "{policy:?} {password}");
        }
    }

    #[test]
    fn aliases_are_names_of_hosts() {
        for (alias, good) in
            [("mill", true), ("a-b", true), ("a--b", false), ("-ab", false), ("ab-", false), ("aB", false)]
        {
            assert_eq!(check_alias(alias).is_ok(), good, "{alias}");
        }
        assert!(check_alias("123456789012").is_err());
    }

    /// Data on disks depends on this layout.
    #[test]
    fn an_older_record_still_decodes() {
        let bytes = hex::decode(include_str!("settings_v1.hex").trim()).unwrap();
        let read: Settings = rmp_serde::from_slice(&bytes).unwrap();
        let passwords = PasswordPolicy {
            min_length: 10,
            symbols: true,
            numbers: false,
            uppercase: true,
            lowercase: false,
            users_may_change: true,
            max_age_days: Some(90),
            not_again: Some(3),
            hard_expiry: true,
        };
        assert_eq!(read, Settings { alias: Some("mill".into()), passwords: Some(passwords) });
    }
}
