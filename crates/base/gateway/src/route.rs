//! Which service a request is for: the credential scope says it, else the target header, the form, the host; what is
//! left is S3's.

use http::Method;
use http::request::Parts;
use millpond_wire::Protocol;

use crate::operation::ServiceInfo;

/// Where a request goes. Indices are into the list of services that [`route`] was given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Service(usize),
    /// An unsigned query-protocol form: its body names the operation.
    Form,
    /// The service with the wire format of its own.
    Raw,
    /// The request names a service that this pond does not have.
    Unknown {
        service: String,
    },
}

/// `is_raws` tells the signing names of the service that takes what nobody else claims.
pub(crate) fn route(parts: &Parts, services: &[&ServiceInfo], is_raws: impl Fn(&str) -> bool) -> Destination {
    let find = |wanted: &dyn Fn(&ServiceInfo) -> bool| services.iter().position(|info| wanted(info));
    if let Some(signed_for) = scope_service(parts) {
        return match find(&|info| info.signing_name == signed_for) {
            Some(index) => Destination::Service(index),
            None if is_raws(&signed_for) => Destination::Raw,
            None => Destination::Unknown { service: signed_for },
        };
    }
    if let Some(prefix) = target_prefix(parts) {
        return match find(&|info| has_target_prefix(&info.protocol, prefix)) {
            Some(index) => Destination::Service(index),
            None => Destination::Unknown { service: prefix.to_owned() },
        };
    }
    if parts.uri.path() == "/" && (is_form(parts) || query_names_action(parts)) {
        return Destination::Form;
    }
    let label = host_label(parts);
    match find(&|info| label.as_deref() == Some(info.name)) {
        Some(index) => Destination::Service(index),
        None => Destination::Raw,
    }
}

/// The service that the credential scope names, if there is a scope at all; whether it is well formed is checked later.
pub(crate) fn scope_service(parts: &Parts) -> Option<String> {
    let header = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    let credential = match header.and_then(|text| text.split_once("Credential=")) {
        Some((_, rest)) => rest.split([',', ' ']).next().unwrap_or_default().to_owned(),
        None => {
            let query = parts.uri.query()?;
            let sent = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
            percent_encoding::percent_decode_str(sent).decode_utf8().ok()?.into_owned()
        }
    };
    let mut from_end = credential.rsplitn(5, '/');
    let (_terminator, service) = (from_end.next()?, from_end.next()?);
    (!service.is_empty()).then(|| service.to_owned())
}

fn target_prefix(parts: &Parts) -> Option<&str> {
    let target = parts.headers.get("x-amz-target")?.to_str().ok()?;
    Some(target.rsplit_once('.').map_or(target, |(prefix, _)| prefix))
}

pub(crate) fn has_target_prefix(protocol: &Protocol, wanted: &str) -> bool {
    matches!(protocol, Protocol::AwsJson { target_prefix, .. } if *target_prefix == wanted)
}

fn is_form(parts: &Parts) -> bool {
    let content_type =
        parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    parts.method == Method::POST && content_type.starts_with("application/x-www-form-urlencoded")
}

fn query_names_action(parts: &Parts) -> bool {
    parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("Action=")))
}

/// `kinesis` of `kinesis.us-east-1.amazonaws.com` or `kinesis.localhost`.
fn host_label(parts: &Parts) -> Option<String> {
    let header = parts.headers.get("host").and_then(|value| value.to_str().ok());
    let host = header.or_else(|| parts.uri.authority().map(|authority| authority.as_str()))?;
    // A website of S3 may be called as a service is.
    if host.to_ascii_lowercase().contains(".s3-website") {
        return None;
    }
    host.split_once('.').map(|(label, _)| label.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use millpond_core::ByteSize;

    fn info(name: &'static str, protocol: Protocol) -> ServiceInfo {
        ServiceInfo {
            name,
            signing_name: name,
            protocol,
            validation_code: "ValidationException",
            largest_body: ByteSize::mib(1),
            known_operations: &[],
        }
    }

    #[test]
    fn requests_find_their_service() {
        let kinesis = info(
            "kinesis",
            Protocol::AwsJson {
                version: "1.1",
                target_prefix: "Kinesis_20131202",
                message_member: "message",
            },
        );
        let sts =
            info("sts", Protocol::AwsQuery { version: "2011-06-15", xmlns: "https://sts.amazonaws.com/" });
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let signed_kinesis =
            "AWS4-HMAC-SHA256 Credential=A/20260101/r/kinesis/aws4_request, SignedHeaders=host";
        let signed_s3 = "AWS4-HMAC-SHA256 Credential=A/20260101/r/s3/aws4_request,SignedHeaders=host";
        let unknown = |service: &str| Destination::Unknown { service: service.to_owned() };
        for (method, uri, header, expected) in [
            ("POST", "/", ("authorization", signed_kinesis), Destination::Service(0)),
            ("PUT", "/b/k", ("authorization", signed_s3), Destination::Raw),
            ("POST", "/", ("x-amz-target", "Kinesis_20131202.ListStreams"), Destination::Service(0)),
            ("POST", "/", ("x-amz-target", "DynamoDB_20120810.ListTables"), unknown("DynamoDB_20120810")),
            ("POST", "/", form, Destination::Form),
            ("POST", "/bucket", form, Destination::Raw),
            ("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", ("a", "b"), Destination::Form),
            (
                "GET",
                "/?X-Amz-Credential=A%2F2026%2Fr%2Fsts%2Faws4_request",
                ("a", "b"),
                Destination::Service(1),
            ),
            ("GET", "/?X-Amz-Credential=A%2F2026%2Fr%2Fsqs%2Faws4_request", ("a", "b"), unknown("sqs")),
            ("POST", "/", ("host", "sts.us-east-1.amazonaws.com"), Destination::Service(1)),
            ("GET", "/", ("host", "bucket.localhost:4566"), Destination::Raw),
            ("GET", "/", ("host", "kinesis.s3-website.localhost:4566"), Destination::Raw),
            ("GET", "/", ("authorization", "AWS AKIA:sig"), Destination::Raw),
            ("GET", "/", ("authorization", "AWS4-HMAC-SHA256 Credential=/"), Destination::Raw),
        ] {
            let request =
                Request::builder().method(method).uri(uri).header(header.0, header.1).body(()).unwrap();
            let parts = request.into_parts().0;
            assert_eq!(
                route(&parts, &[&kinesis, &sts], |name| name == "s3"),
                expected,
                "{method} {uri} {header:?}"
            );
        }
    }
}
