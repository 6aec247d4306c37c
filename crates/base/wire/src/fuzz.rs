//! One entry for each parser of foreign bytes. The fuzzer runs them without end, the tests for a bounded while; each
//! must return, whatever it is given.

use crate::conform::{Form, conform};
use crate::shape::{Bounds, Length, Member, Pattern, Shape, Text};
use crate::{Value, cbor, json, query};

static NAME: Pattern = Pattern::new("[a-z]+", "[a-z]+", Some("aws"));

/// A shape with one of everything, and itself inside.
static EVERYTHING: Shape = Shape::Structure(&[
    Member::required(
        "S",
        &Shape::String(Text { length: Length::new(1, 8), pattern: Some(&NAME), ..Text::ANY }),
    ),
    Member::optional("B", &Shape::BLOB),
    Member::optional("I", &Shape::Integer(Bounds::new(Some(1), Some(10)))),
    Member::optional("N", &Shape::LONG),
    Member::optional("D", &Shape::DOUBLE),
    Member::optional("F", &Shape::Boolean),
    Member::optional("T", &Shape::Timestamp),
    Member::optional("L", &Shape::List { member: &EVERYTHING, length: Length::new(0, 4) }),
    Member::optional("M", &Shape::Map { key: &Shape::STRING, value: &EVERYTHING, length: Length::ANY }),
    Member::optional("P", &Shape::List { member: &Shape::STRING, length: Length::new(1, 2) }),
    Member::refused("X"),
]);

/// A JSON body.
pub fn json(bytes: &[u8]) {
    if let Ok(value) = json::read(bytes) {
        let again = json::read(&json::write(&value));
        assert_eq!(again.as_ref(), Ok(&value), "what was written reads the same");
        judge(value, Form::Json);
    }
}

/// A CBOR body.
pub fn cbor(bytes: &[u8]) {
    if let Ok(value) = cbor::read(bytes) {
        // NaN is not equal to itself; what is written is.
        let written = cbor::write(&value);
        let again = cbor::read(&written).map(|value| cbor::write(&value));
        assert_eq!(again, Ok(written), "what was written reads the same");
        judge(value, Form::Cbor);
    }
}

/// A query form.
pub fn query(bytes: &[u8]) {
    if let Ok(value) = query::Form::parse(bytes).and_then(query::Form::into_value) {
        judge(value, Form::Query);
    }
}

fn judge(value: Value, form: Form) {
    match conform(&EVERYTHING, value, form) {
        // What was right stays right.
        Ok(value) => assert!(conform(&EVERYTHING, value, Form::Cbor).is_ok()),
        Err(rejected) => assert!(rejected.into_error(form, "ValidationException").status == 400),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    // Seeded and bounded; `fuzz/` runs the same entries without end.
    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            super::json(&bytes);
            super::cbor(&bytes);
            super::query(&bytes);
        }

        #[test]
        fn nearly_json(text in r#"([\[\]{},:"SBINDFTLMPX0-9.eE+a-z =&-]|"[SBINDFTLMPX]":|null|true|\{\}){0,60}"#) {
            super::json(text.as_bytes());
            super::query(text.as_bytes());
        }

        #[test]
        fn nearly_cbor(bytes in prop::collection::vec(prop_oneof![
            prop::sample::select(b"\xa1\xa2\xbf\x9f\x81\xff\xc1\x61SBINDFTLMP\x42\x7f\x5f\xf6\xfb\x1b\x3b".as_slice()),
            any::<u8>(),
        ], 0..64)) {
            super::cbor(&bytes);
        }
    }
}
