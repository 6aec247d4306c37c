//! The credentials of a session: nothing is kept of them. What a session is for stands, sealed, in the token that its holder
//! shows with each request; who the holder is, is looked up each time, so that a session ends with the key it was asked for
//! with.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millpond_core::access_key::{self, KeyKind};
use millpond_core::{AccountId, RootKey, Sealer, Timestamp};
use millpond_wire::text_enum;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::S3Error;
use crate::store::Bucket;

/// How long a session lasts.
pub const LIFETIME: Duration = Duration::from_secs(300);
/// The longest token that is looked at. One of ours may hold a token of STS.
const LONGEST_TOKEN: usize = 32 << 10;

text_enum! {
    pub enum Mode {
        ReadOnly = "ReadOnly",
        ReadWrite = "ReadWrite",
    }
}

/// A session, as its token has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub bucket: String,
    /// Whose the bucket is: one that somebody else makes under the name is another.
    pub owner: AccountId,
    /// What may be done with its objects; nothing, where the holder may only make the bucket.
    pub mode: Option<Mode>,
    pub expires: Timestamp,
    pub holder: Holder,
}

impl Session {
    /// Errors: AccessDenied (another bucket, or more than the session is for).
    pub fn check(&self, bucket: &Bucket, needed: Mode) -> Result<(), S3Error> {
        let is_its = self.bucket == bucket.name && self.owner == bucket.record.account;
        let suffices = match (self.mode, needed) {
            (Some(Mode::ReadWrite), Mode::ReadWrite | Mode::ReadOnly) => true,
            (Some(Mode::ReadOnly), Mode::ReadOnly) => true,
            (Some(Mode::ReadOnly), Mode::ReadWrite) | (None, _) => false,
        };
        if is_its && suffices { Ok(()) } else { Err(S3Error::access_denied()) }
    }
}

/// The credentials that a session was asked for with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub access_key_id: String,
    /// Of temporary credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holder({})", self.access_key_id)
    }
}

/// New credentials.
pub struct Issued {
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
    pub token: String,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    secret: String,
    session: Session,
}

/// Makes the tokens of sessions and opens them.
pub struct Sessions(Sealer);

impl Sessions {
    pub fn new(root_key: &RootKey) -> Self {
        Self(Sealer::new(&root_key.derive("s3/express-session")))
    }

    /// `account` is the holder's.
    pub fn issue(&self, account: &AccountId, session: Session) -> Result<Issued, S3Error> {
        let failed = |error| S3Error::internal("making a session", error);
        let access_key_id = access_key::new_id(KeyKind::Temporary, account).map_err(failed)?;
        let secret = access_key::new_secret().map_err(failed)?;
        let sealed = Sealed { secret: secret.to_string(), session };
        let bytes = rmp_serde::to_vec_named(&sealed).map(Zeroizing::new);
        // Wiped before anything can fail.
        drop(Zeroizing::new(sealed.secret));
        let bytes = bytes.map_err(|error| S3Error::internal("writing a session", error))?;
        // In letters that no encoding of a URL changes.
        let token = URL_SAFE_NO_PAD.encode(self.0.seal(access_key_id.as_bytes(), &bytes).map_err(failed)?);
        Ok(Issued { access_key_id, secret, token })
    }

    /// The session and its secret; `None` for everything but a token that this pond made for this key.
    pub fn open(&self, access_key_id: &str, token: &str) -> Option<(Session, Zeroizing<String>)> {
        if token.len() > LONGEST_TOKEN {
            return None;
        }
        let bytes = self.0.open(access_key_id.as_bytes(), &URL_SAFE_NO_PAD.decode(token).ok()?)?;
        let Sealed { secret, session } = rmp_serde::from_slice(&bytes).ok()?;
        Some((session, Zeroizing::new(secret)))
    }
}

#[cfg(test)]
mod tests {
    use millpond_core::key::KEY_LEN;

    use super::*;

    fn sessions(byte: u8) -> Sessions {
        Sessions::new(&RootKey::from_bytes([byte; KEY_LEN]))
    }

    fn account() -> AccountId {
        "123456789012".parse().unwrap()
    }

    fn session() -> Session {
        Session {
            bucket: "lake--use1-az1--x-s3".into(),
            owner: "111122223333".parse().unwrap(),
            mode: Some(Mode::ReadOnly),
            expires: Timestamp::from_secs(1_795_000_300),
            holder: Holder { access_key_id: "ASIAHOLDER".into(), token: Some("of STS".into()) },
        }
    }

    #[test]
    fn a_token_opens_for_its_own_key_alone() {
        let own = sessions(7);
        let issued = own.issue(&account(), session()).unwrap();
        let (opened, secret) = own.open(&issued.access_key_id, &issued.token).unwrap();
        assert_eq!((opened, secret.as_str()), (session(), issued.secret.as_str()));
        assert_eq!(access_key::account_of(&issued.access_key_id), Some(account()));
        let another = own.issue(&account(), session()).unwrap();
        assert!(own.open(&another.access_key_id, &issued.token).is_none());
        assert!(sessions(8).open(&issued.access_key_id, &issued.token).is_none());
        let bytes = URL_SAFE_NO_PAD.decode(&issued.token).unwrap();
        for text in [issued.secret.as_str(), "lake", "of STS"] {
            assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn no_letter_of_a_token_can_be_changed_or_cut() {
        let own = sessions(7);
        let Issued { access_key_id, token, .. } = own.issue(&account(), session()).unwrap();
        for at in 0..token.len() {
            assert!(own.open(&access_key_id, &token[..at]).is_none(), "cut at {at}");
            let other = if &token[at..=at] == "A" { "B" } else { "A" };
            let bent = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert!(own.open(&access_key_id, &bent).is_none(), "letter {at}");
        }
        assert!(own.open(&access_key_id, &"A".repeat(LONGEST_TOKEN + 1)).is_none());
        assert!(own.open(&access_key_id, &format!("{token}AAAA")).is_none());
    }

    #[test]
    fn a_session_is_for_its_bucket_and_no_more_than_its_mode() {
        let bucket = |name: &str, account: &str| Bucket {
            name: name.into(),
            record: crate::store::BucketRecord {
                id: uuid::Uuid::nil(),
                account: account.parse().unwrap(),
                region: millpond_core::Region::us_east_1(),
                created: Timestamp::EPOCH,
                versioning: crate::version::Versioning::Never,
                documents: Default::default(),
                ownership: Default::default(),
                public_access_block: crate::ownership::all_blocked(),
                lock: None,
                directory: Some(super::super::Directory { zone: 0 }),
            },
        };
        let (own, other) = ("lake--use1-az1--x-s3", "mill--use1-az1--x-s3");
        for (name, account, mode, needed, expected) in [
            (own, "111122223333", Some(Mode::ReadWrite), Mode::ReadWrite, true),
            (own, "111122223333", Some(Mode::ReadWrite), Mode::ReadOnly, true),
            (own, "111122223333", Some(Mode::ReadOnly), Mode::ReadOnly, true),
            (own, "111122223333", Some(Mode::ReadOnly), Mode::ReadWrite, false),
            (own, "111122223333", None, Mode::ReadOnly, false),
            (own, "444455556666", Some(Mode::ReadWrite), Mode::ReadOnly, false),
            (other, "111122223333", Some(Mode::ReadWrite), Mode::ReadOnly, false),
        ] {
            let found = Session { mode, ..session() }.check(&bucket(name, account), needed);
            assert_eq!(found.is_ok(), expected, "{name} {account} {mode:?} {needed}");
        }
    }
}
