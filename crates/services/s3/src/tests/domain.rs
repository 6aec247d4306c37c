//! Objects in process, without HTTP.

use super::{anonymous, pond, root};
use crate::error::S3Error;
use crate::{ListQuery, PutOptions};

#[tokio::test]
async fn objects_in_process() {
    let pond = pond();
    let (s3, root) = (&pond.s3, root());
    s3.create_bucket(&root, "flights").await.unwrap();
    s3.create_bucket(&root, "flights").await.unwrap();
    assert!(s3.bucket_exists(&root, "flights").await.unwrap());
    assert!(!s3.bucket_exists(&root, "trains").await.unwrap());
    let large = vec![7_u8; 300_000];
    for (key, body) in [("a/1", b"one".to_vec()), ("a/2", large.clone()), ("b", Vec::new())] {
        s3.put(&root, "flights", key, body, PutOptions::default()).await.unwrap();
    }
    let info = s3.head(&root, "flights", "a/1").await.unwrap();
    assert_eq!((info.size, info.etag.as_str()), (3, "f97c5d29941bfb1b2fdab0874906ab82"));
    assert_eq!(s3.get_range(&root, "flights", "a/1", 1..99).await.unwrap(), "ne");
    let object = s3.get(&root, "flights", "a/2").await.unwrap();
    assert_eq!(object.bytes(0..u64::MAX).await.unwrap(), large);
    assert_eq!(object.bytes(65_530..65_540).await.unwrap(), large[65_530..65_540]);
    let query = ListQuery { delimiter: Some("/".into()), ..ListQuery::default() };
    let listing = s3.list(&root, "flights", &query).await.unwrap();
    assert_eq!(listing.common_prefixes, ["a/"]);
    assert_eq!(listing.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["b"]);
    s3.delete(&root, "flights", "b").await.unwrap();
    s3.delete(&root, "flights", "b").await.unwrap();
    assert!(matches!(s3.get(&root, "flights", "b").await, Err(S3Error::NoSuchKey { .. })));
    assert!(matches!(s3.get(&root, "nowhere", "b").await, Err(S3Error::NoSuchBucket { .. })));
}

#[tokio::test]
async fn strangers_may_do_nothing() {
    let pond = pond();
    pond.s3.create_bucket(&root(), "closed").await.unwrap();
    let (s3, stranger) = (&pond.s3, anonymous());
    let denied = |outcome: Result<(), S3Error>| assert!(matches!(outcome, Err(S3Error::AccessDenied { .. })));
    denied(s3.get(&stranger, "closed", "k").await.map(drop));
    denied(s3.put(&stranger, "closed", "k", "x".to_owned(), PutOptions::default()).await.map(drop));
    denied(s3.list(&stranger, "closed", &ListQuery::default()).await.map(drop));
    denied(s3.delete(&stranger, "closed", "k").await);
    denied(s3.create_bucket(&stranger, "another").await);
    denied(s3.bucket_exists(&stranger, "closed").await.map(drop));
}

#[tokio::test]
async fn replaced_bytes_go_when_their_last_reader_is_done() {
    let pond = pond();
    let (s3, root) = (&pond.s3, root());
    s3.create_bucket(&root, "bucket").await.unwrap();
    let (first, second) = (vec![1_u8; 100_000], vec![2_u8; 100_000]);
    s3.put(&root, "bucket", "k", first.clone(), PutOptions::default()).await.unwrap();
    let reader = s3.get(&root, "bucket", "k").await.unwrap();
    s3.put(&root, "bucket", "k", second.clone(), PutOptions::default()).await.unwrap();
    pond.collect().await;
    assert_eq!(reader.bytes(0..100_000).await.unwrap(), first);
    assert_eq!(pond.rows(), (1, 0, 1, 2));
    drop(reader);
    pond.collect().await;
    assert_eq!(pond.rows(), (1, 0, 0, 1));
    assert_eq!(s3.get_range(&root, "bucket", "k", 0..100_000).await.unwrap(), second);
    s3.delete(&root, "bucket", "k").await.unwrap();
    pond.collect().await;
    assert_eq!(pond.rows(), (0, 0, 0, 0));
}
