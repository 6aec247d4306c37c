//! Uploads by HTML forms (POST Object): who sent one, what its policy allows, and the PutObject that it stands for. The upload
//! then goes PutObject's way, with the same permissions, headers and errors.

mod policy;
mod read;

use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use futures::Stream;
use http::header::{CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use millpond_core::{Region, Scope};
use millpond_gateway::sigv4::{Claim, FormFields};
use millpond_gateway::{Access, Arrival, Caller, Credentials};
use millpond_policy::Principal;
use s3s::dto::Tagging;
use s3s::xml::{Deserialize as _, Deserializer};

use crate::address::host;
use crate::auth;
use crate::error::S3Error;
use crate::objects::ByteStream;
use crate::ops::encode;
use crate::render;

pub use read::{Form, form as read};

/// Fields that say who sent the form, beside its other fields that begin with `x-amz-`.
const SIGNATURE: [&str; 5] =
    ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token"];
/// Fields that are headers of the object.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// Stands for the name of the file that the form's user chose.
const FILENAME: &str = "${filename}";

pub fn is_form(parts: &Parts) -> bool {
    let value = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    parts.method == Method::POST && value.to_ascii_lowercase().starts_with("multipart/form-data")
}

/// Puts the file's name into the fields that ask for it, and gives the key.
///
/// Errors: InvalidArgument.
pub fn expand(form: &mut Form) -> Result<String, S3Error> {
    let Form { fields, filename, .. } = form;
    for (_, value) in fields.iter_mut().filter(|(_, value)| value.contains(FILENAME)) {
        *value = value.replace(FILENAME, filename);
    }
    form.field("key").map(str::to_owned).ok_or_else(|| no_field("key"))
}

fn no_field(name: &str) -> S3Error {
    S3Error::invalid_argument(
        format!(
            "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        ),
        name,
        "",
    )
}

/// Who sent the form, and how large its file may be. A form without a policy is nobody's. `region` is that of requests
/// which name none.
///
/// Errors: AccessDenied, InvalidPolicyDocument, SignatureDoesNotMatch, InvalidAccessKeyId, InvalidToken, InvalidArgument.
pub fn admit(
    form: &Form,
    bucket: &str,
    access: &Access,
    region: &Region,
    arrival: &Arrival,
) -> Result<(Caller, RangeInclusive<u64>), S3Error> {
    let caller = match access {
        Access::Open { .. } => {
            let key = form.field("x-amz-credential").and_then(|text| text.split('/').next());
            let account = access.open_account(key, form.field("x-amz-security-token"));
            let scope = Scope::new(account.clone(), region.clone());
            let access_key = key.map(Into::into);
            Caller::arrived(Principal::Root { account }, scope, arrival).with_access_key(access_key)
        }
        Access::Verified { account, .. } if form.field("policy").is_none() && !is_signed(form) => {
            let scope = Scope::new(account.clone(), region.clone());
            Caller::arrived(Principal::Anonymous, scope, arrival)
        }
        Access::Verified { credentials, .. } => signer(form, credentials.as_ref(), arrival)?,
    };
    // Clients sign, and say when that ends, by clocks of their own.
    let now = arrival.clock.unturned();
    let lengths = match form.field("policy") {
        Some(text) => policy::Policy::parse(text)?.check(bucket, &form.fields, now)?,
        None => 0..=u64::MAX,
    };
    Ok((caller, lengths))
}

fn is_signed(form: &Form) -> bool {
    ["x-amz-signature", "signature", "awsaccesskeyid"].into_iter().any(|name| form.field(name).is_some())
}

fn signer(form: &Form, credentials: &dyn Credentials, arrival: &Arrival) -> Result<Caller, S3Error> {
    if form.field("awsaccesskeyid").is_some() || form.field("signature").is_some() {
        return Err(S3Error::invalid_request(
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ));
    }
    let field = |name| form.field(name).ok_or_else(|| no_field(name));
    let policy = field("policy")?;
    let fields = FormFields {
        algorithm: field("x-amz-algorithm")?,
        credential: field("x-amz-credential")?,
        date: field("x-amz-date")?,
        signature: field("x-amz-signature")?,
        session_token: form.field("x-amz-security-token"),
    };
    let malformed = |error: millpond_gateway::sigv4::AuthError| {
        S3Error::invalid_argument(error.to_string(), "X-Amz-Credential", fields.credential)
    };
    let claim = Claim::of_form(&fields).map_err(malformed)?;
    claim.check_scope("s3").map_err(malformed)?;
    let credential = auth::known(&claim, credentials)?;
    claim.verify_text(policy, &credential.secret).map_err(|mismatch| S3Error::SignatureDoesNotMatch {
        access_key: claim.access_key_id.clone(),
        string_to_sign: mismatch.string_to_sign,
        provided: mismatch.provided,
        canonical_request: mismatch.canonical_request,
    })?;
    credentials.used(&claim.access_key_id, &credential.principal, "s3", &claim.region);
    let scope = Scope::new(credential.account, claim.region.clone());
    let access_key = Some(claim.access_key_id.as_str().into());
    Ok(Caller::arrived(credential.principal, scope, arrival)
        .with_grants(credential.grants, credential.token)
        .with_access_key(access_key))
}

/// The PutObject that the form stands for: its head. The bucket is in its path, whatever the form's host was.
///
/// Errors: InvalidArgument (a field that cannot be a header), MalformedXML (tags).
pub fn as_put(form: &Form, bucket: &str, key: &str, mut parts: Parts) -> Result<Parts, S3Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in &form.fields {
        let header = match name.as_str() {
            "acl" => "x-amz-acl",
            "tagging" => "x-amz-tagging",
            name if HEADERS.contains(&name) => name,
            name if name.starts_with("x-amz-") && !SIGNATURE.contains(&name) => name,
            _ => continue,
        };
        let value = if name == "tagging" { tags(value)? } else { value.clone() };
        let invalid = || S3Error::invalid_argument("Invalid form field.", name, value.clone());
        let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| invalid())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
        headers.entry(header).or_insert(value);
    }
    let path = format!("/{}/{}", encode(bucket, true), encode(key, true));
    let invalid = |_| S3Error::invalid_request("Couldn't parse the specified URI.");
    (parts.method, parts.headers) = (Method::PUT, headers);
    parts.uri = path.parse::<Uri>().map_err(invalid)?;
    // In HTTP/2 the authority stood in the URI.
    parts.version = http::Version::HTTP_11;
    Ok(parts)
}

/// The form carries tags as a document, a header as a query string.
fn tags(xml: &str) -> Result<String, S3Error> {
    let mut reader = Deserializer::new(xml.as_bytes());
    let tagging = Tagging::deserialize(&mut reader).map_err(|_| S3Error::MalformedXml)?;
    let mut text = form_urlencoded::Serializer::new(String::new());
    for tag in tagging.tag_set {
        text.append_pair(tag.key.as_deref().unwrap_or_default(), tag.value.as_deref().unwrap_or_default());
    }
    Ok(text.finish())
}

/// Where the object of a form is reached: beside what the form was sent to.
pub fn location(parts: &Parts, secure: bool, key: &str) -> String {
    let scheme = if secure { "https" } else { "http" };
    format!("{scheme}://{}{}/{}", host(parts), parts.uri.path().trim_end_matches('/'), encode(key, true))
}

/// Status, headers and body of the answer, as the form asks for them.
pub fn success(
    form: &Form,
    bucket: &str,
    key: &str,
    location: &str,
    etag: &str,
) -> (StatusCode, HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let wanted = form.field("success_action_redirect").or_else(|| form.field("redirect"));
    if let Some(url) = wanted.filter(|url| is_url(url)) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("bucket", bucket).append_pair("key", key).append_pair("etag", etag);
        let separator = if url.contains('?') { '&' } else { '?' };
        set(LOCATION, &format!("{url}{separator}{}", query.finish()));
        return (StatusCode::SEE_OTHER, headers, Bytes::new());
    }
    set(LOCATION, location);
    match form.field("success_action_status") {
        Some("200") => (StatusCode::OK, headers, Bytes::new()),
        Some("201") => {
            set(CONTENT_TYPE, "application/xml");
            let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>");
            for (name, value) in [("Location", location), ("Bucket", bucket), ("Key", key), ("ETag", etag)] {
                render::element(&mut xml, name, value);
            }
            xml.push_str("</PostResponse>");
            (StatusCode::CREATED, headers, xml.into())
        }
        _ => (StatusCode::NO_CONTENT, headers, Bytes::new()),
    }
}

/// AWS passes over a redirect that it cannot make sense of.
fn is_url(text: &str) -> bool {
    let parsed = text.parse::<Uri>();
    parsed.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

/// A file, held to the sizes that the policy allows.
pub struct Bounded {
    inner: ByteStream,
    seen: u64,
    allowed: RangeInclusive<u64>,
}

impl Bounded {
    pub fn new(inner: ByteStream, allowed: RangeInclusive<u64>) -> Self {
        Self { inner, seen: 0, allowed }
    }
}

impl Stream for Bounded {
    type Item = Result<Bytes, S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.inner.as_mut().poll_next(cx));
        let (least, most) = (*self.allowed.start(), *self.allowed.end());
        let error = match &next {
            Some(Ok(bytes)) => {
                self.seen += bytes.len() as u64;
                (self.seen > most).then_some(S3Error::EntityTooLarge { size: self.seen, most })
            }
            Some(Err(_)) => None,
            None => (self.seen < least).then(|| S3Error::BadForm {
                code: "EntityTooSmall",
                message: "Your proposed upload is smaller than the minimum allowed size".into(),
                fields: vec![("ProposedSize", self.seen.to_string()), ("MinSizeAllowed", least.to_string())],
            }),
        };
        match error {
            Some(error) => Poll::Ready(Some(Err(error))),
            None => Poll::Ready(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};

    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form {
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            filename: "a.txt".into(),
            file: stream::empty().boxed(),
        }
    }

    #[test]
    fn forms_become_puts() {
        let mut form = form(&[
            ("key", "d e/${filename}"),
            ("acl", "private"),
            ("content-type", "text/plain"),
            ("x-amz-meta-a", "b ${filename}"),
            ("x-amz-signature", "s"),
            ("policy", "p"),
            ("tagging", "<Tagging><TagSet><Tag><Key>a b</Key><Value>1</Value></Tag></TagSet></Tagging>"),
        ]);
        let key = expand(&mut form).unwrap();
        let parts = http::Request::new(()).into_parts().0;
        let put = as_put(&form, "b", &key, parts).unwrap();
        assert_eq!((put.method, put.uri.to_string()), (Method::PUT, "/b/d%20e/a.txt".to_owned()));
        let names: Vec<_> = put.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-amz-acl", "content-type", "x-amz-meta-a", "x-amz-tagging"]);
        assert_eq!(put.headers["x-amz-tagging"], "a+b=1");
        assert_eq!(put.headers["x-amz-meta-a"], "b a.txt");
    }

    #[test]
    fn answers() {
        let answer = |fields: &[(&str, &str)]| success(&form(fields), "b", "k&l", "http://h/b/k", "\"e\"");
        assert_eq!(answer(&[]).0, 204);
        assert_eq!(answer(&[("success_action_status", "200")]).0, 200);
        assert_eq!(answer(&[("success_action_status", "302")]).0, 204);
        let (status, headers, body) = answer(&[("success_action_status", "201")]);
        assert_eq!((status.as_u16(), &headers[LOCATION]), (201, &HeaderValue::from_static("http://h/b/k")));
        assert!(std::str::from_utf8(&body).unwrap().contains("<Key>k&amp;l</Key><ETag>\"e\"</ETag>"));
        let (status, headers, _) = answer(&[("success_action_redirect", "http://x/y?z=1")]);
        assert_eq!(status, 303);
        assert_eq!(headers[LOCATION], "http://x/y?z=1&bucket=b&key=k%26l&etag=%22e%22");
        assert_eq!(answer(&[("success_action_redirect", "nowhere")]).0, 204);
    }
}
