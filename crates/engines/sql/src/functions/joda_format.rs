//! Joda's pattern letters, as `format_datetime` and `parse_datetime` take them.

use std::fmt::Write as _;

use jiff::civil::DateTime;

use super::calendar::{DAYS, MONTHS};
use super::mysql_format::Reading;

/// A pattern's parts: a letter that is repeated, or text to be taken as it is.
enum Part {
    Letter(char, usize),
    Literal(String),
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            let mut literal = String::new();
            loop {
                match chars.next() {
                    Some('\'') if chars.peek() == Some(&'\'') && !literal.is_empty() => {
                        chars.next();
                        literal.push('\'');
                    }
                    Some('\'') | None => break,
                    Some(other) => literal.push(other),
                }
            }
            out.push(Part::Literal(if literal.is_empty() { "'".to_owned() } else { literal }));
        } else if c.is_ascii_alphabetic() {
            let mut count = 1;
            while chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            out.push(Part::Letter(c, count));
        } else {
            out.push(Part::Literal(c.to_string()));
        }
    }
    out
}

/// Errors: a message that names the letter that is not supported.
pub(super) fn print(at: DateTime, pattern: &str) -> Result<String, String> {
    let mut out = String::new();
    for part in parts(pattern) {
        let (letter, width) = match part {
            Part::Literal(text) => {
                out.push_str(&text);
                continue;
            }
            Part::Letter(letter, width) => (letter, width),
        };
        let weekday = DAYS[usize::from(at.weekday().to_monday_zero_offset().unsigned_abs())];
        let month = MONTHS[usize::from(at.month().unsigned_abs()) - 1];
        let hour12 = if at.hour() % 12 == 0 { 12 } else { at.hour() % 12 };
        let _infallible = match letter {
            'y' | 'Y' | 'u' if width == 2 => write!(out, "{:02}", at.year().rem_euclid(100)),
            'y' | 'Y' | 'u' => write!(out, "{:0width$}", at.year()),
            'x' => write!(out, "{:0width$}", at.date().iso_week_date().year()),
            'w' => write!(out, "{:0width$}", at.date().iso_week_date().week()),
            'e' => write!(out, "{:0width$}", at.weekday().to_monday_one_offset()),
            'M' if width > 3 => write!(out, "{month}"),
            'M' if width == 3 => write!(out, "{}", &month[..3]),
            'M' => write!(out, "{:0width$}", at.month()),
            'd' => write!(out, "{:0width$}", at.day()),
            'D' => write!(out, "{:0width$}", at.day_of_year()),
            'E' if width > 3 => write!(out, "{weekday}"),
            'E' => write!(out, "{}", &weekday[..3]),
            'a' => write!(out, "{}", if at.hour() < 12 { "AM" } else { "PM" }),
            'H' => write!(out, "{:0width$}", at.hour()),
            'k' => write!(out, "{:0width$}", if at.hour() == 0 { 24 } else { at.hour() }),
            'h' => write!(out, "{hour12:0width$}"),
            'K' => write!(out, "{:0width$}", at.hour() % 12),
            'm' => write!(out, "{:0width$}", at.minute()),
            's' => write!(out, "{:0width$}", at.second()),
            'S' => {
                let nanos = format!("{:09}", at.subsec_nanosecond());
                write!(out, "{:0<width$}", &nanos[..width.min(9)])
            }
            'Z' if width == 1 => write!(out, "+0000"),
            'Z' if width == 2 => write!(out, "+00:00"),
            'Z' | 'z' => write!(out, "UTC"),
            'G' => write!(out, "AD"),
            other => return Err(format!("Illegal pattern component: {other}")),
        };
    }
    Ok(out)
}

/// The milliseconds since 1970 of a text in that pattern.
pub(super) fn parse(text: &str, pattern: &str) -> Result<i64, String> {
    let mut reading = Reading::new(text);
    for part in parts(pattern) {
        match part {
            Part::Literal(literal) => {
                for c in literal.chars() {
                    reading.literal(c)?;
                }
            }
            Part::Letter('y' | 'Y' | 'u', 2) => {
                let year = reading.number(2)?;
                reading.year = if year < 70 { 2000 + year } else { 1900 + year };
            }
            Part::Letter('y' | 'Y' | 'u', _) => reading.year = reading.signed(4)?,
            Part::Letter('M', 3) => reading.month = reading.name(&MONTHS, 3)? + 1,
            Part::Letter('M', 4..) => reading.month = reading.name(&MONTHS, 9)? + 1,
            Part::Letter('M', _) => reading.month = reading.number(2)?,
            Part::Letter('d', _) => reading.day = reading.number(2)?,
            Part::Letter('D', _) => reading.day_of_year = Some(reading.number(3)?),
            Part::Letter('E', _) => reading.name(&DAYS, 3).map(drop)?,
            Part::Letter('a', _) => reading.half()?,
            Part::Letter('H', _) => reading.hour = reading.number(2)?,
            Part::Letter('h', _) => reading.hour12 = Some(reading.number(2)?),
            Part::Letter('m', _) => reading.minute = reading.number(2)?,
            Part::Letter('s', _) => reading.second = reading.number(2)?,
            Part::Letter('S', _) => reading.fraction()?,
            Part::Letter('Z', _) => reading.offset()?,
            Part::Letter(other, _) => return Err(format!("Illegal pattern component: {other}")),
        }
    }
    reading.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses() {
        let at = jiff::civil::date(2013, 1, 5).at(15, 4, 9, 123_000_000);
        for (pattern, text) in [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2013-01-05 15:04:09.123"),
            ("EEE, d MMM yy h:mm a", "Sat, 5 Jan 13 3:04 PM"),
            ("yyyy'T'HH''", "2013T15'"),
        ] {
            assert_eq!(print(at, pattern).as_deref(), Ok(text));
        }
        assert_eq!(parse("2013-01-05T15:04:09+01:00", "yyyy-MM-dd'T'HH:mm:ssZ"), Ok(1_357_394_649_000));
        assert!(parse("2013-01-05", "yyyy/MM/dd").is_err());
    }
}
