//! The forms that a timestamp may have in a JSON record.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::java_time::JavaPattern;
use crate::record::json::Json;

/// Which forms are taken beside `yyyy-MM-dd HH:mm:ss[.S]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimestampForms {
    /// The OpenX SerDe: also ISO 8601 with an offset or `Z`, and epoch seconds or milliseconds.
    OpenX,
    /// The Hive SerDe: also the patterns given; `millis` (epoch milliseconds) is one of them.
    Hive { patterns: Vec<JavaPattern>, millis: bool },
}

/// From this magnitude on a number is read as milliseconds: as seconds it would be after the year 5138.
const FIRST_MILLIS: f64 = 1.0e11;

impl TimestampForms {
    /// Microseconds since the epoch.
    pub fn read(&self, value: &Json<'_>) -> Option<i64> {
        match (self, value) {
            (Self::OpenX, Json::Integer(number)) => from_epoch(*number as f64),
            (Self::OpenX, Json::Double(number)) => from_epoch(*number),
            (Self::OpenX, Json::Text(text)) => match text.parse::<f64>() {
                Ok(number) => from_epoch(number),
                Err(_) => plain(text).or_else(|| iso(text)),
            },
            (Self::Hive { millis: true, .. }, Json::Integer(number)) => number.checked_mul(1_000),
            (Self::Hive { patterns, millis }, Json::Text(text)) => patterns
                .iter()
                .find_map(|pattern| pattern.read(text))
                .map(jiff::Timestamp::as_microsecond)
                .or_else(|| millis.then(|| text.parse::<i64>().ok()?.checked_mul(1_000)).flatten())
                .or_else(|| plain(text)),
            _ => None,
        }
    }
}

fn from_epoch(number: f64) -> Option<i64> {
    let micros = if number.abs() < FIRST_MILLIS { number * 1.0e6 } else { number * 1.0e3 };
    (micros.abs() < 9.0e18).then(|| micros.round() as i64)
}

/// `yyyy-MM-dd HH:mm:ss[.S]`, without a zone: UTC. A date alone is its midnight.
fn plain(text: &str) -> Option<i64> {
    let at: DateTime = text.parse().ok().or_else(|| text.parse::<Date>().ok().map(DateTime::from))?;
    // jiff also takes texts with an offset here and drops it; those are for `iso`.
    if text.len() > 10 && text[10..].contains(['Z', 'z', '+', '-', '[']) {
        return None;
    }
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

fn iso(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
}

/// Days since the epoch of `yyyy-MM-dd`.
pub fn read_date(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    let days = date.since(Date::new(1970, 1, 1).ok()?).ok()?.get_days();
    (text.len() == 10).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_form() {
        let openx = TimestampForms::OpenX;
        let hive = TimestampForms::Hive {
            patterns: vec![JavaPattern::parse("dd.MM.yyyy HH:mm").unwrap()],
            millis: true,
        };
        let text = |text: &'static str| Json::Text(text.into());
        for (forms, value, expected) in [
            (&openx, text("2017-02-07T15:13:01.39256Z"), Some(1_486_480_381_392_560)),
            (&openx, text("2017-02-07T16:13:01+01:00"), Some(1_486_480_381_000_000)),
            (&openx, text("2017-02-07 15:13:01.14"), Some(1_486_480_381_140_000)),
            (&openx, Json::Integer(1_518_033_528), Some(1_518_033_528_000_000)),
            (&openx, Json::Integer(1_518_033_528_123), Some(1_518_033_528_123_000)),
            (&openx, Json::Double(1_518_033_528.123), Some(1_518_033_528_123_000)),
            (&openx, text("soon"), None),
            (&openx, Json::Bool(true), None),
            (&hive, text("2017-02-07 15:13:01.14"), Some(1_486_480_381_140_000)),
            (&hive, text("07.02.2017 15:13"), Some(1_486_480_380_000_000)),
            (&hive, Json::Integer(1_518_033_528_123), Some(1_518_033_528_123_000)),
            (&hive, text("2017-02-07T15:13:01Z"), None),
        ] {
            assert_eq!(forms.read(&value), expected, "{value}");
        }
        assert_eq!(read_date("1970-01-03"), Some(2));
        assert_eq!(read_date("1969-12-31"), Some(-1));
        assert_eq!(read_date("1970-1-3"), None);
    }
}
