//! Names of buckets and keys: which ones S3 takes. Pure.

use std::net::Ipv4Addr;

use crate::error::S3Error;

/// The longest key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1_024;

/// Whether a new bucket may have this name.
///
/// Source: Amazon S3 user guide, general purpose bucket naming rules.
pub fn check_new_bucket(name: &str) -> Result<(), S3Error> {
    if is_well_formed(name) && !reserved(name) {
        Ok(())
    } else {
        Err(S3Error::InvalidBucketName { bucket: name.into() })
    }
}

pub fn is_well_formed(name: &str) -> bool {
    let edge = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|&c| edge(c) || c == b'.' || c == b'-')
        && bytes.first().copied().is_some_and(edge)
        && bytes.last().copied().is_some_and(edge)
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err()
}

/// Prefixes and suffixes that AWS keeps for itself (access point aliases, directory buckets, table buckets).
fn reserved(name: &str) -> bool {
    const SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    begins_reserved(name) || SUFFIXES.iter().any(|s| name.ends_with(s))
}

pub fn begins_reserved(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
    PREFIXES.iter().any(|p| name.starts_with(p))
}

/// Whether an object may have this key.
pub fn check_key(key: &str) -> Result<(), S3Error> {
    match key.len() {
        0 => Err(S3Error::InvalidArgument {
            message: "The key of an object must have at least one character.".into(),
            name: "Key".into(),
            value: String::new(),
        }),
        n if n > MAX_KEY_BYTES => Err(S3Error::KeyTooLong { size: n }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets() {
        let long = "a".repeat(64);
        for (name, good) in [
            ("abc", true),
            ("my.bucket-1", true),
            ("1ab", true),
            (&long[..63], true),
            (&long, false),
            ("ab", false),
            ("Abc", false),
            ("a_b", false),
            ("-ab", false),
            ("ab-", false),
            (".ab", false),
            ("a..b", false),
            ("192.168.5.4", false),
            ("xn--abc", false),
            ("sthree-abc", false),
            ("abc-s3alias", false),
            ("abc--x-s3", false),
            ("über", false),
        ] {
            assert_eq!(check_new_bucket(name).is_ok(), good, "{name}");
        }
    }

    #[test]
    fn keys() {
        assert!(check_key("a").is_ok());
        assert!(check_key(&"é".repeat(512)).is_ok());
        assert!(matches!(check_key(&"é".repeat(513)), Err(S3Error::KeyTooLong { size: 1_026 })));
        assert!(check_key("").is_err());
    }
}
