use std::collections::BTreeMap;

use millpond_core::Timestamp;
use serde::Deserialize;

use super::*;
use crate::shape::{Member, Shape};

const KINESIS: Protocol =
    Protocol::AwsJson { version: "1.1", target_prefix: "Kinesis_20131202", message_member: "message" };
const STS: Protocol =
    Protocol::AwsQuery { version: "2011-06-15", xmlns: "https://sts.amazonaws.com/doc/2011-06-15/" };

static INPUT_SHAPE: Shape = Shape::Structure(&[
    Member::required("Name", &Shape::STRING),
    Member::optional("Data", &Shape::BLOB),
    Member::optional("At", &Shape::Timestamp),
]);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    name: String,
    data: Option<Bytes>,
    at: Option<Timestamp>,
}

impl Shaped for Input {
    const SHAPE: &'static Shape = &INPUT_SHAPE;
}

fn decoded(protocol: Protocol, content_type: &str, body: &[u8]) -> Result<Input, (String, String)> {
    decode(&protocol.encoding(Some(content_type)), body, "ValidationException")
        .map_err(|error| (error.code.to_string(), error.message))
}

#[test]
fn the_same_input_in_every_encoding() {
    let input = || Input { name: "n".into(), data: Some("hi".into()), at: Some(Timestamp::from_secs(2)) };
    let json = br#"{"Name":"n","Data":"aGk=","At":2}"#;
    assert_eq!(decoded(KINESIS, "application/x-amz-json-1.1", json), Ok(input()));
    let cbor = b"\xa3\x64Name\x61n\x64Data\x42hi\x62At\xc1\x19\x07\xd0";
    assert_eq!(decoded(KINESIS, "application/x-amz-cbor-1.1", cbor), Ok(input()));
    let form = b"Action=Get&Version=2011-06-15&Name=n&Data=aGk%3D&At=1970-01-01T00%3A00%3A02Z";
    assert_eq!(decoded(STS, "application/x-www-form-urlencoded", form), Ok(input()));
}

#[test]
fn the_same_output_in_every_encoding() {
    let output = Input { name: "n".into(), data: Some("hi".into()), at: Some(Timestamp::from_secs(2)) };
    let encoded = |protocol: Protocol, content_type: &str| {
        encode(&protocol.encoding(Some(content_type)), "Get", &output, RequestId::random()).unwrap()
    };
    assert_eq!(&encoded(KINESIS, "").body[..], br#"{"Name":"n","Data":"aGk=","At":2.0}"#);
    let cbor = encoded(KINESIS, "application/x-amz-cbor-1.1");
    assert_eq!(&cbor.body[..], b"\xa3\x64Name\x61n\x64Data\x42hi\x62At\xc1\x19\x07\xd0");
    assert_eq!(cbor.content_type, "application/x-amz-cbor-1.1");
    let xml = encoded(STS, "").body;
    let result = "<GetResult><Name>n</Name><Data>aGk=</Data><At>1970-01-01T00:00:02.000Z</At></GetResult>";
    assert!(String::from_utf8_lossy(&xml).contains(result), "{xml:?}");
}

#[test]
fn nothing_is_an_empty_body() {
    let answer = encode(&KINESIS.encoding(None), "CreateStream", &(), RequestId::random()).unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let empty = encode(&KINESIS.encoding(None), "X", &BTreeMap::<String, String>::new(), RequestId::random());
    assert_eq!(&empty.unwrap().body[..], b"{}");
}

#[test]
fn bad_bodies_get_the_protocols_own_error() {
    for (protocol, content_type, body, code) in [
        (KINESIS, "", &b"{"[..], "SerializationException"),
        (KINESIS, "", b"7", "SerializationException"),
        (KINESIS, "", b"null", "SerializationException"),
        (KINESIS, "", b"", "ValidationException"),
        (KINESIS, "application/x-amz-cbor-1.1", b"\xff", "SerializationException"),
        (STS, "", b"Name.member.1=x", "MalformedInput"),
        (STS, "", b"", "ValidationException"),
    ] {
        let error = decoded(protocol, content_type, body).unwrap_err();
        assert_eq!(error.0, code, "{body:?}: {}", error.1);
    }
}

#[test]
fn errors_are_rendered_in_the_callers_encoding() {
    let mut error =
        ApiError::new("ResourceNotFoundException", "Stream <a> not found.").with_source("a file is missing");
    error.fields.push(("StreamName", "a".into()));
    let id = RequestId::random();
    let json = encode_error(&KINESIS.encoding(None), &error, id);
    let body = r#"{"__type":"ResourceNotFoundException","message":"Stream <a> not found.","StreamName":"a"}"#;
    assert_eq!((json.status, &json.body[..]), (400, body.as_bytes()));
    assert_eq!(json.error_type.as_deref(), Some("ResourceNotFoundException"));
    let cbor = encode_error(&KINESIS.encoding(Some("application/x-amz-cbor-1.1")), &error, id);
    let told = cbor::read(&cbor.body).unwrap();
    assert_eq!(told.get("__type").and_then(Value::as_str), Some("ResourceNotFoundException"));
    let xml = encode_error(&STS.encoding(None), &error, id);
    let expected = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n<Error><Type>Sender</Type><Code>\
         ResourceNotFoundException</Code><Message>Stream &lt;a&gt; not found.</Message><StreamName>a</StreamName>\
         </Error>\n<RequestId>{id}</RequestId>\n</ErrorResponse>\n"
    );
    assert_eq!(String::from_utf8_lossy(&xml.body), expected);
}

#[test]
fn xml_tells_maps_from_structures() {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output {
        summary_map: BTreeMap<String, i32>,
    }
    let output = Output { summary_map: [("Users".to_owned(), 2), ("a&b".to_owned(), 3)].into() };
    let xml = encode(&STS.encoding(None), "Get", &output, RequestId::random()).unwrap().body;
    let expected = "<GetResult><SummaryMap><entry><key>Users</key><value>2</value></entry><entry><key>a&amp;b</key>\
                    <value>3</value></entry></SummaryMap></GetResult>";
    assert!(String::from_utf8_lossy(&xml).contains(expected), "{xml:?}");
    let json = encode(&KINESIS.encoding(None), "Get", &output, RequestId::random()).unwrap().body;
    assert_eq!(&json[..], br#"{"SummaryMap":{"Users":2,"a&b":3}}"#);
}

#[test]
fn each_protocol_says_in_its_own_way_that_somebody_may_not() {
    let error = ApiError::access_denied("no");
    let xml = encode_error(&STS.encoding(None), &error, RequestId::random());
    assert_eq!(xml.status, 403);
    assert!(String::from_utf8_lossy(&xml.body).contains("<Code>AccessDenied</Code>"), "{xml:?}");
    let json = encode_error(&KINESIS.encoding(None), &error, RequestId::random());
    assert_eq!((json.status, json.error_type.as_deref()), (400, Some("AccessDeniedException")));
}

#[test]
fn targets_name_operations() {
    for (target, operation) in [
        ("Kinesis_20131202.PutRecords", Some("PutRecords")),
        ("Kinesis_20131202PutRecords", None),
        ("DynamoDB_20120810.PutItem", None),
    ] {
        assert_eq!(KINESIS.operation_of(target), operation);
    }
}
