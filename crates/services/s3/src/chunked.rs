//! `aws-chunked` bodies: chunks with or without signatures, and the trailer behind them. Bytes are handed on as they
//! come, a chunk is never held; whoever writes them commits only when the stream has ended well.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};

use aws_lc_rs::digest::{Context, SHA256, digest};
use aws_lc_rs::hmac;
use bytes::{Buf as _, Bytes, BytesMut};
use futures::Stream;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::S3Error;

/// The longest line in front of a chunk.
const MAX_LINE_BYTES: usize = 1_024;
/// The longest trailer.
const MAX_TRAILER_BYTES: usize = 16 << 10;
/// Signed chunks but the last must be as long as this.
const MIN_SIGNED_CHUNK: u64 = 8 << 10;

/// The trailing headers; filled when the body has been read to its end.
#[derive(Clone, Default, Debug)]
pub struct Trailers(Arc<Mutex<HeaderMap>>);

impl Trailers {
    pub fn get(&self, name: &str) -> Option<String> {
        let headers = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    fn set(&self, name: HeaderName, value: HeaderValue) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name, value);
    }
}

/// Checks the chain of signatures: each chunk's covers the one before it.
pub struct ChunkSigner {
    /// The signing key of the scope.
    pub key: hmac::Key,
    /// `x-amz-date` of the request.
    pub date: String,
    /// `20261121/us-east-1/s3/aws4_request`.
    pub scope: String,
    /// The signature before: at first that of the request.
    pub previous: String,
}

impl ChunkSigner {
    /// Takes the signature of what is hashed in `payload`; false when it is not the right one.
    fn verify(&mut self, algorithm: &str, payload: &str, signature: &str) -> bool {
        let text = format!("{algorithm}\n{}\n{}\n{}\n{payload}", self.date, self.scope, self.previous);
        let Ok(tag) = hex::decode(signature) else { return false };
        signature.clone_into(&mut self.previous);
        hmac::verify(&self.key, text.as_bytes(), &tag).is_ok()
    }

    fn verify_chunk(&mut self, payload: &[u8], signature: &str) -> bool {
        let empty = hex::encode(digest(&SHA256, b""));
        self.verify("AWS4-HMAC-SHA256-PAYLOAD", &format!("{empty}\n{}", hex::encode(payload)), signature)
    }

    fn verify_trailer(&mut self, canonical: &str, signature: &str) -> bool {
        let payload = hex::encode(digest(&SHA256, canonical.as_bytes()));
        self.verify("AWS4-HMAC-SHA256-TRAILER", &payload, signature)
    }
}

enum State {
    Line,
    Data { left: u64, last: bool, signature: Option<String> },
    DataEnd,
    Trailer,
    Done,
}

/// The decoded body.
pub struct Dechunked<S> {
    inner: S,
    buffer: BytesMut,
    state: State,
    /// The decoded length that the request declared, and what has come of it.
    declared: u64,
    seen: u64,
    chunk: u32,
    short_chunk: Option<(u32, u64)>,
    signer: Option<Box<ChunkSigner>>,
    hasher: Context,
    trailers: Trailers,
}

impl<S, E> Dechunked<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<S3Error>,
{
    /// With a `signer` each chunk and the trailer must be signed; without, signatures are not looked at.
    pub fn new(inner: S, declared: u64, signer: Option<Box<ChunkSigner>>, trailers: Trailers) -> Self {
        Self {
            inner,
            buffer: BytesMut::new(),
            state: State::Line,
            declared,
            seen: 0,
            chunk: 0,
            short_chunk: None,
            signer,
            hasher: Context::new(&SHA256),
            trailers,
        }
    }

    /// Goes on with what the buffer holds; `Ok(None)` when more is needed.
    fn advance(&mut self) -> Result<Option<Bytes>, S3Error> {
        loop {
            match &mut self.state {
                State::Line => {
                    let Some(line) = take_line(&mut self.buffer, MAX_LINE_BYTES)? else { return Ok(None) };
                    self.begin_chunk(&line)?;
                }
                State::Data { left: 0, .. } => self.end_chunk()?,
                State::Data { left, .. } => {
                    if self.buffer.is_empty() {
                        return Ok(None);
                    }
                    let n = (self.buffer.len() as u64).min(*left);
                    *left -= n;
                    self.seen += n;
                    let bytes =
                        self.buffer.split_to(usize::try_from(n).expect("no longer than the buffer")).freeze();
                    if self.signer.is_some() {
                        self.hasher.update(&bytes);
                    }
                    return Ok(Some(bytes));
                }
                State::DataEnd => {
                    if self.buffer.len() < 2 {
                        return Ok(None);
                    }
                    if !self.buffer.starts_with(b"\r\n") {
                        return Err(S3Error::IncompleteBody);
                    }
                    self.buffer.advance(2);
                    self.state = State::Line;
                }
                State::Trailer if self.buffer.len() > MAX_TRAILER_BYTES => {
                    return Err(S3Error::IncompleteBody);
                }
                State::Trailer | State::Done => return Ok(None),
            }
        }
    }

    /// A chunk's line: its length in hexadecimal digits, and its signature.
    fn begin_chunk(&mut self, line: &str) -> Result<(), S3Error> {
        let (size, extension) = line.split_once(';').map_or((line, None), |(size, rest)| (size, Some(rest)));
        let signature = extension.and_then(|rest| rest.trim().strip_prefix("chunk-signature="));
        let well_formed = (1..=15).contains(&size.len()) && size.bytes().all(|c| c.is_ascii_hexdigit());
        let left =
            u64::from_str_radix(size, 16).ok().filter(|_| well_formed).ok_or(S3Error::IncompleteBody)?;
        if self.seen + left > self.declared {
            return Err(S3Error::IncompleteBody);
        }
        if self.signer.is_some() {
            if let (Some((chunk, size)), true) = (self.short_chunk, left > 0) {
                return Err(S3Error::InvalidChunkSize { chunk, size });
            }
            self.short_chunk = (left < MIN_SIGNED_CHUNK).then_some((self.chunk, left));
        }
        self.chunk += 1;
        self.state = State::Data { left, last: left == 0, signature: signature.map(str::to_owned) };
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), S3Error> {
        let State::Data { signature, last, .. } = std::mem::replace(&mut self.state, State::Done) else {
            return Ok(());
        };
        let hash = std::mem::replace(&mut self.hasher, Context::new(&SHA256)).finish();
        if let Some(signer) = &mut self.signer {
            let signature = signature.unwrap_or_default();
            if !signer.verify_chunk(hash.as_ref(), &signature) {
                return Err(mismatch(signature));
            }
        }
        self.state = if last { State::Trailer } else { State::DataEnd };
        Ok(())
    }

    /// Called at the end of the input.
    fn finish(&mut self) -> Result<(), S3Error> {
        if !matches!(self.state, State::Trailer) || self.seen != self.declared {
            return Err(S3Error::IncompleteBody);
        }
        self.state = State::Done;
        let text = std::mem::take(&mut self.buffer);
        let text = std::str::from_utf8(&text).map_err(|_| S3Error::IncompleteBody)?;
        let (mut canonical, mut signature) = (Vec::new(), None);
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(S3Error::IncompleteBody)?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            if name == "x-amz-trailer-signature" {
                signature = Some(value.to_owned());
                continue;
            }
            canonical.push(format!("{name}:{value}\n"));
            let name = HeaderName::try_from(name).map_err(|_| S3Error::IncompleteBody)?;
            let value = HeaderValue::try_from(value).map_err(|_| S3Error::IncompleteBody)?;
            self.trailers.set(name, value);
        }
        let Some(signer) = &mut self.signer else { return Ok(()) };
        if canonical.is_empty() && signature.is_none() {
            return Ok(());
        }
        canonical.sort_unstable();
        let signature = signature.unwrap_or_default();
        if signer.verify_trailer(&canonical.concat(), &signature) { Ok(()) } else { Err(mismatch(signature)) }
    }
}

impl<S, E> Stream for Dechunked<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<S3Error>,
{
    type Item = Result<Bytes, S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if matches!(this.state, State::Done) {
                return Poll::Ready(None);
            }
            match this.advance() {
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(None) => {}
                Err(error) => {
                    this.state = State::Done;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            match std::task::ready!(Pin::new(&mut this.inner).poll_next(cx)) {
                Some(Ok(bytes)) if this.buffer.is_empty() => this.buffer = BytesMut::from(bytes),
                Some(Ok(bytes)) => this.buffer.extend_from_slice(&bytes),
                Some(Err(error)) => {
                    this.state = State::Done;
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => {
                    let ended = this.finish();
                    this.state = State::Done;
                    return Poll::Ready(ended.err().map(Err));
                }
            }
        }
    }
}

fn mismatch(provided: String) -> S3Error {
    S3Error::SignatureDoesNotMatch {
        access_key: String::new(),
        string_to_sign: String::new(),
        provided,
        canonical_request: String::new(),
    }
}

/// A line without its CRLF; `None` when it has not come whole.
fn take_line(buffer: &mut BytesMut, longest: usize) -> Result<Option<String>, S3Error> {
    match buffer.windows(2).take(longest).position(|pair| pair == b"\r\n") {
        Some(end) => {
            let line = buffer.split_to(end);
            buffer.advance(2);
            String::from_utf8(line.to_vec()).map(Some).map_err(|_| S3Error::IncompleteBody)
        }
        None if buffer.len() > longest => Err(S3Error::IncompleteBody),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};

    use super::*;

    async fn decode(
        text: &[u8],
        step: usize,
        declared: u64,
        signer: Option<Box<ChunkSigner>>,
    ) -> Result<(Vec<u8>, Trailers), S3Error> {
        let pieces: Vec<Result<Bytes, S3Error>> =
            text.chunks(step).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let trailers = Trailers::default();
        let mut body = Dechunked::new(stream::iter(pieces), declared, signer, trailers.clone());
        let mut whole = Vec::new();
        while let Some(bytes) = body.next().await {
            whole.extend_from_slice(&bytes?);
        }
        Ok((whole, trailers))
    }

    #[tokio::test]
    async fn unsigned_with_a_trailer() {
        let text = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
        for step in 1..text.len() {
            let (body, trailers) = decode(text, step, 11, None).await.unwrap();
            assert_eq!(body, b"hello world");
            assert_eq!(trailers.get("x-amz-checksum-crc32").as_deref(), Some("DUoRhQ=="));
        }
    }

    proptest::proptest! {
        #[test]
        fn foreign_bytes_end_in_an_error_or_a_body(
            text in proptest::collection::vec(proptest::sample::select(b"05af;\r\n:x=-chunk-signature".to_vec()), 0..200),
            step in 1..20_usize,
            declared in 0..40_u64,
        ) {
            let decoded = futures::executor::block_on(decode(&text, step, declared, None));
            if let Ok((body, _)) = decoded {
                proptest::prop_assert_eq!(body.len() as u64, declared);
            }
        }
    }

    #[tokio::test]
    async fn broken_bodies() {
        for (text, declared) in [
            (&b""[..], 0),
            (b"5\r\nhello\r\n", 5),
            (b"5\r\nhel", 5),
            (b"5\r\nhelloX\r\n0\r\n\r\n", 5),
            (b"g\r\n", 5),
            (b"+5\r\nhello\r\n0\r\n\r\n", 5),
            (b"ffffffffffffffff\r\n", 5),
            (b"5\r\nhello\r\n0\r\n\r\n", 6),
            (b"6\r\nhello!\r\n0\r\n\r\n", 5),
            (b"0\r\nno colon\r\n\r\n", 0),
        ] {
            let outcome = decode(text, 4, declared, None).await;
            assert!(matches!(outcome, Err(S3Error::IncompleteBody)), "{:?}", String::from_utf8_lossy(text));
        }
        let endless = vec![b'a'; 4_096];
        assert!(decode(&endless, 64, 5, None).await.is_err());
    }

    /// The example of Amazon S3's API reference, "Signature calculations for the authorization header: transferring
    /// payload in multiple chunks".
    fn published_signer() -> Box<ChunkSigner> {
        let sign = |key: &[u8], text: &str| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
        };
        let key = sign(b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524");
        let key = sign(&sign(&sign(&key, "us-east-1"), "s3"), "aws4_request");
        Box::new(ChunkSigner {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            date: "20130524T000000Z".into(),
            scope: "20130524/us-east-1/s3/aws4_request".into(),
            previous: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".into(),
        })
    }

    fn published_body() -> Vec<u8> {
        let mut body = Vec::new();
        for (size, signature) in [
            (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ] {
            body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
            body.resize(body.len() + size, b'a');
            body.extend_from_slice(b"\r\n");
        }
        body
    }

    #[tokio::test]
    async fn signed_chunks() {
        let (body, _) = decode(&published_body(), 1_000, 66_560, Some(published_signer())).await.unwrap();
        assert_eq!(body, vec![b'a'; 66_560]);
        for at in [100, 60_000, 66_000] {
            let mut tampered = published_body();
            tampered[at] = b'b';
            let outcome = decode(&tampered, 1_000, 66_560, Some(published_signer())).await;
            assert!(matches!(outcome, Err(S3Error::SignatureDoesNotMatch { .. })), "byte {at}");
        }
    }

    #[tokio::test]
    async fn short_signed_chunks_are_refused() {
        let text = b"5;chunk-signature=00\r\nhello\r\n";
        let outcome = decode(text, 64, 5, Some(published_signer())).await;
        assert!(matches!(outcome, Err(S3Error::SignatureDoesNotMatch { .. })));
    }
}
