//! Tags of buckets and objects: AWS's limits, and the form in which a header carries them. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::S3Error;
use crate::store::{Document, Kind};

pub type Tags = BTreeMap<String, String>;

const MOST_OF_OBJECT: usize = 10;
const MOST_OF_BUCKET: usize = 50;
/// In characters.
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// The tags of a bucket.
#[derive(Debug, Serialize, Deserialize)]
pub struct BucketTags {
    pub tags: Tags,
}

impl Document for BucketTags {
    const KIND: Kind = Kind::Tagging;
}

/// Whose tags they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    Object,
    Bucket,
}

/// Holds tags against AWS's rules.
///
/// Errors: InvalidTag, BadRequest (too many).
pub fn check(of: Of, pairs: impl IntoIterator<Item = (String, String)>) -> Result<Tags, S3Error> {
    let mut tags = Tags::new();
    for (key, value) in pairs {
        check_text(&key, LONGEST_KEY).map_err(|()| S3Error::InvalidTag {
            message: "The TagKey you have provided is invalid",
            key: key.clone(),
        })?;
        if key.is_empty() || key.to_ascii_lowercase().starts_with("aws:") {
            let message = match key.is_empty() {
                true => "The TagKey you have provided is invalid",
                false => "System tags cannot be added/updated by requester",
            };
            return Err(S3Error::InvalidTag { message, key });
        }
        check_text(&value, LONGEST_VALUE).map_err(|()| S3Error::InvalidTag {
            message: "The TagValue you have provided is invalid",
            key: key.clone(),
        })?;
        if tags.contains_key(&key) {
            return Err(S3Error::InvalidTag {
                message: "Cannot provide multiple Tags with the same key",
                key,
            });
        }
        tags.insert(key, value);
    }
    let (most, message) = match of {
        Of::Object => (MOST_OF_OBJECT, "Object tags cannot be greater than 10"),
        Of::Bucket => (MOST_OF_BUCKET, "Bucket tag count cannot be greater than 50"),
    };
    match tags.len() > most {
        true => Err(S3Error::TooManyTags { message }),
        false => Ok(tags),
    }
}

/// Letters, digits and spaces of any script, and `+ - = . _ : / @`.
fn check_text(text: &str, longest: usize) -> Result<(), ()> {
    let fits = text.chars().count() <= longest;
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
    if fits && text.chars().all(allowed) { Ok(()) } else { Err(()) }
}

/// The tags of an object in `x-amz-tagging`: a query string.
///
/// Errors: InvalidArgument, InvalidTag, BadRequest.
pub fn parse_header(text: &str) -> Result<Tags, S3Error> {
    let pairs =
        form_urlencoded::parse(text.as_bytes()).map(|(key, value)| (key.into_owned(), value.into_owned()));
    check(Of::Object, pairs).map_err(|error| match error {
        S3Error::InvalidTag { message: "Cannot provide multiple Tags with the same key", .. } => {
            S3Error::invalid_argument(
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without \
                 tag name duplicates.",
                "x-amz-tagging",
                text,
            )
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<Tags, S3Error>) -> Result<usize, &'static str> {
        result.map(|tags| tags.len()).map_err(|error| error.code())
    }

    #[test]
    fn headers() {
        for (text, expected) in [
            ("", Ok(0)),
            ("a=1&b=2", Ok(2)),
            ("a", Ok(1)),
            ("a+b=%2F", Ok(1)),
            ("a=1&a=2", Err("InvalidArgument")),
            ("=1", Err("InvalidTag")),
            ("a=%21", Err("InvalidTag")),
            ("aws:x=1", Err("InvalidTag")),
            ("a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1", Ok(10)),
            ("a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1", Err("BadRequest")),
        ] {
            assert_eq!(code(parse_header(text)), expected, "{text}");
        }
    }

    #[test]
    fn limits() {
        let pair = |key: usize, value: usize| [("ä".repeat(key), "v".repeat(value))];
        assert_eq!(code(check(Of::Bucket, pair(128, 256))), Ok(1));
        assert_eq!(code(check(Of::Bucket, pair(129, 0))), Err("InvalidTag"));
        assert_eq!(code(check(Of::Bucket, pair(1, 257))), Err("InvalidTag"));
        let many = |n: usize| (0..n).map(|n| (n.to_string(), String::new()));
        assert_eq!(code(check(Of::Bucket, many(50))), Ok(50));
        assert_eq!(code(check(Of::Bucket, many(51))), Err("BadRequest"));
    }
}
