//! From a buffer to the S3 object that it becomes: prefix, name, and bytes as they were, compressed or converted.

use millpond_core::Timestamp;
use parquet::errors::ParquetError;

use crate::buffer::{Buffer, Target};
use crate::convert::Converter;
use crate::failure::{ErrorOutputType, Failure, TableName};
use crate::plan::Plan;
use crate::record::Stamp;

/// The stream whose object it is.
pub struct Origin<'a> {
    pub name: &'a str,
    pub version: u64,
}

/// A table's schema, ready, and its name for error records.
pub struct Conversion {
    pub converter: Converter,
    pub table: TableName,
}

/// An object to be put, and the error records of what did not fit into it.
#[derive(Debug)]
pub struct Made {
    /// `None` when no record was left to deliver.
    pub object: Option<Object>,
    /// Error records with the stamp of the record that each is for.
    pub misfits: Vec<(Vec<u8>, Stamp)>,
}

#[derive(Debug)]
pub struct Object {
    pub key: String,
    pub body: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    #[error("writing a Parquet file")]
    Parquet(#[from] ParquetError),
    #[error("compressing an object")]
    Compression(#[from] std::io::Error),
}

/// Takes processor time in proportion to the buffer; called where blocking is allowed.
pub fn make(
    plan: &Plan,
    origin: &Origin<'_>,
    conversion: Option<&Conversion>,
    (target, buffer): (&Target, &Buffer),
    now: Timestamp,
) -> Result<Made, MakeError> {
    let at = plan.zoned(buffer.oldest_arrival());
    let mut misfits = Vec::new();
    let (prefix, extension, body) = match (target, conversion, plan.conversion.as_ref()) {
        (Target::Failed(kind), ..) => {
            (plan.prefixes.failed(&at, kind.as_str()), "", Some(buffer.data().to_vec()))
        }
        (Target::Data(keys), Some(conversion), Some(settings)) => {
            let (rows, unfit) = conversion.converter.convert(buffer.records().map(|(record, _)| record));
            let records: Vec<(&[u8], Stamp)> =
                if unfit.is_empty() { Vec::new() } else { buffer.records().collect() };
            for misfit in unfit {
                let (data, stamp) = records[misfit.record];
                let message = misfit.reason.to_string();
                let failure = Failure {
                    kind: ErrorOutputType::FormatConversionFailed,
                    code: misfit.reason.code(),
                    message: &message,
                    stamp,
                    ended: now,
                    data,
                    table: Some(&conversion.table),
                };
                let mut line = Vec::new();
                failure.write(&mut line);
                misfits.push((line, stamp));
            }
            let file = (rows.num_rows() > 0).then(|| settings.output.write(&rows)).transpose()?;
            (data_prefix(plan, keys, &at), plan.extension.as_str(), file)
        }
        (Target::Data(keys), ..) => {
            let body = plan.compression.compress(buffer.data().to_vec())?;
            (data_prefix(plan, keys, &at), plan.extension.as_str(), Some(body))
        }
    };
    let name = crate::prefix::object_name(origin.name, origin.version, &at, extension);
    let object = body.map(|body| Object { key: prefix + &name, body });
    Ok(Made { object, misfits })
}

fn data_prefix(plan: &Plan, keys: &[String], at: &jiff::Zoned) -> String {
    let names = plan.query.as_ref().map_or(&[][..], |query| query.names());
    let value = |wanted: &str| {
        let position = names.iter().position(|name| name == wanted);
        position.and_then(|position| keys.get(position)).map_or("", String::as_str)
    };
    plan.prefixes.data(at, value)
}
