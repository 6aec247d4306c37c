//! The pages that a website shows where there is no object: errors, and the note beside a redirection.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::Redirect;
use crate::render::ErrorCode;

/// An error, as a page names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: StatusCode,
    pub code: String,
    pub message: String,
    /// What else is known, as the name of the bucket.
    pub more: Vec<(String, String)>,
}

/// The page of an error; `custom` is why the bucket's own page could not be shown in its place.
pub fn error(failure: &Failure, custom: Option<&Failure>, request_id: &str, head: bool) -> Response<Bytes> {
    let mut page = opened(failure.status);
    page.push_str("<ul>\n");
    items(&mut page, failure);
    item(&mut page, "RequestId", request_id);
    item(&mut page, "HostId", request_id);
    page.push_str("</ul>\n");
    if let Some(custom) = custom {
        page.push_str(
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n",
        );
        items(&mut page, custom);
        page.push_str("</ul>\n");
    }
    page.push_str("<hr/>\n</body>\n</html>\n");
    let mut response = Response::new(if head { Bytes::new() } else { page.into() });
    *response.status_mut() = failure.status;
    response.extensions_mut().insert(ErrorCode(failure.code.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    for (name, value) in [("x-amz-error-code", &failure.code), ("x-amz-error-message", &failure.message)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

pub fn redirect(redirect: &Redirect) -> Option<Response<Bytes>> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::from_u16(redirect.status).ok()?;
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(&redirect.location).ok()?);
    Some(response)
}

fn opened(status: StatusCode) -> String {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    format!("<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n")
}

fn items(page: &mut String, failure: &Failure) {
    item(page, "Code", &failure.code);
    item(page, "Message", &failure.message);
    for (name, value) in &failure.more {
        item(page, name, value);
    }
}

fn item(page: &mut String, name: &str, value: &str) {
    page.push_str("<li>");
    page.push_str(name);
    page.push_str(": ");
    for character in value.chars() {
        match character {
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '&' => page.push_str("&amp;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            control if control.is_control() => page.push('\u{FFFD}'),
            other => page.push(other),
        }
    }
    page.push_str("</li>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_as_documented_and_hold_no_script() {
        let failure = Failure {
            status: StatusCode::NOT_FOUND,
            code: "NoSuchKey".into(),
            message: "The specified key does not exist.".into(),
            more: vec![("Key".into(), "<script>&'\"".into())],
        };
        let page = error(&failure, Some(&failure), "R", false);
        let item = "<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n\
                    <li>Key: &lt;script&gt;&amp;&#39;&quot;</li>\n";
        assert_eq!(
            std::str::from_utf8(page.body()).unwrap(),
            format!(
                "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n<ul>\n{item}\
                 <li>RequestId: R</li>\n<li>HostId: R</li>\n</ul>\n<h3>An Error Occurred While Attempting to Retrieve a \
                 Custom Error Document</h3>\n<ul>\n{item}</ul>\n<hr/>\n</body>\n</html>\n"
            )
        );
        let head = error(&failure, None, "R", true);
        assert_eq!((head.status().as_u16(), head.body().len()), (404, 0));
    }

    #[test]
    fn a_location_that_is_no_header_is_none() {
        let to = |location: &str| redirect(&Redirect { status: 301, location: location.into() });
        assert_eq!(to("/a").unwrap().headers()[LOCATION], "/a");
        assert!(to("/a\nb").is_none());
    }
}
