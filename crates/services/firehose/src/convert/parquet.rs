//! The Parquet file that a converted buffer becomes.

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde::{Deserialize, Serialize};

/// The settings of `ParquetSerDe`, each acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParquetOptions {
    pub block_size_bytes: usize,
    pub page_size_bytes: usize,
    pub codec: Codec,
    pub dictionary: bool,
    pub version_2: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codec {
    Uncompressed,
    Gzip,
    Snappy,
}

/// AWS's defaults.
impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            block_size_bytes: 256 << 20,
            page_size_bytes: 1 << 20,
            codec: Codec::Snappy,
            dictionary: false,
            version_2: false,
        }
    }
}

impl ParquetOptions {
    fn properties(&self) -> WriterProperties {
        let codec = match self.codec {
            Codec::Uncompressed => Compression::UNCOMPRESSED,
            Codec::Gzip => Compression::GZIP(GzipLevel::default()),
            Codec::Snappy => Compression::SNAPPY,
        };
        let version = if self.version_2 { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
        WriterProperties::builder()
            .set_writer_version(version)
            .set_compression(codec)
            .set_dictionary_enabled(self.dictionary)
            .set_data_page_size_limit(self.page_size_bytes)
            .set_max_row_group_bytes(Some(self.block_size_bytes))
            .set_created_by(concat!("millpond-firehose ", env!("CARGO_PKG_VERSION")).to_owned())
            .build()
    }

    pub fn write(&self, rows: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(self.properties()))?;
        writer.write(rows)?;
        writer.into_inner()
    }
}
