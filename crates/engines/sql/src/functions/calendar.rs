//! Dates and timestamps of arrays as civil times, and back; units, zones and the names of months and days.

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMillisecondType};
use datafusion::error::Result as EngineResult;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::invalid;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// From Monday on.
pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The type in which functions take a date or a timestamp of any precision; `None` for anything else.
pub(super) fn moment_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Date32 | DataType::Date64 => Some(DataType::Date32),
        DataType::Timestamp(_, zone) => Some(DataType::Timestamp(TimeUnit::Millisecond, zone.clone())),
        DataType::Null => Some(DataType::Timestamp(TimeUnit::Millisecond, None)),
        _ => None,
    }
}

/// An array of dates or timestamps, read as civil times in its own zone.
pub(super) struct Moments<'a> {
    array: &'a ArrayRef,
    zone: TimeZone,
    pub(super) is_date: bool,
}

impl<'a> Moments<'a> {
    pub(super) fn new(array: &'a ArrayRef) -> EngineResult<Self> {
        let zone = match array.data_type() {
            DataType::Timestamp(_, Some(name)) => zone(name)?,
            _ => TimeZone::UTC,
        };
        Ok(Self { array, zone, is_date: *array.data_type() == DataType::Date32 })
    }

    pub(super) fn at(&self, row: usize) -> EngineResult<Option<DateTime>> {
        if self.array.is_null(row) {
            return Ok(None);
        }
        if self.is_date {
            let days = self.array.as_primitive::<Date32Type>().value(row);
            return Ok(Some(date_of(days)?.to_datetime(Time::midnight())));
        }
        let millis = self.array.as_primitive::<TimestampMillisecondType>().value(row);
        let at = jiff::Timestamp::from_millisecond(millis).map_err(|error| invalid(error.to_string()))?;
        Ok(Some(self.zone.to_datetime(at)))
    }

    /// The value of a civil time in the array's own type: days, or milliseconds since 1970.
    pub(super) fn value(&self, at: DateTime) -> EngineResult<i64> {
        if self.is_date { days_of(at.date()).map(i64::from) } else { millis_of(at, &self.zone) }
    }

    /// Values as [`Self::value`] gives them, as an array of the same type.
    pub(super) fn array_of(&self, values: Vec<Option<i64>>) -> EngineResult<ArrayRef> {
        let plain = arrow::array::Int64Array::from(values);
        if self.is_date {
            let days = arrow::compute::cast(&plain, &DataType::Int32)?;
            return Ok(arrow::compute::cast(&days, &DataType::Date32)?);
        }
        Ok(arrow::compute::cast(&plain, self.array.data_type())?)
    }
}

pub(super) fn date_of(days: i32) -> EngineResult<Date> {
    let span = jiff::Span::new().try_days(days).map_err(|error| invalid(error.to_string()))?;
    jiff::civil::date(1970, 1, 1).checked_add(span).map_err(|error| invalid(error.to_string()))
}

pub(super) fn days_of(date: Date) -> EngineResult<i32> {
    let span = date.since(jiff::civil::date(1970, 1, 1)).map_err(|error| invalid(error.to_string()))?;
    Ok(span.get_days())
}

pub(super) fn millis_of(at: DateTime, zone: &TimeZone) -> EngineResult<i64> {
    Ok(zone.to_timestamp(at).map_err(|error| invalid(error.to_string()))?.as_millisecond())
}

/// A zone by its IANA name or its offset.
pub(super) fn zone(name: &str) -> EngineResult<TimeZone> {
    if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("z") {
        return Ok(TimeZone::UTC);
    }
    crate::print::fixed_zone(name)
        .or_else(|| TimeZone::get(name).ok())
        .ok_or_else(|| invalid(format!("'{name}' is not a valid time zone")))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// Errors: INVALID_FUNCTION_ARGUMENT, also for a unit below the day on a date.
    pub(super) fn read(text: &str, of_date: bool) -> EngineResult<Self> {
        let kind = if of_date { "DATE" } else { "TIMESTAMP" };
        let unit = match text.to_ascii_lowercase().as_str() {
            "millisecond" => Self::Millisecond,
            "second" => Self::Second,
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return Err(invalid(format!("'{text}' is not a valid {kind} field"))),
        };
        if of_date && matches!(unit, Self::Millisecond | Self::Second | Self::Minute | Self::Hour) {
            return Err(invalid(format!("'{text}' is not a valid {kind} field")));
        }
        Ok(unit)
    }

    pub(super) fn truncate(self, at: DateTime) -> DateTime {
        let date = at.date();
        let first_of = |month: i8| jiff::civil::date(date.year(), month, 1).to_datetime(Time::midnight());
        let time = |hour, minute, second, nanos| date.at(hour, minute, second, nanos);
        match self {
            Self::Millisecond => {
                time(at.hour(), at.minute(), at.second(), i32::from(at.millisecond()) * 1_000_000)
            }
            Self::Second => time(at.hour(), at.minute(), at.second(), 0),
            Self::Minute => time(at.hour(), at.minute(), 0, 0),
            Self::Hour => time(at.hour(), 0, 0, 0),
            Self::Day => time(0, 0, 0, 0),
            Self::Week => {
                let back = jiff::Span::new().days(i64::from(date.weekday().to_monday_zero_offset()));
                date.saturating_sub(back).to_datetime(Time::midnight())
            }
            Self::Month => first_of(date.month()),
            Self::Quarter => first_of((date.month() - 1) / 3 * 3 + 1),
            Self::Year => first_of(1),
        }
    }

    pub(super) fn add(self, at: DateTime, count: i64) -> EngineResult<DateTime> {
        let span = jiff::Span::new();
        let out_of_range = |_| invalid(format!("Adding {count} leaves the range of timestamps"));
        let span = match self {
            Self::Millisecond => span.try_milliseconds(count),
            Self::Second => span.try_seconds(count),
            Self::Minute => span.try_minutes(count),
            Self::Hour => span.try_hours(count),
            Self::Day => span.try_days(count),
            Self::Week => span.try_weeks(count),
            Self::Month => span.try_months(count),
            Self::Quarter => span.try_months(count.saturating_mul(3)),
            Self::Year => span.try_years(count),
        }
        .map_err(out_of_range)?;
        at.checked_add(span).map_err(out_of_range)
    }

    /// How many whole units lie between two times; negative where the second is the earlier one.
    pub(super) fn between(self, from: DateTime, to: DateTime) -> EngineResult<i64> {
        let failed = |error: jiff::Error| invalid(error.to_string());
        let millis = || {
            let utc = TimeZone::UTC;
            Ok::<i64, datafusion::error::DataFusionError>(millis_of(to, &utc)? - millis_of(from, &utc)?)
        };
        Ok(match self {
            Self::Millisecond => millis()?,
            Self::Second => millis()? / 1_000,
            Self::Minute => millis()? / 60_000,
            Self::Hour => millis()? / 3_600_000,
            Self::Day => millis()? / 86_400_000,
            Self::Week => millis()? / (7 * 86_400_000),
            Self::Month => from.until((jiff::Unit::Month, to)).map_err(failed)?.get_months().into(),
            Self::Quarter => i64::from(from.until((jiff::Unit::Month, to)).map_err(failed)?.get_months()) / 3,
            Self::Year => from.until((jiff::Unit::Year, to)).map_err(failed)?.get_years().into(),
        })
    }
}
