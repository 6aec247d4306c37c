//! What time does: rules, and the times of objects.

use std::time::Duration;

use http::Method;

use super::{pond, root};
use crate::PutOptions;

/// Rules act by the clock, and on what they are about.
#[tokio::test]
async fn rules_act_as_the_clock_turns() {
    let pond = pond();
    pond.send(Method::PUT, "/bucket", &[], "").await;
    let body = "x".repeat(200_000);
    for key in ["logs/a", "logs/b", "other"] {
        assert_eq!(pond.send(Method::PUT, &format!("/bucket/{key}"), &[], &body).await.status, 200);
    }
    pond.send(Method::PUT, "/bucket/logs/small", &[], "x").await;
    pond.send(Method::POST, "/bucket/logs/upload?uploads", &[], "").await;
    let rules = "<LifecycleConfiguration><Rule><ID>a b</ID><Status>Enabled</Status><Filter><Prefix>logs/</Prefix></Filter>\
        <Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>\
        <Transition><Days>60</Days><StorageClass>GLACIER</StorageClass></Transition>\
        <Expiration><Days>90</Days></Expiration>\
        <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>\
        </Rule></LifecycleConfiguration>";
    let put = pond.send(Method::PUT, "/bucket?lifecycle", &[], rules).await;
    assert_eq!(put.status, 200, "{}", put.body);
    let shown = pond.send(Method::GET, "/bucket?lifecycle", &[], "").await;
    assert_eq!((shown.element("ID"), shown.element("Prefix")), ("a b", "logs/"), "{}", shown.body);
    let head = pond.send(Method::HEAD, "/bucket/logs/a", &[], "").await;
    assert!(head.header("x-amz-expiration").ends_with("rule-id=\"a%20b\""), "{:?}", head.headers);
    let listed = async |expected: &str| loop {
        let list = pond.send(Method::GET, "/bucket?list-type=2", &[], "").await;
        let classes: Vec<&str> =
            list.body.split("<StorageClass>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
        if classes.join(" ") == expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let day = |days: u64| Duration::from_secs(days * 86_400);
    for (days, expected) in [
        (31, "STANDARD_IA STANDARD_IA STANDARD STANDARD"),
        (30, "GLACIER GLACIER STANDARD STANDARD"),
        (30, "STANDARD"),
    ] {
        pond.clock.advance(day(days));
        tokio::time::timeout(Duration::from_secs(20), listed(expected)).await.expect(expected);
    }
    let uploads = pond.send(Method::GET, "/bucket?uploads", &[], "").await;
    assert!(!uploads.body.contains("<Upload>"), "{}", uploads.body);
    pond.collect().await;
    assert_eq!(pond.rows(), (1, 0, 0, 1));
}

#[tokio::test]
async fn a_clock_that_is_turned_is_the_clock_of_objects() {
    let pond = pond();
    pond.s3.create_bucket(&root(), "bucket").await.unwrap();
    let before = pond.s3.put(&root(), "bucket", "k", "x".to_owned(), PutOptions::default()).await.unwrap();
    pond.clock.advance(Duration::from_secs(86_400));
    let after = pond.s3.put(&root(), "bucket", "k", "x".to_owned(), PutOptions::default()).await.unwrap();
    assert_eq!(after.last_modified.since(before.last_modified), Duration::from_secs(86_400));
}
