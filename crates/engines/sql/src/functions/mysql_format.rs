//! MySQL's date format, as `date_format` and `date_parse` take it.

use std::fmt::Write as _;

use jiff::civil::DateTime;

use super::calendar::{DAYS, MONTHS};

/// Errors: a message for a specifier that Trino does not support either.
pub(super) fn print(at: DateTime, format: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let hour12 = if at.hour() % 12 == 0 { 12 } else { at.hour() % 12 };
        let half = if at.hour() < 12 { "AM" } else { "PM" };
        let weekday = DAYS[usize::from(at.weekday().to_monday_zero_offset().unsigned_abs())];
        let month = MONTHS[usize::from(at.month().unsigned_abs()) - 1];
        let _infallible = match chars.next() {
            Some('a') => write!(out, "{}", &weekday[..3]),
            Some('b') => write!(out, "{}", &month[..3]),
            Some('c') => write!(out, "{}", at.month()),
            Some('d') => write!(out, "{:02}", at.day()),
            Some('e') => write!(out, "{}", at.day()),
            Some('f') => write!(out, "{:06}", at.subsec_nanosecond() / 1_000),
            Some('H') => write!(out, "{:02}", at.hour()),
            Some('h' | 'I') => write!(out, "{hour12:02}"),
            Some('i') => write!(out, "{:02}", at.minute()),
            Some('j') => write!(out, "{:03}", at.day_of_year()),
            Some('k') => write!(out, "{}", at.hour()),
            Some('l') => write!(out, "{hour12}"),
            Some('M') => write!(out, "{month}"),
            Some('m') => write!(out, "{:02}", at.month()),
            Some('p') => write!(out, "{half}"),
            Some('r') => write!(out, "{hour12:02}:{:02}:{:02} {half}", at.minute(), at.second()),
            Some('S' | 's') => write!(out, "{:02}", at.second()),
            Some('T') => write!(out, "{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second()),
            Some('v') => write!(out, "{:02}", at.date().iso_week_date().week()),
            Some('W') => write!(out, "{weekday}"),
            Some('x') => write!(out, "{:04}", at.date().iso_week_date().year()),
            Some('Y') => write!(out, "{:04}", at.year()),
            Some('y') => write!(out, "{:02}", at.year().rem_euclid(100)),
            Some('%') => write!(out, "%"),
            Some(unsupported @ ('D' | 'U' | 'u' | 'V' | 'w' | 'X')) => {
                return Err(format!("%{unsupported} not supported in date format string"));
            }
            Some(other) => write!(out, "{other}"),
            None => return Err("A date format may not end with %".to_owned()),
        };
    }
    Ok(out)
}

/// The milliseconds since 1970 of a text in that format.
pub(super) fn parse(text: &str, format: &str) -> Result<i64, String> {
    let mut reading = Reading::new(text);
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            reading.literal(c)?;
            continue;
        }
        match chars.next() {
            Some('a') => reading.name(&DAYS, 3).map(drop)?,
            Some('W') => reading.name(&DAYS, 9).map(drop)?,
            Some('b') => reading.month = reading.name(&MONTHS, 3)? + 1,
            Some('M') => reading.month = reading.name(&MONTHS, 9)? + 1,
            Some('c' | 'm') => reading.month = reading.number(2)?,
            Some('d' | 'e') => reading.day = reading.number(2)?,
            Some('f') => reading.fraction()?,
            Some('H' | 'k') => reading.hour = reading.number(2)?,
            Some('h' | 'I' | 'l') => reading.hour12 = Some(reading.number(2)?),
            Some('i') => reading.minute = reading.number(2)?,
            Some('j') => reading.day_of_year = Some(reading.number(3)?),
            Some('p') => reading.half()?,
            Some('S' | 's') => reading.second = reading.number(2)?,
            Some('T') => {
                reading.hour = reading.number(2)?;
                reading.literal(':')?;
                reading.minute = reading.number(2)?;
                reading.literal(':')?;
                reading.second = reading.number(2)?;
            }
            Some('Y') => reading.year = reading.signed(4)?,
            Some('y') => {
                let year = reading.number(2)?;
                reading.year = if year < 70 { 2000 + year } else { 1900 + year };
            }
            Some('%') => reading.literal('%')?,
            Some(other) => return Err(format!("%{other} not supported in date format string")),
            None => return Err("A date format may not end with %".to_owned()),
        }
    }
    reading.finish()
}

/// A text that is read from left to right, and what was found in it.
pub(super) struct Reading<'a> {
    text: &'a str,
    rest: &'a str,
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) day_of_year: Option<i64>,
    pub(super) hour: i64,
    pub(super) hour12: Option<i64>,
    pub(super) afternoon: bool,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) millis: i64,
    pub(super) offset_seconds: i64,
}

impl<'a> Reading<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            rest: text,
            year: 1970,
            month: 1,
            day: 1,
            day_of_year: None,
            hour: 0,
            hour12: None,
            afternoon: false,
            minute: 0,
            second: 0,
            millis: 0,
            offset_seconds: 0,
        }
    }

    pub(super) fn invalid(&self) -> String {
        if self.rest.is_empty() {
            format!("Invalid format: \"{}\" is too short", self.text)
        } else {
            format!("Invalid format: \"{}\" is malformed at \"{}\"", self.text, self.rest)
        }
    }

    pub(super) fn literal(&mut self, c: char) -> Result<(), String> {
        self.rest = self.rest.strip_prefix(c).ok_or_else(|| self.invalid())?;
        Ok(())
    }

    pub(super) fn number(&mut self, most: usize) -> Result<i64, String> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        let number = number.parse().map_err(|_| self.invalid())?;
        self.rest = rest;
        Ok(number)
    }

    pub(super) fn signed(&mut self, most: usize) -> Result<i64, String> {
        match self.rest.strip_prefix('-') {
            Some(rest) => {
                self.rest = rest;
                self.number(most).map(|number| -number)
            }
            None => self.number(most),
        }
    }

    /// A fraction of a second with one to nine digits.
    pub(super) fn fraction(&mut self) -> Result<(), String> {
        let digits = self.rest.bytes().take(9).take_while(u8::is_ascii_digit).count();
        let padded = format!("{:0<3}", &self.rest[..digits]);
        if digits == 0 {
            return Err(self.invalid());
        }
        self.millis = padded[..3].parse().map_err(|_| self.invalid())?;
        self.rest = &self.rest[digits..];
        Ok(())
    }

    /// The place of the name, of which `letters` are written, among `names`.
    pub(super) fn name(&mut self, names: &[&str], letters: usize) -> Result<i64, String> {
        for (i, name) in names.iter().enumerate() {
            for spelled in [*name, &name[..letters.min(name.len())]] {
                if self.rest.get(..spelled.len()).is_some_and(|start| start.eq_ignore_ascii_case(spelled)) {
                    self.rest = &self.rest[spelled.len()..];
                    return Ok(i as i64);
                }
            }
        }
        Err(self.invalid())
    }

    pub(super) fn half(&mut self) -> Result<(), String> {
        self.afternoon = self.name(&["AM", "PM"], 2)? == 1;
        Ok(())
    }

    /// `Z`, `+01`, `+0100` or `+01:00`.
    pub(super) fn offset(&mut self) -> Result<(), String> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(());
        }
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        self.rest = self.rest.strip_prefix(['+', '-']).ok_or_else(|| self.invalid())?;
        let hours = self.number(2)?;
        self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let minutes = if self.rest.starts_with(|c: char| c.is_ascii_digit()) { self.number(2)? } else { 0 };
        self.offset_seconds = sign * (hours * 3_600 + minutes * 60);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<i64, String> {
        if !self.rest.is_empty() {
            return Err(self.invalid());
        }
        let wrong = || format!("Invalid format: \"{}\" has a field out of range", self.text);
        let hour = match self.hour12 {
            Some(hour @ 1..=12) => hour % 12 + if self.afternoon { 12 } else { 0 },
            Some(_) => return Err(wrong()),
            None => self.hour,
        };
        let small = |number: i64| i8::try_from(number).map_err(|_| wrong());
        let year = i16::try_from(self.year).map_err(|_| wrong())?;
        let date = match self.day_of_year {
            Some(day) => {
                let first = jiff::civil::Date::new(year, 1, 1).map_err(|_| wrong())?;
                let days = jiff::Span::new().try_days(day - 1).map_err(|_| wrong())?;
                first.checked_add(days).map_err(|_| wrong())?
            }
            None => {
                jiff::civil::Date::new(year, small(self.month)?, small(self.day)?).map_err(|_| wrong())?
            }
        };
        let nanos = i32::try_from(self.millis * 1_000_000).map_err(|_| wrong())?;
        let time = jiff::civil::Time::new(small(hour)?, small(self.minute)?, small(self.second)?, nanos)
            .map_err(|_| wrong())?;
        let at = jiff::tz::TimeZone::UTC.to_timestamp(date.to_datetime(time)).map_err(|_| wrong())?;
        Ok(at.as_millisecond() - self.offset_seconds * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses() {
        let at = jiff::civil::date(2013, 1, 5).at(15, 4, 9, 123_000_000);
        for (format, text) in [
            ("%Y-%m-%d %H:%i:%s.%f", "2013-01-05 15:04:09.123000"),
            ("%e %b %y, %l:%i %p", "5 Jan 13, 3:04 PM"),
            ("%W %M %d %Y", "Saturday January 05 2013"),
            ("%j%%", "005%"),
            ("%T", "15:04:09"),
        ] {
            assert_eq!(print(at, format).as_deref(), Ok(text));
        }
        for (text, format, millis) in [
            ("2013-01-05 15:04:09", "%Y-%m-%d %H:%i:%s", Ok(1_357_398_249_000)),
            ("5/Jan/2013 3:04 PM", "%e/%b/%Y %l:%i %p", Ok(1_357_398_240_000)),
            ("2013-13-05", "%Y-%m-%d", Err(())),
            ("2013-01", "%Y-%m-%d", Err(())),
            ("2013-01-05x", "%Y-%m-%d", Err(())),
        ] {
            assert_eq!(parse(text, format).map_err(drop), millis, "{text}");
        }
        assert!(print(at, "%U").is_err());
    }
}
