//! The service over a real store and real files, with a manual clock; over HTTP as far as it goes without a socket.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use millpond_blob::{BlobOptions, Blobs};
use millpond_core::{AccountId, Clock, Region, RequestId, RootKey, Scope, Timestamp};
use millpond_gateway::{Access, Arrival, Body, Caller, HttpService as _, Origin};
use millpond_kms::Kms;
use millpond_policy::Principal;
use millpond_store::{Reads as _, Span, Store, StoreOptions};
use millpond_work::{Pass, Tasks, Worker as _};
use uuid::Uuid;

use crate::class::{Restore, StorageClass, Tier};
use crate::digest::{Algorithm, Checksum, Coverage};
use crate::error::S3Error;
use crate::express::Directory;
use crate::lifecycle::{
    Expiration, Filter, Form, Lifecycle, NoncurrentExpiration, NoncurrentTransition, Rule, Smallest,
    Transition, When,
};
use crate::lock::{BucketLock, DefaultRetention, Lock, Mode, Period, Retention};
use crate::ownership::{ObjectAccess, Ownership, all_blocked};
use crate::parts::Runs;
use crate::store::{
    Attributes, BodyRecord, BucketRecord, CONTENTS, ContentRecord, FILES, Found, GARBAGE, Garbage,
    ObjectRecord, PARTS, Place, RestoreJob, RunRecord, UploadRecord, WalkRecord, Within,
};
use crate::version::Versioning;
use crate::worker::GarbageRemoval;
use crate::{Deps, ListQuery, PutOptions, S3, S3Http, S3Settings};

const ACCOUNT: &str = "000000000000";

pub(crate) struct Pond {
    pub(crate) s3: S3,
    http: S3Http,
    pub(crate) clock: Clock,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) tasks: Tasks,
}

pub(crate) fn pond() -> Pond {
    pond_of(&[])
}

/// With zones of these names beside its own folder.
pub(crate) fn pond_of(zones: &[&str]) -> Pond {
    let dir = tempfile::tempdir().unwrap();
    let zones = zones.iter().map(|zone| dir.path().join(zone)).collect();
    let options = BlobOptions { zones, ..BlobOptions::default() };
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let store = Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap();
    let root = RootKey::from_bytes([7; 32]);
    let blobs = Blobs::open(&dir.path().join("blobs"), &root, clock.clone(), options).unwrap();
    let tasks = Tasks::new(clock.clone());
    let kms = Kms::open(millpond_kms::Deps {
        store: store.clone(),
        root_key: &root,
        clock: clock.clone(),
        tasks: &tasks,
    });
    let settings = S3Settings::default();
    let s3 =
        S3::open(Deps { store, blobs, kms, root_key: &root, clock: clock.clone(), tasks: &tasks, settings })
            .unwrap();
    let http = S3Http::new(
        &s3,
        Access::Open { account: ACCOUNT.parse().unwrap(), sessions: None },
        Region::us_east_1(),
    );
    Pond { s3, http, clock, dir, tasks }
}

pub(crate) fn root() -> Caller {
    let account: AccountId = ACCOUNT.parse().unwrap();
    let scope = Scope::new(account.clone(), Region::us_east_1());
    Caller::on_behalf_of(Principal::Root { account }, scope, Clock::manual(Timestamp::EPOCH))
}

fn anonymous() -> Caller {
    let scope = Scope::new(ACCOUNT.parse().unwrap(), Region::us_east_1());
    Caller::on_behalf_of(Principal::Anonymous, scope, Clock::manual(Timestamp::EPOCH))
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The text of the first element of that name.
    pub(crate) fn element(&self, name: &str) -> &str {
        let open = format!("<{name}>");
        let rest = self.body.split_once(&open).map_or("", |(_, rest)| rest);
        rest.split_once("</").map_or("", |(text, _)| text)
    }
}

impl Pond {
    pub(crate) async fn send(
        &self,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(uri).header("host", "localhost:4566");
        if !headers.iter().any(|(name, _)| *name == "content-length") {
            request = request.header("content-length", body.len());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body: Body =
            Full::new(Bytes::from(body.to_owned())).map_err(|never| match never {}).boxed_unsync();
        let arrival = Arrival {
            request_id: RequestId::random(),
            source_ip: Ipv4Addr::LOCALHOST.into(),
            secure: false,
            clock: self.clock.clone(),
            origin: Origin::default(),
        };
        let response: Response<Body> = self.http.handle(request.body(body).unwrap(), arrival).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Runs the removal of garbage until nothing is left that can go.
    async fn collect(&self) {
        let worker = GarbageRemoval::new(self.s3.clone());
        while matches!(worker.pass().await.unwrap(), Pass::MoreToDo) {}
    }

    fn rows(&self) -> (usize, usize, usize, usize) {
        let read = self.s3.metadata().read().unwrap();
        (
            read.scan(&CONTENTS, Span::all()).count(),
            read.scan(&PARTS, Span::all()).count(),
            read.scan(&GARBAGE, Span::all()).count(),
            read.scan(&FILES, Span::all()).count(),
        )
    }
}

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

#[tokio::test]
async fn objects_over_http() {
    let pond = pond();
    assert_eq!(pond.send(Method::PUT, "/bucket", &[], "").await.status, 200);
    let headers = [
        ("content-type", "text/plain"),
        ("x-amz-meta-color", "blue"),
        ("content-md5", "XUFAKrxLKna5cZ2REBfFkg=="),
    ];
    let put = pond.send(Method::PUT, "/bucket/a%20b", &headers, "hello").await;
    assert_eq!(
        (put.status.as_u16(), put.header("etag")),
        (200, "\"5d41402abc4b2a76b9719d911017c592\""),
        "{}",
        put.body
    );
    assert_eq!(put.header("x-amz-checksum-type"), "FULL_OBJECT");
    let get = pond.send(Method::GET, "/bucket/a%20b", &[], "").await;
    assert_eq!((get.status.as_u16(), get.body.as_str()), (200, "hello"));
    assert_eq!((get.header("content-type"), get.header("x-amz-meta-color")), ("text/plain", "blue"));
    assert_eq!(get.header("content-length"), "5");
    let part = pond.send(Method::GET, "/bucket/a%20b", &[("range", "bytes=1-2")], "").await;
    assert_eq!(
        (part.status.as_u16(), part.body.as_str(), part.header("content-range")),
        (206, "el", "bytes 1-2/5")
    );
    let odd = pond.send(Method::GET, "/bucket/a%20b", &[("range", "lines=1")], "").await;
    assert_eq!((odd.status.as_u16(), odd.body.as_str()), (200, "hello"));
    let beyond = pond.send(Method::GET, "/bucket/a%20b", &[("range", "bytes=5-")], "").await;
    assert_eq!(
        (beyond.status.as_u16(), beyond.element("Code"), beyond.element("ActualObjectSize")),
        (416, "InvalidRange", "5")
    );
    let same = [("if-none-match", "\"5d41402abc4b2a76b9719d911017c592\"")];
    let unchanged = pond.send(Method::GET, "/bucket/a%20b", &same, "").await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body.as_str()), (304, ""));
    let again = pond.send(Method::PUT, "/bucket/a%20b", &[("if-none-match", "*")], "x").await;
    assert_eq!((again.status.as_u16(), again.element("Condition")), (412, "If-None-Match"));
    let list = pond.send(Method::GET, "/bucket?list-type=2&encoding-type=url", &[], "").await;
    assert_eq!(
        (list.element("Key"), list.element("Size"), list.element("KeyCount")),
        ("a%20b", "5", "1"),
        "{}",
        list.body
    );
    let copied = pond.send(Method::PUT, "/bucket/c", &[("x-amz-copy-source", "/bucket/a%20b")], "").await;
    assert_eq!(copied.status, 200, "{}", copied.body);
    assert_eq!(pond.send(Method::HEAD, "/bucket/c", &[], "").await.header("x-amz-meta-color"), "blue");
    let onto = pond.send(Method::PUT, "/bucket/c", &[("x-amz-copy-source", "/bucket/c")], "").await;
    assert_eq!((onto.status.as_u16(), onto.element("Code")), (400, "InvalidRequest"));
    let delete = "<Delete><Object><Key>a b</Key></Object><Object><Key>c</Key></Object></Delete>";
    let deleted = pond.send(Method::POST, "/bucket?delete", &[], delete).await;
    assert_eq!(
        (deleted.status.as_u16(), deleted.body.matches("<Deleted>").count()),
        (200, 2),
        "{}",
        deleted.body
    );
    assert_eq!(pond.send(Method::DELETE, "/bucket", &[], "").await.status, 204);
}

#[tokio::test]
async fn refusals_over_http() {
    let pond = pond();
    pond.send(Method::PUT, "/bucket", &[], "").await;
    let long = format!("/bucket/{}", "k".repeat(1_025));
    let (get, put, post) = (Method::GET, Method::PUT, Method::POST);
    for (method, uri, headers, body, status, code) in [
        (get.clone(), "/nowhere/k", &[][..], "", 404, "NoSuchBucket"),
        (get.clone(), "/bucket/k", &[], "", 404, "NoSuchKey"),
        (get.clone(), "/Bad_Name/k", &[], "", 400, "InvalidBucketName"),
        (put.clone(), "/sthree-x", &[], "", 400, "InvalidBucketName"),
        (put.clone(), long.as_str(), &[], "x", 400, "KeyTooLongError"),
        (put.clone(), "/bucket/k", &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], "x", 400, "BadDigest"),
        (put.clone(), "/bucket/k", &[("content-md5", "?")], "x", 400, "InvalidDigest"),
        (put.clone(), "/bucket/k", &[("x-amz-checksum-crc32", "AAAAAA==")], "x", 400, "BadDigest"),
        (put.clone(), "/bucket/k", &[("x-amz-checksum-crc32", "AA==")], "x", 400, "InvalidRequest"),
        (put.clone(), "/bucket/k", &[("content-length", "9")], "x", 400, "IncompleteBody"),
        (put.clone(), "/bucket/k", &[("content-length", "6000000000")], "x", 400, "EntityTooLarge"),
        (put.clone(), "/bucket/k", &[("x-amz-storage-class", "COLD")], "x", 400, "InvalidStorageClass"),
        (put.clone(), "/bucket/k", &[("x-amz-storage-class", "SNOW")], "x", 501, "NotImplemented"),
        (put.clone(), "/bucket/k", &[("if-match", "abc")], "x", 404, "NoSuchKey"),
        (put.clone(), "/bucket?versioning", &[], "<x/>", 400, "MalformedXML"),
        (post.clone(), "/bucket?delete", &[], "<Delete>", 400, "MalformedXML"),
        (
            post.clone(),
            "/bucket?delete",
            &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")],
            "<Delete/>",
            400,
            "BadDigest",
        ),
        (
            post.clone(),
            "/bucket",
            &[("content-type", "multipart/form-data; boundary=x")],
            "",
            400,
            "IncompleteBody",
        ),
        (get.clone(), "/bucket?policy", &[], "", 404, "NoSuchBucketPolicy"),
        (get.clone(), "/bucket?list-type=2&continuation-token=abc", &[], "", 400, "InvalidArgument"),
        (get.clone(), "/bucket?list-type=2&max-keys=-1", &[], "", 400, "InvalidArgument"),
        (get.clone(), "/bucket/k?versionId=abc", &[], "", 400, "InvalidArgument"),
        (get.clone(), "/bucket/k?uploadId=abc", &[], "", 404, "NoSuchUpload"),
        (put.clone(), "/bucket/k?uploadId=abc&partNumber=0", &[], "x", 400, "InvalidArgument"),
        (get, "/bucket/%ff", &[], "", 400, "InvalidURI"),
    ] {
        let answer = pond.send(method, uri, headers, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.element("Code")),
            (status, code),
            "{uri} {headers:?} {}",
            answer.body
        );
        assert!(!answer.element("Message").is_empty() && !answer.element("RequestId").is_empty(), "{uri}");
    }
    let large = "v".repeat(2_100);
    let answer = pond.send(put, "/bucket/k", &[("x-amz-meta-a", &large)], "x").await;
    assert_eq!(answer.element("Code"), "MetadataTooLarge");
    assert_eq!(pond.rows(), (0, 0, 0, 0), "what is refused leaves nothing");
}

#[tokio::test]
async fn chunked_bodies() {
    let pond = pond();
    pond.send(Method::PUT, "/bucket", &[], "").await;
    let headers = |length: &'static str| {
        [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", length),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("content-encoding", "aws-chunked"),
        ]
    };
    let body = |sum: &str| format!("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{sum}\r\n\r\n");
    let put = pond.send(Method::PUT, "/bucket/k", &headers("5"), &body("NhCmhg==")).await;
    assert_eq!((put.status.as_u16(), put.header("x-amz-checksum-crc32")), (200, "NhCmhg=="), "{}", put.body);
    let get = pond.send(Method::GET, "/bucket/k", &[("x-amz-checksum-mode", "ENABLED")], "").await;
    assert_eq!((get.body.as_str(), get.header("content-encoding")), ("hello", ""));
    assert_eq!(get.header("x-amz-checksum-crc32"), "NhCmhg==");
    let wrong = pond.send(Method::PUT, "/bucket/k", &headers("5"), &body("AAAAAA==")).await;
    assert_eq!((wrong.status.as_u16(), wrong.element("Code")), (400, "BadDigest"));
    let short = pond.send(Method::PUT, "/bucket/k", &headers("6"), &body("NhCmhg==")).await;
    assert_eq!((short.status.as_u16(), short.element("Code")), (400, "IncompleteBody"));
}

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

/// A record is written as the fixture has it, and read from it.
pub(crate) fn check<T: serde::Serialize + serde::de::DeserializeOwned>(record: &T, fixture: &str) {
    let written = hex::encode(rmp_serde::to_vec_named(record).unwrap());
    assert_eq!(written, fixture, "the shape changed: keep the old fixture as one that is only read");
    rmp_serde::from_slice::<T>(&hex::decode(fixture).unwrap()).unwrap();
}

/// Records as earlier versions wrote them: each must still be read. A shape that changes gets a line of its own.
#[test]
fn records_of_earlier_versions_are_read() {
    let (id, at) = (Uuid::from_u128(1), Timestamp::from_secs(1_800_000_000));
    let region = Region::us_east_1();
    check(
        &BucketRecord {
            id,
            account: ACCOUNT.parse().unwrap(),
            region,
            created: at,
            versioning: Versioning::Never,
            documents: BTreeMap::new(),
            ownership: Ownership::default(),
            public_access_block: all_blocked(),
            lock: None,
            directory: None,
        },
        "84a26964c41000000000000000000000000000000001a76163636f756e74ac303030303030303030303030a6\
         726567696f6ea975732d656173742d31a763726561746564cf000001a3185c5000",
    );
    check(&Directory { zone: 1 }, "81a47a6f6e6501");
    let checksum = Some((Algorithm::Crc32, Coverage::FullObject));
    check(
        &ObjectRecord {
            content: id,
            size: 5,
            etag: "ab".into(),
            modified: at,
            checksum,
            sequence: 0,
            versioned: false,
            owner: None,
            class: StorageClass::Standard,
            restore: None,
            tiering: None,
            renamed: None,
        },
        "85a7636f6e74656e74c41000000000000000000000000000000001a473697a6505a465746167a26162a86d6f\
         646966696564cf000001a3185c5000a8636865636b73756d92a54372633332aa46756c6c4f626a656374",
    );
    let mut runs = Runs::default();
    runs.push(1, 5);
    let attributes = Attributes { content_type: Some("a/b".into()), ..Attributes::default() };
    let checksum = Some(Checksum::full(Algorithm::Crc32, vec![1, 2, 3, 4]));
    check(
        &ContentRecord {
            attributes,
            checksum,
            body: BodyRecord::Parts { upload: id, runs },
            tags: BTreeMap::new(),
            acl: None,
            pinned: None,
            copy: None,
            lock: Lock::default(),
            encryption: None,
            lost: None,
        },
        "83aa6174747269627574657381ac636f6e74656e745f74797065a3612f62a8636865636b73756d84a9616c67\
         6f726974686da54372633332a8636f766572616765aa46756c6c4f626a656374a576616c7565c40401020304\
         a5706172747300a4626f647981a5506172747382a675706c6f6164c410000000000000000000000000000000\
         01a472756e739183a5666972737401a5636f756e7401a473697a6505",
    );
    check(
        &UploadRecord {
            initiated: at,
            attributes: Attributes::default(),
            checksum: None,
            tags: BTreeMap::new(),
            access: ObjectAccess::default(),
            initiator: None,
            conditions: BTreeMap::new(),
            class: StorageClass::Standard,
            lock: Lock::default(),
            encryption: None,
        },
        "83a9696e69746961746564cf000001a3185c5000aa6174747269627574657380a8636865636b73756dc0",
    );
    let default = DefaultRetention { mode: Mode::Governance, period: Period::Years(1) };
    check(
        &BucketLock { default: Some(default) },
        "81a764656661756c7482a46d6f6465aa476f7665726e616e6365a6706572696f6481a5596561727301",
    );
    let retention = Some(Retention { mode: Mode::Compliance, until: at });
    check(
        &Lock { retention, legal_hold: Some(true) },
        "82a9726574656e74696f6e82a46d6f6465aa436f6d706c69616e6365a5756e74696ccf000001a3185c5000aa6c\
         6567616c5f686f6c64c3",
    );
    check(&Garbage::Parts(id), "81a55061727473c41000000000000000000000000000000001");
}

/// As [`records_of_earlier_versions_are_read`], for what works in the background.
#[test]
fn records_of_earlier_workers_are_read() {
    let (id, at) = (Uuid::from_u128(1), Timestamp::from_secs(1_800_000_000));
    let filter = Filter {
        form: Form::And,
        prefix: Some("p".into()),
        tags: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        larger_than: Some(1),
        smaller_than: Some(9),
    };
    let rule = Rule {
        id: "a".into(),
        enabled: true,
        filter,
        expiration: Some(Expiration::Object(When::Days(90))),
        transitions: vec![Transition { when: When::Date(at), class: StorageClass::Glacier }],
        noncurrent_expiration: Some(NoncurrentExpiration { days: 3, keep: Some(2) }),
        noncurrent_transitions: vec![NoncurrentTransition {
            days: 1,
            keep: None,
            class: StorageClass::GlacierIr,
        }],
        abort_days: Some(7),
    };
    check(
        &Lifecycle { rules: vec![rule], smallest: Smallest::VariesByClass },
        "82a572756c65739188a26964a161a7656e61626c6564c3a666696c74657285a4666f726da3416e64a6707265666978a1\
    70a47461677381a16ba176ab6c61726765725f7468616e01ac736d616c6c65725f7468616e09aa65787069726174696f\
    6e81a64f626a65637481a4446179735aab7472616e736974696f6e739182a47768656e81a444617465cf000001a3185c\
    5000a5636c617373a7474c4143494552b56e6f6e63757272656e745f65787069726174696f6e82a46461797303a46b65\
    657002b66e6f6e63757272656e745f7472616e736974696f6e739183a46461797301a46b656570c0a5636c617373aa47\
    4c41434945525f4952aa61626f72745f6461797307a8736d616c6c657374ad5661726965734279436c617373",
    );
    let place = Place::Version { key: "k".into(), sequence: 1, newer: 2 };
    check(
        &RunRecord { day: at, bucket: Some("b".into()), place, done: false },
        "84a3646179cf000001a3185c5000a66275636b6574a162a5706c61636581a756657273696f6e83a36b6579a16ba87365\
    7175656e636501a56e6577657202a4646f6e65c2",
    );
    let place = Place::Upload { key: "k".into(), upload: id };
    check(
        &RunRecord { day: at, bucket: None, place, done: true },
        "84a3646179cf000001a3185c5000a66275636b6574c0a5706c61636581a655706c6f616482a36b6579a16ba675706c6f\
    6164c41000000000000000000000000000000001a4646f6e65c3",
    );
    let job = RestoreJob { bucket: "b".into(), key: "k".into(), versioned: true, sequence: 1, content: id };
    check(
        &job,
        "85a66275636b6574a162a36b6579a16ba976657273696f6e6564c3a873657175656e636501a7636f6e74656e74c41000\
    000000000000000000000000000001",
    );
    check(
        &Restore { due: at, days: 2, tier: Tier::Bulk, expires: None },
        "84a3647565cf000001a3185c5000a46461797302a474696572a442756c6ba765787069726573c0",
    );
    let walk = WalkRecord {
        began: at,
        ended: None,
        zones: vec![(0, Some(id)), (1, None)],
        bucket: Some("b".into()),
        place: Place::Start,
        within: Some(Within { id, done: 1, lost: true }),
        found: Found { bodies: 1, bytes: 2, made: 3, damaged: 4, lost: 5, away: 6 },
    };
    check(
        &walk,
        "87a5626567616ecf000001a3185c5000a5656e646564c0a57a6f6e6573929200c4100000000000000000000000000000\
    00019201c0a66275636b6574a162a5706c616365a55374617274a677697468696e83a26964c410000000000000000000\
    00000000000001a4646f6e6501a46c6f7374c3a5666f756e6486a6626f6469657301a5627974657302a46d61646503a7\
    64616d6167656404a46c6f737405a46177617906",
    );
}
