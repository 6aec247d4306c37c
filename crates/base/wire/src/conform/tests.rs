use millpond_core::Timestamp;

use super::*;
use crate::json;
use crate::shape::{Bounds, Pattern, Text};

static NAME_PATTERN: Pattern = Pattern::new("[a-zA-Z0-9_.-]+", "[a-zA-Z0-9_.-]+", None);
static NAME: Shape =
    Shape::String(Text { length: Length::new(1, 8), pattern: Some(&NAME_PATTERN), ..Text::ANY });
static KEY: Shape = Shape::String(Text { length: Length::new(1, 4), ..Text::ANY });
static KIND: Shape = Shape::String(Text { values: &["A", "B"], ..Text::ANY });
static SECRET: Shape = Shape::String(Text { length: Length::new(0, 2), sensitive: true, ..Text::ANY });
static RECORD: Shape = Shape::Structure(&[
    Member::required("Data", &Shape::Blob(Length::new(0, 3))),
    Member::required("PartitionKey", &KEY),
    Member::refused("ExplicitHashKey"),
]);
static INPUT: Shape = Shape::Structure(&[
    Member::required("StreamName", &NAME),
    Member::optional("Records", &Shape::List { member: &RECORD, length: Length::new(1, 2) }),
    Member::optional("Limit", &Shape::Integer(Bounds::new(Some(1), Some(10)))),
    Member::optional("Kind", &KIND),
    Member::optional("Keys", &Shape::List { member: &KEY, length: Length::new(0, 3) }),
    Member::optional("Tags", &Shape::Map { key: &KEY, value: &NAME, length: Length::new(0, 2) }),
    Member::optional("Secret", &SECRET),
    Member::optional("At", &Shape::Timestamp),
    Member::optional("Flag", &Shape::Boolean),
    Member::optional("Rate", &Shape::DOUBLE),
    Member::refused("Mode"),
]);

fn judged(body: &str) -> Result<Value, Rejected> {
    conform(&INPUT, json::read(body.as_bytes()).unwrap(), Form::Json)
}

#[test]
fn wrong_types_answer_as_aws_does() {
    for (body, message) in [
        (r#"[]"#, "Start of list found where not expected"),
        (r#"{"StreamName":1}"#, "NUMBER_VALUE can not be converted to a String"),
        (r#"{"StreamName":true}"#, "TRUE_VALUE can not be converted to a String"),
        (r#"{"StreamName":{}}"#, "Start of structure or map found where not expected."),
        (r#"{"StreamName":[]}"#, "Start of list found where not expected"),
        (r#"{"Limit":"abc"}"#, "STRING_VALUE can not be converted to an Integer"),
        (r#"{"Limit":1.5}"#, "NUMBER_VALUE can not be converted to an Integer"),
        (r#"{"Limit":9999999999}"#, "NUMBER_VALUE can not be converted to an Integer"),
        (r#"{"Records":"x"}"#, "Expected list or null"),
        (r#"{"Records":{}}"#, "Start of structure or map found where not expected."),
        (r#"{"Tags":[]}"#, "Start of list found where not expected"),
        (r#"{"Tags":"x"}"#, "Expected map or null"),
        (r#"{"At":"now"}"#, "STRING_VALUE can not be converted to a Timestamp"),
        (r#"{"At":1e300}"#, "The timestamp is out of range"),
        (r#"{"Flag":"true"}"#, "STRING_VALUE can not be converted to a Boolean"),
        (r#"{"Records":[{"Data":"a*"}]}"#, "The value is not valid base64: Invalid symbol 42, offset 1."),
    ] {
        assert_eq!(judged(body), Err(Rejected::Serialization(message.into())), "{body}");
    }
}

#[test]
fn broken_constraints_are_told_all_at_once() {
    let check = |body: &str, violations: &[&str]| {
        let violations = violations.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(judged(body), Err(Rejected::Invalid(violations)), "{body}");
    };
    let name = "Value 'a b' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression \
                pattern: [a-zA-Z0-9_.-]+";
    check("{}", &["Value null at 'streamName' failed to satisfy constraint: Member must not be null"]);
    check(
        r#"{"StreamName":null}"#,
        &["Value null at 'streamName' failed to satisfy constraint: Member must not be null"],
    );
    check(
        r#"{"StreamName":"a b","Limit":0,"Kind":"C"}"#,
        &[
            name,
            "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
            "Value 'C' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [A, B]",
        ],
    );
    check(
        r#"{"StreamName":"","Limit":11}"#,
        &[
            "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: \
             [a-zA-Z0-9_.-]+",
            "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
            "Value '11' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10",
        ],
    );
    check(
        r#"{"StreamName":"s","Records":[{"Data":"YWFhYQ==","PartitionKey":""},{"Data":"YQ"}]}"#,
        &[
            "Value 'java.nio.HeapByteBuffer[pos=0 lim=4 cap=4]' at 'records.1.member.data' failed to satisfy \
             constraint: Member must have length less than or equal to 3",
            "Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must have length \
             greater than or equal to 1",
            "Value null at 'records.2.member.partitionKey' failed to satisfy constraint: Member must not be null",
        ],
    );
    check(
        r#"{"StreamName":"s","Records":[],"Keys":["a","","b",null],"Tags":{"":"x"},"Secret":"abc"}"#,
        &[
            "Value '[]' at 'records' failed to satisfy constraint: Member must have length greater than or equal to 1",
            "Value '[a, , b, null]' at 'keys' failed to satisfy constraint: Member must have length less than or \
             equal to 3",
            "Value '[a, , b, null]' at 'keys' failed to satisfy constraint: Member must satisfy constraint: [Member \
             must have length less than or equal to 4, Member must have length greater than or equal to 1, Member \
             must not be null]",
            "Value '{=x}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have \
             length less than or equal to 4, Member must have length greater than or equal to 1, Member must not be \
             null]",
            "Value at 'secret' failed to satisfy constraint: Member must have length less than or equal to 2",
        ],
    );
}

#[test]
fn the_answer_counts_its_sentences() {
    let error = judged(r#"{"Limit":0}"#).unwrap_err().into_error(Form::Json, "ValidationException");
    assert_eq!(
        error.message,
        "2 validation errors detected: Value null at 'streamName' failed to satisfy constraint: Member must not be \
         null; Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
    );
    let error = judged("{}").unwrap_err().into_error(Form::Json, "InvalidRequestException");
    assert!(error.message.starts_with("1 validation error detected: "), "{error}");
    assert_eq!(error.code, "InvalidRequestException");
}

#[test]
fn what_is_not_acted_on_is_refused_by_name() {
    let refused = |body: &str| match judged(body) {
        Err(Rejected::Refused(members)) => members,
        other => panic!("{body}: {other:?}"),
    };
    assert_eq!(refused(r#"{"StreamName":"s","Mode":{"a":1}}"#), ["mode"]);
    assert_eq!(
        refused(r#"{"Records":[{"Data":"","PartitionKey":"p","ExplicitHashKey":"1"}]}"#),
        ["records.1.member.explicitHashKey"]
    );
    assert!(judged(r#"{"StreamName":"s","Mode":null,"Unknown":7}"#).is_ok());
}

#[test]
fn good_input_comes_out_typed() {
    let body = r#"{"Limit":5.0,"StreamName":"x","StreamName":"s","At":1.5,"Rate":2,"Other":1,"Records":[{"Data":"aGk=","PartitionKey":"p"}]}"#;
    let expected = Value::Map(vec![
        ("StreamName".into(), "s".into()),
        (
            "Records".into(),
            Value::List(vec![Value::Map(vec![
                ("Data".into(), Value::Blob("hi".into())),
                ("PartitionKey".into(), "p".into()),
            ])]),
        ),
        ("Limit".into(), Value::Long(5)),
        ("At".into(), Value::Timestamp(Timestamp::from_millis(1_500))),
        ("Rate".into(), Value::Double(2.0)),
    ]);
    assert_eq!(judged(body), Ok(expected));
}

#[test]
fn forms_are_texts_that_the_shape_reads() {
    let judged = |form: &str| {
        let value = query::Form::parse(form.as_bytes()).unwrap().into_value().unwrap();
        conform(&INPUT, value, Form::Query)
    };
    let value = judged(
        "Action=A&StreamName=s&Limit=3&Flag=true&At=1970-01-01T00:00:01Z&Keys.member.1=a&Keys.member.2=b\
         &Tags.entry.1.key=k&Tags.entry.1.value=v",
    )
    .unwrap();
    assert_eq!(value.get("Limit"), Some(&Value::Long(3)));
    assert_eq!(value.get("At"), Some(&Value::Timestamp(Timestamp::from_secs(1))));
    assert_eq!(value.get("Keys"), Some(&Value::List(vec!["a".into(), "b".into()])));
    assert_eq!(value.get("Tags").and_then(|tags| tags.get("k")?.as_str()), Some("v"));
    let rejected = judged("StreamName=s&Limit=x").unwrap_err();
    assert_eq!(rejected, Rejected::Serialization("\"x\" can not be converted to an Integer".into()));
    assert_eq!(rejected.into_error(Form::Query, "ValidationError").code, "MalformedInput");
}

#[test]
fn a_flood_of_errors_makes_a_short_answer() {
    let record = r#"{"Data":"","PartitionKey":""},"#.repeat(5_000);
    let body = format!(r#"{{"StreamName":"{}","Records":[{record}{{}}]}}"#, "n".repeat(100_000));
    let error = judged(&body).unwrap_err().into_error(Form::Json, "ValidationException");
    assert!(error.message.starts_with("100 validation errors detected: "));
    assert!(error.message.len() < 100 * 1_300);
}
