//! The text at the beginning of a file, decompressed within bounds.

use std::io::Read;

use super::{Compression, SAMPLE_BYTES, Unclassified};

pub struct Sample {
    pub text: String,
    /// Whether `text` is all of the file; if not, its last record may be cut short.
    pub whole: bool,
    pub compression: Compression,
    /// Bytes in the file for one byte of text.
    pub bytes_per_byte: f64,
}

/// How files say by their first bytes what they are.
const MAGIC: [(&[u8], Kind); 9] = [
    (b"\x1f\x8b", Kind::Known(Compression::Gzip)),
    (b"\x28\xb5\x2f\xfd", Kind::Known(Compression::Zstd)),
    (b"BZh", Kind::Compression("bzip2")),
    (b"\xfd7zXZ\0", Kind::Compression("xz")),
    (b"\x04\x22\x4d\x18", Kind::Compression("lz4")),
    (b"\xff\x06\0\0sNaPpY", Kind::Compression("framed Snappy")),
    (b"PK\x03\x04", Kind::Format("ZIP")),
    (b"ORC", Kind::Format("ORC")),
    (b"Obj\x01", Kind::Format("Avro")),
];

#[derive(Clone, Copy)]
enum Kind {
    Known(Compression),
    Compression(&'static str),
    Format(&'static str),
}

pub fn read(head: &[u8], size: u64) -> Result<Sample, Unclassified> {
    let head_is_all = head.len() as u64 >= size;
    let compression = match MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, Kind::Known(compression))) => *compression,
        Some((_, Kind::Compression(name))) => return Err(Unclassified::Compression(name)),
        Some((_, Kind::Format(name))) => return Err(Unclassified::Format(name)),
        None => Compression::None,
    };
    let (bytes, whole) = match compression {
        Compression::Gzip => decompressed(flate2::read::MultiGzDecoder::new(head), head_is_all)?,
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(head).map_err(broken)?;
            // A foreign frame could ask for a window of gigabytes; 128 MiB is what zstd itself grants by default.
            decoder.window_log_max(27).map_err(broken)?;
            decompressed(decoder, head_is_all)?
        }
        Compression::None | Compression::Snappy => (head.to_vec(), head_is_all),
    };
    // Only an approximation for what is compressed: the decoder may have read less than all of `head`.
    let bytes_per_byte = match compression {
        Compression::None | Compression::Snappy => 1.0,
        Compression::Gzip | Compression::Zstd => (head.len() as f64 / bytes.len().max(1) as f64).min(1.0),
    };
    let text = utf8(bytes, whole)?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(Sample { text, whole, compression, bytes_per_byte })
}

/// Up to [`SAMPLE_BYTES`] of text, and whether that is all. A stream that ends early is what a sample looks like,
/// unless the sample is the whole file.
fn decompressed(decoder: impl Read, head_is_all: bool) -> Result<(Vec<u8>, bool), Unclassified> {
    let mut bytes = Vec::new();
    let outcome = decoder.take(SAMPLE_BYTES).read_to_end(&mut bytes);
    match outcome {
        Err(error) if head_is_all || bytes.is_empty() => Err(broken(error)),
        Err(_) => Ok((bytes, false)),
        Ok(_) => {
            let whole = head_is_all && (bytes.len() as u64) < SAMPLE_BYTES;
            Ok((bytes, whole))
        }
    }
}

fn broken(error: std::io::Error) -> Unclassified {
    Unclassified::BrokenCompression(error.to_string())
}

fn utf8(bytes: Vec<u8>, whole: bool) -> Result<String, Unclassified> {
    let not_text = |what: &str| Unclassified::NotText(what.to_owned());
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // A character that the end of the sample cuts in two.
        Err(error) if !whole && error.utf8_error().error_len().is_none() => {
            let end = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(end);
            String::from_utf8(bytes).map_err(|_| not_text("it is not UTF-8"))?
        }
        Err(_) => return Err(not_text("it is not UTF-8")),
    };
    if text.contains('\0') { Err(not_text("it holds NUL bytes")) } else { Ok(text) }
}
