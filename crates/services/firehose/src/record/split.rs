//! Records apart and together: de-aggregation into sub-records, and the delimiter after each delivered record.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

/// How a record holds several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubRecords {
    /// JSON documents, one after the other or a line each.
    Json,
    Delimited(Vec<u8>),
}

/// Why a processor's parameters are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DelimiterError {
    #[error("Delimiter must be a base64-encoded string.")]
    NotBase64,
    #[error("Delimiter must not be empty.")]
    Empty,
    #[error("Delimiter ends with an incomplete escape: {0}")]
    Escape(String),
}

/// The error code of a record that cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Non JSON record provided for record deaggregation")]
pub struct NotJson;

impl SubRecords {
    /// `delimiter` as the parameter `Delimiter` carries it, in base64.
    pub fn delimited(delimiter: &str) -> Result<Self, DelimiterError> {
        match STANDARD.decode(delimiter).map_err(|_| DelimiterError::NotBase64)? {
            bytes if bytes.is_empty() => Err(DelimiterError::Empty),
            bytes => Ok(Self::Delimited(bytes)),
        }
    }

    /// Where the sub-records of `record` stand; empty pieces are left out.
    pub fn split(&self, record: &[u8]) -> Result<Vec<Range<usize>>, NotJson> {
        match self {
            Self::Json => split_json(record),
            Self::Delimited(delimiter) => Ok(split_delimited(record, delimiter)),
        }
    }
}

fn split_json(record: &[u8]) -> Result<Vec<Range<usize>>, NotJson> {
    let mut documents = serde_json::Deserializer::from_slice(record).into_iter::<IgnoredAny>();
    let mut pieces = Vec::new();
    let mut from = 0;
    while let Some(document) = documents.next() {
        document.map_err(|_| NotJson)?;
        let to = documents.byte_offset();
        let blank = record[from..to].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        pieces.push(from + blank..to);
        from = to;
    }
    if pieces.is_empty() { Err(NotJson) } else { Ok(pieces) }
}

fn split_delimited(record: &[u8], delimiter: &[u8]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at < record.len() {
        if record[at..].starts_with(delimiter) {
            pieces.push(from..at);
            at += delimiter.len();
            from = at;
        } else {
            at += 1;
        }
    }
    pieces.push(from..record.len());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// The bytes that the parameter `Delimiter` of AppendDelimiterToRecord names: `\n` and its like are escapes.
pub fn appended(delimiter: &str) -> Result<Vec<u8>, DelimiterError> {
    let mut out = Vec::new();
    let mut chars = delimiter.chars();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('\\') => '\\',
                _ => return Err(DelimiterError::Escape(delimiter.to_owned())),
            },
            c => c,
        };
        out.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
    }
    if out.is_empty() { Err(DelimiterError::Empty) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(how: &SubRecords, record: &str) -> Option<Vec<String>> {
        let pieces = how.split(record.as_bytes()).ok()?;
        Some(pieces.into_iter().map(|piece| record[piece].to_owned()).collect())
    }

    #[test]
    fn json_documents_come_apart() {
        let pieces = split(&SubRecords::Json, "{\"a\":1}{\"a\":2}\n {\"a\":[3]}\n").unwrap();
        assert_eq!(pieces, [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":[3]}"#]);
        for record in ["", "  ", "{\"a\":1}{\"a\"", "x"] {
            assert_eq!(split(&SubRecords::Json, record), None, "{record}");
        }
    }

    #[test]
    fn delimited_pieces_come_apart() {
        let hashes = SubRecords::delimited("IyMjIw==").unwrap();
        assert_eq!(split(&hashes, "a####b#####c####").unwrap(), ["a", "b", "#c"]);
        assert_eq!(SubRecords::delimited("#"), Err(DelimiterError::NotBase64));
        assert_eq!(SubRecords::delimited(""), Err(DelimiterError::Empty));
    }

    #[test]
    fn appended_delimiters_know_escapes() {
        assert_eq!(appended("\\n").unwrap(), b"\n");
        assert_eq!(appended("|\\t\\\\").unwrap(), b"|\t\\");
        assert!(appended("\\").is_err());
    }
}
