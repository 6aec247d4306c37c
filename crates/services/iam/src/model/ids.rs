//! Unique ids and secrets, written as AWS writes them.

use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::error::IamError;

/// What AWS's ids are written in.
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The unique id of a user (`AIDA`), role (`AROA`), group (`AGPA`), policy (`ANPA`) or instance profile (`AIPA`).
pub fn unique_id(prefix: &str) -> Result<String, IamError> {
    Ok(format!("{prefix}{}", &*random_text::<17>(ID_ALPHABET)?))
}

/// The id of an access key: `AKIA` of a long-lived one, `ASIA` of a temporary one.
pub fn access_key_id(prefix: &str) -> Result<String, IamError> {
    Ok(format!("{prefix}{}", &*random_text::<16>(ID_ALPHABET)?))
}

pub fn secret_access_key() -> Result<Zeroizing<String>, IamError> {
    random_text::<40>(SECRET_ALPHABET)
}

/// Both alphabets' lengths divide 256, so that each letter is equally likely.
fn random_text<const N: usize>(alphabet: &[u8]) -> Result<Zeroizing<String>, IamError> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(&mut *bytes).map_err(|_| IamError::Crypto("the system gives no random numbers"))?;
    Ok(Zeroizing::new(
        bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect(),
    ))
}

/// Names are told apart without regard to case.
pub fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_awss() {
        let user = unique_id("AIDA").unwrap();
        assert_eq!((user.len(), &user[..4]), (21, "AIDA"));
        assert!(user.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
        assert_eq!(access_key_id("AKIA").unwrap().len(), 20);
        let (one, other) = (secret_access_key().unwrap(), secret_access_key().unwrap());
        assert_eq!(one.len(), 40);
        assert_ne!(one, other);
    }
}
