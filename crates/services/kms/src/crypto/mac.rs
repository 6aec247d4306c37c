//! HMAC: codes by a key that stays here.

use aws_lc_rs::hmac;

use crate::error::KmsError;
use crate::model::algorithm::Mac;

fn algorithm(mac: Mac) -> hmac::Algorithm {
    match mac {
        Mac::Sha224 => hmac::HMAC_SHA224,
        Mac::Sha256 => hmac::HMAC_SHA256,
        Mac::Sha384 => hmac::HMAC_SHA384,
        Mac::Sha512 => hmac::HMAC_SHA512,
    }
}

/// A key of an algorithm has the length of its codes.
pub fn key_len(mac: Mac) -> usize {
    algorithm(mac).tag_len()
}

pub fn sign(mac: Mac, material: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm(mac), material), message).as_ref().to_vec()
}

/// Errors: KMSInvalidMacException. The comparison takes the same time wherever they differ.
pub fn verify(mac: Mac, material: &[u8], message: &[u8], code: &[u8]) -> Result<(), KmsError> {
    hmac::verify(&hmac::Key::new(algorithm(mac), material), message, code).map_err(|_| KmsError::InvalidMac)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (mac, expected) in [
            (Mac::Sha224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
            (Mac::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ] {
            let code = sign(mac, b"Jefe", b"what do ya want for nothing?");
            assert_eq!(hex::encode(&code), expected, "{mac}");
            assert_eq!(code.len(), key_len(mac));
            assert!(verify(mac, b"Jefe", b"what do ya want for nothing?", &code).is_ok());
            assert!(verify(mac, b"Jefe", b"what do ya want for nothing?", &code[1..]).is_err());
            assert!(verify(mac, b"Jef", b"what do ya want for nothing?", &code).is_err());
        }
    }
}
