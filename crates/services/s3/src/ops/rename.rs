//! Renames within a directory bucket. s3s does not know the operation, so that it comes by a route of its own.

use http::{Extensions, HeaderMap, Method, Uri};
use millpond_core::Timestamp;
use percent_encoding::percent_decode_str;
use s3s::dto::TimestampFormat;
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result};

use super::convert::from_timestamp;
use crate::access::Gatekeeper;
use crate::address::Address;
use crate::condition::{ReadConditions, Tags, WriteCondition};
use crate::context::Context;
use crate::error::S3Error;
use crate::names;
use crate::service::S3;
use crate::store::Rename;
use crate::telling;

const SOURCE: &str = "x-amz-rename-source";
const TOKEN: &str = "x-amz-client-token";
/// In characters.
const LONGEST_TOKEN: usize = 64;

/// `PUT /KEY?renameObject`.
pub struct Renames(pub S3);

#[async_trait::async_trait]
impl S3Route for Renames {
    fn is_match(&self, method: &Method, uri: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        let mut parameters = uri.query().unwrap_or_default().split('&');
        *method == Method::PUT && parameters.any(|pair| matches!(pair, "renameObject" | "renameObject="))
    }

    async fn check_access(&self, req: &mut S3Request<Body>) -> S3Result<()> {
        let context = Context::of(&req.extensions);
        let Address { bucket, key } = address(&context);
        let path = (bucket.as_deref(), key.as_deref());
        let checked = Gatekeeper(self.0.clone()).check_operation("RenameObject", path, &req.method, &context);
        checked.map_err(|error| context.fail(error))
    }

    async fn call(&self, req: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let context = Context::of(&req.extensions);
        let renamed = rename_object(&self.0, &context).await;
        renamed.map(|()| S3Response::new(Body::empty())).map_err(|error| context.fail(error))
    }
}

fn address(context: &Context) -> Address {
    context.place.as_ref().map(|place| telling::address(place, &context.headers)).unwrap_or_default()
}

/// Gives an object another key, at once and without its bytes; what was there goes.
///
/// Errors: NoSuchKey (no source), PreconditionFailed, InvalidRequest (onto itself, keys that end in `/`, no source named),
/// IdempotentParameterMismatch, NotImplemented (a general purpose bucket).
/// Source: Amazon S3 API reference, RenameObject.
/// Differs from AWS: a client token is remembered with the object, as long as it is there under its new key.
async fn rename_object(s3: &S3, context: &Context) -> Result<(), S3Error> {
    let (Some(bucket), Some(to)) = (address(context).bucket, address(context).key) else {
        return Err(S3Error::MethodNotAllowed { method: Method::PUT.to_string() });
    };
    let bucket = s3.metadata().bucket(&bucket)?;
    if !bucket.record.is_directory() {
        return Err(S3Error::NotImplemented { what: "RenameObject of a general purpose bucket".into() });
    }
    names::check_key(&to)?;
    let from = source(context.header(SOURCE), &bucket.name)?;
    if from == to {
        return Err(S3Error::invalid_request("An object cannot be renamed to its own name."));
    }
    if from.ends_with('/') || to.ends_with('/') {
        return Err(S3Error::invalid_request("Objects whose keys end in / cannot be renamed."));
    }
    let rename = Rename {
        from,
        to,
        token: token(context.header(TOKEN))?,
        source: conditions(&context.headers, "x-amz-rename-source-"),
        over: WriteCondition::of(&context.headers)?,
        over_times: ReadConditions {
            if_match: None,
            if_none_match: None,
            ..conditions(&context.headers, "")
        },
    };
    s3.rename(&bucket, rename).await
}

/// The key that is renamed: alone, or behind the bucket as `/BUCKET/KEY`.
fn source(header: Option<&str>, bucket: &str) -> Result<String, S3Error> {
    let invalid = || S3Error::invalid_argument("Invalid rename source", SOURCE, header.unwrap_or_default());
    let text = header.ok_or_else(|| {
        S3Error::invalid_request(format!("Missing required header for this request: {SOURCE}"))
    })?;
    let text = percent_decode_str(text).decode_utf8().map_err(|_| invalid())?;
    let key = match text.strip_prefix('/') {
        Some(rest) => rest.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('/')).unwrap_or(rest),
        None => &text,
    };
    names::check_key(key).map_err(|_| invalid())?;
    Ok(key.to_owned())
}

fn token(header: Option<&str>) -> Result<Option<String>, S3Error> {
    let Some(text) = header else { return Ok(None) };
    let plain = (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|c| (33..=126).contains(&c));
    match plain {
        true => Ok(Some(text.to_owned())),
        false => Err(S3Error::invalid_argument("Invalid client token", TOKEN, text)),
    }
}

fn conditions(headers: &HeaderMap, prefix: &str) -> ReadConditions {
    let text = |name: &str| headers.get(format!("{prefix}{name}")).and_then(|value| value.to_str().ok());
    ReadConditions {
        if_match: text("if-match").map(Tags::parse),
        if_none_match: text("if-none-match").map(Tags::parse),
        if_modified_since: text("if-modified-since").and_then(http_time),
        if_unmodified_since: text("if-unmodified-since").and_then(http_time),
    }
}

fn http_time(text: &str) -> Option<Timestamp> {
    from_timestamp(&s3s::dto::Timestamp::parse(TimestampFormat::HttpDate, text).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        for (header, expected) in [
            (Some("a/b"), Ok("a/b")),
            (Some("/a/b"), Ok("a/b")),
            (Some("/lake/a"), Ok("a")),
            (Some("lake/a"), Ok("lake/a")),
            (Some("a%20b"), Ok("a b")),
            (Some("%FF"), Err("InvalidArgument")),
            (Some("/"), Err("InvalidArgument")),
            (Some(""), Err("InvalidArgument")),
            (None, Err("InvalidRequest")),
        ] {
            let found = source(header, "lake");
            assert_eq!(found.as_deref().map_err(S3Error::code), expected, "{header:?}");
        }
    }

    #[test]
    fn tokens() {
        let long = "x".repeat(65);
        for (header, passes) in [
            (None, true),
            (Some("a-1"), true),
            (Some(""), false),
            (Some("a b"), false),
            (Some(&*long), false),
        ] {
            assert_eq!(token(header).is_ok(), passes, "{header:?}");
        }
    }
}
