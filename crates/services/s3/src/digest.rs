//! ETags and checksums: MD5, the five algorithms that S3 knows, and how parts make up a whole. Pure.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

/// A checksum algorithm that a client can ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// What a checksum of a multipart object covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Coverage {
    /// All bytes, as if the object had been put in one piece.
    FullObject,
    /// The checksums of the parts, one after the other.
    Composite,
}

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// AWS's name, as in `x-amz-sdk-checksum-algorithm`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
    }

    /// The header or trailer that carries the value.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// How many bytes a value has.
    pub fn width(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// What a multipart upload gets that names only the algorithm.
    pub fn default_coverage(self) -> Coverage {
        match self {
            Self::Crc64Nvme => Coverage::FullObject,
            Self::Crc32 | Self::Crc32c | Self::Sha1 | Self::Sha256 => Coverage::Composite,
        }
    }

    /// Hashes cannot be combined from their parts, and CRC64NVME exists for full objects only.
    pub fn allows(self, coverage: Coverage) -> bool {
        match self {
            Self::Crc32 | Self::Crc32c => true,
            Self::Crc64Nvme => coverage == Coverage::FullObject,
            Self::Sha1 | Self::Sha256 => coverage == Coverage::Composite,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

impl Coverage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// A checksum's value: raw bytes of the algorithm's width.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Checksum {
    pub algorithm: Algorithm,
    pub coverage: Coverage,
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
    /// How many parts a composite value was made from.
    #[serde(default)]
    pub parts: u32,
}

impl Checksum {
    pub fn full(algorithm: Algorithm, value: Vec<u8>) -> Self {
        Self { algorithm, coverage: Coverage::FullObject, value, parts: 0 }
    }

    /// As headers carry it: base64, and `-N` behind a composite of N parts.
    pub fn text(&self) -> String {
        let value = STANDARD.encode(&self.value);
        match self.coverage {
            Coverage::FullObject => value,
            Coverage::Composite => format!("{value}-{}", self.parts),
        }
    }
}

/// Reads a value in base64; `None` when it is not one of the algorithm's width.
pub fn parse_value(algorithm: Algorithm, text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok().filter(|value| value.len() == algorithm.width())
}

/// A running checksum.
pub enum Hasher {
    Crc(Algorithm, Box<crc_fast::Digest>),
    Hash(Context),
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Self {
        match (algorithm.crc(), algorithm) {
            (Some(crc), _) => Self::Crc(algorithm, Box::new(crc_fast::Digest::new(crc))),
            (None, Algorithm::Sha1) => Self::Hash(Context::new(&SHA1_FOR_LEGACY_USE_ONLY)),
            (None, _) => Self::Hash(Context::new(&SHA256)),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Hash(context) => context.update(bytes),
        }
    }

    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc(algorithm, digest) => crc_bytes(algorithm, digest.finalize()),
            Self::Hash(context) => context.finish().as_ref().to_vec(),
        }
    }
}

fn crc_bytes(algorithm: Algorithm, value: u64) -> Vec<u8> {
    value.to_be_bytes()[8 - algorithm.width()..].to_vec()
}

fn crc_value(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

/// One part, as the checksum of the whole sees it.
pub struct PartValue<'a> {
    pub value: &'a [u8],
    pub size: u64,
}

/// The checksum of an object from those of its parts; `None` when the algorithm does not allow that coverage.
pub fn of_parts<'a>(
    algorithm: Algorithm,
    coverage: Coverage,
    parts: impl Iterator<Item = PartValue<'a>>,
) -> Option<Checksum> {
    if !algorithm.allows(coverage) {
        return None;
    }
    let mut count = 0;
    let value = match (coverage, algorithm.crc()) {
        (Coverage::FullObject, Some(crc)) => {
            let mut whole = None;
            for part in parts {
                let value = crc_value(part.value);
                whole = Some(match whole {
                    None => value,
                    Some(before) => crc_fast::checksum_combine(crc, before, value, part.size),
                });
            }
            crc_bytes(algorithm, whole?)
        }
        (Coverage::Composite, _) => {
            let mut hasher = Hasher::new(algorithm);
            for part in parts {
                hasher.update(part.value);
                count += 1;
            }
            hasher.finish()
        }
        (Coverage::FullObject, None) => return None,
    };
    Some(Checksum { algorithm, coverage, value, parts: count })
}

/// A running MD5, which S3 uses as the ETag of what came in one piece.
#[derive(Default)]
pub struct Md5Hasher(Md5);

impl Md5Hasher {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> [u8; 16] {
        self.0.finalize().into()
    }
}

/// The ETag of a multipart object: the MD5 of its parts' MD5s, and their number.
pub fn multipart_etag<'a>(parts: impl Iterator<Item = &'a [u8; 16]>) -> String {
    let mut md5 = Md5Hasher::default();
    let mut count = 0_u32;
    for part in parts {
        md5.update(part);
        count += 1;
    }
    format!("{}-{count}", hex::encode(md5.finish()))
}

/// SHA-256, as signatures name payloads.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(algorithm);
        for piece in bytes.chunks(3) {
            hasher.update(piece);
        }
        hasher.finish()
    }

    #[test]
    fn known_values() {
        for (algorithm, expected) in [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ] {
            assert_eq!(hex::encode(of(algorithm, b"123456789")), expected, "{algorithm:?}");
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
        }
    }

    #[test]
    fn a_full_object_checksum_of_parts_is_that_of_the_whole() {
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let parts: [&[u8]; 3] = [b"hello ", b"wide ", b"world"];
            let values: Vec<_> = parts.iter().map(|part| (of(algorithm, part), part.len() as u64)).collect();
            let values = values.iter().map(|(value, size)| PartValue { value, size: *size });
            let whole = of_parts(algorithm, Coverage::FullObject, values).unwrap();
            assert_eq!(whole, Checksum::full(algorithm, of(algorithm, b"hello wide world")), "{algorithm:?}");
        }
    }

    #[test]
    fn a_composite_names_its_parts() {
        let part = of(Algorithm::Sha256, b"x");
        let parts = [PartValue { value: &part, size: 1 }, PartValue { value: &part, size: 1 }];
        let whole = of_parts(Algorithm::Sha256, Coverage::Composite, parts.into_iter()).unwrap();
        assert_eq!(whole.value, of(Algorithm::Sha256, &[part.clone(), part].concat()));
        assert!(whole.text().ends_with("=-2"), "{}", whole.text());
        assert_eq!(of_parts(Algorithm::Sha256, Coverage::FullObject, std::iter::empty()), None);
    }

    #[test]
    fn etags() {
        let one: [u8; 16] = hex::decode("5d41402abc4b2a76b9719d911017c592").unwrap().try_into().unwrap();
        let mut md5 = Md5Hasher::default();
        md5.update(b"hello");
        assert_eq!(md5.finish(), one);
        assert_eq!(multipart_etag([&one].into_iter()), "62109206880d38a4010a98e11243924a-1".to_owned());
    }

    #[test]
    fn values_have_the_width_of_their_algorithm() {
        assert_eq!(parse_value(Algorithm::Crc32, "y/Q5Jg=="), Some(vec![0xcb, 0xf4, 0x39, 0x26]));
        assert_eq!(parse_value(Algorithm::Crc64Nvme, "y/Q5Jg=="), None);
        assert_eq!(parse_value(Algorithm::Crc32, "not base64"), None);
    }
}
