//! Reads a form up to its file, and leaves the file as a stream.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use crate::error::S3Error;
use crate::objects::ByteStream;

/// The most bytes of all fields before the file.
const MOST_FIELDS: usize = 20 << 10;
/// The most bytes that are read before the file begins; a piece of it may be among them.
const MOST_BEFORE: usize = 1 << 20;

/// A form whose file is still to come.
pub struct Form {
    /// Names in lower case, in the order in which they came.
    pub fields: Vec<(String, String)>,
    pub filename: String,
    pub file: ByteStream,
}

impl Form {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// Errors: MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument (no file), IncompleteBody.
pub async fn form(
    content_type: &str,
    body: impl Stream<Item = Result<Bytes, S3Error>> + Send + 'static,
) -> Result<Form, S3Error> {
    let boundary = multer::parse_boundary(content_type).map_err(|error| broken(&error))?;
    let at_file = Arc::new(AtomicBool::new(false));
    let paced = Paced { inner: body.boxed(), seen: 0, at_file: Arc::clone(&at_file), pause: false };
    let mut parts = multer::Multipart::new(paced, boundary);
    let (mut fields, mut size) = (Vec::new(), 0);
    while let Some(mut part) = parts.next_field().await.map_err(|error| broken(&error))? {
        let name = part.name().unwrap_or_default().to_ascii_lowercase();
        if name == "file" {
            at_file.store(true, Ordering::Relaxed);
            let given = part.file_name().unwrap_or_default();
            // Some browsers send the whole path.
            let filename = given.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            let file = part.map(|piece| piece.map_err(|error| broken(&error))).boxed();
            return Ok(Form { fields, filename, file });
        }
        let mut value = Vec::new();
        size += name.len();
        while let Some(piece) = part.chunk().await.map_err(|error| broken(&error))? {
            size += piece.len();
            if size > MOST_FIELDS {
                return Err(too_large());
            }
            value.extend_from_slice(&piece);
        }
        let value = String::from_utf8(value).map_err(|_| malformed())?;
        fields.push((name, value));
    }
    Err(S3Error::invalid_argument("POST requires exactly one file upload per request.", "file", "0"))
}

fn malformed() -> S3Error {
    let message = "The body of your POST request is not well-formed multipart/form-data.".to_owned();
    S3Error::BadForm { code: "MalformedPOSTRequest", message, fields: Vec::new() }
}

fn too_large() -> S3Error {
    let message = "Your POST request fields preceding the upload file were too large.".to_owned();
    S3Error::BadForm { code: "MaxPostPreDataLengthExceeded", message, fields: Vec::new() }
}

fn broken(error: &multer::Error) -> S3Error {
    match error {
        multer::Error::StreamReadFailed(cause) if cause.is::<TooMuch>() => too_large(),
        multer::Error::StreamReadFailed(_)
        | multer::Error::IncompleteStream
        | multer::Error::IncompleteFieldData { .. } => S3Error::IncompleteBody,
        _ => malformed(),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("too many bytes before the file")]
struct TooMuch;

/// The body, one piece at a time: multer would read as long as there is something, into memory.
struct Paced {
    inner: ByteStream,
    seen: usize,
    at_file: Arc<AtomicBool>,
    pause: bool,
}

impl Stream for Paced {
    type Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pause) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = std::task::ready!(self.inner.as_mut().poll_next(cx));
        self.pause = next.is_some();
        if let (Some(Ok(bytes)), false) = (&next, self.at_file.load(Ordering::Relaxed)) {
            self.seen += bytes.len();
            if self.seen > MOST_BEFORE {
                return Poll::Ready(Some(Err(Box::new(TooMuch))));
            }
        }
        Poll::Ready(next.map(|piece| piece.map_err(Into::into)))
    }
}

#[cfg(test)]
mod tests {
    use futures::{TryStreamExt as _, stream};

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=xx";

    async fn read(text: &str, piece: usize) -> Result<(Form, Vec<u8>), &'static str> {
        let pieces: Vec<_> =
            text.as_bytes().chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut form = form(TYPE, stream::iter(pieces)).await.map_err(|error| error.code())?;
        let file = std::mem::replace(&mut form.file, stream::empty().boxed());
        let file: Vec<Bytes> = file.try_collect().await.map_err(|error| error.code())?;
        Ok((form, file.concat()))
    }

    fn field(name: &str, value: &str) -> String {
        format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    fn file(body: &str) -> String {
        format!(
            "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\\\d\\\\a.txt\"\r\n\
             Content-Type: text/plain\r\n\r\n{body}\r\n--xx--\r\n"
        )
    }

    #[tokio::test]
    async fn forms_are_read_in_any_pieces() {
        let text = [field("Key", "k"), field("x", ""), file("the\r\nbody")].concat();
        for piece in [1, 2, 7, 64, 4_096] {
            let (form, body) = read(&text, piece).await.unwrap();
            assert_eq!(form.field("key"), Some("k"));
            assert_eq!((form.field("x"), form.field("y")), (Some(""), None));
            assert_eq!((form.filename.as_str(), body.as_slice()), ("a.txt", &b"the\r\nbody"[..]));
        }
    }

    #[tokio::test]
    async fn bad_forms() {
        let large = field("a", &"x".repeat(MOST_FIELDS));
        let endless = format!("--xx\r\nX: {}", "x".repeat(2 * MOST_BEFORE));
        let cut = [field("key", "k"), file("body").replace("\r\n--xx--\r\n", "")].concat();
        for (text, code) in [
            ("", "IncompleteBody"),
            ("nonsense", "IncompleteBody"),
            (&*field("key", "k"), "IncompleteBody"),
            (&*format!("{}--xx--\r\n", field("key", "k")), "InvalidArgument"),
            (&*large, "MaxPostPreDataLengthExceeded"),
            (&*endless, "MaxPostPreDataLengthExceeded"),
            (&*cut, "IncompleteBody"),
        ] {
            assert_eq!(read(text, 1_000).await.err(), Some(code), "{}", &text[..text.len().min(60)]);
        }
        let no_boundary = form("multipart/form-data", stream::empty()).await;
        assert_eq!(no_boundary.err().map(|error| error.code()), Some("MalformedPOSTRequest"));
    }
}
