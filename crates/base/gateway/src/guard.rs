//! Web pages. A page that is open in a browser on this machine reaches loopback as programs do, and with `--open` nobody
//! is asked who he is. Browsers do not let a page lie in what this file reads.
//!
//! - A page that had its own name point to this machine (DNS rebinding) shows in the host. An open pond answers to
//!   addresses and to names that nobody can point elsewhere.
//! - A page of another site that sends a form or loads an image shows in `Origin`, or in `Sec-Fetch-Site`. An open pond
//!   answers to pages that this machine itself serves.

use std::net::IpAddr;

use http::Uri;
use http::request::Parts;

/// These names, and all below them, lead to the machine that looks them up, or are AWS's own: local tools and SDKs use
/// them, and no page of a stranger can come from them.
const HOSTS: [&str; 7] = [
    "localhost",
    "localhost.localstack.cloud",
    "amazonaws.com",
    "amazonaws.com.cn",
    "api.aws",
    "docker.internal",
    "containers.internal",
];

/// Pages under these names, and all below them, come from this machine.
const PAGES: [&str; 2] = ["localhost", "localhost.localstack.cloud"];

/// Why an open pond does not answer a request; `None` when it does.
pub(crate) fn objection(parts: &Parts) -> Option<&'static str> {
    let host = host(parts);
    // Every browser names its host; a program that does not is none.
    if !host.is_empty() && !is_known_host(host) {
        return Some(
            "An open pond answers to localhost, to addresses and to AWS's host names, and not to the name that this \
             request was sent to.",
        );
    }
    let page = match header(parts, "origin") {
        None if header(parts, "sec-fetch-site") != Some("cross-site") => return None,
        None => header(parts, "referer").unwrap_or_default(),
        Some(origin) => origin,
    };
    (!is_local_page(page, host)).then_some(
        "An open pond does not answer to web pages of other sites. Start it without --open to have requests signed.",
    )
}

/// Whether a web page sent the request, or may have: for what only programs on this machine are to reach.
pub(crate) fn by_web_page(parts: &Parts) -> bool {
    let sent = |name| header(parts, name).is_some();
    let name = name_of(host(parts));
    let local = name.eq_ignore_ascii_case("localhost") || address(name).is_some_and(|ip| ip.is_loopback());
    sent("origin") || sent("referer") || sent("sec-fetch-site") || !local
}

/// `None` when it was not sent; what is no text is sent, and no name of anything.
fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

fn host(parts: &Parts) -> &str {
    let sent = parts.headers.get("host").map(|value| value.to_str().unwrap_or("?"));
    sent.or_else(|| parts.uri.authority().map(|authority| authority.as_str())).unwrap_or_default()
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn address(name: &str) -> Option<IpAddr> {
    name.trim_matches(['[', ']']).parse().ok()
}

fn is_known_host(host: &str) -> bool {
    let name = name_of(host);
    address(name).is_some() || is_among(name, &HOSTS)
}

/// `page` is an origin or an address of a page.
fn is_local_page(page: &str, host: &str) -> bool {
    let Ok(page) = page.parse::<Uri>() else { return false };
    let Some(authority) = page.authority().filter(|_| page.scheme().is_some()) else { return false };
    let name = authority.host();
    authority.as_str().eq_ignore_ascii_case(host)
        || is_among(name, &PAGES)
        || address(name).is_some_and(|ip| ip.to_canonical().is_loopback())
}

fn is_among(name: &str, names: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    names
        .iter()
        .any(|known| name.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn request(headers: &[(&str, &str)]) -> Parts {
        let request =
            headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        request.uri("/").body(()).unwrap().into_parts().0
    }

    #[test]
    fn open_ponds_answer_to_names_that_no_stranger_has() {
        for (host, answered) in [
            ("127.0.0.1:4566", true),
            ("127.0.0.1", true),
            ("[::1]:4566", true),
            ("172.17.0.1:4566", true),
            ("localhost:4566", true),
            ("LocalHost", true),
            ("bucket.s3.localhost:4566", true),
            ("kinesis.us-east-1.amazonaws.com", true),
            ("bucket.s3.eu-central-1.amazonaws.com:4566", true),
            ("bucket.s3.localhost.localstack.cloud:4566", true),
            ("host.docker.internal:4566", true),
            ("", true),
            ("evil.example", false),
            ("evil.example:4566", false),
            ("localhost.evil.example:4566", false),
            ("notlocalhost", false),
            ("evil-amazonaws.com", false),
            ("127.0.0.1.evil.example", false),
            ("127.0.0.1@evil.example", false),
            ("é", false),
        ] {
            assert_eq!(objection(&request(&[("host", host)])).is_none(), answered, "{host}");
        }
        let by_http2 = Request::builder().uri("http://evil.example:4566/").body(()).unwrap().into_parts().0;
        assert!(objection(&by_http2).is_some());
    }

    #[test]
    fn open_ponds_answer_to_pages_of_this_machine() {
        for (headers, answered) in [
            (&[("origin", "http://localhost:3000")][..], true),
            (&[("origin", "http://127.0.0.1:3000"), ("sec-fetch-site", "cross-site")], true),
            (&[("origin", "http://app.localhost")], true),
            (&[("origin", "http://127.0.0.1:4566"), ("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site"), ("referer", "http://localhost:3000/page?a=b")], true),
            (&[("referer", "https://console.example/")], true),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "http://localhost.evil.example")], false),
            (&[("origin", "http://localhost@evil.example")], false),
            (&[("origin", "http://bucket.s3.amazonaws.com")], false),
            (&[("origin", "localhost")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("referer", "https://evil.example/")], false),
        ] {
            let mut headers = headers.to_vec();
            headers.push(("host", "127.0.0.1:4566"));
            assert_eq!(objection(&request(&headers)).is_none(), answered, "{headers:?}");
        }
        let own = [("host", "b.s3.amazonaws.com:4566"), ("origin", "http://b.s3.amazonaws.com:4566")];
        assert!(objection(&request(&own)).is_none());
    }

    #[test]
    fn web_pages_are_told_from_programs() {
        for (headers, page) in [
            (&[("host", "127.0.0.1:4566")][..], false),
            (&[("host", "localhost")], false),
            (&[("host", "[::1]:80")], false),
            (&[("host", "evil.example:4566")], true),
            (&[("host", "")], true),
            (&[], true),
            (&[("host", "localhost:4566"), ("origin", "null")], true),
            (&[("host", "localhost:4566"), ("sec-fetch-site", "cross-site")], true),
        ] {
            assert_eq!(by_web_page(&request(headers)), page, "{headers:?}");
        }
    }
}
