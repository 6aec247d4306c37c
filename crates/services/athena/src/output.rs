//! A query's results in S3: a CSV for a query, text for everything else, and beside either its description, as JDBC
//! drivers read it. Written as the rows come, read again page by page.

use bytes::Bytes;
use futures::future::join;
use millpond_gateway::Caller;
use millpond_s3::{PutBody, PutOptions, S3, S3Error};
use millpond_sql::{Execution, QueryError, Rows};
use prost::Message;
use tokio::sync::mpsc;

use crate::model::{Kind, ResultColumn, split_location};

/// Rows are handed to S3 in pieces of about this size.
const PIECE: usize = 256 << 10;

/// Pieces that may wait for S3.
const WAITING_PIECES: usize = 4;

/// Where a result object lies.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
}

impl<'a> Place<'a> {
    /// `s3://bucket/key`.
    pub fn of(location: &'a str) -> Option<Self> {
        split_location(location)?;
        let (bucket, key) = location.strip_prefix("s3://")?.split_once('/')?;
        Some(Self { bucket, key })
    }
}

fn output_error(error: &S3Error, place: Place<'_>) -> QueryError {
    let Place { bucket, key } = place;
    QueryError::user(
        "PERMISSION_DENIED",
        format!("Could not write the results to s3://{bucket}/{key}: {error}"),
    )
}

/// Appends a value as Athena writes it: in quotes, a quote doubled; NULL is nothing at all.
fn quoted(value: &str, out: &mut String) {
    out.push('"');
    let mut rest = value;
    while let Some(at) = rest.find('"') {
        out.push_str(&rest[..=at]);
        out.push('"');
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn header(columns: &[ResultColumn], kind: Kind, out: &mut String) {
    if kind != Kind::Dml {
        return;
    }
    for (i, column) in columns.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        quoted(&column.name, out);
    }
    out.push('\n');
}

fn line(rows: &Rows, row: usize, kind: Kind, cell: &mut String, out: &mut String) {
    for column in 0..rows.width() {
        if column > 0 {
            out.push(if kind == Kind::Dml { ',' } else { '\t' });
        }
        cell.clear();
        if rows.write(row, column, cell) {
            match kind {
                Kind::Dml => quoted(cell, out),
                Kind::Ddl | Kind::Utility => out.push_str(cell),
            }
        }
    }
    out.push('\n');
}

/// Runs the execution to its end and puts its rows as one object, and its description beside it. A query that fails on
/// the way leaves no object.
pub async fn write(
    s3: &S3,
    caller: &Caller,
    place: Place<'_>,
    kind: Kind,
    columns: &[ResultColumn],
    execution: &mut Execution,
) -> Result<(), QueryError> {
    let (pieces, received) = mpsc::channel::<Result<Bytes, S3Error>>(WAITING_PIECES);
    let body = futures::stream::unfold(received, |mut received| async {
        received.recv().await.map(|piece| (piece, received))
    });
    let content_type = match kind {
        Kind::Dml => "text/csv",
        Kind::Ddl | Kind::Utility => "text/plain",
    };
    let options = PutOptions { content_type: Some(content_type.to_owned()), ..PutOptions::default() };
    let put = s3.put(caller, place.bucket, place.key, PutBody::stream(body), options);
    let (made, put) = join(produce(execution, kind, columns, pieces), put).await;
    made?;
    put.map_err(|error| output_error(&error, place))?;
    let key = format!("{}.metadata", place.key);
    let described = description(place.key, columns);
    let options =
        PutOptions { content_type: Some("binary/octet-stream".to_owned()), ..PutOptions::default() };
    s3.put(caller, place.bucket, &key, described, options)
        .await
        .map_err(|error| output_error(&error, place))?;
    Ok(())
}

async fn produce(
    execution: &mut Execution,
    kind: Kind,
    columns: &[ResultColumn],
    pieces: mpsc::Sender<Result<Bytes, S3Error>>,
) -> Result<(), QueryError> {
    let mut piece = String::new();
    let mut cell = String::new();
    header(columns, kind, &mut piece);
    loop {
        let rows = match execution.next().await {
            Ok(Some(rows)) => rows,
            Ok(None) => break,
            Err(error) => {
                // What was put so far must not become an object.
                let broken = S3Error::Internal { doing: "running a query", source: Box::new(error.clone()) };
                let _gone = pieces.send(Err(broken)).await;
                return Err(error);
            }
        };
        for row in 0..rows.len() {
            line(&rows, row, kind, &mut cell, &mut piece);
            if piece.len() >= PIECE && pieces.send(Ok(std::mem::take(&mut piece).into())).await.is_err() {
                // S3 gave up, and says why.
                return Ok(());
            }
        }
    }
    if !piece.is_empty() {
        let _gone = pieces.send(Ok(piece.into())).await;
    }
    Ok(())
}

/// The description in the protobuf form of Athena's own `.metadata` objects, as the open athena-jdbc driver reads it.
#[derive(Clone, PartialEq, Message)]
struct Description {
    #[prost(string, tag = "1")]
    query: String,
    #[prost(message, repeated, tag = "4")]
    columns: Vec<DescribedColumn>,
}

#[derive(Clone, PartialEq, Message)]
struct DescribedColumn {
    #[prost(string, tag = "1")]
    catalog: String,
    #[prost(string, tag = "4")]
    name: String,
    #[prost(string, tag = "5")]
    label: String,
    #[prost(string, tag = "6")]
    type_name: String,
    #[prost(int32, tag = "7")]
    precision: i32,
    #[prost(int32, tag = "8")]
    scale: i32,
    /// 3: it is not known whether the column has NULLs.
    #[prost(int32, tag = "9")]
    nullable: i32,
    #[prost(bool, tag = "10")]
    case_sensitive: bool,
}

fn description(key: &str, columns: &[ResultColumn]) -> Vec<u8> {
    let file = key.rsplit('/').next().unwrap_or(key);
    let query = file.rsplit_once('.').map_or(file, |(id, _)| id).to_owned();
    let columns = columns.iter().map(|column| DescribedColumn {
        catalog: "hive".to_owned(),
        name: column.name.clone(),
        label: column.name.clone(),
        type_name: column.type_name.clone(),
        precision: column.precision,
        scale: column.scale,
        nullable: 3,
        case_sensitive: column.case_sensitive,
    });
    Description { query, columns: columns.collect() }.encode_to_vec()
}

/// A row as it was written; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// The object is not one that a query wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOurs;

/// Reads rows from `text` on: as many as are whole, up to `limit`; and how many bytes they take. At the object's end a
/// last line needs no line break.
pub fn rows(
    text: &[u8],
    kind: Kind,
    columns: usize,
    limit: usize,
    at_end: bool,
) -> Result<(Vec<Row>, usize), NotOurs> {
    let mut rows = Vec::new();
    let mut at = 0;
    while rows.len() < limit && at < text.len() {
        let read = match kind {
            Kind::Dml => csv_row(&text[at..], at_end)?,
            Kind::Ddl | Kind::Utility => text_row(&text[at..], columns, at_end)?,
        };
        let Some((row, length)) = read else { break };
        if kind == Kind::Dml && row.len() != columns {
            return Err(NotOurs);
        }
        rows.push(row);
        at += length;
    }
    Ok((rows, at))
}

fn text_row(text: &[u8], columns: usize, at_end: bool) -> Result<Option<(Row, usize)>, NotOurs> {
    let (line, length) = match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&text[..end], end + 1),
        None if at_end => (text, text.len()),
        None => return Ok(None),
    };
    let line = std::str::from_utf8(line).map_err(|_| NotOurs)?;
    Ok(Some((line.splitn(columns.max(1), '\t').map(|cell| Some(cell.to_owned())).collect(), length)))
}

/// Millpond's own form: every value in quotes, NULL as nothing. No CSV crate tells `""` from nothing.
fn csv_row(text: &[u8], at_end: bool) -> Result<Option<(Row, usize)>, NotOurs> {
    let mut row = Vec::new();
    let mut at = 0;
    loop {
        let value = match text.get(at) {
            Some(b'"') => {
                let Some((value, end)) = csv_value(text, at + 1)? else {
                    return if at_end { Err(NotOurs) } else { Ok(None) };
                };
                at = end;
                Some(value)
            }
            _ => None,
        };
        row.push(value);
        match text.get(at) {
            Some(b',') => at += 1,
            Some(b'\n') => return Ok(Some((row, at + 1))),
            Some(_) => return Err(NotOurs),
            None if at_end => return Ok(Some((row, at))),
            None => return Ok(None),
        }
    }
}

/// The value whose text begins at `at`, and where its closing quote ends; `None` where the text stops before that.
fn csv_value(text: &[u8], mut at: usize) -> Result<Option<(String, usize)>, NotOurs> {
    let mut value = Vec::new();
    loop {
        let Some(quote) = text[at..].iter().position(|byte| *byte == b'"') else { return Ok(None) };
        value.extend_from_slice(&text[at..at + quote]);
        at += quote + 1;
        match text.get(at) {
            Some(b'"') => {
                value.push(b'"');
                at += 1;
            }
            _ => return Ok(Some((String::from_utf8(value).map_err(|_| NotOurs)?, at))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(row: &Row) -> String {
        let mut out = String::new();
        for (i, value) in row.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            if let Some(value) = value {
                quoted(value, &mut out);
            }
        }
        out.push('\n');
        out
    }

    proptest! {
        #[test]
        fn rows_are_read_as_they_were_written(
            table in proptest::collection::vec(proptest::collection::vec(proptest::option::of("[a-z\",\n\té]{0,6}"), 3), 0..8),
            cut in 0_usize..200,
        ) {
            let text: String = table.iter().map(written).collect();
            prop_assert_eq!(rows(text.as_bytes(), Kind::Dml, 3, 100, true), Ok((table.clone(), text.len())));
            // A piece gives its whole rows and says where they end.
            let cut = cut.min(text.len());
            let (first, at) = rows(&text.as_bytes()[..cut], Kind::Dml, 3, 100, false).unwrap();
            let (second, _) = rows(&text.as_bytes()[at..], Kind::Dml, 3, 100, true).unwrap();
            prop_assert_eq!([first, second].concat(), table);
        }

        #[test]
        fn any_bytes_are_rows_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), columns in 0_usize..4) {
            for kind in [Kind::Dml, Kind::Ddl] {
                if let Ok((_, at)) = rows(&bytes, kind, columns, 100, true) {
                    prop_assert!(at <= bytes.len());
                }
            }
        }
    }

    #[test]
    fn a_description_reads_back() {
        let column = ResultColumn {
            name: "n".to_owned(),
            type_name: "bigint".to_owned(),
            precision: 19,
            scale: 0,
            case_sensitive: false,
        };
        let read = Description::decode(description("results/some-id.csv", &[column]).as_slice()).unwrap();
        assert_eq!(read.query, "some-id");
        assert_eq!((read.columns[0].label.as_str(), read.columns[0].precision), ("n", 19));
    }
}
