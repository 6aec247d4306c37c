//! Errors as S3 writes them: XML with the code, AWS's text, and the fields beside it.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::error::S3Error;
use crate::ops::http_date;

/// The code of an answer that is an error, beside the answer.
#[derive(Clone, Debug)]
pub struct ErrorCode(pub String);

/// What an error's document says about the request.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub resource: &'a str,
    pub request_id: &'a str,
    /// An answer to HEAD has no body.
    pub head: bool,
}

pub fn error(error: &S3Error, about: About<'_>) -> Response<Bytes> {
    let mut response = document(error.status(), error.code(), &error.to_string(), &error.fields(), about);
    if let S3Error::NotModified { etag } = error {
        insert(&mut response, ETAG, &format!("\"{etag}\""));
    }
    if let S3Error::DeleteMarker { version, modified, by_version, .. } = error {
        insert(&mut response, HeaderName::from_static("x-amz-delete-marker"), "true");
        insert(&mut response, HeaderName::from_static("x-amz-version-id"), version);
        if *by_version {
            insert(&mut response, LAST_MODIFIED, &http_date(*modified));
            insert(&mut response, ALLOW, "DELETE");
        }
    }
    if let S3Error::AuthorizationHeaderMalformed { region: Some(region), .. } = error {
        insert(&mut response, HeaderName::from_static("x-amz-bucket-region"), region);
    }
    response
}

/// An error that s3s found by itself, which may lack its text.
pub fn foreign_error(status: StatusCode, code: &str, message: &str, about: About<'_>) -> Response<Bytes> {
    let text = if message.is_empty() { text_of(code) } else { message };
    document(status, code, text, &[], about)
}

fn document(
    status: StatusCode,
    code: &str,
    message: &str,
    fields: &[(&'static str, String)],
    about: About<'_>,
) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response.extensions_mut().insert(ErrorCode(code.to_owned()));
    if about.head || status == StatusCode::NOT_MODIFIED {
        return response;
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    element(&mut xml, "Code", code);
    element(&mut xml, "Message", message);
    for (name, value) in fields {
        element(&mut xml, name, value);
    }
    element(&mut xml, "Resource", about.resource);
    element(&mut xml, "RequestId", about.request_id);
    element(&mut xml, "HostId", about.request_id);
    xml.push_str("</Error>");
    *response.body_mut() = xml.into();
    insert(&mut response, CONTENT_TYPE, "application/xml");
    response
}

fn insert(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

pub fn element(xml: &mut String, name: &str, value: &str) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    for character in value.chars() {
        match character {
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '&' => xml.push_str("&amp;"),
            '\r' => xml.push_str("&#13;"),
            '\n' | '\t' => xml.push(character),
            // XML 1.0 has no way to write the other control characters.
            control if control.is_control() => xml.push('\u{FFFD}'),
            other => xml.push(other),
        }
    }
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

/// AWS's text for the codes that s3s answers without one.
fn text_of(code: &str) -> &'static str {
    match code {
        "InvalidURI" => "Couldn't parse the specified URI.",
        "InvalidBucketName" => "The specified bucket is not valid.",
        "KeyTooLongError" => "Your key is too long",
        "MalformedXML" => {
            "The XML you provided was not well-formed or did not validate against our published schema"
        }
        "MissingRequestBodyError" => "Request body is empty.",
        "MaxMessageLengthExceeded" => "Your request was too big.",
        "IncompleteBody" => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        }
        "MissingContentLength" => "You must provide the Content-Length HTTP header.",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "NotImplemented" => "A header you provided implies functionality that is not implemented",
        "InvalidArgument" => "Invalid Argument",
        _ => "We encountered an internal error. Please try again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'_> = About { resource: "/b/<k>", request_id: "id", head: false };

    #[test]
    fn documents() {
        let response = error(&S3Error::NoSuchKey { key: "a&b\u{1}".into() }, ABOUT);
        assert_eq!(response.status(), 404);
        assert_eq!(
            std::str::from_utf8(response.body()).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not \
             exist.</Message><Key>a&amp;b\u{FFFD}</Key><Resource>/b/&lt;k&gt;</Resource><RequestId>id</RequestId>\
             <HostId>id</HostId></Error>"
        );
        let head = error(&S3Error::NoSuchKey { key: "a".into() }, About { head: true, ..ABOUT });
        assert!(head.body().is_empty());
    }
}
