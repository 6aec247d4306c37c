//! Conditional requests: `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since`. Pure.

use http::HeaderMap;
use millpond_core::Timestamp;

use crate::error::S3Error;

/// The entity tags of one header, without quotes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tags {
    Any,
    These(Vec<String>),
}

impl Tags {
    pub fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return Self::Any;
        }
        let tags = text.split(',').map(|tag| {
            let tag = tag.trim();
            tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"').to_owned()
        });
        Self::These(tags.collect())
    }

    pub fn matches(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|tag| tag == etag),
        }
    }
}

/// Under which conditions an object is read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReadConditions {
    pub if_match: Option<Tags>,
    pub if_none_match: Option<Tags>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

/// Whether a copy's conditions or a plain read's are checked: they differ in the answer to "it is the same".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    Get,
    Copy,
}

impl ReadConditions {
    /// The tags are read from the raw headers, since one header may carry several; the times come decoded.
    pub fn of(
        headers: &HeaderMap,
        reader: Reader,
        modified_since: Option<Timestamp>,
        unmodified_since: Option<Timestamp>,
    ) -> Self {
        let (matches, none_matches) = match reader {
            Reader::Get => ("if-match", "if-none-match"),
            Reader::Copy => ("x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match"),
        };
        let tags = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(Tags::parse);
        Self {
            if_match: tags(matches),
            if_none_match: tags(none_matches),
            if_modified_since: modified_since,
            if_unmodified_since: unmodified_since,
        }
    }

    /// RFC 9110, section 13.2.2: a tag condition decides over the time condition beside it. HTTP dates have whole
    /// seconds, so the object's time is cut to them.
    pub fn check(&self, reader: Reader, etag: &str, modified: Timestamp) -> Result<(), S3Error> {
        let modified = modified.as_secs();
        let failed = |condition| Err(S3Error::PreconditionFailed { condition });
        match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !tags.matches(etag) => return failed("If-Match"),
            (None, Some(since)) if modified > since.as_secs() => return failed("If-Unmodified-Since"),
            _ => {}
        }
        let unchanged = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => tags.matches(etag).then_some("If-None-Match"),
            (None, Some(since)) => (modified <= since.as_secs()).then_some("If-Modified-Since"),
            (None, None) => None,
        };
        match (unchanged, reader) {
            (None, _) => Ok(()),
            (Some(_), Reader::Get) => Err(S3Error::NotModified { etag: etag.to_owned() }),
            (Some(condition), Reader::Copy) => failed(condition),
        }
    }
}

/// Under which condition an object is written, checked in the transaction that writes it.
///
/// Differs from AWS: transactions run one after the other, so that a condition always holds or does not; AWS answers
/// ConditionalRequestConflict when it cannot say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum WriteCondition {
    #[default]
    None,
    /// `If-None-Match: *`: only if there is no such key.
    Absent,
    /// `If-Match: *`: only if there is an object.
    Present,
    /// `If-Match`: only over this ETag.
    Matches(String),
}

impl WriteCondition {
    /// S3 takes nothing but `*` in `If-None-Match` of a write, and one ETag in `If-Match`.
    pub fn of(headers: &HeaderMap) -> Result<Self, S3Error> {
        let text = |name: &'static str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        match (text("if-none-match"), text("if-match")) {
            (None, None) => Ok(Self::None),
            (Some("*"), None) => Ok(Self::Absent),
            (Some(_), None) => Err(S3Error::HeaderNotImplemented { header: "If-None-Match".into() }),
            (Some(_), Some(_)) => {
                Err(S3Error::HeaderNotImplemented { header: "If-Match,If-None-Match".into() })
            }
            (None, Some(tag)) => match Tags::parse(tag) {
                Tags::These(tags) if tags.len() == 1 => Ok(Self::Matches(tags.concat())),
                Tags::Any | Tags::These(_) => {
                    Err(S3Error::HeaderNotImplemented { header: "If-Match".into() })
                }
            },
        }
    }

    /// A deletion's condition: `*` is met by any object.
    pub fn of_delete(etag: Option<&str>) -> Self {
        match etag {
            None => Self::None,
            Some("*") => Self::Present,
            Some(etag) => Self::Matches(etag.to_owned()),
        }
    }

    /// `current` is the ETag of what is there now.
    pub fn check(&self, key: &str, current: Option<&str>) -> Result<(), S3Error> {
        match (self, current) {
            (Self::None, _) | (Self::Absent, None) | (Self::Present, Some(_)) => Ok(()),
            (Self::Absent, Some(_)) => Err(S3Error::PreconditionFailed { condition: "If-None-Match" }),
            (Self::Present, None) => Err(S3Error::PreconditionFailed { condition: "If-Match" }),
            (Self::Matches(_), None) => Err(S3Error::NoSuchKey { key: key.to_owned() }),
            (Self::Matches(tag), Some(etag)) if tag == etag => Ok(()),
            (Self::Matches(_), Some(_)) => Err(S3Error::PreconditionFailed { condition: "If-Match" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Timestamp = Timestamp::from_millis(1_000_500);

    fn read(reader: Reader, conditions: ReadConditions) -> &'static str {
        match conditions.check(reader, "abc", T) {
            Ok(()) => "ok",
            Err(S3Error::NotModified { .. }) => "304",
            Err(S3Error::PreconditionFailed { condition }) => condition,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn reads() {
        let none = ReadConditions::default;
        let tags = |text| Some(Tags::parse(text));
        let (before, at) = (Some(Timestamp::from_secs(999)), Some(Timestamp::from_secs(1_000)));
        for (conditions, get, copy) in [
            (none(), "ok", "ok"),
            (ReadConditions { if_match: tags("\"abc\""), ..none() }, "ok", "ok"),
            (ReadConditions { if_match: tags("\"x\", W/\"abc\""), ..none() }, "ok", "ok"),
            (ReadConditions { if_match: tags("*"), ..none() }, "ok", "ok"),
            (ReadConditions { if_match: tags("abd"), ..none() }, "If-Match", "If-Match"),
            (ReadConditions { if_match: tags("abc"), if_unmodified_since: before, ..none() }, "ok", "ok"),
            (
                ReadConditions { if_unmodified_since: before, ..none() },
                "If-Unmodified-Since",
                "If-Unmodified-Since",
            ),
            (ReadConditions { if_unmodified_since: at, ..none() }, "ok", "ok"),
            (ReadConditions { if_none_match: tags("abc"), ..none() }, "304", "If-None-Match"),
            (ReadConditions { if_none_match: tags("x"), if_modified_since: at, ..none() }, "ok", "ok"),
            (ReadConditions { if_modified_since: at, ..none() }, "304", "If-Modified-Since"),
            (ReadConditions { if_modified_since: before, ..none() }, "ok", "ok"),
        ] {
            assert_eq!(read(Reader::Get, conditions.clone()), get, "{conditions:?}");
            assert_eq!(read(Reader::Copy, conditions.clone()), copy, "{conditions:?}");
        }
    }

    #[test]
    fn writes() {
        let matches = WriteCondition::Matches("abc".into());
        assert!(WriteCondition::None.check("k", Some("x")).is_ok());
        assert!(WriteCondition::Absent.check("k", None).is_ok());
        assert!(WriteCondition::Absent.check("k", Some("x")).is_err());
        assert!(matches.check("k", Some("abc")).is_ok());
        assert!(matches!(
            matches.check("k", Some("x")),
            Err(S3Error::PreconditionFailed { condition: "If-Match" })
        ));
        assert!(matches!(matches.check("k", None), Err(S3Error::NoSuchKey { .. })));
    }

    #[test]
    fn write_headers() {
        let of = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            WriteCondition::of(&headers)
        };
        assert_eq!(of("if-none-match", "*").unwrap(), WriteCondition::Absent);
        assert_eq!(of("if-match", "\"abc\"").unwrap(), WriteCondition::Matches("abc".into()));
        assert!(of("if-none-match", "\"abc\"").is_err());
        assert!(of("if-match", "*").is_err());
    }
}
