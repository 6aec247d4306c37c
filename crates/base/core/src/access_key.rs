//! Access keys: the ids, which tell whose account they belong to, and the secrets that go with them.

use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::AccountId;
use crate::key::KeyError;

/// What AWS's access key ids are written in: five bits a letter.
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What follows the account's number.
const RANDOM_BITS: u32 = 39;

/// What an access key's first letters say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    LongLived,
    /// It comes with a session token.
    Temporary,
}

impl KeyKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::LongLived => "AKIA",
            Self::Temporary => "ASIA",
        }
    }

    /// `None` for an id that AWS would not have made.
    pub fn of(id: &str) -> Option<Self> {
        [Self::LongLived, Self::Temporary].into_iter().find(|kind| id.starts_with(kind.prefix()))
    }
}

/// A new id of a key of this account. As in AWS's own, 40 of the 80 bits after the prefix are the account's number.
pub fn new_id(kind: KeyKind, account: &AccountId) -> Result<String, KeyError> {
    let mut random = [0; 8];
    rand::fill(&mut random).map_err(|_| KeyError)?;
    let number: u128 = account.as_str().parse().expect("an account id is a number");
    // The first bit is set in the ids of today.
    let random = u128::from(u64::from_be_bytes(random)) & ((1 << RANDOM_BITS) - 1);
    let bits = (1 << 79) | (number << RANDOM_BITS) | random;
    let letter = |at: u32| char::from(ID_ALPHABET[((bits >> (75 - 5 * at)) & 31) as usize]);
    Ok(kind.prefix().chars().chain((0..16).map(letter)).collect())
}

/// The account that an id of [`new_id`]'s form names; whether there is such a key is another question.
pub fn account_of(id: &str) -> Option<AccountId> {
    let kind = KeyKind::of(id)?;
    let letters = id.strip_prefix(kind.prefix()).filter(|letters| letters.len() == 16)?;
    let mut bits = 0_u128;
    for letter in letters.bytes() {
        let value = ID_ALPHABET.iter().position(|known| *known == letter)?;
        bits = (bits << 5) | value as u128;
    }
    let number = (bits >> RANDOM_BITS) & ((1 << 40) - 1);
    format!("{number:012}").parse().ok()
}

/// A secret access key.
pub fn new_secret() -> Result<Zeroizing<String>, KeyError> {
    let mut bytes = Zeroizing::new([0; 40]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| KeyError)?;
    // The alphabet's length divides 256, so that each letter is equally likely.
    let letters =
        bytes.iter().map(|byte| char::from(SECRET_ALPHABET[usize::from(*byte) % SECRET_ALPHABET.len()]));
    let mut secret = Zeroizing::new(String::with_capacity(bytes.len()));
    secret.extend(letters);
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_account() {
        for account in ["000000000000", "000000000001", "123456789012", "999999999999"] {
            let account: AccountId = account.parse().unwrap();
            for (kind, prefix) in [(KeyKind::LongLived, "AKIA"), (KeyKind::Temporary, "ASIA")] {
                let id = new_id(kind, &account).unwrap();
                assert!(id.len() == 20 && id.starts_with(prefix), "{id}");
                assert_eq!(KeyKind::of(&id), Some(kind));
                assert_eq!(account_of(&id).as_ref(), Some(&account));
                assert_ne!(new_id(kind, &account).unwrap(), id);
            }
        }
    }

    #[test]
    fn what_is_no_id_names_no_account() {
        for text in [
            "",
            "AKIA",
            "AKIAé",
            "ASIA0000000000000000",
            "AIDAIOSFODNN7EXAMPLE",
            "AKIAIOSFODNN7EXAMPLE2",
            "é",
        ] {
            assert_eq!(account_of(text), None, "{text}");
        }
        // All bits set: more than twelve digits.
        assert_eq!(account_of("ASIA7777777777777777"), None);
    }

    #[test]
    fn secrets_have_awss_form() {
        let secret = new_secret().unwrap();
        assert!(secret.len() == 40 && secret.bytes().all(|byte| SECRET_ALPHABET.contains(&byte)));
        assert_ne!(*new_secret().unwrap(), *secret);
    }
}
