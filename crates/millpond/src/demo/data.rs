//! The demo's data, inside the program: nycflights13 (CC0), zstd-compressed CSV.

use anyhow::Context as _;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/nycflights13/", $name, ".csv.zst"))
    };
}

const FLIGHTS: &[u8] = file!("flights");

/// The reference tables: their names and files.
pub const REFERENCES: [(&str, &[u8]); 4] = [
    ("weather", file!("weather")),
    ("planes", file!("planes")),
    ("airports", file!("airports")),
    ("airlines", file!("airlines")),
];

/// The columns of a flight event, as the Glue table has them that Firehose converts to. Year, month and day are not
/// among them: they become partitions.
pub const FLIGHT_COLUMNS: [(&str, &str); 16] = [
    ("time_hour", "timestamp"),
    ("hour", "int"),
    ("minute", "int"),
    ("dep_time", "int"),
    ("sched_dep_time", "int"),
    ("dep_delay", "int"),
    ("arr_time", "int"),
    ("sched_arr_time", "int"),
    ("arr_delay", "int"),
    ("carrier", "string"),
    ("flight", "int"),
    ("tailnum", "string"),
    ("origin", "string"),
    ("dest", "string"),
    ("air_time", "int"),
    ("distance", "int"),
];

/// One flight, ready to be put into the stream.
pub struct Event {
    pub partition_key: String,
    pub json: Vec<u8>,
}

#[derive(Deserialize)]
struct Row<'a> {
    year: u16,
    month: u8,
    day: u8,
    #[serde(deserialize_with = "or_na")]
    dep_time: Option<i32>,
    sched_dep_time: i32,
    #[serde(deserialize_with = "or_na")]
    dep_delay: Option<i32>,
    #[serde(deserialize_with = "or_na")]
    arr_time: Option<i32>,
    sched_arr_time: i32,
    #[serde(deserialize_with = "or_na")]
    arr_delay: Option<i32>,
    carrier: &'a str,
    flight: i32,
    tailnum: &'a str,
    origin: &'a str,
    dest: &'a str,
    #[serde(deserialize_with = "or_na")]
    air_time: Option<i32>,
    distance: i32,
    hour: i32,
    minute: i32,
    time_hour: &'a str,
}

/// What a producer would send; a value that is not known is left out.
#[derive(Serialize)]
struct FlightEvent<'a> {
    date: String,
    time_hour: &'a str,
    hour: i32,
    minute: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    dep_time: Option<i32>,
    sched_dep_time: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    dep_delay: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arr_time: Option<i32>,
    sched_arr_time: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    arr_delay: Option<i32>,
    carrier: &'a str,
    flight: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tailnum: Option<&'a str>,
    origin: &'a str,
    dest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    air_time: Option<i32>,
    distance: i32,
}

fn or_na<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    match <&str>::deserialize(deserializer)? {
        "NA" => Ok(None),
        number => number.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// Every flight in the order of its scheduled departure.
pub fn flights() -> anyhow::Result<Vec<Event>> {
    let mut reader = csv::Reader::from_reader(zstd::Decoder::new(FLIGHTS).context("unpacking the flights")?);
    let headers = reader.headers()?.clone();
    let mut record = csv::StringRecord::new();
    let mut events = Vec::new();
    while reader.read_record(&mut record)? {
        let row: Row<'_> = record.deserialize(Some(&headers))?;
        let departs = (row.month, row.day, row.hour, row.minute);
        let event = Event {
            partition_key: format!("{}{}", row.carrier, row.flight),
            json: serde_json::to_vec(&FlightEvent {
                date: format!("{:04}-{:02}-{:02}", row.year, row.month, row.day),
                time_hour: row.time_hour,
                hour: row.hour,
                minute: row.minute,
                dep_time: row.dep_time,
                sched_dep_time: row.sched_dep_time,
                dep_delay: row.dep_delay,
                arr_time: row.arr_time,
                sched_arr_time: row.sched_arr_time,
                arr_delay: row.arr_delay,
                carrier: row.carrier,
                flight: row.flight,
                tailnum: Some(row.tailnum).filter(|tailnum| *tailnum != "NA"),
                origin: row.origin,
                dest: row.dest,
                air_time: row.air_time,
                distance: row.distance,
            })?,
        };
        events.push((departs, event));
    }
    events.sort_by_key(|(departs, _)| *departs);
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

/// A reference table as CSV, with empty fields where the data set says NA.
pub fn reference(compressed: &[u8]) -> anyhow::Result<Bytes> {
    let mut reader = csv::Reader::from_reader(zstd::Decoder::new(compressed)?);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(reader.headers()?)?;
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        writer.write_record(record.iter().map(|field| if field == "NA" { "" } else { field }))?;
    }
    Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_whole() {
        let events = flights().unwrap();
        assert_eq!(events.len(), 336_776);
        let first = String::from_utf8(events[0].json.clone()).unwrap();
        assert!(
            first.starts_with(r#"{"date":"2013-01-01","time_hour":"2013-01-01T10:00:00Z","hour":5"#),
            "{first}"
        );
        for (name, lines) in [(0, 26_116), (1, 3_323), (2, 1_459), (3, 17)] {
            let csv = reference(REFERENCES[name].1).unwrap();
            assert_eq!(csv.iter().filter(|byte| **byte == b'\n').count(), lines, "{}", REFERENCES[name].0);
            assert!(!String::from_utf8_lossy(&csv).contains(",NA,"));
        }
    }
}
