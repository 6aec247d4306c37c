//! What a listener in the same program hears of requests, of rules and of restores.

use std::time::Duration;

use http::Method;
use millpond_work::{Subscriber, WorkError, Worker as _};
use tokio::sync::watch;

use super::*;
use crate::PutOptions;
use crate::tests::{Pond, pond, pond_of, root};

/// Listens to keys below `heard/`.
#[derive(Clone)]
struct Listener(watch::Sender<Vec<ObjectEvent>>);

impl Listener {
    fn new(pond: &Pond) -> Self {
        let listener = Self(watch::channel(Vec::new()).0);
        pond.s3.events().subscribe(&pond.tasks, listener.clone());
        listener
    }

    /// Waits until so many events were heard, and takes them.
    async fn heard(&self, count: usize) -> Vec<ObjectEvent> {
        self.0.subscribe().wait_for(|heard| heard.len() >= count).await.unwrap();
        self.0.send_replace(Vec::new())
    }

    async fn names(&self, count: usize) -> Vec<&'static str> {
        self.heard(count).await.iter().map(|event| event.name.as_str()).collect()
    }
}

impl Subscriber<ObjectEvent> for Listener {
    fn name(&self) -> &str {
        "test"
    }

    fn wants(&self, event: &ObjectEvent) -> bool {
        event.key.starts_with("heard/")
    }

    async fn take(&self, events: Vec<ObjectEvent>) -> Result<(), WorkError> {
        self.0.send_modify(|heard| heard.extend(events));
        Ok(())
    }
}

async fn ok(
    pond: &Pond,
    method: Method,
    uri: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> crate::tests::Answer {
    let answer = pond.send(method, uri, headers, body).await;
    assert!(answer.status.is_success(), "{uri}: {} {}", answer.status, answer.body);
    answer
}

#[tokio::test]
async fn requests_are_told_of_in_order() {
    let pond = pond();
    ok(&pond, Method::PUT, "/heard", &[], "").await;
    // Before anybody listens nothing is kept.
    ok(&pond, Method::PUT, "/heard/heard/before", &[], "x").await;
    let listener = Listener::new(&pond);
    ok(&pond, Method::PUT, "/heard/unheard", &[], "x").await;
    ok(&pond, Method::PUT, "/heard/heard/k", &[], "abc").await;
    ok(&pond, Method::PUT, "/heard/heard/c", &[("x-amz-copy-source", "/heard/heard/k")], "").await;
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    ok(&pond, Method::PUT, "/heard/heard/k?tagging", &[], tags).await;
    ok(&pond, Method::DELETE, "/heard/heard/k?tagging", &[], "").await;
    pond.s3.put(&root(), "heard", "heard/in-process", "x".to_owned(), PutOptions::default()).await.unwrap();
    ok(&pond, Method::DELETE, "/heard/heard/k", &[], "").await;
    // There is none any more: nothing happens.
    ok(&pond, Method::DELETE, "/heard/heard/k", &[], "").await;
    let refused = pond.send(Method::PUT, "/heard/heard/c", &[("if-none-match", "*")], "x").await;
    assert_eq!(refused.status, 412);
    let heard = listener.heard(6).await;
    let names: Vec<_> = heard.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ObjectCreated:Put",
            "ObjectCreated:Copy",
            "ObjectTagging:Put",
            "ObjectTagging:Delete",
            "ObjectCreated:Put",
            "ObjectRemoved:Delete"
        ]
    );
    assert!(heard.is_sorted_by(|a, b| a.sequence < b.sequence));
    let put = &heard[0];
    assert_eq!(
        (put.bucket.as_str(), put.key.as_str(), put.size, &put.version),
        ("heard", "heard/k", Some(3), &None)
    );
    assert_eq!(put.etag.as_deref(), Some("900150983cd24fb0d6963f7d28e17f72"));
    assert_eq!((put.by.principal.as_str(), put.by.source.as_str()), ("AWS:000000000000", "127.0.0.1"));
}

#[tokio::test]
async fn lists_are_told_of_when_they_change() {
    let pond = pond();
    ok(&pond, Method::PUT, "/heard", &[("x-amz-object-ownership", "ObjectWriter")], "").await;
    ok(&pond, Method::PUT, "/heard/heard/k", &[], "x").await;
    let listener = Listener::new(&pond);
    ok(&pond, Method::PUT, "/heard/heard/k?acl", &[("x-amz-acl", "private")], "").await;
    let reader = format!("id={}", "ab".repeat(32));
    ok(&pond, Method::PUT, "/heard/heard/k?acl", &[("x-amz-grant-read", &reader)], "").await;
    ok(&pond, Method::PUT, "/heard/heard/k?acl", &[("x-amz-grant-read", &reader)], "").await;
    ok(&pond, Method::DELETE, "/heard/heard/k", &[], "").await;
    assert_eq!(listener.names(2).await, ["ObjectAcl:Put", "ObjectRemoved:Delete"]);
}

#[tokio::test]
async fn uploads_and_versions_are_told_of() {
    let pond = pond();
    ok(&pond, Method::PUT, "/heard", &[], "").await;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    ok(&pond, Method::PUT, "/heard?versioning", &[], enabled).await;
    let listener = Listener::new(&pond);
    let begun = ok(&pond, Method::POST, "/heard/heard/k?uploads", &[], "").await;
    let upload = begun.element("UploadId").to_owned();
    let part =
        ok(&pond, Method::PUT, &format!("/heard/heard/k?partNumber=1&uploadId={upload}"), &[], "abc").await;
    let complete = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        part.header("etag")
    );
    let uri = format!("/heard/heard/k?uploadId={upload}");
    let done = ok(&pond, Method::POST, &uri, &[], &complete).await;
    // Once more, with the same answer: nothing happens.
    ok(&pond, Method::POST, &uri, &[], &complete).await;
    let marker = ok(&pond, Method::DELETE, "/heard/heard/k", &[], "").await;
    let version = done.header("x-amz-version-id");
    ok(&pond, Method::DELETE, &format!("/heard/heard/k?versionId={version}"), &[], "").await;
    let heard = listener.heard(3).await;
    let seen: Vec<_> =
        heard.iter().map(|event| (event.name, event.version.as_deref().unwrap_or_default())).collect();
    assert_eq!(
        seen,
        [
            (EventName::CreatedUpload, version),
            (EventName::RemovedByMarker, marker.header("x-amz-version-id")),
            (EventName::Removed, version),
        ]
    );
}

#[tokio::test]
async fn what_s3_does_by_itself_is_told_of() {
    const DAY: Duration = Duration::from_secs(86_400);
    let pond = pond();
    ok(&pond, Method::PUT, "/heard", &[], "").await;
    let rules = "<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>\
                 <Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>\
                 <Expiration><Days>100</Days></Expiration></Rule></LifecycleConfiguration>";
    let md5 = {
        use base64::Engine as _;
        use md5::Digest as _;
        base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(rules))
    };
    ok(&pond, Method::PUT, "/heard?lifecycle", &[("content-md5", &md5)], rules).await;
    let body = "x".repeat(200_000);
    ok(&pond, Method::PUT, "/heard/heard/k", &[], &body).await;
    let listener = Listener::new(&pond);
    let run = crate::lifecycle::LifecycleRun::new(pond.s3.clone());
    let pass = async || while matches!(run.pass().await.unwrap(), millpond_work::Pass::MoreToDo) {};
    pond.clock.advance(DAY * 3);
    pass().await;
    let moved = listener.heard(1).await;
    assert_eq!(moved[0].detail, Detail::Transitioned { class: StorageClass::Glacier });
    assert_eq!(moved[0].by.principal, "s3.amazonaws.com");
    let restore = "<RestoreRequest><Days>2</Days></RestoreRequest>";
    ok(&pond, Method::POST, "/heard/heard/k?restore", &[], restore).await;
    assert_eq!(listener.names(1).await, ["ObjectRestore:Post"]);
    pond.clock.advance(DAY);
    let restored = listener.heard(1).await;
    assert!(
        matches!(restored[0].detail, Detail::Restored { class: StorageClass::Glacier, .. }),
        "{restored:?}"
    );
    pond.clock.advance(DAY * 4);
    assert_eq!(listener.names(1).await, ["ObjectRestore:Delete"]);
    pond.clock.advance(DAY * 100);
    pass().await;
    assert_eq!(listener.names(1).await, ["LifecycleExpiration:Delete"]);
}

#[tokio::test]
async fn what_its_tier_archives_and_what_is_lost_is_told_of() {
    const DAY: Duration = Duration::from_secs(86_400);
    let pond = pond_of(&["zone"]);
    let listener = Listener::new(&pond);
    ok(&pond, Method::PUT, "/bucket", &[], "").await;
    let body = "water ".repeat(40_000);
    let class = |class| [("x-amz-storage-class", class)];
    ok(&pond, Method::PUT, "/bucket/heard/cold", &class("INTELLIGENT_TIERING"), &body).await;
    ok(&pond, Method::PUT, "/bucket/heard/reduced", &class("REDUCED_REDUNDANCY"), &body).await;
    ok(&pond, Method::PUT, "/bucket/heard/standard", &[], &body).await;
    let configuration = "<IntelligentTieringConfiguration><Id>c</Id><Status>Enabled</Status><Tiering>\
        <AccessTier>ARCHIVE_ACCESS</AccessTier><Days>90</Days></Tiering></IntelligentTieringConfiguration>";
    ok(&pond, Method::PUT, "/bucket?intelligent-tiering&id=c", &[], configuration).await;
    assert_eq!(listener.names(3).await, ["ObjectCreated:Put"; 3]);
    pond.clock.advance(DAY * 91);
    let tiered = listener.heard(1).await.remove(0);
    assert_eq!((tiered.name, tiered.key.as_str()), (EventName::Tiered, "heard/cold"));
    assert_eq!(tiered.detail, Detail::Tiered { tier: "ARCHIVE_ACCESS".into() });
    ok(&pond, Method::POST, "/bucket/heard/cold?restore", &[], "<RestoreRequest></RestoreRequest>").await;
    pond.clock.advance(Duration::from_secs(5 * 3_600));
    assert_eq!(listener.names(2).await, ["ObjectRestore:Post", "ObjectRestore:Completed"]);

    for fan in std::fs::read_dir(pond.dir.path().join("zone")).unwrap() {
        let fan = fan.unwrap().path();
        if fan.is_dir() && fan.file_name().is_some_and(|name| name.len() == 2) {
            std::fs::remove_dir_all(fan).unwrap();
        }
    }
    pond.clock.advance(DAY * 15);
    let lost = listener.heard(1).await.remove(0);
    assert_eq!((lost.name, lost.key.as_str()), (EventName::Lost, "heard/reduced"));
    let get = pond.send(Method::GET, "/bucket/heard/standard", &[], "").await;
    assert_eq!(
        (get.status.as_u16(), get.element("Code")),
        (405, "MethodNotAllowed"),
        "gone, and no event of AWS's"
    );
}
