//! Passwords, as slow hashes: what is kept does not say them.

use std::num::NonZeroU32;

use aws_lc_rs::{pbkdf2, rand};

use super::entity::{Login, PasswordHash};
use crate::error::IamError;

/// How often HMAC-SHA256 is applied: what a guess costs.
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).expect("it is not zero");
const SALT_LEN: usize = 16;

/// How many of the passwords before are kept, at most what a policy may ask for.
const FORMER: usize = 24;

/// Takes a tenth of a second of one core, on purpose: other requests go on meanwhile.
pub fn hash(password: &str) -> Result<PasswordHash, IamError> {
    let (mut salt, mut hash) = (vec![0; SALT_LEN], vec![0; 32]);
    rand::fill(&mut salt).map_err(|_| IamError::Crypto("the system gives no random numbers"))?;
    tokio::task::block_in_place(|| {
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, password.as_bytes(), &mut hash);
    });
    Ok(PasswordHash { rounds: ROUNDS.get(), salt, hash })
}

pub fn is(password: &str, kept: &PasswordHash) -> bool {
    let Some(rounds) = NonZeroU32::new(kept.rounds) else { return false };
    let verify =
        || pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &kept.salt, password.as_bytes(), &kept.hash);
    tokio::task::block_in_place(verify).is_ok()
}

impl Login {
    /// Whether it is the password, or one of the last so many.
    pub fn had(&self, password: &str, back: usize) -> bool {
        // The present one counts as the first of them.
        let former = self.former.iter().take(back.saturating_sub(1));
        back > 0 && std::iter::once(&self.hash).chain(former).any(|kept| is(password, kept))
    }

    pub fn put(&mut self, hash: PasswordHash) {
        let before = std::mem::replace(&mut self.hash, hash);
        self.former.insert(0, before);
        self.former.truncate(FORMER);
    }
}

#[cfg(test)]
mod tests {
    use millpond_core::Timestamp;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_password_is_known_again_and_not_shown() {
        let kept = hash("Mill-Stone-7").unwrap();
        assert!(is("Mill-Stone-7", &kept));
        assert!(!is("mill-stone-7", &kept));
        assert_ne!(hash("Mill-Stone-7").unwrap(), kept, "salted");
        let mut login = Login {
            created: Timestamp::EPOCH,
            changed: Timestamp::EPOCH,
            reset_required: false,
            hash: kept,
            former: Vec::new(),
        };
        login.put(hash("second").unwrap());
        for (password, back, expected) in
            [("second", 0, false), ("second", 1, true), ("Mill-Stone-7", 1, false), ("Mill-Stone-7", 2, true)]
        {
            assert_eq!(login.had(password, back), expected, "{password} {back}");
        }
        assert_eq!(format!("{login:?}"), "Login(..)");
    }
}
