//! Values as Athena prints them, in result files and in `GetQueryResults` alike.

use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use jiff::tz::TimeZone;

/// A block of an answer's rows.
#[derive(Debug, Clone)]
pub struct Rows(RecordBatch);

impl Rows {
    pub(crate) fn new(batch: RecordBatch) -> Self {
        Self(batch)
    }

    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn width(&self) -> usize {
        self.0.num_columns()
    }

    /// Appends the text of one cell to `out`; `false`, with nothing appended, where it is NULL.
    pub fn write(&self, row: usize, column: usize, out: &mut String) -> bool {
        let array = self.0.column(column);
        if array.is_null(row) || *array.data_type() == DataType::Null {
            return false;
        }
        cell(array, row, out);
        true
    }

    /// The text of one cell; `None` where it is NULL.
    pub fn text(&self, row: usize, column: usize) -> Option<String> {
        let mut out = String::new();
        self.write(row, column, &mut out).then_some(out)
    }
}

/// Appends the text of a cell, `null` for a NULL inside of an array, a map or a row.
fn nested(array: &ArrayRef, row: usize, out: &mut String) {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        out.push_str("null");
    } else {
        cell(array, row, out);
    }
}

/// Appends the text of a cell that is not NULL.
pub(crate) fn cell(array: &ArrayRef, row: usize, out: &mut String) {
    macro_rules! plain {
        ($kind:ty) => {{
            let _infallible = write!(out, "{}", array.as_primitive::<$kind>().value(row));
        }};
    }
    match array.data_type() {
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int8 => plain!(Int8Type),
        DataType::Int16 => plain!(Int16Type),
        DataType::Int32 => plain!(Int32Type),
        DataType::Int64 => plain!(Int64Type),
        DataType::UInt8 => plain!(UInt8Type),
        DataType::UInt16 => plain!(UInt16Type),
        DataType::UInt32 => plain!(UInt32Type),
        DataType::UInt64 => plain!(UInt64Type),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float(f64::from(value), &format!("{value:e}"), out);
        }
        DataType::Float64 => double(array.as_primitive::<Float64Type>().value(row), out),
        DataType::Utf8 => out.push_str(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => out.push_str(array.as_string::<i64>().value(row)),
        DataType::Utf8View => out.push_str(array.as_string_view().value(row)),
        DataType::Binary => hex(array.as_binary::<i32>().value(row), out),
        DataType::LargeBinary => hex(array.as_binary::<i64>().value(row), out),
        DataType::BinaryView => hex(array.as_binary_view().value(row), out),
        DataType::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row), out),
        DataType::Decimal128(_, scale) => {
            decimal(array.as_primitive::<Decimal128Type>().value(row), *scale, out);
        }
        DataType::Date32 => date(array.as_primitive::<Date32Type>().value(row), out),
        DataType::Timestamp(unit, zone) => timestamp(array, row, *unit, zone.as_deref(), out),
        DataType::Time64(TimeUnit::Microsecond) => {
            let micros = array.as_primitive::<Time64MicrosecondType>().value(row);
            clock_time(micros / 1_000, out);
        }
        DataType::Interval(_) | DataType::Duration(_) => interval(array, row, out),
        DataType::List(_) => list(&array.as_list::<i32>().value(row), out),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row), out),
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row), out),
        DataType::Struct(fields) => {
            let row_value = array.as_struct();
            out.push('{');
            for (i, field) in fields.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                out.push_str(field.name());
                out.push('=');
                nested(row_value.column(i), row, out);
            }
            out.push('}');
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            out.push('{');
            for i in 0..entries.len() {
                out.push_str(if i == 0 { "" } else { ", " });
                nested(entries.column(0), i, out);
                out.push('=');
                nested(entries.column(1), i, out);
            }
            out.push('}');
        }
        // Types that no function of ours gives: as Arrow prints them.
        _ => {
            if let Ok(formatter) = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default()) {
                let _infallible = write!(out, "{}", formatter.value(row));
            }
        }
    }
}

fn list(items: &ArrayRef, out: &mut String) {
    out.push('[');
    for i in 0..items.len() {
        out.push_str(if i == 0 { "" } else { ", " });
        nested(items, i, out);
    }
    out.push(']');
}

fn hex(bytes: &[u8], out: &mut String) {
    for (i, byte) in bytes.iter().enumerate() {
        let _infallible = write!(out, "{}{byte:02x}", if i == 0 { "" } else { " " });
    }
}

/// As Java prints a double: plain between 10^-3 and 10^7, else with an exponent; always with a decimal point.
pub(crate) fn double(value: f64, out: &mut String) {
    float(value, &format!("{value:e}"), out);
}

/// `shortest` is the shortest digits that give the value back, in Rust's exponent form.
fn float(value: f64, shortest: &str, out: &mut String) {
    if value.is_nan() {
        out.push_str("NaN");
        return;
    }
    if value.is_infinite() {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
        return;
    }
    let (digits, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        let exponent: i32 = exponent.parse().unwrap_or_default();
        let negative = digits.starts_with('-');
        let bare: String = digits.chars().filter(char::is_ascii_digit).collect();
        out.push_str(if negative { "-" } else { "" });
        if exponent < 0 {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', exponent.unsigned_abs() as usize - 1));
            out.push_str(&bare);
        } else {
            let whole = exponent as usize + 1;
            if bare.len() > whole {
                let (left, right) = bare.split_at(whole);
                let _infallible = write!(out, "{left}.{right}");
            } else {
                out.push_str(&bare);
                out.extend(std::iter::repeat_n('0', whole - bare.len()));
                out.push_str(".0");
            }
        }
    } else {
        out.push_str(digits);
        out.push_str(if digits.contains('.') { "E" } else { ".0E" });
        out.push_str(exponent);
    }
}

fn decimal(value: i128, scale: i8, out: &mut String) {
    let Some(scale) = usize::try_from(scale).ok().filter(|scale| *scale > 0) else {
        let _infallible = write!(out, "{value}");
        return;
    };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let _infallible = write!(out, "{}{whole}.{fraction}", if value < 0 { "-" } else { "" });
}

pub(crate) fn date(days: i32, out: &mut String) {
    let epoch = jiff::civil::date(1970, 1, 1);
    match epoch.checked_add(jiff::Span::new().try_days(days).unwrap_or_default()) {
        Ok(date) => {
            let _infallible = write!(out, "{date}");
        }
        Err(_) => {
            let _infallible = write!(out, "{days} days from 1970-01-01");
        }
    }
}

fn clock_time(millis: i64, out: &mut String) {
    let (seconds, millis) = (millis.div_euclid(1_000), millis.rem_euclid(1_000));
    let _infallible =
        write!(out, "{:02}:{:02}:{:02}.{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
}

fn timestamp(array: &ArrayRef, row: usize, unit: TimeUnit, zone: Option<&str>, out: &mut String) {
    let millis = match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row).saturating_mul(1_000),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
        TimeUnit::Microsecond => {
            array.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000)
        }
        TimeUnit::Nanosecond => {
            array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000_000)
        }
    };
    let Ok(at) = jiff::Timestamp::from_millisecond(millis) else {
        let _infallible = write!(out, "{millis} ms from 1970-01-01");
        return;
    };
    let zone = zone.unwrap_or_default();
    let rules = TimeZone::get(zone).ok().or_else(|| fixed_zone(zone)).unwrap_or(TimeZone::UTC);
    let at = rules.to_datetime(at);
    let _infallible = write!(out, "{} ", at.date());
    let _infallible =
        write!(out, "{:02}:{:02}:{:02}.{:03}", at.hour(), at.minute(), at.second(), at.millisecond());
    if !zone.is_empty() {
        let _infallible = write!(out, " {}", if zone == "+00:00" { "UTC" } else { zone });
    }
}

/// `+05:30` as a zone.
pub(crate) fn fixed_zone(text: &str) -> Option<TimeZone> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let seconds = hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().ok()? * 60;
    jiff::tz::Offset::from_seconds(sign * seconds).ok().map(TimeZone::fixed)
}

fn interval(array: &ArrayRef, row: usize, out: &mut String) {
    const DAY: i64 = 86_400_000;
    let (months, millis) = match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            (array.as_primitive::<IntervalYearMonthType>().value(row), 0)
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let value = array.as_primitive::<IntervalDayTimeType>().value(row);
            (0, i64::from(value.days) * DAY + i64::from(value.milliseconds))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            (value.months, i64::from(value.days) * DAY + value.nanoseconds / 1_000_000)
        }
        DataType::Duration(TimeUnit::Second) => {
            (0, array.as_primitive::<DurationSecondType>().value(row) * 1_000)
        }
        DataType::Duration(TimeUnit::Millisecond) => {
            (0, array.as_primitive::<DurationMillisecondType>().value(row))
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            (0, array.as_primitive::<DurationMicrosecondType>().value(row) / 1_000)
        }
        _ => (0, array.as_primitive::<DurationNanosecondType>().value(row) / 1_000_000),
    };
    if months != 0 {
        let size = months.unsigned_abs();
        let _infallible = write!(out, "{}{}-{}", if months < 0 { "-" } else { "" }, size / 12, size % 12);
        return;
    }
    let size = millis.abs();
    let _infallible = write!(out, "{}{} ", if millis < 0 { "-" } else { "" }, size / DAY);
    clock_time(size % DAY, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_java_prints_them() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (123.456, "123.456"),
            (-2.5, "-2.5"),
            (0.001, "0.001"),
            (0.00099, "9.9E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1.5e10, "1.5E10"),
            (1e-10, "1.0E-10"),
            (100_000.0, "100000.0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut out = String::new();
            double(value, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (value, scale, expected) in
            [(12345, 2, "123.45"), (-5, 2, "-0.05"), (7, 0, "7"), (0, 3, "0.000"), (-12345, 5, "-0.12345")]
        {
            let mut out = String::new();
            decimal(value, scale, &mut out);
            assert_eq!(out, expected);
        }
    }
}
