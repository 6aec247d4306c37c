use std::collections::BTreeMap;

use bytes::Bytes;
use millpond_core::Timestamp;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{cbor, json};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    data: Bytes,
    partition_key: String,
    at: Option<Timestamp>,
    tags: Option<BTreeMap<String, String>>,
    children: Option<Vec<Record>>,
    size: Option<i32>,
}

#[test]
fn types_go_there_and_back() {
    let record = Record {
        data: Bytes::from_static(b"hi"),
        partition_key: "p".into(),
        at: Some(Timestamp::from_millis(1_500)),
        tags: Some(BTreeMap::from([("k".into(), "v".into())])),
        children: Some(vec![Record::default()]),
        size: None,
    };
    let value = to_value(&record).unwrap();
    assert_eq!(value.get("At"), Some(&Value::Timestamp(Timestamp::from_millis(1_500))));
    assert_eq!(value.get("Size"), None);
    assert_eq!(value.into_type(), Ok(record));
}

#[test]
fn a_blob_moves_into_its_type() {
    let blob = Bytes::from(vec![1_u8; 100]);
    let at = blob.as_ptr();
    let moved: Bytes = Value::Blob(blob).into_type().unwrap();
    assert_eq!(moved.as_ptr(), at);
}

#[test]
fn a_wrong_value_is_an_error() {
    assert!(Value::Long(1).into_type::<String>().is_err());
    assert!(Value::Long(1).into_type::<Timestamp>().is_err());
    assert!(Value::Long(1 << 40).into_type::<i32>().is_err());
    assert!(Value::Map(vec![]).into_type::<Record>().is_err());
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Long),
        any::<f64>().prop_filter("JSON has no such numbers", |n| n.is_finite()).prop_map(Value::Double),
        ".{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            prop::collection::vec((".{0,6}".prop_map(Key::Owned), inner), 0..8).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_reads_what_it_wrote(value in values()) {
        prop_assert_eq!(json::read(&json::write(&value)), Ok(value));
    }

    #[test]
    fn cbor_reads_what_it_wrote(value in values(), blob in any::<Vec<u8>>(), millis in any::<i64>()) {
        let time = Value::Timestamp(Timestamp::from_millis(millis));
        let value = Value::List(vec![value, Value::Blob(blob.into()), time]);
        prop_assert_eq!(cbor::read(&cbor::write(&value)), Ok(value));
    }
}
