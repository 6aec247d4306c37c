//! Compression of delivered objects.

use std::io::{self, Write as _};

use serde::{Deserialize, Serialize};

/// The forms of `CompressionFormat` that objects are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    None,
    Gzip,
    /// Snappy's framing format.
    Snappy,
    /// Blocks as Hadoop's SnappyCodec writes them.
    HadoopSnappy,
}

/// Hadoop's default buffer: the uncompressed length of one block.
const HADOOP_BLOCK: usize = 256 << 10;

impl Compression {
    /// What AWS appends to an object's name when no FileExtension is given.
    pub fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Snappy => ".snappy",
            Self::HadoopSnappy => ".hsnappy",
        }
    }

    pub fn compress(self, data: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(data),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&data)?;
                encoder.finish()
            }
            Self::Snappy => {
                let mut encoder = snap::write::FrameEncoder::new(Vec::new());
                encoder.write_all(&data)?;
                encoder.into_inner().map_err(|error| io::Error::other(error.to_string()))
            }
            Self::HadoopSnappy => hadoop_snappy(&data),
        }
    }
}

/// Each block: its uncompressed length, the compressed length, the compressed bytes; lengths are big-endian.
fn hadoop_snappy(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = snap::raw::Encoder::new();
    for block in data.chunks(HADOOP_BLOCK) {
        let compressed = encoder.compress_vec(block).map_err(io::Error::other)?;
        for length in [block.len(), compressed.len()] {
            let length = u32::try_from(length).map_err(io::Error::other)?;
            out.extend_from_slice(&length.to_be_bytes());
        }
        out.extend_from_slice(&compressed);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn compressed_bytes_come_back() {
        let data: Vec<u8> = (0..600_000u32).map(|n| (n % 251) as u8).collect();
        let mut back = Vec::new();
        let gzip = Compression::Gzip.compress(data.clone()).unwrap();
        flate2::read::GzDecoder::new(gzip.as_slice()).read_to_end(&mut back).unwrap();
        assert!(back == data);
        back.clear();
        let snappy = Compression::Snappy.compress(data.clone()).unwrap();
        snap::read::FrameDecoder::new(snappy.as_slice()).read_to_end(&mut back).unwrap();
        assert!(back == data);
        back.clear();
        let hadoop = Compression::HadoopSnappy.compress(data.clone()).unwrap();
        let mut rest = hadoop.as_slice();
        while let Some((lengths, after)) = rest.split_at_checked(8) {
            let length = u32::from_be_bytes(lengths[4..].try_into().unwrap()) as usize;
            back.extend(snap::raw::Decoder::new().decompress_vec(&after[..length]).unwrap());
            rest = &after[length..];
        }
        assert!(back == data);
    }
}
