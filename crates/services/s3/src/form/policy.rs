//! The policy that a signed form carries: what its fields may say. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millpond_core::Timestamp;
use s3s::dto::TimestampFormat;
use serde::Deserialize;

use crate::error::S3Error;
use crate::ops::from_timestamp;

/// Fields that no condition has to name, beside those that begin with `x-ignore-`.
const FREE: [&str; 3] = ["x-amz-signature", "policy", "file"];

#[derive(Debug, PartialEq, Eq)]
pub struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Equals { field: String, value: String },
    StartsWith { field: String, prefix: String },
    Length(RangeInclusive<u64>),
}

#[derive(Deserialize)]
struct Document {
    expiration: Option<String>,
    conditions: Option<Vec<Written>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Exact(BTreeMap<String, String>),
    Rule(String, Scalar, Scalar),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(u64),
}

impl Scalar {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// As AWS shows a condition that failed.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals { field, value } => write!(f, "[\"eq\", \"${field}\", \"{value}\"]"),
            Self::StartsWith { field, prefix } => {
                write!(f, "[\"starts-with\", \"${field}\", \"{prefix}\"]")
            }
            Self::Length(range) => {
                write!(f, "[\"content-length-range\", {}, {}]", range.start(), range.end())
            }
        }
    }
}

fn invalid(problem: impl fmt::Display) -> S3Error {
    S3Error::BadForm {
        code: "InvalidPolicyDocument",
        message: format!("Invalid Policy: {problem}"),
        fields: Vec::new(),
    }
}

impl Policy {
    /// Errors: InvalidPolicyDocument.
    pub fn parse(encoded: &str) -> Result<Self, S3Error> {
        let whole: String = encoded.split_ascii_whitespace().collect();
        let json = STANDARD.decode(whole).map_err(|_| invalid("Invalid base64 encoding."))?;
        let document: Document = serde_json::from_slice(&json).map_err(|_| invalid("Invalid JSON."))?;
        let text = document.expiration.ok_or_else(|| invalid("Policy missing expiration."))?;
        let expiration = s3s::dto::Timestamp::parse(TimestampFormat::DateTime, &text).ok();
        let expiration = expiration.as_ref().and_then(from_timestamp);
        let expiration =
            expiration.ok_or_else(|| invalid(format!("Invalid 'expiration' value: '{text}'")))?;
        let mut conditions = Vec::new();
        for written in document.conditions.ok_or_else(|| invalid("Policy missing conditions."))? {
            match written {
                Written::Exact(fields) => conditions.extend(
                    fields
                        .into_iter()
                        .map(|(field, value)| Condition::Equals { field: field.to_ascii_lowercase(), value }),
                ),
                Written::Rule(rule, first, second) => conditions.push(condition(&rule, &first, &second)?),
            }
        }
        Ok(Self { expiration, conditions })
    }

    /// Holds a form's fields (their names in lower case) against the policy; gives the sizes that its file may have.
    ///
    /// Errors: AccessDenied.
    pub fn check(
        &self,
        bucket: &str,
        fields: &[(String, String)],
        now: Timestamp,
    ) -> Result<RangeInclusive<u64>, S3Error> {
        let denied = |problem: String| S3Error::AccessDenied {
            message: format!("Invalid according to Policy: {problem}"),
        };
        if self.expiration <= now {
            return Err(denied("Policy expired.".into()));
        }
        let value = |name: &str| match name {
            "bucket" => Some(bucket),
            _ => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()),
        };
        let mut lengths = 0..=u64::MAX;
        for condition in &self.conditions {
            let met = match condition {
                Condition::Equals { field, value: expected } => value(field) == Some(expected.as_str()),
                Condition::StartsWith { field, prefix } => {
                    value(field).is_some_and(|value| starts_with(field, value, prefix))
                }
                Condition::Length(range) => {
                    lengths = (*lengths.start()).max(*range.start())..=(*lengths.end()).min(*range.end());
                    true
                }
            };
            if !met {
                return Err(denied(format!("Policy Condition failed: {condition}")));
            }
        }
        let extra: Vec<&str> =
            fields.iter().map(|(name, _)| name.as_str()).filter(|name| !self.names(name)).collect();
        match extra.is_empty() {
            true => Ok(lengths),
            false => Err(denied(format!("Extra input fields: {}", extra.join(", ")))),
        }
    }

    fn names(&self, name: &str) -> bool {
        FREE.contains(&name)
            || name.starts_with("x-ignore-")
            || self.conditions.iter().any(|condition| match condition {
                Condition::Equals { field, .. } | Condition::StartsWith { field, .. } => field == name,
                Condition::Length(_) => false,
            })
    }
}

/// Each of several content types must begin so.
fn starts_with(field: &str, value: &str, prefix: &str) -> bool {
    match field {
        "content-type" => value.split(',').all(|one| one.trim().starts_with(prefix)),
        _ => value.starts_with(prefix),
    }
}

fn condition(rule: &str, first: &Scalar, second: &Scalar) -> Result<Condition, S3Error> {
    let field = || {
        let name = first.to_string();
        let name = name.strip_prefix('$').map(str::to_ascii_lowercase);
        name.ok_or_else(|| invalid(format!("Invalid condition field: '{first}'")))
    };
    match rule.to_ascii_lowercase().as_str() {
        "eq" => Ok(Condition::Equals { field: field()?, value: second.to_string() }),
        "starts-with" => Ok(Condition::StartsWith { field: field()?, prefix: second.to_string() }),
        "content-length-range" => match (first.number(), second.number()) {
            (Some(least), Some(most)) => Ok(Condition::Length(least..=most)),
            _ => Err(invalid("Invalid content-length-range.")),
        },
        other => Err(invalid(format!("Invalid condition: '{other}'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn check(conditions: &str, fields: &[(&str, &str)]) -> Result<RangeInclusive<u64>, String> {
        let json = format!("{{\"expiration\": \"2030-01-01T00:00:00Z\", \"conditions\": {conditions}}}");
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let policy = Policy::parse(&STANDARD.encode(json)).map_err(|error| error.to_string())?;
        policy.check("b", &fields, NOW).map_err(|error| error.to_string())
    }

    #[test]
    fn conditions() {
        let key = &[("key", "user/k")][..];
        let failed =
            |text: &str| Err(format!("Invalid according to Policy: Policy Condition failed: {text}"));
        for (conditions, fields, expected) in [
            (r#"[{"key": "user/k"}, {"bucket": "b"}]"#, key, Ok(0..=u64::MAX)),
            (r#"[["eq", "$key", "user/k"]]"#, key, Ok(0..=u64::MAX)),
            (r#"[["starts-with", "$Key", "user/"]]"#, key, Ok(0..=u64::MAX)),
            (r#"[["starts-with", "$key", ""], ["content-length-range", 1, "9"]]"#, key, Ok(1..=9)),
            (r#"[{"key": "x"}]"#, key, failed(r#"["eq", "$key", "x"]"#)),
            (r#"[["starts-with", "$key", "x"]]"#, key, failed(r#"["starts-with", "$key", "x"]"#)),
            (r#"[{"bucket": "c"}]"#, key, failed(r#"["eq", "$bucket", "c"]"#)),
            (
                r#"[{"bucket": "b"}]"#,
                key,
                Err("Invalid according to Policy: Extra input fields: key".to_owned()),
            ),
            ("[]", &[("policy", "p"), ("x-amz-signature", "s"), ("x-ignore-me", "")], Ok(0..=u64::MAX)),
            (
                r#"[["starts-with", "$content-type", "image/"]]"#,
                &[("content-type", "image/png, text/html")],
                failed(r#"["starts-with", "$content-type", "image/"]"#),
            ),
            (r#"[["like", "$key", ""]]"#, key, Err("Invalid Policy: Invalid condition: 'like'".to_owned())),
            (r#"[["eq", "key"]]"#, key, Err("Invalid Policy: Invalid JSON.".to_owned())),
        ] {
            assert_eq!(check(conditions, fields), expected, "{conditions}");
        }
    }

    #[test]
    fn documents() {
        let message = |json: &str| Policy::parse(&STANDARD.encode(json)).map_err(|error| error.to_string());
        assert_eq!(message("{}"), Err("Invalid Policy: Policy missing expiration.".into()));
        let no_conditions = r#"{"expiration": "2030-01-01T00:00:00Z"}"#;
        assert_eq!(message(no_conditions), Err("Invalid Policy: Policy missing conditions.".into()));
        let no_time = r#"{"expiration": "soon", "conditions": []}"#;
        assert_eq!(message(no_time), Err("Invalid Policy: Invalid 'expiration' value: 'soon'".into()));
        let old = message(r#"{"expiration": "2020-01-01T00:00:00.000Z", "conditions": []}"#).unwrap();
        let expired = old.check("b", &[], NOW).map_err(|error| error.to_string());
        assert_eq!(expired, Err("Invalid according to Policy: Policy expired.".into()));
        assert!(Policy::parse("%").is_err());
    }
}
