//! Custom prefixes of S3 objects: `!{namespace:value}` expressions, the rules between them, and object names.
//!
//! Source: Amazon Data Firehose developer guide, "Custom prefixes for Amazon S3 objects".

use std::collections::BTreeSet;
use std::fmt;

use jiff::Zoned;
use uuid::Uuid;

use crate::java_time::JavaPattern;

/// An evaluated prefix may not be longer than this many characters.
pub const MAX_EVALUATED: usize = 512;

const DEFAULT_TIME: &str = "yyyy/MM/dd/HH/";

/// Where data and failed records of one delivery stream go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    data: Template,
    failed: Template,
}

/// One prefix. Prints as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Time(JavaPattern),
    RandomString,
    ErrorOutputType,
    Key(String),
}

/// Why a pair of prefixes is refused; the texts go to the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    #[error("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions.")]
    NoErrorPrefix,
    #[error(
        "ErrorOutputPrefix must contain at least one instance of !{{firehose:error-output-type}} when it contains expressions."
    )]
    NoErrorOutputType,
    #[error("Prefix cannot contain !{{firehose:error-output-type}}.")]
    ErrorOutputTypeInPrefix,
    #[error("ErrorOutputPrefix cannot contain the expression !{{{0}}}.")]
    KeyInErrorPrefix(String),
    #[error("Prefix contains an expression that is not of the form !{{namespace:value}}: {0}")]
    Malformed(String),
    #[error("Prefix contains the unknown expression !{{{0}}}.")]
    Unknown(String),
    #[error("Prefix contains an invalid timestamp expression: {0}.")]
    Time(#[from] crate::java_time::PatternError),
    #[error(
        "Prefix contains !{{partitionKeyFromLambda:{0}}}, which is not supported: Lambda processors are not available."
    )]
    FromLambda(String),
    #[error("Prefix contains !{{partitionKeyFromQuery:{0}}}, but Dynamic Partitioning is not enabled.")]
    KeyWithoutPartitioning(String),
    #[error(
        "Prefix contains !{{partitionKeyFromQuery:{0}}}, but the MetadataExtractionQuery has no such key."
    )]
    KeyNotExtracted(String),
    #[error("MetadataExtractionQuery extracts the key {0}, which Prefix does not use.")]
    KeyNotUsed(String),
    #[error(
        "Prefix must contain at least one partition key expression when Dynamic Partitioning is enabled."
    )]
    NoKeys,
}

impl Prefixes {
    /// Parses both prefixes and holds them against the rules; `keys` are the names of the partition keys when dynamic
    /// partitioning is on.
    pub fn parse(
        prefix: &str,
        error_prefix: Option<&str>,
        keys: Option<&BTreeSet<String>>,
    ) -> Result<Self, PrefixError> {
        let mut data = Template::parse(prefix)?;
        if data.0.contains(&Part::ErrorOutputType) {
            return Err(PrefixError::ErrorOutputTypeInPrefix);
        }
        data.check_keys(keys)?;
        let failed = match error_prefix {
            None | Some("") if data.has_expressions() => return Err(PrefixError::NoErrorPrefix),
            None | Some("") => {
                let mut failed = data.clone();
                failed.0.extend([Part::ErrorOutputType, Part::Text("/".into()), default_time()]);
                failed
            }
            Some(error_prefix) => Template::failed(error_prefix)?,
        };
        if keys.is_none() && !data.0.iter().any(|part| matches!(part, Part::Time(_))) {
            data.0.push(default_time());
        }
        Ok(Self { data, failed })
    }

    /// `at` is the arrival of the object's oldest record; `key` looks a partition key's value up.
    pub fn data<'a>(&self, at: &Zoned, key: impl Fn(&str) -> &'a str) -> String {
        self.data.evaluate(at, key, "")
    }

    pub fn failed(&self, at: &Zoned, error_output_type: &str) -> String {
        self.failed.evaluate(at, |_| "", error_output_type)
    }
}

fn default_time() -> Part {
    Part::Time(JavaPattern::parse(DEFAULT_TIME).expect("the default pattern is well formed"))
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, PrefixError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("!{") {
            let (expression, after) =
                after.split_once('}').ok_or_else(|| PrefixError::Malformed(format!("!{{{after}")))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::parse(expression)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    fn failed(text: &str) -> Result<Self, PrefixError> {
        let mut template = Self::parse(text)?;
        if let Some(Part::Key(name)) = template.0.iter().find(|part| matches!(part, Part::Key(_))) {
            return Err(PrefixError::KeyInErrorPrefix(format!("partitionKeyFromQuery:{name}")));
        }
        if !template.has_expressions() {
            template.0.extend([Part::ErrorOutputType, Part::Text("/".into()), default_time()]);
        }
        if !template.0.contains(&Part::ErrorOutputType) {
            return Err(PrefixError::NoErrorOutputType);
        }
        Ok(template)
    }

    fn has_expressions(&self) -> bool {
        self.0.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    fn check_keys(&self, keys: Option<&BTreeSet<String>>) -> Result<(), PrefixError> {
        let used: BTreeSet<&String> = self
            .0
            .iter()
            .filter_map(|part| if let Part::Key(name) = part { Some(name) } else { None })
            .collect();
        let Some(keys) = keys else {
            return match used.first() {
                Some(name) => Err(PrefixError::KeyWithoutPartitioning((*name).clone())),
                None => Ok(()),
            };
        };
        if used.is_empty() {
            return Err(PrefixError::NoKeys);
        }
        if let Some(name) = used.iter().find(|name| !keys.contains(**name)) {
            return Err(PrefixError::KeyNotExtracted((*name).clone()));
        }
        match keys.iter().find(|name| !used.contains(name)) {
            Some(name) => Err(PrefixError::KeyNotUsed(name.clone())),
            None => Ok(()),
        }
    }

    fn evaluate<'a>(&self, at: &Zoned, key: impl Fn(&str) -> &'a str, error_output_type: &str) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Time(pattern) => out.push_str(&pattern.format(at)),
                Part::RandomString => out.push_str(&Uuid::new_v4().to_string()[..11]),
                Part::ErrorOutputType => out.push_str(error_output_type),
                Part::Key(name) => out.push_str(key(name)),
            }
        }
        out
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Time(pattern) => write!(f, "!{{timestamp:{}}}", pattern.source()),
            Part::RandomString => f.write_str("!{firehose:random-string}"),
            Part::ErrorOutputType => f.write_str("!{firehose:error-output-type}"),
            Part::Key(name) => write!(f, "!{{partitionKeyFromQuery:{name}}}"),
        })
    }
}

impl Part {
    fn parse(expression: &str) -> Result<Self, PrefixError> {
        let (namespace, value) =
            expression.split_once(':').ok_or_else(|| PrefixError::Malformed(format!("!{{{expression}}}")))?;
        match (namespace, value) {
            ("timestamp", pattern) => Ok(Self::Time(JavaPattern::parse(pattern)?)),
            ("firehose", "random-string") => Ok(Self::RandomString),
            ("firehose", "error-output-type") => Ok(Self::ErrorOutputType),
            ("partitionKeyFromQuery", name) if !name.is_empty() => Ok(Self::Key(name.to_owned())),
            ("partitionKeyFromLambda", name) => Err(PrefixError::FromLambda(name.to_owned())),
            _ => Err(PrefixError::Unknown(expression.to_owned())),
        }
    }
}

/// The part of an object's key after its prefix: `NAME-VERSION-yyyy-MM-dd-HH-mm-ss-UUID.EXTENSION`.
pub fn object_name(stream: &str, version: u64, at: &Zoned, extension: &str) -> String {
    let time = at.strftime("%Y-%m-%d-%H-%M-%S");
    format!("{stream}-{version}-{time}-{}{extension}", Uuid::new_v4())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Zoned {
        "2018-08-27T10:30:00[UTC]".parse().unwrap()
    }

    #[test]
    fn evaluates_the_documented_examples() {
        for (prefix, error, data, failed) in [
            ("", None, "2018/08/27/10/", "processing-failed/2018/08/27/10/"),
            (
                "",
                Some("failures/!{firehose:error-output-type}/"),
                "2018/08/27/10/",
                "failures/processing-failed/",
            ),
            ("logs/", None, "logs/2018/08/27/10/", "logs/processing-failed/2018/08/27/10/"),
            ("logs/", Some("bad/"), "logs/2018/08/27/10/", "bad/processing-failed/2018/08/27/10/"),
            (
                "a/!{timestamp:yyyy}/b/!{timestamp:dd}",
                Some("e/!{timestamp:'year='yyyy}/!{firehose:error-output-type}"),
                "a/2018/b/27",
                "e/year=2018/processing-failed",
            ),
        ] {
            let prefixes = Prefixes::parse(prefix, error, None).unwrap();
            assert_eq!(prefixes.data(&at(), |_| ""), data);
            assert_eq!(prefixes.failed(&at(), "processing-failed"), failed);
        }
    }

    #[test]
    fn partition_keys_stand_where_they_are_named() {
        let keys = BTreeSet::from(["day".to_owned(), "year".to_owned()]);
        let prefix = "year=!{partitionKeyFromQuery:year}/day=!{partitionKeyFromQuery:day}/";
        let prefixes =
            Prefixes::parse(prefix, Some("e/!{firehose:error-output-type}/"), Some(&keys)).unwrap();
        let value = |name: &str| if name == "year" { "2013" } else { "07" };
        assert_eq!(prefixes.data(&at(), value), "year=2013/day=07/");
    }

    #[test]
    fn random_strings_have_eleven_characters_and_differ() {
        let prefixes =
            Prefixes::parse("!{firehose:random-string}!{firehose:random-string}", Some("bad"), None).unwrap();
        let text = prefixes.data(&at(), |_| "");
        assert_eq!(text.len(), 22 + "2018/08/27/10/".len());
        assert_ne!(text[..11], text[11..22]);
    }

    #[test]
    fn refuses_what_the_rules_forbid() {
        let keys = BTreeSet::from(["day".to_owned()]);
        let failed = Some("e/!{firehose:error-output-type}/");
        for (prefix, error, keys) in [
            ("!{timestamp:yyyy}", None, None),
            ("!{timestamp:yyyy}", Some("e/!{timestamp:yyyy}"), None),
            ("!{firehose:error-output-type}", failed, None),
            ("!{firehose:nonsense}", failed, None),
            ("!{timestamp}", failed, None),
            ("!{timestamp:yyyy", failed, None),
            ("!{timestamp:bogus}", failed, None),
            ("!{partitionKeyFromLambda:day}", failed, Some(&keys)),
            ("!{partitionKeyFromQuery:day}", failed, None),
            ("!{partitionKeyFromQuery:week}", failed, Some(&keys)),
            ("plain/", failed, Some(&keys)),
            ("!{partitionKeyFromQuery:day}", None, Some(&keys)),
            ("a/", Some("!{partitionKeyFromQuery:day}/!{firehose:error-output-type}"), None),
        ] {
            assert!(Prefixes::parse(prefix, error, keys).is_err(), "{prefix} {error:?}");
        }
    }

    #[test]
    fn names_carry_stream_version_and_time() {
        let name = object_name("orders", 3, &at(), ".parquet");
        assert!(name.starts_with("orders-3-2018-08-27-10-30-00-") && name.ends_with(".parquet"), "{name}");
    }
}
