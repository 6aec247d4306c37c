//! Error records: what stands under the error prefix for a record that could not be delivered as asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millpond_core::Timestamp;
use serde::Serialize;

use crate::record::Stamp;

/// Which folder of the error prefix (`!{firehose:error-output-type}`) a record goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorOutputType {
    ProcessingFailed,
    FormatConversionFailed,
}

impl ErrorOutputType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProcessingFailed => "processing-failed",
            Self::FormatConversionFailed => "format-conversion-failed",
        }
    }
}

/// A failed record, as it is written: one JSON document a line.
#[derive(Debug, Clone)]
pub struct Failure<'a> {
    pub kind: ErrorOutputType,
    pub code: &'a str,
    pub message: &'a str,
    pub stamp: Stamp,
    pub ended: Timestamp,
    pub data: &'a [u8],
    /// The table whose schema the record did not fit.
    pub table: Option<&'a TableName>,
}

/// The Glue table that a conversion follows, as error records name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableName {
    pub catalog_id: String,
    pub database_name: String,
    pub table_name: String,
    pub region: String,
    pub version_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Processing<'a> {
    attempts_made: u64,
    arrival_timestamp: i64,
    error_code: &'a str,
    error_message: &'a str,
    attempt_ending_timestamp: i64,
    raw_data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Conversion<'a> {
    attempts_made: u64,
    arrival_timestamp: i64,
    last_error_code: &'a str,
    last_error_message: &'a str,
    attempt_ending_timestamp: i64,
    raw_data: String,
    sequence_number: Option<String>,
    sub_sequence_number: Option<u64>,
    data_catalog_table: Option<&'a TableName>,
}

impl Failure<'_> {
    /// The two forms that AWS documents: "Handle failure in data transformation" and "Handling errors for data format
    /// conversion". Times are milliseconds.
    pub fn write(&self, out: &mut Vec<u8>) {
        let arrival_timestamp = self.stamp.arrived.as_millis();
        let attempt_ending_timestamp = self.ended.as_millis();
        let raw_data = STANDARD.encode(self.data);
        let sequence_number = self.stamp.sequence_number.map(|number| number.to_string());
        let written = match self.kind {
            ErrorOutputType::ProcessingFailed => serde_json::to_writer(
                &mut *out,
                &Processing {
                    attempts_made: 1,
                    arrival_timestamp,
                    error_code: self.code,
                    error_message: self.message,
                    attempt_ending_timestamp,
                    raw_data,
                    sequence_number,
                },
            ),
            ErrorOutputType::FormatConversionFailed => serde_json::to_writer(
                &mut *out,
                &Conversion {
                    attempts_made: 1,
                    arrival_timestamp,
                    last_error_code: self.code,
                    last_error_message: self.message,
                    attempt_ending_timestamp,
                    raw_data,
                    sequence_number,
                    sub_sequence_number: None,
                    data_catalog_table: self.table,
                },
            ),
        };
        written.expect("strings and numbers serialize, and a Vec takes every write");
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: ErrorOutputType) -> String {
        let mut out = Vec::new();
        let failure = Failure {
            kind,
            code: "Code",
            message: "why",
            stamp: Stamp::direct(Timestamp::from_millis(1000)),
            ended: Timestamp::from_millis(2000),
            data: b"{}",
            table: None,
        };
        failure.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_kind_has_its_documented_members() {
        assert_eq!(
            failure(ErrorOutputType::ProcessingFailed),
            "{\"attemptsMade\":1,\"arrivalTimestamp\":1000,\"errorCode\":\"Code\",\"errorMessage\":\"why\",\
             \"attemptEndingTimestamp\":2000,\"rawData\":\"e30=\"}\n"
        );
        assert_eq!(
            failure(ErrorOutputType::FormatConversionFailed),
            "{\"attemptsMade\":1,\"arrivalTimestamp\":1000,\"lastErrorCode\":\"Code\",\"lastErrorMessage\":\"why\",\
             \"attemptEndingTimestamp\":2000,\"rawData\":\"e30=\",\"sequenceNumber\":null,\"subSequenceNumber\":null,\
             \"dataCatalogTable\":null}\n"
        );
    }
}
