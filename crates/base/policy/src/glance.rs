//! What a statement's resources have in common at their beginnings, in one cache line: most statements of most policies speak
//! of something else than a request does, and are passed over without a look at them.

use millpond_core::Arn;

use crate::document::Statement;

const WORDS: usize = 4;
const LENGTH: usize = WORDS * size_of::<u64>();

/// The beginning of a text, with zeros behind its end.
type Beginning = [u64; WORDS];

/// `s3:bucket/key`: the service and the resource of a request's ARN, as far as they are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance(Beginning);

impl Glance {
    pub(crate) fn of(arn: &Arn) -> Self {
        Self(beginning(&arn.service, &arn.resource).0)
    }
}

/// What the text of a resource must begin with for a statement to be about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Head {
    text: Beginning,
    mask: Beginning,
}

impl Head {
    /// Of a statement that may be about anything.
    const OPEN: Self = Self { text: [0; WORDS], mask: [0; WORDS] };

    pub(crate) fn of(statement: &Statement) -> Self {
        if statement.not_resource {
            return Self::OPEN;
        }
        let heads = statement.resources.iter().map(|pattern| match pattern.literal_beginning() {
            Some((service, resource)) => Self::new(service, resource),
            None => Self::OPEN,
        });
        heads.reduce(Self::in_common).unwrap_or(Self::OPEN)
    }

    fn new(service: &str, resource: &str) -> Self {
        let (text, length) = beginning(service, resource);
        Self { text, mask: mask(length) }
    }

    /// The longest beginning of both.
    fn in_common(self, other: Self) -> Self {
        let bytes = |words: Beginning| words.map(u64::to_le_bytes).concat();
        let (mine, theirs) = (bytes(self.text), bytes(other.text));
        let differs = mine.iter().zip(&theirs).position(|(mine, theirs)| mine != theirs).unwrap_or(LENGTH);
        let mask = mask(differs.min(self.length()).min(other.length()));
        Self { text: std::array::from_fn(|word| self.text[word] & mask[word]), mask }
    }

    fn length(&self) -> usize {
        let bits: u32 = self.mask.iter().map(|word| word.count_ones()).sum();
        bits as usize / 8
    }

    /// Whether the statement may be about it. Never false for one that is.
    pub(crate) fn begins(&self, glance: &Glance) -> bool {
        let differences = (0..WORDS).map(|word| (self.text[word] ^ glance.0[word]) & self.mask[word]);
        differences.fold(0, |all, one| all | one) == 0
    }
}

/// The first bytes of `service:resource`, and how many there are.
fn beginning(service: &str, resource: &str) -> (Beginning, usize) {
    let mut bytes = [0; LENGTH];
    let text = service.bytes().chain([b':']).chain(resource.bytes());
    let mut length = 0;
    for (place, byte) in bytes.iter_mut().zip(text) {
        *place = byte;
        length += 1;
    }
    let (words, _) = bytes.as_chunks::<8>();
    (std::array::from_fn(|word| u64::from_le_bytes(words[word])), length)
}

/// Ones for the first `length` bytes.
fn mask(length: usize) -> Beginning {
    std::array::from_fn(|word| match length.saturating_sub(word * 8) {
        0 => 0,
        bytes @ 1..8 => u64::MAX >> (64 - 8 * bytes),
        _ => u64::MAX,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Policy};

    fn head(resource: &str) -> Head {
        let json = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "*", {resource}}}}}"#
        );
        Head::of(&Policy::parse(&json, Kind::Identity).unwrap().statements()[0])
    }

    #[test]
    fn beginnings() {
        for (resource, length) in [
            (r#""Resource": "*""#, 0),
            (r#""NotResource": "arn:aws:s3:::bucket""#, 0),
            (r#""Resource": "arn:aws:s3:::bucket""#, 9),
            (r#""Resource": "arn:aws:s3:::bucket/*""#, 10),
            (r#""Resource": "arn:aws:s3:::*/key""#, 3),
            (r#""Resource": "arn:aws:s3:::${aws:username}/key""#, 3),
            (r#""Resource": "arn:aws:s3:::home-${aws:username}""#, 8),
            (r#""Resource": "arn:aws:s3""#, 3),
            // A star there may reach over colons.
            (r#""Resource": "arn:aws:sns:*:topic""#, 4),
            (r#""Resource": ["arn:aws:s3:::bucket-a", "arn:aws:s3:::bucket-b/*"]"#, 10),
            (r#""Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#, 9),
            (r#""Resource": ["arn:aws:s3:::bucket", "arn:aws:sqs:::bucket"]"#, 1),
            (r#""Resource": ["arn:aws:s3:::bucket", "*"]"#, 0),
            (r#""Resource": "arn:aws:s3:::a-bucket-with-a-name-that-goes-on/and/a/key""#, LENGTH),
        ] {
            assert_eq!(head(resource).length(), length, "{resource}");
        }
    }

    #[test]
    fn what_begins_so_is_looked_at() {
        let glance = |arn: &str| Glance::of(&arn.parse().unwrap());
        for (resource, arn, expected) in [
            ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/key", true),
            ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket", false),
            ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket", true),
            ("arn:aws:s3:::bucket", "arn:aws:sqs:::bucket", false),
            ("arn:aws:s3:::bücket/*", "arn:aws:s3:::bücket/ü", true),
            (
                "arn:aws:s3:::a-bucket-with-a-name-that-goes-on/a",
                "arn:aws:s3:::a-bucket-with-a-name-that-goes-on/b",
                true,
            ),
        ] {
            let head = head(&format!(r#""Resource": "{resource}""#));
            assert_eq!(head.begins(&glance(arn)), expected, "{resource} {arn}");
        }
    }
}
