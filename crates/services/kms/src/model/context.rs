//! Encryption contexts: public pairs that a ciphertext is bound to.

use std::collections::BTreeMap;

use crate::error::KmsError;

/// Names and values that must be given again to decrypt. Their order does not matter, every byte does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncryptionContext(BTreeMap<String, String>);

/// AWS's limit on a context, in characters of names and values.
const MAX_CHARS: usize = 8_192;

impl EncryptionContext {
    /// A context as a request carries it.
    ///
    /// Errors: ValidationException, when it is too large.
    pub fn of_request(pairs: Option<BTreeMap<String, String>>) -> Result<Self, KmsError> {
        let context = Self(pairs.unwrap_or_default());
        let chars: usize =
            context.0.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
        if chars > MAX_CHARS {
            let message = format!("EncryptionContext must have at most {MAX_CHARS} characters.");
            return Err(KmsError::Validation(message));
        }
        Ok(context)
    }

    pub fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The bytes that are authenticated: each text with its length before it, in the order of the names, so that no two
    /// contexts look alike.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            out.extend_from_slice(&(text.len() as u64).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for EncryptionContext {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_alike_only_when_they_are_the_same() {
        let canonical =
            |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<EncryptionContext>().canonical();
        assert_eq!(canonical(&[("a", "1"), ("b", "2")]), canonical(&[("b", "2"), ("a", "1")]));
        let different: [&[(&str, &str)]; 6] = [
            &[],
            &[("", "")],
            &[("ab", "")],
            &[("a", "b")],
            &[("a", "b"), ("", "")],
            &[("a", ""), ("b", "")],
        ];
        for (at, one) in different.iter().enumerate() {
            for other in &different[at + 1..] {
                assert_ne!(canonical(one), canonical(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_context_has_a_largest_size() {
        let of = |chars: usize| {
            let pairs = BTreeMap::from([("k".to_owned(), "ü".repeat(chars - 1))]);
            EncryptionContext::of_request(Some(pairs)).is_ok()
        };
        assert!(of(MAX_CHARS) && !of(MAX_CHARS + 1));
    }
}
