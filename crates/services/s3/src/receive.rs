//! The receiving end of a body: counts, hashes while the bytes pass by, and at the end holds everything against what the
//! client said it would send. A body that does not keep its word ends in an error, and is not committed.

use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::Stream;

use crate::chunked::Trailers;
use crate::digest::{Algorithm, Checksum, Hasher, Md5Hasher, parse_value};
use crate::error::S3Error;

/// What the client says about the checksum.
#[derive(Debug, Clone)]
pub enum Claimed {
    /// Nothing: S3 makes one by itself.
    Nothing,
    Value(Vec<u8>),
    /// It comes behind the body.
    Trailer(Trailers),
}

/// What is to come.
#[derive(Debug)]
pub struct Expected {
    /// `None` where the transfer itself says where the body ends.
    pub length: Option<u64>,
    /// The most that is taken.
    pub most: u64,
    pub md5: Option<[u8; 16]>,
    pub algorithm: Algorithm,
    pub claimed: Claimed,
}

impl Expected {
    /// A body from within the house: no promises to check, no bound but S3's own.
    pub fn anything(most: u64) -> Self {
        Self { length: None, most, md5: None, algorithm: Algorithm::Crc64Nvme, claimed: Claimed::Nothing }
    }
}

/// Reads a `Content-MD5` header.
pub fn parse_md5(text: &str) -> Result<[u8; 16], S3Error> {
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    decoded.ok_or_else(|| S3Error::InvalidDigest { digest: text.to_owned() })
}

/// What has come.
#[derive(Debug, Clone)]
pub struct Received {
    pub size: u64,
    pub md5: [u8; 16],
    pub checksum: Checksum,
}

impl Received {
    pub fn etag(&self) -> String {
        hex::encode(self.md5)
    }
}

/// The body, checked while it is read.
pub struct Checked<S> {
    inner: S,
    expected: Expected,
    seen: u64,
    hashers: Option<(Md5Hasher, Hasher)>,
    received: Option<Received>,
}

impl<S> Checked<S> {
    pub fn new(inner: S, expected: Expected) -> Self {
        let hashers = Some((Md5Hasher::default(), Hasher::new(expected.algorithm)));
        Self { inner, expected, seen: 0, hashers, received: None }
    }

    /// What came; `None` unless the body was read to a good end.
    pub fn into_received(self) -> Option<Received> {
        self.received
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), S3Error> {
        self.seen += bytes.len() as u64;
        if self.seen > self.expected.most {
            return Err(S3Error::EntityTooLarge { size: self.seen, most: self.expected.most });
        }
        if let Some((md5, hasher)) = &mut self.hashers {
            md5.update(bytes);
            hasher.update(bytes);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), S3Error> {
        let Some((md5, hasher)) = self.hashers.take() else { return Ok(()) };
        if self.expected.length.is_some_and(|length| length != self.seen) {
            return Err(S3Error::IncompleteBody);
        }
        let (md5, value) = (md5.finish(), hasher.finish());
        if let Some(expected) = self.expected.md5.filter(|expected| *expected != md5) {
            return Err(S3Error::BadDigest {
                expected: STANDARD.encode(expected),
                calculated: STANDARD.encode(md5),
            });
        }
        let algorithm = self.expected.algorithm;
        if self.claimed()?.is_some_and(|claimed| claimed != value) {
            return Err(S3Error::BadChecksum { algorithm: algorithm.as_str() });
        }
        self.received = Some(Received { size: self.seen, md5, checksum: Checksum::full(algorithm, value) });
        Ok(())
    }

    fn claimed(&self) -> Result<Option<Vec<u8>>, S3Error> {
        let algorithm = self.expected.algorithm;
        match &self.expected.claimed {
            Claimed::Nothing => Ok(None),
            Claimed::Value(value) => Ok(Some(value.clone())),
            Claimed::Trailer(trailers) => {
                let Some(text) = trailers.get(algorithm.header()) else {
                    return Err(S3Error::invalid_request(
                        "Malformed trailer: the announced checksum is missing.",
                    ));
                };
                parse_value(algorithm, &text).map(Some).ok_or_else(|| invalid_value(algorithm))
            }
        }
    }
}

pub fn invalid_value(algorithm: Algorithm) -> S3Error {
    S3Error::invalid_request(format!("Value for {} header is invalid.", algorithm.header()))
}

impl<S, E> Stream for Checked<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<S3Error>,
{
    type Item = Result<Bytes, S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let outcome = match std::task::ready!(Pin::new(&mut this.inner).poll_next(cx)) {
            Some(Ok(bytes)) => this.take(&bytes).map(|()| Some(bytes)),
            Some(Err(error)) => Err(error.into()),
            None => this.finish().map(|()| None),
        };
        Poll::Ready(outcome.transpose())
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};

    use super::*;

    async fn receive(expected: Expected) -> Result<Received, S3Error> {
        let pieces = [Ok::<_, S3Error>(Bytes::from_static(b"hel")), Ok(Bytes::from_static(b"lo"))];
        let mut body = Checked::new(stream::iter(pieces), expected);
        while let Some(bytes) = body.next().await {
            bytes?;
        }
        Ok(body.into_received().expect("it ended well"))
    }

    fn expected() -> Expected {
        Expected { algorithm: Algorithm::Crc32, ..Expected::anything(5) }
    }

    #[tokio::test]
    async fn promises_are_checked() {
        let good = receive(expected()).await.unwrap();
        assert_eq!((good.size, good.etag().as_str()), (5, "5d41402abc4b2a76b9719d911017c592"));
        assert_eq!(good.checksum.text(), "NhCmhg==");
        let md5 = parse_md5("XUFAKrxLKna5cZ2REBfFkg==").unwrap();
        let value = good.checksum.value;
        for (promise, code) in [
            (Expected { length: Some(5), md5: Some(md5), ..expected() }, None),
            (Expected { claimed: Claimed::Value(value.clone()), ..expected() }, None),
            (Expected { length: Some(6), ..expected() }, Some("IncompleteBody")),
            (Expected { most: 4, ..expected() }, Some("EntityTooLarge")),
            (Expected { md5: Some([0; 16]), ..expected() }, Some("BadDigest")),
            (Expected { claimed: Claimed::Value(vec![0; 4]), ..expected() }, Some("BadDigest")),
            (
                Expected { claimed: Claimed::Trailer(Trailers::default()), ..expected() },
                Some("InvalidRequest"),
            ),
        ] {
            assert_eq!(receive(promise).await.err().map(|error| error.code()), code);
        }
        assert!(parse_md5("abc").is_err());
    }
}
