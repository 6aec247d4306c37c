//! How a table's objects are written, read from its SerDe, its formats and its properties.

use std::collections::BTreeMap;

use crate::catalog::{StorageDef, TableDef};
use crate::error::QueryError;

pub(crate) const LAZY_SIMPLE: &str = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";
pub(crate) const OPEN_CSV: &str = "org.apache.hadoop.hive.serde2.OpenCSVSerde";
pub(crate) const OPENX_JSON: &str = "org.openx.data.jsonserde.JsonSerDe";
pub(crate) const HIVE_JSON: &str = "org.apache.hive.hcatalog.data.JsonSerDe";
pub(crate) const HIVE_JSON_SERDE2: &str = "org.apache.hadoop.hive.serde2.JsonSerDe";
pub(crate) const PARQUET: &str = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";

/// How the bytes of a table's objects become rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TableFormat {
    Parquet,
    Delimited(Delimited),
    OpenCsv(OpenCsv),
    Json(Json),
}

/// Hive's LazySimpleSerDe: no quotes; what does not read as its type is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delimited {
    pub(crate) field: u8,
    pub(crate) collection: u8,
    pub(crate) map_key: u8,
    pub(crate) escape: Option<u8>,
    pub(crate) null: String,
    pub(crate) skip_lines: usize,
    pub(crate) skip_last_lines: usize,
}

/// OpenCSVSerde: quoted fields; what does not read as its type fails the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenCsv {
    pub(crate) separator: u8,
    pub(crate) quote: u8,
    pub(crate) escape: u8,
    pub(crate) skip_lines: usize,
    pub(crate) skip_last_lines: usize,
}

/// One JSON document a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Json {
    pub(crate) ignore_malformed: bool,
    /// A column's name to the key that it is read from (`mapping.column = key`).
    pub(crate) mapping: BTreeMap<String, String>,
    pub(crate) dots_in_keys: bool,
    pub(crate) case_sensitive: bool,
    pub(crate) skip_lines: usize,
}

impl TableFormat {
    /// Errors: NOT_SUPPORTED (a SerDe, a table type or a property that is not acted on), HIVE_INVALID_METADATA.
    pub(crate) fn of(table: &TableDef, storage: &StorageDef) -> Result<Self, QueryError> {
        let name = format!("{}.{}", table.database, table.name);
        if table.table_type.eq_ignore_ascii_case("VIRTUAL_VIEW") {
            return Err(QueryError::not_supported(format!("The view {name}: reading views")));
        }
        let parameter = |key: &str| table.parameters.get(key).map(String::as_str);
        if let Some(kind) = parameter("table_type") {
            return Err(QueryError::not_supported(format!("Table {name} with 'table_type'='{kind}'")));
        }
        if parameter("projection.enabled").is_some_and(|on| on.eq_ignore_ascii_case("true")) {
            return Err(QueryError::not_supported(format!("Partition projection on table {name}")));
        }
        let options = Options { table: &table.parameters, serde: &storage.serde_parameters };
        match storage.serde.as_str() {
            PARQUET => Ok(Self::Parquet),
            LAZY_SIMPLE => options.delimited().map(Self::Delimited),
            OPEN_CSV => options.open_csv().map(Self::OpenCsv),
            OPENX_JSON | HIVE_JSON | HIVE_JSON_SERDE2 => options.json(&storage.serde).map(Self::Json),
            "" => Err(QueryError::user(
                "HIVE_UNSUPPORTED_FORMAT",
                format!(
                    "Unable to create input format {} for table {name}: no SerDe is set",
                    storage.input_format
                ),
            )),
            other => Err(QueryError::not_supported(format!("SerDe {other} of table {name}"))),
        }
    }
}

/// The properties of a table and of its SerDe; the SerDe's own come first.
struct Options<'a> {
    table: &'a BTreeMap<String, String>,
    serde: &'a BTreeMap<String, String>,
}

impl Options<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.serde.get(key).or_else(|| self.table.get(key)).map(String::as_str)
    }

    /// A separator: one character, an escape (`\t`, `\001`, `\u0001`), or its code (`1`).
    fn byte(&self, key: &str) -> Result<Option<u8>, QueryError> {
        let Some(text) = self.get(key).filter(|text| !text.is_empty()) else { return Ok(None) };
        let invalid =
            || QueryError::user("HIVE_INVALID_METADATA", format!("Invalid value for {key}: '{text}'"));
        // Hive takes a number for a code first: the usual `1` means control-A.
        if let Ok(code) = text.parse() {
            return Ok(Some(code));
        }
        if let [byte] = text.as_bytes() {
            return Ok(Some(*byte));
        }
        let byte = match text {
            "\\t" => b'\t',
            "\\n" => b'\n',
            "\\r" => b'\r',
            "\\\\" => b'\\',
            "\\\"" => b'"',
            "\\'" => b'\'',
            _ => match text.strip_prefix("\\u") {
                Some(hex) => u8::from_str_radix(hex, 16).map_err(|_| invalid())?,
                None => match text.strip_prefix('\\') {
                    Some(octal) => u8::from_str_radix(octal, 8).map_err(|_| invalid())?,
                    None => return Err(invalid()),
                },
            },
        };
        Ok(Some(byte))
    }

    fn lines(&self, key: &str) -> Result<usize, QueryError> {
        let Some(text) = self.get(key) else { return Ok(0) };
        text.trim().parse().map_err(|_| {
            QueryError::user("HIVE_INVALID_METADATA", format!("Invalid value for {key} property: {text}"))
        })
    }

    fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    fn delimited(&self) -> Result<Delimited, QueryError> {
        if let Some(line) = self.byte("line.delim")?.filter(|line| *line != b'\n') {
            return Err(QueryError::not_supported(format!("A line.delim of byte {line}")));
        }
        let field = match self.byte("field.delim")? {
            Some(field) => field,
            None => self.byte("serialization.format")?.unwrap_or(1),
        };
        Ok(Delimited {
            field,
            // Hive itself misspelled this property once and kept both spellings.
            collection: self.byte("collection.delim")?.or(self.byte("colelction.delim")?).unwrap_or(2),
            map_key: self.byte("mapkey.delim")?.unwrap_or(3),
            escape: self.byte("escape.delim")?,
            null: self.get("serialization.null.format").unwrap_or("\\N").to_owned(),
            skip_lines: self.lines("skip.header.line.count")?,
            skip_last_lines: self.lines("skip.footer.line.count")?,
        })
    }

    fn open_csv(&self) -> Result<OpenCsv, QueryError> {
        Ok(OpenCsv {
            separator: self.byte("separatorChar")?.unwrap_or(b','),
            quote: self.byte("quoteChar")?.unwrap_or(b'"'),
            escape: self.byte("escapeChar")?.unwrap_or(b'\\'),
            skip_lines: self.lines("skip.header.line.count")?,
            skip_last_lines: self.lines("skip.footer.line.count")?,
        })
    }

    fn json(&self, serde: &str) -> Result<Json, QueryError> {
        if serde != OPENX_JSON {
            return Ok(Json { skip_lines: self.lines("skip.header.line.count")?, ..Json::default() });
        }
        let mapping = self
            .serde
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix("mapping.")?.to_lowercase(), value.clone())))
            .collect();
        Ok(Json {
            ignore_malformed: self.flag("ignore.malformed.json"),
            mapping,
            dots_in_keys: self.flag("dots.in.keys"),
            case_sensitive: self
                .get("case.insensitive")
                .is_some_and(|text| text.eq_ignore_ascii_case("false")),
            skip_lines: self.lines("skip.header.line.count")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_come_in_several_spellings() {
        let table = BTreeMap::new();
        for (text, byte) in [
            (",", b','),
            ("\t", b'\t'),
            ("\\t", b'\t'),
            ("\\001", 1),
            ("\\u0001", 1),
            ("124", b'|'),
            ("1", 1),
        ] {
            let serde = BTreeMap::from([("field.delim".to_owned(), text.to_owned())]);
            let options = Options { table: &table, serde: &serde };
            assert_eq!(options.delimited().unwrap().field, byte, "{text:?}");
        }
        let serde = BTreeMap::from([("field.delim".to_owned(), "||".to_owned())]);
        assert!(Options { table: &table, serde: &serde }.delimited().is_err());
    }
}
