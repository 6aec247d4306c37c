//! Unique ids, written as AWS writes them.

use aws_lc_rs::rand;

use crate::error::IamError;

/// What AWS's ids are written in.
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The unique id of a user (`AIDA`), role (`AROA`), group (`AGPA`), policy (`ANPA`) or instance profile (`AIPA`).
pub fn unique_id(prefix: &str) -> Result<String, IamError> {
    let mut bytes = [0; 17];
    rand::fill(&mut bytes).map_err(|_| IamError::Crypto("the system gives no random numbers"))?;
    // The alphabet's length divides 256, so that each letter is equally likely.
    let letters = bytes.iter().map(|byte| char::from(ID_ALPHABET[usize::from(*byte) % ID_ALPHABET.len()]));
    Ok(prefix.chars().chain(letters).collect())
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
        assert_ne!(unique_id("AIDA").unwrap(), user);
    }
}
