//! Issuers of web identity tokens, and their keys. A pond fetches nothing from outside: the settings say in which file the
//! keys of an issuer are (a JWKS, as the issuer publishes it), and the file is read again when it changes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};

/// A JWKS is a few kilobytes.
const LARGEST: u64 = 1024 * 1024;

/// `[sts]` of the settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StsSettings {
    pub issuers: Vec<IssuerSettings>,
}

/// `[[sts.issuers]]` with `url` and `jwks`; in the environment, `URL=FILE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct IssuerSettings {
    /// As tokens have it in `iss`: `https://token.example`.
    pub url: String,
    /// The file with the issuer's keys; a relative path is under the data folder.
    pub jwks: PathBuf,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    jwks: PathBuf,
}

impl TryFrom<Written> for IssuerSettings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let (url, jwks) = match written {
            Written::Table(Table { url, jwks }) => (url, jwks),
            Written::Text(text) => match text.rsplit_once('=') {
                Some((url, jwks)) => (url.to_owned(), jwks.into()),
                None => return Err(format!("{text:?} is not an issuer and its file, URL=FILE")),
            },
        };
        if !url.starts_with("https://") {
            return Err(format!("the issuer {url:?} does not begin with https://"));
        }
        Ok(Self { url: url.trim_end_matches('/').to_owned(), jwks })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum IssuersError {
    #[error("reading the keys of the issuer {issuer} in {path}")]
    Read { issuer: String, path: PathBuf, source: io::Error },
    #[error("the keys of the issuer {issuer} in {path} are not a JWKS")]
    Malformed { issuer: String, path: PathBuf, source: serde_json::Error },
}

/// The configured issuers.
#[derive(Debug, Default)]
pub struct Issuers(BTreeMap<String, Issuer>);

#[derive(Debug)]
struct Issuer {
    path: PathBuf,
    cached: Mutex<Option<(Stamp, Arc<JwkSet>)>>,
}

/// By what a changed file is known.
type Stamp = (Option<std::time::SystemTime>, u64);

impl Issuers {
    /// Reads the keys of every issuer; files are under `dir` where their path is relative.
    pub fn open(settings: &StsSettings, dir: &Path) -> Result<Self, IssuersError> {
        let mut issuers = BTreeMap::new();
        for IssuerSettings { url, jwks } in &settings.issuers {
            let issuer = Issuer { path: dir.join(jwks), cached: Mutex::new(None) };
            issuer.read(url)?;
            issuers.insert(url.clone(), issuer);
        }
        Ok(Self(issuers))
    }

    /// The keys of an issuer, by its URL; `None` for one that is not configured. Reads a file: not for async code.
    pub fn keys(&self, url: &str) -> Result<Option<Arc<JwkSet>>, IssuersError> {
        self.0.get(url).map(|issuer| issuer.read(url)).transpose()
    }
}

impl Issuer {
    fn read(&self, url: &str) -> Result<Arc<JwkSet>, IssuersError> {
        let unreadable =
            |source| IssuersError::Read { issuer: url.to_owned(), path: self.path.clone(), source };
        let metadata = std::fs::metadata(&self.path).map_err(unreadable)?;
        let stamp = (metadata.modified().ok(), metadata.len());
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, keys)) = cached.as_ref().filter(|(before, _)| *before == stamp) {
            return Ok(Arc::clone(keys));
        }
        if metadata.len() > LARGEST {
            return Err(unreadable(io::Error::other(format!("it is larger than {LARGEST} bytes"))));
        }
        let bytes = std::fs::read(&self.path).map_err(unreadable)?;
        let keys = serde_json::from_slice(&bytes).map(Arc::new).map_err(|source| {
            IssuersError::Malformed { issuer: url.to_owned(), path: self.path.clone(), source }
        })?;
        *cached = Some((stamp, Arc::clone(&keys)));
        Ok(keys)
    }
}

/// The key that signs by this algorithm, by its id; without an id, the only one that there is for the algorithm.
pub fn key_for(keys: &JwkSet, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    let mut fitting = keys.keys.iter().filter(|key| {
        let named = id.is_none_or(|id| key.common.key_id.as_deref() == Some(id));
        named && signs_by(key, algorithm)
    });
    let key = fitting.next()?;
    let alone = fitting.next().is_none();
    (id.is_some() || alone).then(|| DecodingKey::from_jwk(key).ok()).flatten()
}

/// The algorithm is the key's, never the token's to choose: a public key is not taken for a shared secret, and a key that says
/// what it is for is used for nothing else.
fn signs_by(key: &Jwk, algorithm: Algorithm) -> bool {
    let declared = match key.common.key_algorithm {
        None => true,
        Some(declared) => Some(declared) == declared_as(algorithm),
    };
    let fits = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512) => true,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => curve.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES384) => curve.curve == EllipticCurve::P384,
        _ => false,
    };
    declared && fits && matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature))
}

fn declared_as(algorithm: Algorithm) -> Option<KeyAlgorithm> {
    match algorithm {
        Algorithm::RS256 => Some(KeyAlgorithm::RS256),
        Algorithm::RS384 => Some(KeyAlgorithm::RS384),
        Algorithm::RS512 => Some(KeyAlgorithm::RS512),
        Algorithm::ES256 => Some(KeyAlgorithm::ES256),
        Algorithm::ES384 => Some(KeyAlgorithm::ES384),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        sts: StsSettings,
    }

    fn issuers(text: &str) -> Result<Vec<IssuerSettings>, String> {
        toml::from_str::<File>(text).map(|file| file.sts.issuers).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_name_issuers_and_files() {
        let expected = IssuerSettings { url: "https://token.example".into(), jwks: "keys.json".into() };
        for text in [
            "[[sts.issuers]]\nurl = \"https://token.example/\"\njwks = \"keys.json\"",
            "[sts]\nissuers = [\"https://token.example=keys.json\"]",
        ] {
            assert_eq!(issuers(text), Ok(vec![expected.clone()]), "{text}");
        }
        for text in [
            "[sts]\nissuers = [\"x\"]",
            "[sts]\nissuers = [\"http://a=b\"]",
            "[[sts.issuers]]\nurl = \"https://a\"",
        ] {
            assert!(issuers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        let settings = StsSettings {
            issuers: vec![IssuerSettings { url: "https://a".into(), jwks: "keys.json".into() }],
        };
        assert!(matches!(Issuers::open(&settings, dir.path()), Err(IssuersError::Read { .. })));
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(Issuers::open(&settings, dir.path()), Err(IssuersError::Malformed { .. })));
        std::fs::write(&path, r#"{"keys":[]}"#).unwrap();
        let issuers = Issuers::open(&settings, dir.path()).unwrap();
        assert_eq!(issuers.keys("https://a").unwrap().unwrap().keys.len(), 0);
        assert!(issuers.keys("https://b").unwrap().is_none());
        std::fs::write(&path, r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"1"}]}"#).unwrap();
        assert_eq!(issuers.keys("https://a").unwrap().unwrap().keys.len(), 1);
    }

    #[test]
    fn a_key_signs_by_its_own_algorithm_alone() {
        let key = |text: &str| serde_json::from_str::<Jwk>(text).unwrap();
        let rsa = key(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#);
        let named = key(r#"{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"RS512"}"#);
        let sealing = key(r#"{"kty":"RSA","n":"AQAB","e":"AQAB","use":"enc"}"#);
        let curve = key(r#"{"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"}"#);
        let shared = key(r#"{"kty":"oct","k":"AQAB"}"#);
        for (key, algorithm, signs) in [
            (&rsa, Algorithm::RS256, true),
            (&rsa, Algorithm::RS384, true),
            (&rsa, Algorithm::PS256, false),
            (&rsa, Algorithm::HS256, false),
            (&rsa, Algorithm::ES256, false),
            (&named, Algorithm::RS512, true),
            (&named, Algorithm::RS256, false),
            (&sealing, Algorithm::RS256, false),
            (&curve, Algorithm::ES256, true),
            (&curve, Algorithm::ES384, false),
            (&curve, Algorithm::HS256, false),
            (&shared, Algorithm::HS256, false),
        ] {
            assert_eq!(signs_by(key, algorithm), signs, "{key:?} {algorithm:?}");
        }
        let two = JwkSet { keys: vec![rsa.clone(), rsa] };
        assert!(key_for(&two, None, Algorithm::RS256).is_none(), "which of them?");
    }
}
