//! One entry for each parser of foreign bytes. The fuzzer runs it without end, the test for a bounded while; it must return,
//! whatever it is given.

use std::sync::LazyLock;

use millpond_core::{Arn, RootKey};

use crate::crypto::blob::{self, Blob};
use crate::crypto::vault::{SEAL_LEN, Vault};
use crate::error::KmsError;
use crate::model::context::EncryptionContext;

static VAULT: LazyLock<Vault> = LazyLock::new(|| Vault::new(&RootKey::from_bytes([3; 32])));
static GENUINE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (account, arn) = key();
    let id = uuid::Uuid::nil();
    blob::seal(&VAULT, (&account, id, &arn), (1, &[4; 32]), &EncryptionContext::default(), b"text")
        .expect("the library seals")
});

fn key() -> (millpond_core::AccountId, Arn) {
    let account: millpond_core::AccountId = "000000000000".parse().expect("twelve digits");
    let arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000";
    (account, arn.parse().expect("an ARN"))
}

/// A ciphertext: as it is, with a seal that holds, and as a change to a genuine one.
pub fn ciphertext(bytes: &[u8]) {
    let (_, arn) = key();
    let judge = |bytes: &[u8]| match Blob::parse(&VAULT, bytes) {
        Ok(blob) => {
            // Whether there is such an account is not the parser's to say.
            let _named = blob.account();
            blob.open(&[4; 32], &arn, &EncryptionContext::default())
        }
        Err(error) => Err(error),
    };
    let refused = |bytes: &[u8]| assert!(matches!(judge(bytes), Err(KmsError::InvalidCiphertext)));
    refused(bytes);
    let mut sealed = bytes.to_vec();
    sealed.extend_from_slice(&VAULT.seal(bytes));
    refused(&sealed);
    let mut bent = GENUINE[..GENUINE.len() - SEAL_LEN].to_vec();
    let len = bent.len();
    for (at, byte) in bytes.iter().enumerate() {
        bent[at % len] ^= byte;
    }
    let changed = bent != GENUINE[..len];
    let seal = VAULT.seal(&bent);
    bent.extend_from_slice(&seal);
    assert_eq!(judge(&bent).is_err(), changed);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    // Seeded and bounded; `fuzz/` runs the same entry without end.
    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
            super::ciphertext(&bytes);
        }

        #[test]
        fn a_byte_somewhere(at in 0_usize..87, with in any::<u8>()) {
            let mut bytes = vec![0; at + 1];
            bytes[at] = with;
            super::ciphertext(&bytes);
        }
    }
}
