//! What AWS takes beside a request and Millpond does not act on is refused by name, on every operation. A value that asks
//! for what is so anyway is no request for anything, and passes.

use http::HeaderMap;

use crate::error::S3Error;

/// A header, and the values that pass.
struct Rule(&'static str, &'static [&'static str]);

const OFFSET: &str = "x-amz-write-offset-bytes";

const HEADERS: &[Rule] = &[
    Rule("x-amz-if-match-initiated-time", &[]),
    Rule("x-amz-if-match-last-modified-time", &[]),
    Rule("x-amz-if-match-size", &[]),
    Rule("x-amz-mfa", &[]),
    Rule("x-amz-request-payer", &["requester"]),
    Rule(OFFSET, &[]),
];

/// `appends`: the operation is one that acts on an offset.
pub fn check(headers: &HeaderMap, appends: bool) -> Result<(), S3Error> {
    let rules = HEADERS.iter().filter(|Rule(name, _)| !(appends && *name == OFFSET));
    for Rule(name, passing) in rules {
        for value in headers.get_all(*name) {
            if !passing.iter().any(|passes| passes.as_bytes() == value.as_bytes()) {
                return Err(S3Error::HeaderNotImplemented { header: (*name).to_owned() });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_by_name() {
        let header = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            check(&headers, false).err().map(|error| error.fields())
        };
        let refused = |name: &str| Some(vec![("Header", name.to_owned())]);
        for (name, value, expected) in [
            ("x-amz-mfa", "1 2", refused("x-amz-mfa")),
            ("x-amz-request-payer", "requester", None),
            ("x-amz-meta-acl", "anything", None),
        ] {
            assert_eq!(header(name, value), expected, "{name}: {value}");
        }
    }
}
