//! The canonical request: the text whose hash is signed.

use http::request::Parts;

use super::claim::{Claim, Place};

/// `path` is the path as the service's clients sign it: [`path`], or [`object_path`] for S3.
pub(super) fn request(parts: &Parts, claim: &Claim, path: &str, body_hash: &str) -> String {
    let mut text = String::with_capacity(512);
    text.push_str(parts.method.as_str());
    text.push('\n');
    text.push_str(path);
    text.push('\n');
    text.push_str(&query(parts.uri.query().unwrap_or_default(), claim.place));
    text.push('\n');
    for name in &claim.signed_headers {
        text.push_str(name);
        text.push(':');
        text.push_str(&header(parts, name));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&claim.signed_headers.join(";"));
    text.push('\n');
    text.push_str(body_hash);
    text
}

/// The header's values, trimmed, inner runs of spaces made one, joined by commas.
fn header(parts: &Parts, name: &str) -> String {
    if name == "host" && !parts.headers.contains_key("host") {
        // HTTP/2 carries the host as `:authority`.
        return parts.uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    }
    let values = parts.headers.get_all(name).iter().map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    });
    values.collect::<Vec<_>>().join(",")
}

/// The path without `.`, `..` and empty segments, each segment encoded once more than it was sent.
pub(super) fn path(sent: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in sent.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut text = String::from("/");
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            text.push('/');
        }
        encode_into(&mut text, segment.as_bytes());
    }
    let ends_in_folder = ["/", "/.", "/.."].iter().any(|end| sent.ends_with(end));
    if !segments.is_empty() && ends_in_folder {
        text.push('/');
    }
    text
}

/// S3's path is a key, in which each character counts: nothing is normalized, and it is encoded once.
pub(super) fn object_path(sent: &str) -> String {
    let mut text = String::with_capacity(sent.len());
    for (index, segment) in sent.split('/').enumerate() {
        if index > 0 {
            text.push('/');
        }
        encode_into(&mut text, &percent_encoding::percent_decode_str(segment).collect::<Vec<u8>>());
    }
    text
}

/// The parameters, decoded, encoded AWS's way and sorted; the signature itself is not part of what is signed.
fn query(sent: &str, place: Place) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in sent.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (recode(name), recode(value));
        if !(place == Place::Query && name == "X-Amz-Signature") {
            pairs.push((name, value));
        }
    }
    pairs.sort();
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

/// AWS's signers read a query as a form: a plus is a space.
fn recode(text: &str) -> String {
    let mut recoded = String::with_capacity(text.len());
    let text = text.replace('+', " ");
    encode_into(&mut recoded, &percent_encoding::percent_decode_str(&text).collect::<Vec<u8>>());
    recoded
}

/// As it stands in a canonical query.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    encode_into(&mut encoded, text.as_bytes());
    encoded
}

/// Everything but RFC 3986's unreserved characters is written as `%XX`.
fn encode_into(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized_and_encoded_again() {
        for (sent, canonical) in [
            ("/", "/"),
            ("", "/"),
            ("//", "/"),
            ("/a/./b/../c", "/a/c"),
            ("/../../", "/"),
            ("/a//b/", "/a/b/"),
            ("/a/.", "/a/"),
            ("/a%20b", "/a%2520b"),
            ("/a:b", "/a%3Ab"),
        ] {
            assert_eq!(path(sent), canonical, "{sent}");
        }
    }

    #[test]
    fn object_paths_are_kept() {
        for (sent, canonical) in
            [("/b//a/../c/", "/b//a/../c/"), ("/b/a%20b+c", "/b/a%20b%2Bc"), ("/b/a%2fb:~", "/b/a%2Fb%3A~")]
        {
            assert_eq!(object_path(sent), canonical, "{sent}");
        }
    }

    #[test]
    fn queries_are_sorted_and_recoded() {
        for (sent, place, canonical) in [
            ("", Place::Header, ""),
            ("b=2&a=1&a=0", Place::Header, "a=0&a=1&b=2"),
            ("a", Place::Header, "a="),
            ("a=%7e%2f+", Place::Header, "a=~%2F%20"),
            ("a=1&X-Amz-Signature=ab", Place::Header, "X-Amz-Signature=ab&a=1"),
            ("a=1&X-Amz-Signature=ab", Place::Query, "a=1"),
        ] {
            assert_eq!(query(sent, place), canonical, "{sent}");
        }
    }
}
