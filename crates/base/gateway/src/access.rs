//! Whose request it is: credentials, where they are looked up, and the open mode that asks for none.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use millpond_core::{AccountId, Region};
use millpond_policy::{IdentityGrants, Principal, Token};
use zeroize::Zeroizing;

/// A secret access key: wiped when dropped, never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The key itself, for making or checking a signature, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What an access key id stands for.
#[derive(Debug, Clone)]
pub struct Credential {
    pub secret: Secret,
    pub principal: Principal,
    pub account: AccountId,
    /// The policies of whoever it belongs to; none for an account's root, which needs none.
    pub grants: Arc<IdentityGrants>,
    /// What conditions may ask about temporary credentials.
    pub token: Option<Token>,
}

impl Credential {
    /// A long-lived key of an account's root user.
    pub fn of_root(account: AccountId, secret: Secret) -> Self {
        Self {
            secret,
            principal: Principal::Root { account: account.clone() },
            account,
            grants: Arc::default(),
            token: None,
        }
    }
}

/// Why a key is not taken, before any signature is looked at. Each protocol has its own codes and words for them.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// There is no such key, or no longer, or it was made inactive.
    #[error("the access key is not known")]
    UnknownKey,
    /// Not the token of this key: missing, of another key, altered, or of somebody who is gone.
    #[error("the session token is invalid")]
    InvalidToken,
    #[error("the session token is expired")]
    ExpiredToken,
    /// Who it is could not be found out.
    #[error("looking an access key up")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl LookupError {
    pub fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}

/// Where access key ids are looked up.
pub trait Credentials: Send + Sync + 'static {
    /// Temporary credentials come with a token that each request must show; long-lived ones with none, and whoever shows one
    /// with them is refused.
    fn lookup(&self, access_key_id: &str, session_token: Option<&str>) -> Result<Credential, LookupError>;

    /// A request of this principal was signed with this key, and its signature was right. Called for every request: it must
    /// not wait.
    fn used(&self, _access_key_id: &str, _principal: &Principal, _service: &str, _region: &Region) {}
}

/// How a pond lets callers in.
#[derive(Clone)]
pub enum Access {
    /// Signatures are verified.
    Verified {
        credentials: Arc<dyn Credentials>,
        /// The account that an unsigned request is addressed to.
        account: AccountId,
    },
    /// `--open`: nobody is asked for anything. For tests that expect an emulator, on loopback only.
    Open {
        account: AccountId,
        /// Whose account temporary credentials of this pond are of.
        sessions: Option<Arc<dyn Credentials>>,
    },
}

impl Access {
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// The pond's own account.
    pub fn account(&self) -> &AccountId {
        match self {
            Self::Verified { account, .. } | Self::Open { account, .. } => account,
        }
    }

    /// The account that an open pond sees in credentials: twelve digits as an access key id are an account, a session that the
    /// pond itself gave is of one, and all else is the pond's own.
    pub fn open_account(&self, access_key_id: Option<&str>, session_token: Option<&str>) -> AccountId {
        let named = access_key_id.and_then(|id| id.parse().ok());
        let of_session = || match (self, access_key_id) {
            (Self::Open { sessions: Some(sessions), .. }, Some(id)) if session_token.is_some() => {
                sessions.lookup(id, session_token).ok().map(|credential| credential.account)
            }
            _ => None,
        };
        named.or_else(of_session).unwrap_or_else(|| self.account().clone())
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified { account, .. } => write!(f, "Verified({account})"),
            Self::Open { account, .. } => write!(f, "Open({account})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_pond_reads_the_account_from_the_key() {
        let access = Access::Open { account: "000000000000".parse().unwrap(), sessions: None };
        for (id, account) in [
            (None, "000000000000"),
            (Some("test"), "000000000000"),
            (Some("123456789012"), "123456789012"),
            (Some("AKIAIOSFODNN7EXAMPLE"), "000000000000"),
        ] {
            assert_eq!(access.open_account(id, Some("a")).as_str(), account, "{id:?}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret(..)");
    }
}
