//! The root user's access key, and where all access keys are looked up.

use std::sync::{Arc, PoisonError, RwLock};

use millpond_core::access_key::{self, KeyKind};
use millpond_core::{AccountId, Region};
use millpond_gateway::{Credential, Credentials, LookupError, Secret};
use millpond_policy::Principal;
use millpond_sts::Sts;

use crate::cli::Folder;
use crate::data::{self, Endpoint};

/// An access key id and its secret.
#[derive(Debug, Clone)]
pub struct RootCredentials {
    pub access_key_id: String,
    pub secret: Secret,
}

impl RootCredentials {
    pub fn generate(account: &AccountId) -> anyhow::Result<Self> {
        Ok(Self {
            access_key_id: access_key::new_id(KeyKind::LongLived, account)?,
            secret: Secret::new(access_key::new_secret()?.to_string()),
        })
    }

    /// As AWS's shared credentials file, so that `AWS_SHARED_CREDENTIALS_FILE` may point at it.
    pub fn file_text(&self) -> String {
        format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            self.access_key_id,
            self.secret.expose()
        )
    }

    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let find = |wanted: &str| {
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            let mut found =
                pairs.filter(|(name, _)| name.trim() == wanted).map(|(_, value)| value.trim().to_owned());
            found
                .next()
                .filter(|value| !value.is_empty())
                .ok_or_else(|| anyhow::anyhow!("it holds no {wanted}"))
        };
        Ok(Self {
            access_key_id: find("aws_access_key_id")?,
            secret: Secret::new(find("aws_secret_access_key")?),
        })
    }

    /// The lines that a shell evaluates.
    pub fn exports(&self, region: &str, endpoint: Option<&Endpoint>) -> String {
        let mut text = format!(
            "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_DEFAULT_REGION={region}\n",
            self.access_key_id,
            self.secret.expose()
        );
        if let Some(endpoint) = endpoint {
            text.push_str(&format!("export AWS_ENDPOINT_URL={}\n", endpoint.url));
            if let Some(bundle) = &endpoint.bundle {
                text.push_str(&format!("export AWS_CA_BUNDLE={}\n", quoted(&bundle.to_string_lossy())));
            }
        }
        text
    }
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    match text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// `millpond credentials`.
pub fn print(folder: &Folder) -> anyhow::Result<()> {
    let path = folder.path();
    let credentials = data::read_credentials(&path)?;
    let endpoint = data::read_endpoint(&path)?;
    print!("{}", credentials.exports(millpond_core::Region::us_east_1().as_str(), endpoint.as_ref()));
    Ok(())
}

/// Where access keys are looked up: that of the pond's own root, which is in the data folder and outlives every reset, and those
/// that the open pond knows.
pub struct KeyRing {
    pub account: AccountId,
    pub root: RootCredentials,
    /// `None` while the pond is closed.
    sts: RwLock<Option<Arc<Sts>>>,
}

impl KeyRing {
    pub fn of_root(account: AccountId, root: RootCredentials) -> Self {
        Self { account, root, sts: RwLock::new(None) }
    }

    /// From now on this pond's keys are known.
    pub fn stand_on(&self, sts: Arc<Sts>) {
        *self.sts.write().unwrap_or_else(PoisonError::into_inner) = Some(sts);
    }

    /// Lets go of the pond, whose store is about to be closed.
    pub fn stand_alone(&self) {
        *self.sts.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The open pond's.
    pub fn sts(&self) -> Option<Arc<Sts>> {
        self.sts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Credentials for KeyRing {
    fn lookup(&self, access_key_id: &str, session_token: Option<&str>) -> Result<Credential, LookupError> {
        if access_key_id == self.root.access_key_id {
            return match session_token {
                Some(_) => Err(LookupError::InvalidToken),
                None => Ok(Credential::of_root(self.account.clone(), self.root.secret.clone())),
            };
        }
        let sts = self.sts().ok_or_else(|| LookupError::failed("the pond is closed"))?;
        sts.lookup(access_key_id, session_token)
    }

    fn used(&self, access_key_id: &str, principal: &Principal, service: &str, region: &Region) {
        if access_key_id != self.root.access_key_id
            && let Some(sts) = self.sts()
        {
            sts.used(access_key_id, principal, service, region);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_one_word() {
        for (text, expected) in
            [("/a/b-c.d_e", "/a/b-c.d_e"), ("/a b", "'/a b'"), ("it's", r"'it'\''s'"), ("é", "'é'")]
        {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn keys_look_like_awss_and_survive_their_file() {
        let made = RootCredentials::generate(&"123456789012".parse().unwrap()).unwrap();
        assert_eq!((made.access_key_id.len(), made.secret.expose().len()), (20, 40));
        assert!(made.access_key_id.starts_with("AKIA"));
        let read = RootCredentials::parse(&made.file_text()).unwrap();
        assert_eq!(read.access_key_id, made.access_key_id);
        assert_eq!(read.secret.expose(), made.secret.expose());
        for damaged in
            ["", "[default]\naws_access_key_id = A\n", "aws_access_key_id =\naws_secret_access_key = b"]
        {
            assert!(RootCredentials::parse(damaged).is_err(), "{damaged:?}");
        }
    }
}
