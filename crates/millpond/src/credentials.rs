//! The root user's access key.

use aws_lc_rs::rand;
use millpond_core::AccountId;
use millpond_gateway::{Credential, Credentials, LookupError, Secret};

use crate::cli::Folder;
use crate::data;

/// What AWS's access key ids are written in.
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An access key id and its secret.
#[derive(Debug, Clone)]
pub struct RootCredentials {
    pub access_key_id: String,
    pub secret: Secret,
}

impl RootCredentials {
    pub fn generate() -> anyhow::Result<Self> {
        Ok(Self {
            access_key_id: format!("AKIA{}", random_text::<16>(ID_ALPHABET)?),
            secret: Secret::new(random_text::<40>(SECRET_ALPHABET)?),
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

/// Both alphabets' lengths divide 256, so that each letter is equally likely.
fn random_text<const N: usize>(alphabet: &[u8]) -> anyhow::Result<String> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect())
}

/// `millpond credentials`.
pub fn print(folder: &Folder) -> anyhow::Result<()> {
    let path = folder.path();
    let credentials = data::read_credentials(&path)?;
    let endpoint = data::read_endpoint(&path)?;
    print!("{}", credentials.exports(millpond_core::Region::us_east_1().as_str(), endpoint.as_deref()));
    Ok(())
}

/// The one credential that there is until IAM makes more.
#[derive(Debug)]
pub struct RootOnly {
    pub credentials: RootCredentials,
    pub account: AccountId,
}

impl Credentials for RootOnly {
    fn lookup(&self, access_key_id: &str, session_token: Option<&str>) -> Result<Credential, LookupError> {
        match session_token {
            _ if access_key_id != self.credentials.access_key_id => Err(LookupError::UnknownKey),
            Some(_) => Err(LookupError::InvalidToken),
            None => Ok(Credential::of_root(self.account.clone(), self.credentials.secret.clone())),
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
