//! Temporary credentials: nothing is kept of them. All that a session is stands, sealed, in the token that its holder shows
//! with each request; what it may do is looked up in IAM each time, so that it ends with the role or user that it is of.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use millpond_core::access_key::{self, KeyKind};
use millpond_core::{AccountId, RootKey, Sealer, Timestamp};
use millpond_policy::Tag;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::StsError;

/// What policies and tags of a session may take, packed, in bytes.
pub const PACKED_LIMIT: usize = 2_048;
/// The longest token that is looked at; ours are shorter.
const LONGEST_TOKEN: usize = 16 * 1024;
/// What a packed part can be at most, unpacked: fifty tags of the longest kind, ten ARNs and a policy.
const LONGEST_EXTRAS: u64 = 256 * 1024;

/// A session, as its token has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub account: AccountId,
    pub who: Who,
    pub issued: Timestamp,
    pub expires: Timestamp,
    #[serde(default)]
    pub source_identity: Option<String>,
    #[serde(default)]
    pub extras: Extras,
}

/// Whose session it is. An id beside a name tells whether it is still the same role or user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    Root,
    User(Named),
    Role {
        role: Named,
        session: String,
        /// Who vouched for the caller, after AssumeRoleWithWebIdentity.
        #[serde(default)]
        provider: Option<String>,
    },
    Federated {
        name: String,
        /// The user who asked; `None` when it was the account's root.
        issuer: Option<Named>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
    pub id: String,
}

/// What a session was asked for with; what takes space in the token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extras {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_arns: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Keys of the tags that go on to the next role of a chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitive_tags: Vec<String>,
}

impl Extras {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A session without any policy is limited by none.
    pub fn limits(&self) -> bool {
        self.policy.is_some() || !self.policy_arns.is_empty()
    }

    fn pack(&self) -> Result<Vec<u8>, StsError> {
        let bytes =
            rmp_serde::to_vec_named(self).map_err(|error| StsError::internal("packing a session", error))?;
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
        let packed = packer.write_all(&bytes).and_then(|()| packer.finish());
        packed.map_err(|error| StsError::internal("packing a session", error))
    }

    fn unpack(packed: &[u8]) -> Option<Self> {
        let mut bytes = Vec::new();
        ZlibDecoder::new(packed).take(LONGEST_EXTRAS).read_to_end(&mut bytes).ok()?;
        rmp_serde::from_slice(&bytes).ok()
    }

    /// The bytes that count towards [`PACKED_LIMIT`].
    ///
    /// Errors: PackedPolicyTooLarge.
    pub fn packed_size(&self) -> Result<usize, StsError> {
        if self.is_empty() {
            return Ok(0);
        }
        let size = self.pack()?.len();
        if size > PACKED_LIMIT { Err(StsError::PackedPolicyTooLarge { size }) } else { Ok(size) }
    }
}

/// New temporary credentials.
#[derive(Debug)]
pub struct Issued {
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
    pub token: String,
    pub expires: Timestamp,
}

/// What the token holds, as it is sealed. Every later shape reads the earlier ones.
#[derive(Serialize, Deserialize)]
struct Sealed {
    secret: String,
    account: AccountId,
    who: Who,
    issued: Timestamp,
    expires: Timestamp,
    #[serde(default)]
    source_identity: Option<String>,
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    extras: Option<Vec<u8>>,
}

/// Makes session tokens and opens them.
#[derive(Debug)]
pub struct Sessions(Sealer);

impl Sessions {
    pub fn new(root_key: &RootKey) -> Self {
        Self(Sealer::new(&root_key.derive("sts/session")))
    }

    pub fn issue(&self, session: Session) -> Result<Issued, StsError> {
        let Session { account, who, issued, expires, source_identity, extras } = session;
        let access_key_id = access_key::new_id(KeyKind::Temporary, &account)?;
        let secret = access_key::new_secret()?;
        let extras = if extras.is_empty() { None } else { Some(extras.pack()?) };
        let sealed =
            Sealed { secret: secret.to_string(), account, who, issued, expires, source_identity, extras };
        let bytes = rmp_serde::to_vec_named(&sealed).map(Zeroizing::new);
        // Wiped before anything can fail.
        drop(Zeroizing::new(sealed.secret));
        let bytes = bytes.map_err(|error| StsError::internal("writing a session", error))?;
        let token = STANDARD.encode(self.0.seal(access_key_id.as_bytes(), &bytes)?);
        Ok(Issued { access_key_id, secret, token, expires })
    }

    /// The session and its secret; `None` for everything but a token that this pond made for this key.
    pub fn open(&self, access_key_id: &str, token: &str) -> Option<(Session, Zeroizing<String>)> {
        if token.len() > LONGEST_TOKEN {
            return None;
        }
        let bytes = self.0.open(access_key_id.as_bytes(), &STANDARD.decode(token).ok()?)?;
        let sealed: Sealed = rmp_serde::from_slice(&bytes).ok()?;
        let Sealed { secret, account, who, issued, expires, source_identity, extras } = sealed;
        let secret = Zeroizing::new(secret);
        let extras = match extras {
            Some(packed) => Extras::unpack(&packed)?,
            None => Extras::default(),
        };
        Some((Session { account, who, issued, expires, source_identity, extras }, secret))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use millpond_core::key::KEY_LEN;

    use super::*;

    fn sessions(byte: u8) -> Sessions {
        Sessions::new(&RootKey::from_bytes([byte; KEY_LEN]))
    }

    fn session(extras: Extras) -> Session {
        let issued = Timestamp::from_secs(1_795_000_000);
        Session {
            account: "123456789012".parse().unwrap(),
            who: Who::Role {
                role: Named { name: "Deliver".into(), id: "AROAEXAMPLE".into() },
                session: "night".into(),
                provider: None,
            },
            issued,
            expires: issued.plus(Duration::from_secs(3_600)),
            source_identity: Some("bob".into()),
            extras,
        }
    }

    fn extras() -> Extras {
        Extras {
            policy: Some("{\"Version\":\"2012-10-17\"}".into()),
            policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
            tags: vec![("team".into(), "lake".into())],
            transitive_tags: vec!["team".into()],
        }
    }

    #[test]
    fn a_token_opens_for_its_own_key_alone() {
        let own = sessions(7);
        for extras in [Extras::default(), extras()] {
            let issued = own.issue(session(extras.clone())).unwrap();
            let (opened, secret) = own.open(&issued.access_key_id, &issued.token).unwrap();
            assert_eq!((opened, secret.as_str()), (session(extras.clone()), issued.secret.as_str()));
            assert_eq!(access_key::account_of(&issued.access_key_id).unwrap().as_str(), "123456789012");
            let another = own.issue(session(extras)).unwrap();
            assert!(own.open(&another.access_key_id, &issued.token).is_none());
            assert!(sessions(8).open(&issued.access_key_id, &issued.token).is_none());
        }
    }

    #[test]
    fn no_letter_of_a_token_can_be_changed_or_cut() {
        let own = sessions(7);
        let Issued { access_key_id, token, .. } = own.issue(session(Extras::default())).unwrap();
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
    fn a_token_shows_nothing() {
        let issued = sessions(7).issue(session(extras())).unwrap();
        let bytes = STANDARD.decode(&issued.token).unwrap();
        for text in [issued.secret.as_str(), "Deliver", "night", "bob", "lake"] {
            assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn policies_and_tags_have_a_limit() {
        assert_eq!(Extras::default().packed_size().unwrap(), 0);
        let small = extras().packed_size().unwrap();
        assert!(small > 0 && small < PACKED_LIMIT / 2, "{small}");
        let noise: String = (0..50).map(blake).collect();
        let huge = Extras { tags: vec![("k".into(), noise)], ..Extras::default() };
        let error = huge.packed_size().unwrap_err().to_string();
        assert!(error.starts_with("Packed size of session policy"), "{error}");
    }

    /// Text that does not pack.
    fn blake(at: u8) -> String {
        hex::encode(sessions(at).0.seal(b"", &[0; 32]).unwrap())
    }

    /// Credentials that are out must not end with a new version of the program.
    #[test]
    fn tokens_that_were_made_before_still_open() {
        let token = include_str!("token_v1.txt").trim();
        let (opened, secret) = sessions(1).open("ASIAQA3DOWT7SFIXTURE", token).unwrap();
        assert_eq!(opened, session(extras()));
        assert_eq!(secret.as_str(), "an-old-secret");
    }
}
