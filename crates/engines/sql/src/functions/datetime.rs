//! Dates and timestamps. A session runs in UTC, as Athena's do; a timestamp with a zone is read in its own zone.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Date32Array, Float64Array, Int64Array, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit, TimestampMillisecondType,
};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use jiff::civil::DateTime;

use super::calendar::{Moments, Unit, days_of, moment_type, zone};
use super::{Function, invalid, is_text, joda_format, mysql_format, texts};
use crate::types::UTC;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("year", moment, bigint, |a, n| field(a, n, |t| t.year().into())),
    Function::new("quarter", moment, bigint, |a, n| field(a, n, |t| (i64::from(t.month()) + 2) / 3)),
    Function::new("month", moment, bigint, |a, n| field(a, n, |t| t.month().into())),
    Function::new("week", moment, bigint, |a, n| field(a, n, |t| t.date().iso_week_date().week().into())),
    Function::new("year_of_week", moment, bigint, |a, n| {
        field(a, n, |t| t.date().iso_week_date().year().into())
    }),
    Function::new("day", moment, bigint, |a, n| field(a, n, |t| t.day().into())),
    Function::new("day_of_week", moment, bigint, |a, n| {
        field(a, n, |t| t.weekday().to_monday_one_offset().into())
    }),
    Function::new("day_of_year", moment, bigint, |a, n| field(a, n, |t| t.day_of_year().into())),
    Function::new("hour", moment, bigint, |a, n| field(a, n, |t| t.hour().into())),
    Function::new("minute", moment, bigint, |a, n| field(a, n, |t| t.minute().into())),
    Function::new("second", moment, bigint, |a, n| field(a, n, |t| t.second().into())),
    Function::new("millisecond", moment, bigint, |a, n| field(a, n, |t| t.millisecond().into())),
    Function::new("date_trunc", unit_and_moment, last, date_trunc),
    Function::new("date_add", unit_count_moment, last, date_add),
    Function::new("date_diff", unit_and_moments, bigint, date_diff),
    Function::new("last_day_of_month", moment, |_| DataType::Date32, last_day_of_month),
    Function::new("date_format", moment_and_text, varchar, |a, n| print(a, n, mysql_format::print)),
    Function::new("date_parse", two_texts, timestamp, |a, n| {
        parse(a, n, mysql_format::parse, Parsing::STRICT)
    }),
    Function::new("format_datetime", moment_and_text, varchar, |a, n| print(a, n, joda_format::print)),
    Function::new("parse_datetime", two_texts, timestamp_utc, |a, n| {
        parse(a, n, joda_format::parse, Parsing::STRICT.zoned())
    }),
    // What `TRY(date_parse(…))` is planned as.
    Function::new("try_date_parse", two_texts, timestamp, |a, n| {
        parse(a, n, mysql_format::parse, Parsing::LENIENT)
    }),
    Function::new("try_parse_datetime", two_texts, timestamp_utc, |a, n| {
        parse(a, n, joda_format::parse, Parsing::LENIENT.zoned())
    }),
    Function::new("from_unixtime", number, timestamp_utc, from_unixtime),
    Function::new("to_unixtime", moment, |_| DataType::Float64, to_unixtime),
    Function::new("from_iso8601_timestamp", one_text, timestamp_utc, from_iso8601_timestamp),
    Function::new("from_iso8601_date", one_text, |_| DataType::Date32, from_iso8601_date),
    Function::new("to_iso8601", moment, varchar, to_iso8601),
];

fn bigint(_arguments: &[DataType]) -> DataType {
    DataType::Int64
}

fn varchar(_arguments: &[DataType]) -> DataType {
    DataType::Utf8
}

fn timestamp(_arguments: &[DataType]) -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

fn timestamp_utc(_arguments: &[DataType]) -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into()))
}

fn last(arguments: &[DataType]) -> DataType {
    arguments.last().cloned().unwrap_or(DataType::Null)
}

fn moment(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments {
        [one] => moment_type(one).map(|kind| vec![kind]),
        _ => None,
    }
    .ok_or_else(|| "timestamp".to_owned())
}

fn number(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments {
        [one] if one.is_numeric() || one.is_null() => Ok(vec![DataType::Float64]),
        _ => Err("double".to_owned()),
    }
}

fn one_text(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    texts(arguments, 1, 1).ok_or_else(|| "varchar".to_owned())
}

fn two_texts(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    texts(arguments, 2, 2).ok_or_else(|| "varchar, varchar".to_owned())
}

fn moment_and_text(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments {
        [at, format] if is_text(format) => moment_type(at).map(|at| vec![at, DataType::Utf8]),
        _ => None,
    }
    .ok_or_else(|| "timestamp, varchar".to_owned())
}

fn unit_and_moment(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments {
        [unit, at] if is_text(unit) => moment_type(at).map(|at| vec![DataType::Utf8, at]),
        _ => None,
    }
    .ok_or_else(|| "varchar, timestamp".to_owned())
}

fn unit_count_moment(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments {
        [unit, count, at] if is_text(unit) && (count.is_integer() || count.is_null()) => {
            moment_type(at).map(|at| vec![DataType::Utf8, DataType::Int64, at])
        }
        _ => None,
    }
    .ok_or_else(|| "varchar, bigint, timestamp".to_owned())
}

/// Two dates stay dates; anything else is compared as timestamps.
fn unit_and_moments(arguments: &[DataType]) -> Result<Vec<DataType>, String> {
    match arguments {
        [unit, from, to] if is_text(unit) => match (moment_type(from), moment_type(to)) {
            (Some(DataType::Date32), Some(DataType::Date32)) => {
                Some(vec![DataType::Utf8, DataType::Date32, DataType::Date32])
            }
            (Some(DataType::Date32), Some(to)) => Some(vec![DataType::Utf8, to.clone(), to]),
            (Some(from), Some(DataType::Date32)) => Some(vec![DataType::Utf8, from.clone(), from]),
            (Some(from), Some(to)) => Some(vec![DataType::Utf8, from, to]),
            _ => None,
        },
        _ => None,
    }
    .ok_or_else(|| "varchar, timestamp, timestamp".to_owned())
}

fn text(arguments: &[ArrayRef], argument: usize, row: usize) -> Option<&str> {
    let array = arguments[argument].as_string::<i32>();
    array.is_valid(row).then(|| array.value(row))
}

fn field(arguments: &[ArrayRef], rows: usize, of: impl Fn(DateTime) -> i64) -> EngineResult<ArrayRef> {
    let moments = Moments::new(&arguments[0])?;
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(moments.at(row)?.map(&of));
    }
    Ok(Arc::new(Int64Array::from(out)))
}

fn date_trunc(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let moments = Moments::new(&arguments[1])?;
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match (text(arguments, 0, row), moments.at(row)?) {
            (Some(unit), Some(at)) => Some(moments.value(Unit::read(unit, moments.is_date)?.truncate(at))?),
            _ => None,
        });
    }
    moments.array_of(out)
}

fn date_add(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let moments = Moments::new(&arguments[2])?;
    let counts = arguments[1].as_primitive::<Int64Type>();
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match (text(arguments, 0, row), moments.at(row)?) {
            (Some(unit), Some(at)) if counts.is_valid(row) => {
                let unit = Unit::read(unit, moments.is_date)?;
                Some(moments.value(unit.add(at, counts.value(row))?)?)
            }
            _ => None,
        });
    }
    moments.array_of(out)
}

fn date_diff(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let (from, to) = (Moments::new(&arguments[1])?, Moments::new(&arguments[2])?);
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match (text(arguments, 0, row), from.at(row)?, to.at(row)?) {
            (Some(unit), Some(a), Some(b)) => {
                Some(Unit::read(unit, from.is_date && to.is_date)?.between(a, b)?)
            }
            _ => None,
        });
    }
    Ok(Arc::new(Int64Array::from(out)))
}

fn last_day_of_month(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let moments = Moments::new(&arguments[0])?;
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match moments.at(row)? {
            Some(at) => Some(days_of(at.date().last_of_month())?),
            None => None,
        });
    }
    Ok(Arc::new(Date32Array::from(out)))
}

fn print(
    arguments: &[ArrayRef],
    rows: usize,
    with: fn(DateTime, &str) -> Result<String, String>,
) -> EngineResult<ArrayRef> {
    let moments = Moments::new(&arguments[0])?;
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match (moments.at(row)?, text(arguments, 1, row)) {
            (Some(at), Some(format)) => Some(with(at, format).map_err(invalid)?),
            _ => None,
        });
    }
    Ok(Arc::new(StringArray::from(out)))
}

/// What a parsing function gives: NULL instead of an error, a timestamp with a zone.
#[derive(Clone, Copy)]
struct Parsing {
    lenient: bool,
    zoned: bool,
}

impl Parsing {
    const STRICT: Self = Self { lenient: false, zoned: false };
    const LENIENT: Self = Self { lenient: true, zoned: false };

    const fn zoned(self) -> Self {
        Self { lenient: self.lenient, zoned: true }
    }
}

fn parse(
    arguments: &[ArrayRef],
    rows: usize,
    with: fn(&str, &str) -> Result<i64, String>,
    parsing: Parsing,
) -> EngineResult<ArrayRef> {
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match (text(arguments, 0, row), text(arguments, 1, row)) {
            (Some(text), Some(format)) => match with(text, format) {
                Ok(millis) => Some(millis),
                Err(_) if parsing.lenient => None,
                Err(problem) => return Err(invalid(problem)),
            },
            _ => None,
        });
    }
    let millis = TimestampMillisecondArray::from(out);
    Ok(if parsing.zoned { Arc::new(millis.with_timezone(UTC)) } else { Arc::new(millis) })
}

fn from_unixtime(arguments: &[ArrayRef], _rows: usize) -> EngineResult<ArrayRef> {
    let seconds = arguments[0].as_primitive::<Float64Type>();
    let millis = TimestampMillisecondArray::from_iter(
        seconds.iter().map(|seconds| seconds.map(|seconds| (seconds * 1_000.0).round() as i64)),
    );
    Ok(Arc::new(millis.with_timezone(UTC)))
}

fn to_unixtime(arguments: &[ArrayRef], _rows: usize) -> EngineResult<ArrayRef> {
    let plain = DataType::Timestamp(TimeUnit::Millisecond, None);
    let millis = match arguments[0].data_type() {
        DataType::Timestamp(_, Some(_)) => arrow::compute::cast(&arguments[0], &DataType::Int64)
            .and_then(|millis| arrow::compute::cast(&millis, &plain))?,
        _ => arrow::compute::cast(&arguments[0], &plain)?,
    };
    let millis = millis.as_primitive::<TimestampMillisecondType>();
    Ok(Arc::new(Float64Array::from_iter(
        millis.iter().map(|millis| millis.map(|millis| millis as f64 / 1_000.0)),
    )))
}

fn from_iso8601_timestamp(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match text(arguments, 0, row) {
            Some(text) => {
                Some(iso_millis(text).ok_or_else(|| invalid(format!("Invalid format: \"{text}\"")))?)
            }
            None => None,
        });
    }
    Ok(Arc::new(TimestampMillisecondArray::from(out).with_timezone(UTC)))
}

fn iso_millis(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.as_millisecond());
    }
    let at: DateTime = text.parse().ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(at).ok()?.as_millisecond())
}

fn from_iso8601_date(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(match text(arguments, 0, row) {
            Some(text) => {
                let date: jiff::civil::Date =
                    text.parse().map_err(|_| invalid(format!("Invalid format: \"{text}\"")))?;
                Some(days_of(date)?)
            }
            None => None,
        });
    }
    Ok(Arc::new(Date32Array::from(out)))
}

fn to_iso8601(arguments: &[ArrayRef], rows: usize) -> EngineResult<ArrayRef> {
    let moments = Moments::new(&arguments[0])?;
    let zoned = matches!(arguments[0].data_type(), DataType::Timestamp(_, Some(_)));
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        out.push(moments.at(row)?.map(|at| {
            if moments.is_date {
                return at.date().to_string();
            }
            format!("{:.3}{}", at, if zoned { "Z" } else { "" })
        }));
    }
    Ok(Arc::new(StringArray::from(out)))
}

/// `at_timezone(timestamp, zone)`, which `AT TIME ZONE` is planned as: the zone is part of the answer's type, so that
/// it has to be known when the query is planned.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AtTimezone {
    signature: Signature,
}

impl AtTimezone {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for AtTimezone {
    fn name(&self) -> &str {
        "at_timezone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> EngineResult<Vec<DataType>> {
        match arguments {
            [at, zone] if is_text(zone) => match moment_type(at) {
                // A timestamp without a zone is one of the session's zone.
                Some(DataType::Timestamp(unit, None)) => {
                    Ok(vec![DataType::Timestamp(unit, Some(UTC.into())), DataType::Utf8])
                }
                Some(DataType::Date32) => Ok(vec![timestamp_utc(&[]), DataType::Utf8]),
                Some(zoned) => Ok(vec![zoned, DataType::Utf8]),
                None => Err(invalid("AT TIME ZONE needs a timestamp")),
            },
            _ => Err(invalid("Expected: at_timezone(timestamp with time zone, varchar)")),
        }
    }

    fn return_type(&self, _arguments: &[DataType]) -> EngineResult<DataType> {
        Ok(timestamp_utc(&[]))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> EngineResult<FieldRef> {
        let name = arguments
            .scalar_arguments
            .get(1)
            .copied()
            .flatten()
            .and_then(|value| value.try_as_str().flatten());
        let Some(name) = name else {
            return Err(invalid("The time zone of AT TIME ZONE must be a literal"));
        };
        zone(name)?;
        let kind = DataType::Timestamp(TimeUnit::Millisecond, Some(name.into()));
        Ok(Arc::new(Field::new(self.name(), kind, true)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let wanted = call.return_field.data_type();
        call.args[0].cast_to(wanted, None)
    }
}
