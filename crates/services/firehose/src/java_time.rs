//! Java's `DateTimeFormatter` patterns, as prefixes and `TimestampFormats` use them, on top of jiff's strftime.
//!
//! A pattern is translated once; letters that have no exact counterpart are refused by name when the pattern is given.

use jiff::fmt::strtime;
use jiff::{Zoned, civil};
use serde::{Deserialize, Serialize};

/// A pattern, checked and ready for use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JavaPattern {
    source: String,
    /// The same for strftime and strptime.
    strftime: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("Unknown pattern letter: {0}")]
    UnknownLetter(char),
    #[error("Pattern {0} is not supported")]
    Unsupported(String),
    #[error("Pattern ends with an incomplete string literal: {0}")]
    OpenQuote(String),
    #[error("Pattern includes reserved character: '{0}'")]
    Reserved(char),
}

impl JavaPattern {
    /// `Differs from AWS:` week-based years (`Y`) follow ISO 8601, and optional sections (`[...]`), padding, eras,
    /// quarters, weeks and localized zone names are refused.
    pub fn parse(source: &str) -> Result<Self, PatternError> {
        let mut strftime = String::with_capacity(source.len() * 2);
        let mut chars = source.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\'' => quoted(source, &mut chars, &mut strftime)?,
                'a'..='z' | 'A'..='Z' => {
                    let mut count = 1;
                    while chars.next_if_eq(&c).is_some() {
                        count += 1;
                    }
                    strftime.push_str(&directive(c, count)?);
                }
                '{' | '}' | '#' => return Err(PatternError::Reserved(c)),
                '[' | ']' => return Err(PatternError::Unsupported(c.into())),
                _ => literal(c, &mut strftime),
            }
        }
        Ok(Self { source: source.to_owned(), strftime })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn format(&self, at: &Zoned) -> String {
        strtime::format(&self.strftime, at).expect("every directive stands for a part that a Zoned has")
    }

    /// The point in time that `text` names; without an offset in the pattern it is read as UTC, without a time of day
    /// as midnight. `None` when the text does not follow the pattern.
    pub fn read(&self, text: &str) -> Option<jiff::Timestamp> {
        let parsed = strtime::parse(&self.strftime, text).ok()?;
        if let Ok(at) = parsed.to_timestamp() {
            return Some(at);
        }
        let time = parsed.to_time().unwrap_or(civil::Time::midnight());
        let at = parsed.to_date().ok()?.to_datetime(time);
        at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    }
}

impl TryFrom<String> for JavaPattern {
    type Error = PatternError;

    fn try_from(source: String) -> Result<Self, PatternError> {
        Self::parse(&source)
    }
}

impl From<JavaPattern> for String {
    fn from(pattern: JavaPattern) -> String {
        pattern.source
    }
}

fn quoted(
    source: &str,
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    out: &mut String,
) -> Result<(), PatternError> {
    if chars.next_if_eq(&'\'').is_some() {
        literal('\'', out);
        return Ok(());
    }
    loop {
        match chars.next() {
            Some('\'') => {
                if chars.next_if_eq(&'\'').is_none() {
                    return Ok(());
                }
                literal('\'', out);
            }
            Some(c) => literal(c, out),
            None => return Err(PatternError::OpenQuote(source.to_owned())),
        }
    }
}

fn literal(c: char, out: &mut String) {
    if c == '%' {
        out.push('%');
    }
    out.push(c);
}

/// The strftime directive for `count` times a pattern letter.
fn directive(letter: char, count: usize) -> Result<String, PatternError> {
    let text = match (letter, count) {
        ('y' | 'u', 2) => "%y",
        ('y' | 'u', 1) => "%-Y",
        ('y' | 'u', 3 | 4) => "%Y",
        ('Y', 1 | 4) => "%G",
        ('Y', 2) => "%g",
        ('M' | 'L', 1) => "%-m",
        ('M' | 'L', 2) => "%m",
        ('M' | 'L', 3) => "%b",
        ('M' | 'L', 4) => "%B",
        ('d', 1) => "%-d",
        ('d', 2) => "%d",
        ('D', 1) => "%-j",
        ('D', 3) => "%j",
        ('E', 1..=3) => "%a",
        ('E', 4) => "%A",
        ('a', 1) => "%p",
        ('H', 1) => "%-H",
        ('H', 2) => "%H",
        ('h', 1) => "%-I",
        ('h', 2) => "%I",
        ('m', 1) => "%-M",
        ('m', 2) => "%M",
        ('s', 1) => "%-S",
        ('s', 2) => "%S",
        ('S', 1..=9) => return Ok(format!("%{count}f")),
        ('V', 2) => "%:Q",
        ('z', 1..=3) => "%Z",
        ('Z', 1..=3) | ('x', 2) => "%z",
        ('Z', 5) | ('x', 3) => "%:z",
        (
            'G' | 'u' | 'y' | 'Y' | 'D' | 'M' | 'L' | 'd' | 'Q' | 'q' | 'w' | 'W' | 'E' | 'e' | 'c' | 'F'
            | 'a' | 'h' | 'K' | 'k' | 'H' | 'm' | 's' | 'S' | 'A' | 'n' | 'N' | 'V' | 'z' | 'O' | 'X' | 'x'
            | 'Z' | 'p',
            _,
        ) => return Err(PatternError::Unsupported(String::from(letter).repeat(count.min(40)))),
        _ => return Err(PatternError::UnknownLetter(letter)),
    };
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_java_does() {
        let at: Zoned = "2013-03-05T07:08:09.012345678[Asia/Tokyo]".parse().unwrap();
        for (pattern, expected) in [
            ("yyyy/MM/dd/HH", "2013/03/05/07"),
            ("'year='yyyy'/month='MM", "year=2013/month=03"),
            ("y-M-d H:m:s", "2013-3-5 7:8:9"),
            ("yy D DDD", "13 64 064"),
            ("hh:mm a", "07:08 AM"),
            ("ss.SSS SSSSSS", "09.012 012345"),
            ("EEE, EEEE MMM MMMM", "Tue, Tuesday Mar March"),
            ("Z xxx VV", "+0900 +09:00 Asia/Tokyo"),
            ("''yyyy''", "'2013'"),
            ("'o''clock 100%'", "o'clock 100%"),
            ("", ""),
        ] {
            assert_eq!(JavaPattern::parse(pattern).unwrap().format(&at), expected, "{pattern}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for pattern in ["yyyy/bb", "'open", "QQQ", "{", "[yyyy]", "SSSSSSSSSS", "ww"] {
            assert!(JavaPattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn reads_timestamps() {
        for (pattern, text, expected) in [
            ("yyyy-MM-dd'T'HH:mm:ss", "2013-01-02T03:04:05", Some("2013-01-02T03:04:05Z")),
            ("dd/MM/yyyy", "02/01/2013", Some("2013-01-02T00:00:00Z")),
            ("yyyy-MM-dd HH:mm:ss.SSS Z", "2013-01-02 03:04:05.678 +0200", Some("2013-01-02T01:04:05.678Z")),
            ("yyyy-MM-dd", "2013-13-02", None),
            ("yyyy-MM-dd", "tomorrow", None),
        ] {
            let read = JavaPattern::parse(pattern).unwrap().read(text);
            assert_eq!(read.map(|at| at.to_string()).as_deref(), expected, "{text}");
        }
    }
}
