//! The verifier against AWS's own signer, and against everything that a request can be bent into.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::Request;
use http::request::Parts;
use proptest::prelude::*;

use super::*;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z
const SIGNED_AT: Timestamp = Timestamp::from_secs(1_440_938_160);

fn signed(mut request: Request<Vec<u8>>, place: SignatureLocation) -> (Parts, Vec<u8>) {
    let mut settings = SigningSettings::default();
    settings.signature_location = place;
    if place == SignatureLocation::QueryParams {
        settings.expires_in = Some(Duration::from_secs(900));
    }
    let identity = Credentials::from_keys(KEY, SECRET, None).into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("kinesis")
        .time(SystemTime::UNIX_EPOCH + Duration::from_millis(SIGNED_AT.as_millis().unsigned_abs()))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let headers: Vec<(String, String)> = headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        SignableBody::Bytes(request.body()),
    );
    let (instructions, _) = sign(signable.unwrap(), &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request.into_parts()
}

fn verify_at(parts: &Parts, body: &[u8], now: Timestamp) -> Result<(), AuthError> {
    let claim = Claim::read(parts)?.ok_or(AuthError::Missing)?;
    claim.verify(parts, body, "kinesis", &Secret::new(SECRET.to_owned()), now)
}

fn verify(parts: &Parts, body: &[u8]) -> Result<(), AuthError> {
    verify_at(parts, body, SIGNED_AT)
}

fn list_streams() -> Request<Vec<u8>> {
    Request::post("http://localhost:4566/")
        .header("host", "localhost:4566")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "Kinesis_20131202.ListStreams")
        .body(b"{}".to_vec())
        .unwrap()
}

proptest! {
    /// Whatever the signer of AWS's SDK signs is let in; one bit off and it is not.
    #[test]
    fn what_aws_signs_is_accepted(
        path in "(/[ -~&&[^?#%\"<>\\\\^`{|}\\[\\] ]]{0,8}){1,4}",
        query in proptest::collection::vec(("[a-zA-Z0-9._~-]{1,6}", "[a-zA-Z0-9._~/:@!$'()*,;+-]{0,8}"), 0..4),
        header in "[!-~]{1,10}( {1,3}[!-~]{1,10})?",
        body in proptest::collection::vec(any::<u8>(), 0..64),
        presigned in any::<bool>(),
        flip in any::<u8>(),
    ) {
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let separator = if query.is_empty() { "" } else { "?" };
        let uri = format!("http://localhost:4566{path}{separator}{}", query.join("&"));
        let place = if presigned { SignatureLocation::QueryParams } else { SignatureLocation::Headers };
        let request = Request::post(uri).header("host", "localhost:4566").header("x-amz-meta", header).body(body);
        let (parts, mut body) = signed(request.unwrap(), place);
        prop_assert_eq!(verify(&parts, &body), Ok(()));
        body.push(flip);
        prop_assert_eq!(verify(&parts, &body), Err(AuthError::SignatureDoesNotMatch));
    }

    #[test]
    fn foreign_authorization_never_panics(text in "(AWS4-HMAC-SHA256 )?[ -~]{0,80}", date in "[0-9TZ]{0,17}") {
        let request = Request::post("/").header("authorization", text).header("x-amz-date", date);
        let parts = request.body(()).unwrap().into_parts().0;
        prop_assert!(verify(&parts, b"").is_err());
    }
}

/// A way to tamper with a signed request, and the beginning of what AWS says then.
type Tampering = (&'static str, fn(&mut Parts), &'static str);

#[test]
fn a_tampered_request_is_refused() {
    fn replace(parts: &mut Parts, name: &'static str, from: &str, to: &str) {
        let text = parts.headers[name].to_str().unwrap().replace(from, to);
        parts.headers.insert(name, text.parse().unwrap());
    }
    const MISMATCH: &str = "The request signature we calculated does not match";
    let cases: &[Tampering] = &[
        ("nothing", |_| {}, ""),
        ("target", |p| replace(p, "x-amz-target", "List", "Delete"), MISMATCH),
        ("host", |p| replace(p, "host", "localhost", "otherhost"), MISMATCH),
        ("method", |p| p.method = http::Method::PUT, MISMATCH),
        ("path", |p| p.uri = "/a".parse().unwrap(), MISMATCH),
        ("query", |p| p.uri = "/?a=1".parse().unwrap(), MISMATCH),
        ("region", |p| replace(p, "authorization", "us-east-1", "eu-west-1"), MISMATCH),
        ("signature", |p| replace(p, "authorization", "Signature=", "Signature=00"), MISMATCH),
        ("no hexadecimal", |p| replace(p, "authorization", "Signature=", "Signature=zz"), MISMATCH),
        ("dropped header", |p| replace(p, "authorization", "host;", ""), "'Host' or ':authority' must be"),
        (
            "unsigned target",
            |p| replace(p, "authorization", ";x-amz-target", ""),
            "'x-amz-target' must be a 'SignedHeader'",
        ),
        (
            "service",
            |p| replace(p, "authorization", "/kinesis/", "/sts/"),
            "Credential should be scoped to correct",
        ),
        (
            "term",
            |p| replace(p, "authorization", "/aws4_request", "/aws5"),
            "Credential should be scoped with a valid",
        ),
        (
            "bad region",
            |p| replace(p, "authorization", "us-east-1", "US"),
            "Credential should be scoped to a valid re",
        ),
        (
            "day",
            |p| replace(p, "authorization", "20150830", "20150831"),
            "Date in Credential scope does not match",
        ),
        ("date", |p| replace(p, "x-amz-date", "123600", "123601"), MISMATCH),
        ("bad date", |p| replace(p, "x-amz-date", "20150830T123600Z", "today"), "Date must be in ISO-8601"),
        ("short scope", |p| replace(p, "authorization", "/us-east-1", ""), "Credential must have exactly 5"),
        (
            "algorithm",
            |p| replace(p, "authorization", "AWS4-HMAC-SHA256", "AWS"),
            "Unsupported AWS 'algorithm': 'AWS'",
        ),
        (
            "no parts",
            |p| drop(p.headers.insert("authorization", "AWS4-HMAC-SHA256".parse().unwrap())),
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature'",
        ),
        ("no header", |p| drop(p.headers.remove("authorization")), "Missing Authentication Token"),
        (
            "both",
            |p| p.uri = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256".parse().unwrap(),
            "Found both 'X-Amz-Algorithm'",
        ),
    ];
    for (name, tamper, expected) in cases {
        let (mut parts, body) = signed(list_streams(), SignatureLocation::Headers);
        tamper(&mut parts);
        let said = verify(&parts, &body).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.starts_with(expected) && said.is_empty() == expected.is_empty(), "{name}: {said}");
    }
}

#[test]
fn signatures_live_a_quarter_of_an_hour() {
    for (place, offset_secs, expected) in [
        (SignatureLocation::Headers, 900, None),
        (SignatureLocation::Headers, -900, None),
        (
            SignatureLocation::Headers,
            901,
            Some(
                "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)",
            ),
        ),
        (
            SignatureLocation::Headers,
            -901,
            Some(
                "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + \
                 15 min.)",
            ),
        ),
        (SignatureLocation::QueryParams, 900, None),
        (
            SignatureLocation::QueryParams,
            960,
            Some(
                "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T125200Z - 15 min.)",
            ),
        ),
    ] {
        let (parts, body) = signed(list_streams(), place);
        let now = Timestamp::from_secs(SIGNED_AT.as_secs() + offset_secs);
        let said = verify_at(&parts, &body, now).err().map(|error| error.to_string());
        assert_eq!(said.as_deref(), expected, "{place:?} {offset_secs}");
    }
}
