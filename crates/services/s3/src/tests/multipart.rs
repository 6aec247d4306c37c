//! Uploads in parts.

use std::time::Duration;

use http::Method;

use super::pond;
use crate::class::StorageClass;
use crate::error::S3Error;

#[tokio::test]
async fn multipart_over_http() {
    let pond = pond();
    pond.send(Method::PUT, "/bucket", &[], "").await;
    let begun = pond.send(Method::POST, "/bucket/k?uploads", &[("x-amz-meta-a", "b")], "").await;
    let id = begun.element("UploadId").to_owned();
    assert!(!id.is_empty(), "{}", begun.body);
    let part = |number: u32| format!("/bucket/k?partNumber={number}&uploadId={id}");
    let large = "x".repeat(5 << 20);
    let mut tags = Vec::new();
    for (number, body) in [(1, "replaced"), (1, large.as_str()), (2, "left out"), (3, "the end")] {
        let put = pond.send(Method::PUT, &part(number), &[], body).await;
        assert_eq!(put.status, 200, "{}", put.body);
        tags.push(put.header("etag").to_owned());
    }
    let listed = pond.send(Method::GET, &format!("/bucket/k?uploadId={id}"), &[], "").await;
    assert_eq!(listed.body.matches("<Part>").count(), 3, "{}", listed.body);
    assert_eq!(pond.send(Method::GET, "/bucket?uploads", &[], "").await.element("UploadId"), id);
    let complete = |parts: &[(u32, &str)]| {
        let parts = parts
            .iter()
            .map(|(n, tag)| format!("<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>"));
        format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>())
    };
    let uri = format!("/bucket/k?uploadId={id}");
    for (parts, code) in [
        (vec![(3, tags[3].as_str()), (1, tags[1].as_str())], "InvalidPartOrder"),
        (vec![(1, tags[0].as_str())], "InvalidPart"),
        (vec![(2, tags[2].as_str()), (3, tags[3].as_str())], "EntityTooSmall"),
        (vec![], "MalformedXML"),
    ] {
        let answer = pond.send(Method::POST, &uri, &[], &complete(&parts)).await;
        assert_eq!((answer.status.as_u16(), answer.element("Code")), (400, code), "{}", answer.body);
    }
    let whole = complete(&[(1, &tags[1]), (3, &tags[3])]);
    let done = pond.send(Method::POST, &uri, &[], &whole).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(done.element("ETag").contains("-2"), "{}", done.body);
    let again = pond.send(Method::POST, &uri, &[], &whole).await;
    assert_eq!(again.element("ETag"), done.element("ETag"), "a retry answers the same");
    let get = pond.send(Method::GET, "/bucket/k", &[], "").await;
    assert_eq!(get.body, format!("{large}the end"));
    assert_eq!(get.header("x-amz-meta-a"), "b");
    let second = pond.send(Method::GET, "/bucket/k?partNumber=2", &[], "").await;
    assert_eq!(
        (second.status.as_u16(), second.body.as_str(), second.header("x-amz-mp-parts-count")),
        (206, "the end", "2")
    );
    pond.collect().await;
    assert_eq!(pond.rows(), (1, 2, 0, 1), "the small part is in its record");
    pond.send(Method::DELETE, "/bucket/k", &[], "").await;
    pond.collect().await;
    assert_eq!(pond.rows(), (0, 0, 0, 0));
}

/// Moving and restoring an upload's parts, step by step, with what each step leaves on the disk.
#[tokio::test]
async fn an_upload_in_parts_is_moved_and_leaves_nothing() {
    let pond = pond();
    pond.send(Method::PUT, "/bucket", &[], "").await;
    let begun = pond.send(Method::POST, "/bucket/k?uploads", &[], "").await;
    let id = begun.element("UploadId").to_owned();
    let large = "x".repeat(5 << 20);
    let mut parts = String::new();
    for (number, body) in [(1, large.as_str()), (2, "the end")] {
        let put =
            pond.send(Method::PUT, &format!("/bucket/k?partNumber={number}&uploadId={id}"), &[], body).await;
        let tag = put.header("etag");
        parts.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"));
    }
    let whole = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let done = pond.send(Method::POST, &format!("/bucket/k?uploadId={id}"), &[], &whole).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let bucket = pond.s3.metadata().bucket("bucket").unwrap();
    let before =
        pond.s3.metadata().object(&pond.s3.metadata().read().unwrap(), &bucket.record, "k", None).unwrap();
    let reader = pond.s3.open_object(&bucket, "k", None).unwrap();
    pond.s3.change_class(&bucket, "k", &before, StorageClass::Glacier).await.unwrap();
    let stale = pond.s3.change_class(&bucket, "k", &before, StorageClass::DeepArchive).await;
    assert!(matches!(stale, Err(S3Error::PreconditionFailed { .. })), "{stale:?}");
    pond.collect().await;
    assert_eq!(pond.rows(), (1, 4, 1, 2), "what the reader reads stays; what was not taken over is gone");
    assert_eq!(reader.bytes(0..u64::MAX).await.unwrap().len(), large.len() + 7);
    drop(reader);
    pond.collect().await;
    assert_eq!(pond.rows(), (1, 2, 0, 1));
    let days = "<RestoreRequest><Days>1</Days></RestoreRequest>";
    let asked = pond.send(Method::POST, "/bucket/k?restore", &[], days).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    let restored = async |expected: &str| {
        while !pond
            .send(Method::HEAD, "/bucket/k", &[], "")
            .await
            .header("x-amz-restore")
            .starts_with(expected)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    pond.clock.advance(Duration::from_secs(4 * 3_600));
    restored("ongoing-request=\"false\"").await;
    pond.collect().await;
    assert_eq!(pond.rows(), (1, 4, 0, 2), "a readable copy");
    let get = pond.send(Method::GET, "/bucket/k?partNumber=2", &[], "").await;
    assert_eq!((get.status.as_u16(), get.body.as_str()), (206, "the end"));
    pond.clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(pond.send(Method::GET, "/bucket/k", &[], "").await.element("Code"), "InvalidObjectState");
    while pond.s3.metadata().next_restore().unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    pond.collect().await;
    assert_eq!(pond.rows(), (1, 2, 0, 1));
    pond.send(Method::DELETE, "/bucket/k", &[], "").await;
    pond.collect().await;
    assert_eq!(pond.rows(), (0, 0, 0, 0));
}
