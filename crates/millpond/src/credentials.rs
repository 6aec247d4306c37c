//! The root user's access key, and where all access keys are looked up.

use std::sync::{PoisonError, RwLock};

use millpond_core::{AccountId, Region};
use millpond_gateway::{Credential, Credentials, LookupError, Secret};
use millpond_iam::{Iam, ids};

use crate::cli::Folder;
use crate::data;

/// An access key id and its secret.
#[derive(Debug, Clone)]
pub struct RootCredentials {
    pub access_key_id: String,
    pub secret: Secret,
}

impl RootCredentials {
    pub fn generate() -> anyhow::Result<Self> {
        Ok(Self {
            access_key_id: ids::access_key_id("AKIA")?,
            secret: Secret::new(ids::secret_access_key()?.to_string()),
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
    pub fn exports(&self, region: &str, endpoint: Option<&str>) -> String {
        let mut text = format!(
            "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_DEFAULT_REGION={region}\n",
            self.access_key_id,
            self.secret.expose()
        );
        if let Some(endpoint) = endpoint {
            text.push_str(&format!("export AWS_ENDPOINT_URL={endpoint}\n"));
        }
        text
    }
}

/// `millpond credentials`.
pub fn print(folder: &Folder) -> anyhow::Result<()> {
    let path = folder.path();
    let credentials = data::read_credentials(&path)?;
    let endpoint = data::read_endpoint(&path)?;
    print!("{}", credentials.exports(millpond_core::Region::us_east_1().as_str(), endpoint.as_deref()));
    Ok(())
}

/// Where access keys are looked up: the root user's, and those that the open pond's IAM has made.
pub struct KeyRing {
    account: AccountId,
    root: RootCredentials,
    /// `None` while the pond is closed.
    iam: RwLock<Option<Iam>>,
}

impl KeyRing {
    pub fn of_root(account: AccountId, root: RootCredentials) -> Self {
        Self { account, root, iam: RwLock::new(None) }
    }

    /// From now on this IAM's keys are known.
    pub fn stand_on(&self, iam: Iam) {
        *self.iam.write().unwrap_or_else(PoisonError::into_inner) = Some(iam);
    }

    /// Lets go of the IAM, whose store is about to be closed.
    pub fn stand_alone(&self) {
        *self.iam.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A long-lived key: the root's, or a user's.
    fn long_lived(&self, access_key_id: &str) -> Result<Credential, LookupError> {
        if access_key_id == self.root.access_key_id {
            return Ok(Credential::of_root(self.account.clone(), self.root.secret.clone()));
        }
        let iam = self.iam.read().unwrap_or_else(PoisonError::into_inner).clone();
        let found = iam.ok_or(LookupError::UnknownKey)?.credential(access_key_id);
        found.map_err(LookupError::failed)?.ok_or(LookupError::UnknownKey)
    }
}

impl Credentials for KeyRing {
    fn lookup(&self, access_key_id: &str, session_token: Option<&str>) -> Result<Credential, LookupError> {
        let credential = self.long_lived(access_key_id)?;
        match session_token {
            Some(_) => Err(LookupError::InvalidToken),
            None => Ok(credential),
        }
    }

    fn used(&self, access_key_id: &str, service: &str, region: &Region) {
        if access_key_id != self.root.access_key_id
            && let Some(iam) = &*self.iam.read().unwrap_or_else(PoisonError::into_inner)
        {
            iam.key_used(access_key_id, service, region.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_look_like_awss_and_survive_their_file() {
        let made = RootCredentials::generate().unwrap();
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
