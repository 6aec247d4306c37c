//! The receiving end of a body: counts, hashes while the bytes pass by, and at the end holds everything against what the
//! client said it would send. A body that does not keep its word ends in an error, and is not committed.
//!
//! MD5 alone takes as long as all else that is done with a byte. Bodies beyond a mebibyte are hashed on a blocking thread, a
//! batch at a time, while the next batch arrives and the one before is sealed and written.

use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::Stream;
use tokio::task::JoinHandle;

use crate::chunked::Trailers;
use crate::digest::{Algorithm, Checksum, Hasher, Md5Hasher, parse_value};
use crate::error::S3Error;

/// The checksum that the client says a body has.
#[derive(Debug, Clone)]
pub enum Claimed {
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
    /// Of the checksum that is kept.
    pub algorithm: Algorithm,
    /// What the client says, of any algorithm. Without it nothing is checked; one is made and kept all the same.
    pub claimed: Option<(Algorithm, Claimed)>,
}

impl Expected {
    /// A body from within the house: no promises to check, no bound but S3's own.
    pub fn anything(most: u64) -> Self {
        Self { length: None, most, md5: None, algorithm: Algorithm::Crc64Nvme, claimed: None }
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
    /// Or what stands for it in the ETag.
    pub md5: [u8; 16],
    pub checksum: Checksum,
    /// The client's own, when it is of another algorithm.
    pub other: Option<Checksum>,
}

impl Received {
    /// The checksum that the client is shown: its own, if it sent one.
    pub fn shown(&self) -> &Checksum {
        self.other.as_ref().unwrap_or(&self.checksum)
    }

    pub fn etag(&self) -> String {
        hex::encode(self.md5)
    }
}

/// So much is hashed at a time: enough to be worth a thread's while, little enough to wait in memory.
const BATCH: usize = 1 << 20;

/// The body, checked while it is read.
pub struct Checked<S> {
    inner: S,
    expected: Expected,
    seen: u64,
    /// The body has ended.
    ended: bool,
    hashing: Hashing,
    /// What has passed by and is not hashed yet.
    batch: Vec<Bytes>,
    batched: usize,
    received: Option<Received>,
}

enum Hashing {
    Here(Box<Hashers>),
    /// On a blocking thread, with a batch.
    Away(JoinHandle<Box<Hashers>>),
    Done,
}

impl<S> Checked<S> {
    pub fn new(inner: S, expected: Expected) -> Self {
        let other =
            expected.claimed.as_ref().map(|(algorithm, _)| *algorithm).filter(|of| *of != expected.algorithm);
        let hashers = Hashers {
            md5: Md5Hasher::default(),
            kept: Hasher::new(expected.algorithm),
            other: other.map(|algorithm| (algorithm, Hasher::new(algorithm))),
        };
        Self {
            inner,
            expected,
            seen: 0,
            ended: false,
            hashing: Hashing::Here(Box::new(hashers)),
            batch: Vec::new(),
            batched: 0,
            received: None,
        }
    }

    /// What came; `None` unless the body was read to a good end.
    pub fn into_received(self) -> Option<Received> {
        self.received
    }

    fn take(&mut self, bytes: &Bytes) -> Result<(), S3Error> {
        self.seen += bytes.len() as u64;
        if self.seen > self.expected.most {
            return Err(S3Error::EntityTooLarge { size: self.seen, most: self.expected.most });
        }
        self.batched += bytes.len();
        self.batch.push(bytes.clone());
        Ok(())
    }

    /// Waits until no batch is being hashed elsewhere.
    fn poll_here(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S3Error>> {
        if let Hashing::Away(away) = &mut self.hashing {
            let back = std::task::ready!(Pin::new(away).poll(cx));
            self.hashing = Hashing::Here(back.map_err(|error| S3Error::internal("hashing a body", error))?);
        }
        Poll::Ready(Ok(()))
    }

    /// Hands the batch to a blocking thread, when the one before has come back.
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S3Error>> {
        std::task::ready!(self.poll_here(cx))?;
        if let Hashing::Here(mut hashers) = std::mem::replace(&mut self.hashing, Hashing::Done) {
            let batch = std::mem::take(&mut self.batch);
            self.batched = 0;
            self.hashing = Hashing::Away(tokio::task::spawn_blocking(move || {
                hashers.update(&batch);
                hashers
            }));
        }
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) -> Result<(), S3Error> {
        let Hashing::Here(mut hashers) = std::mem::replace(&mut self.hashing, Hashing::Done) else {
            return Ok(());
        };
        hashers.update(&self.batch);
        self.batch = Vec::new();
        if self.expected.length.is_some_and(|length| length != self.seen) {
            return Err(S3Error::IncompleteBody);
        }
        let md5 = hashers.md5.finish();
        if let Some(expected) = self.expected.md5.filter(|expected| *expected != md5) {
            return Err(S3Error::BadDigest {
                expected: STANDARD.encode(expected),
                calculated: STANDARD.encode(md5),
            });
        }
        let checksum = Checksum::full(self.expected.algorithm, hashers.kept.finish());
        let other = hashers.other.map(|(algorithm, hasher)| Checksum::full(algorithm, hasher.finish()));
        if let Some((algorithm, claimed)) = &self.expected.claimed {
            let found = other.as_ref().unwrap_or(&checksum);
            if claimed.value(*algorithm)? != found.value {
                return Err(S3Error::BadChecksum { algorithm: algorithm.as_str() });
            }
        }
        self.received = Some(Received { size: self.seen, md5, checksum, other });
        Ok(())
    }
}

struct Hashers {
    md5: Md5Hasher,
    kept: Hasher,
    other: Option<(Algorithm, Hasher)>,
}

impl Hashers {
    fn update(&mut self, batch: &[Bytes]) {
        for bytes in batch {
            self.md5.update(bytes);
            self.kept.update(bytes);
            if let Some((_, other)) = &mut self.other {
                other.update(bytes);
            }
        }
    }
}

impl Claimed {
    /// Asked for at the end of the body, when a trailer has come.
    fn value(&self, algorithm: Algorithm) -> Result<Vec<u8>, S3Error> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Trailer(trailers) => {
                let Some(text) = trailers.get(algorithm.header()) else {
                    return Err(S3Error::invalid_request(
                        "Malformed trailer: the announced checksum is missing.",
                    ));
                };
                parse_value(algorithm, &text).ok_or_else(|| invalid_value(algorithm))
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
        if this.batched >= BATCH {
            std::task::ready!(this.poll_batch(cx))?;
        }
        if !this.ended {
            match std::task::ready!(Pin::new(&mut this.inner).poll_next(cx)) {
                Some(Ok(bytes)) => return Poll::Ready(Some(this.take(&bytes).map(|()| bytes))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => this.ended = true,
            }
        }
        std::task::ready!(this.poll_here(cx))?;
        Poll::Ready(this.finish().map(|()| None).transpose())
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
            (
                Expected { claimed: Some((Algorithm::Crc32, Claimed::Value(value.clone()))), ..expected() },
                None,
            ),
            (
                Expected {
                    algorithm: Algorithm::Sha1,
                    claimed: Some((Algorithm::Crc32, Claimed::Value(value))),
                    ..expected()
                },
                None,
            ),
            (
                Expected { claimed: Some((Algorithm::Sha1, Claimed::Value(vec![0; 20]))), ..expected() },
                Some("BadDigest"),
            ),
            (Expected { length: Some(6), ..expected() }, Some("IncompleteBody")),
            (Expected { most: 4, ..expected() }, Some("EntityTooLarge")),
            (Expected { md5: Some([0; 16]), ..expected() }, Some("BadDigest")),
            (
                Expected { claimed: Some((Algorithm::Crc32, Claimed::Value(vec![0; 4]))), ..expected() },
                Some("BadDigest"),
            ),
            (
                Expected {
                    claimed: Some((Algorithm::Crc32, Claimed::Trailer(Trailers::default()))),
                    ..expected()
                },
                Some("InvalidRequest"),
            ),
        ] {
            assert_eq!(receive(promise).await.err().map(|error| error.code()), code);
        }
        assert!(parse_md5("abc").is_err());
    }

    #[tokio::test]
    async fn large_bodies_hash_as_small_ones_do() {
        let whole: Vec<u8> = (0..3 * BATCH + 17).map(|n| (n * 31 % 251) as u8).collect();
        for piece in [1 << 10, BATCH - 1, BATCH, 2 * BATCH + 5, whole.len()] {
            let pieces = whole.chunks(piece).map(|piece| Ok::<_, S3Error>(Bytes::copy_from_slice(piece)));
            let mut body = Checked::new(stream::iter(pieces), Expected::anything(u64::MAX));
            let mut passed = Vec::new();
            while let Some(bytes) = body.next().await {
                passed.extend_from_slice(&bytes.unwrap());
            }
            assert!(body.next().await.is_none() && passed == whole);
            let received = body.into_received().unwrap();
            let mut md5 = Md5Hasher::default();
            md5.update(&whole);
            let mut checksum = Hasher::new(Algorithm::Crc64Nvme);
            checksum.update(&whole);
            assert_eq!((received.md5, received.checksum.value), (md5.finish(), checksum.finish()), "{piece}");
        }
    }
}
