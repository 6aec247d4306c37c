//! Events from the gateway and from KMS: recorded, found, followed after a crash, and removed in time.

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use millpond_blob::{BlobOptions, Blobs};
use millpond_core::{AccountId, Clock, Region, RequestId, RootKey, Scope, Timestamp};
use millpond_gateway::record::{Event, Failure, Recorder as _, nature};
use millpond_gateway::{Access, Arrival, Call, Caller, HttpService as _, Origin};
use millpond_kms::{EncryptionContext, Kms};
use millpond_policy::Principal;
use millpond_s3::{ListQuery, S3, S3Http, S3Settings};
use millpond_store::{Store, StoreOptions};
use millpond_wire::ServiceError as _;
use millpond_work::{Tasks, Worker as _};

use crate::api;
use crate::delivery::Deliveries;
use crate::keyuses::KeyUses;
use crate::ops::lookup::lookup_events;
use crate::record::EventRecord;
use crate::selector::Selectors;
use crate::trail::{Delivery, Logging, Span, Trail};
use crate::worker::Retention;
use crate::{CloudTrail, CloudTrailError, CloudTrailSettings, Deps, ops};

struct Pond {
    dir: tempfile::TempDir,
    store: Store,
    clock: Clock,
    tasks: Tasks,
    kms: Kms,
    s3: S3,
    trail: CloudTrail,
}

fn open(dir: tempfile::TempDir, clock: Clock) -> Pond {
    let store = Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap();
    let tasks = Tasks::new(clock.clone());
    let root_key = RootKey::from_bytes([7; 32]);
    let kms = Kms::open(millpond_kms::Deps {
        store: store.clone(),
        root_key: &root_key,
        clock: clock.clone(),
        tasks: &tasks,
    });
    let blobs =
        Blobs::open(&dir.path().join("blobs"), &root_key, clock.clone(), BlobOptions::default()).unwrap();
    let s3 = S3::open(millpond_s3::Deps {
        store: store.clone(),
        blobs,
        kms: kms.clone(),
        root_key: &root_key,
        clock: clock.clone(),
        tasks: &tasks,
        settings: S3Settings::default(),
    })
    .unwrap();
    let trail = CloudTrail::take_up(Deps {
        store: store.clone(),
        kms: kms.clone(),
        s3: s3.clone(),
        clock: clock.clone(),
        tasks: &tasks,
        settings: CloudTrailSettings::default(),
    })
    .unwrap();
    Pond { dir, store, clock, tasks, kms, s3, trail }
}

fn pond() -> Pond {
    let clock = Clock::manual(Timestamp::from_secs(1_795_000_000));
    open(tempfile::tempdir().unwrap(), clock)
}

impl Pond {
    /// As after `kill -9`: what was in memory is gone.
    async fn crash(self) -> Self {
        let Self { dir, store, clock, tasks, kms, s3, trail } = self;
        tasks.shutdown(Duration::from_secs(10)).await.unwrap();
        drop((kms, s3, trail));
        store.close().await;
        open(dir, clock)
    }

    fn caller(&self, account: &str) -> Caller {
        let account: AccountId = account.parse().unwrap();
        let scope = Scope::new(account.clone(), Region::us_east_1());
        Caller::on_behalf_of(Principal::Root { account }, scope, self.clock.clone())
            .with_access_key(Some("AKIAROOT".into()))
    }

    async fn did(&self, caller: &Caller, service: &'static str, operation: &'static str, resource: &str) {
        let event = Event {
            service,
            operation,
            nature: nature(service, operation),
            caller: caller.clone(),
            parameters: None,
            answer: None,
            resources: vec![caller.scope.arn(service, resource)],
            failure: None,
        };
        self.trail.record(event).await.unwrap();
        self.clock.advance(Duration::from_secs(1));
    }

    async fn lookup(&self, account: &str, input: api::LookupEventsInput) -> api::LookupEventsOutput {
        let call = Call { svc: Arc::new(self.trail.clone()), caller: self.caller(account) };
        lookup_events(call, input).await.unwrap()
    }

    async fn names(&self, attribute: Option<(api::LookupAttributeKey, &str)>) -> Vec<String> {
        let lookup_attributes = attribute.map(|(attribute_key, value)| {
            vec![api::LookupAttribute { attribute_key, attribute_value: value.to_owned() }]
        });
        let found = self.lookup(US, api::LookupEventsInput { lookup_attributes, ..Default::default() }).await;
        found.events.unwrap().into_iter().map(|event| event.event_name.unwrap()).collect()
    }

    /// A request to S3, as root.
    async fn s3_put(&self, path: &str, body: &str) {
        let access = Access::Open { account: US.parse().unwrap(), sessions: None };
        let http = S3Http::new(&self.s3, access, Region::us_east_1());
        let request = Request::builder().method(Method::PUT).uri(path).header("host", "localhost");
        let request = request.header("content-length", body.len());
        let body = Full::new(Bytes::from(body.to_owned())).map_err(|never| match never {}).boxed_unsync();
        let arrival = Arrival {
            request_id: RequestId::random(),
            source_ip: Ipv4Addr::LOCALHOST.into(),
            secure: false,
            clock: self.clock.clone(),
            origin: Origin::default(),
        };
        let answer = http.handle(request.body(body).unwrap(), arrival).await;
        assert!(answer.status().is_success(), "{path}: {answer:?}");
    }

    /// A bucket that takes the log files of the trail `all`.
    async fn log_bucket(&self) {
        self.s3_put("/logs", "").await;
        self.log_bucket_policy().await;
    }

    async fn log_bucket_policy(&self) {
        let policy = r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl",
             "Resource": "arn:aws:s3:::logs",
             "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:us-east-1:000000000000:trail/all"}}},
            {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject",
             "Resource": "arn:aws:s3:::logs/AWSLogs/000000000000/*",
             "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control",
                           "aws:SourceArn": "arn:aws:cloudtrail:us-east-1:000000000000:trail/all"}}}]}"#;
        self.s3_put("/logs?policy", policy).await;
    }

    fn call(&self) -> Call<CloudTrail> {
        Call { svc: Arc::new(self.trail.clone()), caller: self.caller(US) }
    }

    async fn create_trail(&self) -> Result<api::CreateTrailOutput, CloudTrailError> {
        let input =
            api::CreateTrailInput { name: "all".into(), s3_bucket_name: "logs".into(), ..Default::default() };
        ops::trail::create_trail(self.call(), input).await
    }

    async fn start_logging(&self) {
        let input = api::StartLoggingInput { name: "all".into() };
        ops::logging::start_logging(self.call(), input).await.unwrap();
    }

    async fn status(&self) -> api::GetTrailStatusOutput {
        let input = api::GetTrailStatusInput { name: "all".into() };
        ops::logging::get_trail_status(self.call(), input).await.unwrap()
    }

    /// The records of each log file, in the order of their names.
    async fn delivered(&self) -> Vec<String> {
        let us = self.caller(US);
        let found = self.s3.list(&us, "logs", &ListQuery::default()).await.unwrap();
        let mut texts = Vec::new();
        for object in found.objects {
            let packed = self.s3.get_range(&us, "logs", &object.key, 0..object.size).await.unwrap();
            let mut text = String::new();
            flate2::read::GzDecoder::new(&*packed).read_to_string(&mut text).unwrap();
            texts.push(text);
        }
        texts
    }

    async fn uses_of_keys(&self) -> Vec<String> {
        self.names(Some((api::LookupAttributeKey::EventSource, "kms.amazonaws.com"))).await
    }
}

const US: &str = "000000000000";

#[tokio::test]
async fn events_are_found_by_each_attribute_newest_first() {
    use api::LookupAttributeKey::*;
    let pond = pond();
    let us = pond.caller(US);
    pond.did(&us, "kinesis", "CreateStream", "stream/orders").await;
    pond.did(&us, "kinesis", "DescribeStream", "stream/orders").await;
    pond.did(&us, "glue", "CreateDatabase", "database/lake").await;
    assert_eq!(pond.names(None).await, ["CreateDatabase", "DescribeStream", "CreateStream"]);
    for (attribute, value, expected) in [
        (EventName, "CreateStream", &["CreateStream"][..]),
        (EventName, "createstream", &[]),
        (ReadOnly, "true", &["DescribeStream"]),
        (ReadOnly, "false", &["CreateDatabase", "CreateStream"]),
        (Username, "root", &["CreateDatabase", "DescribeStream", "CreateStream"]),
        (Username, "Bob", &[]),
        (ResourceType, "AWS::Glue::Database", &["CreateDatabase"]),
        (ResourceName, "orders", &["DescribeStream", "CreateStream"]),
        (
            ResourceName,
            "arn:aws:kinesis:us-east-1:000000000000:stream/orders",
            &["DescribeStream", "CreateStream"],
        ),
        (EventSource, "glue.amazonaws.com", &["CreateDatabase"]),
        (AccessKeyId, "AKIAROOT", &["CreateDatabase", "DescribeStream", "CreateStream"]),
    ] {
        assert_eq!(pond.names(Some((attribute, value))).await, expected, "{attribute} {value}");
    }
    let other = pond.lookup("111122223333", api::LookupEventsInput::default()).await;
    assert_eq!(other.events, Some(vec![]), "another account sees nothing");
}

#[tokio::test]
async fn pages_and_times_bound_what_is_found() {
    let pond = pond();
    let (us, start) = (pond.caller(US), pond.clock.now());
    for number in 0..7 {
        pond.did(&us, "glue", "CreateDatabase", &format!("database/d{number}")).await;
    }
    let (mut token, mut seen) = (None, Vec::new());
    loop {
        let input = api::LookupEventsInput { max_results: Some(3), next_token: token, ..Default::default() };
        let page = pond.lookup(US, input).await;
        seen.extend(
            page.events
                .unwrap()
                .into_iter()
                .map(|event| event.resources.unwrap()[0].resource_name.clone().unwrap()),
        );
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["d6", "d5", "d4", "d3", "d2", "d1", "d0"]);
    let between = api::LookupEventsInput {
        start_time: Some(start.plus(Duration::from_secs(2))),
        end_time: Some(start.plus(Duration::from_secs(4))),
        ..Default::default()
    };
    assert_eq!(pond.lookup(US, between).await.events.unwrap().len(), 3);
}

#[tokio::test]
async fn events_go_when_their_time_is_over() {
    let pond = pond();
    pond.did(&pond.caller(US), "glue", "CreateDatabase", "database/old").await;
    pond.clock.advance(Duration::from_secs(60 * 24 * 3_600));
    pond.did(&pond.caller(US), "glue", "CreateTable", "table/old/new").await;
    pond.clock.advance(Duration::from_secs(31 * 24 * 3_600));
    assert_eq!(pond.names(None).await, ["CreateTable"], "hidden before they are removed");
    let retention = Retention(pond.trail.clone());
    retention.pass().await.unwrap();
    assert_eq!(pond.names(None).await, ["CreateTable"]);
    pond.did(&pond.caller(US), "glue", "CreateJob", "job/a").await;
    assert_eq!(pond.names(None).await, ["CreateJob", "CreateTable"], "numbers go on");
}

#[tokio::test]
async fn what_services_do_with_keys_is_told_once_also_after_a_crash() {
    let pond = pond();
    let us = pond.caller(US);
    let (s3, context) = (pond.kms.for_service("s3"), EncryptionContext::default());
    let key = s3.managed_key(&us.scope, "aws/s3").await.unwrap();
    let follower = KeyUses::new(pond.trail.clone()).unwrap();
    s3.generate_data_key(&us, &key.to_string(), &context).await.unwrap();
    follower.pass().await.unwrap();
    assert_eq!(pond.uses_of_keys().await, ["GenerateDataKey"]);
    follower.pass().await.unwrap();
    assert_eq!(pond.uses_of_keys().await, ["GenerateDataKey"]);
    s3.generate_data_key(&us, &key.to_string(), &context).await.unwrap();
    let pond = pond.crash().await;
    let follower = KeyUses::new(pond.trail.clone()).unwrap();
    follower.pass().await.unwrap();
    assert_eq!(
        pond.uses_of_keys().await,
        ["GenerateDataKey", "GenerateDataKey"],
        "the one before is not told again"
    );
    pond.clock.advance(Duration::from_secs(120));
    follower.pass().await.unwrap();
    let pond = pond.crash().await;
    let follower = KeyUses::new(pond.trail.clone()).unwrap();
    follower.pass().await.unwrap();
    assert_eq!(pond.uses_of_keys().await.len(), 2);
}

#[tokio::test]
async fn a_direct_use_of_a_key_is_told_by_the_gateway_unless_it_crashed() {
    let pond = pond();
    let (us, context) = (pond.caller(US), EncryptionContext::default());
    let managed = pond.kms.for_service("s3").managed_key(&us.scope, "aws/s3").await.unwrap().to_string();
    let follower = KeyUses::new(pond.trail.clone()).unwrap();
    // Refused, as the key is S3's, and on the record of KMS all the same.
    assert!(pond.kms.generate_data_key(&us, &managed, &context).await.is_err());
    follower.pass().await.unwrap();
    assert!(pond.uses_of_keys().await.is_empty(), "the gateway tells it");
    let pond = pond.crash().await;
    let follower = KeyUses::new(pond.trail.clone()).unwrap();
    pond.clock.advance(Duration::from_secs(1));
    let follower_after = KeyUses::new(pond.trail.clone()).unwrap();
    follower_after.pass().await.unwrap();
    assert_eq!(pond.uses_of_keys().await, ["GenerateDataKey"], "its event never came about");
    follower.pass().await.unwrap();
    assert_eq!(pond.uses_of_keys().await.len(), 1);
}

#[tokio::test]
async fn a_trail_needs_a_bucket_that_lets_it_in() {
    let pond = pond();
    let refusal = async || pond.create_trail().await.unwrap_err().code();
    assert_eq!(refusal().await, "S3BucketDoesNotExistException");
    pond.s3_put("/logs", "").await;
    assert_eq!(refusal().await, "InsufficientS3BucketPolicyException");
    let pond = self::pond();
    pond.log_bucket().await;
    pond.create_trail().await.unwrap();
    assert_eq!(pond.create_trail().await.unwrap_err().code(), "TrailAlreadyExistsException");
}

#[tokio::test]
async fn what_a_trail_takes_is_delivered_at_least_once() {
    let pond = pond();
    pond.log_bucket().await;
    pond.create_trail().await.unwrap();
    let (us, them) = (pond.caller(US), pond.caller("111122223333"));
    pond.did(&us, "glue", "CreateDatabase", "database/before").await;
    pond.start_logging().await;
    pond.did(&us, "glue", "CreateDatabase", "database/while").await;
    pond.did(&us, "glue", "GetDatabase", "database/while").await;
    pond.did(&them, "glue", "CreateDatabase", "database/theirs").await;
    Deliveries(pond.trail.clone()).pass().await.unwrap();
    let files = pond.delivered().await;
    assert_eq!(files.len(), 1, "{files:?}");
    for (text, times) in
        [("database/before", 0), ("database/while", 2), ("theirs", 0), ("\"GetDatabase\"", 1)]
    {
        assert_eq!(files[0].matches(text).count(), times, "{text}: {files:?}");
    }
    assert!(pond.status().await.latest_delivery_time.is_some());
    Deliveries(pond.trail.clone()).pass().await.unwrap();
    assert_eq!(pond.delivered().await.len(), 1, "nothing new, no file");
    // What was acknowledged before a crash is delivered after it.
    pond.did(&us, "glue", "DeleteDatabase", "database/while").await;
    let pond = pond.crash().await;
    let stop = api::StopLoggingInput { name: "all".into() };
    ops::logging::stop_logging(pond.call(), stop).await.unwrap();
    pond.did(&us, "glue", "CreateDatabase", "database/after").await;
    Deliveries(pond.trail.clone()).pass().await.unwrap();
    let files = pond.delivered().await.concat();
    assert!(files.contains("DeleteDatabase") && !files.contains("database/after"), "{files}");
    assert_eq!(pond.status().await.is_logging, Some(false));
}

#[tokio::test]
async fn a_failed_delivery_shows_and_is_made_up_for() {
    let pond = pond();
    pond.log_bucket().await;
    pond.create_trail().await.unwrap();
    pond.start_logging().await;
    pond.s3_put(
        "/logs?policy",
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*"}]}"#,
    )
    .await;
    pond.did(&pond.caller(US), "glue", "CreateDatabase", "database/lake").await;
    let deliveries = Deliveries(pond.trail.clone());
    deliveries.pass().await.unwrap();
    assert_eq!(pond.status().await.latest_delivery_error.as_deref(), Some("AccessDenied"));
    pond.log_bucket_policy().await;
    deliveries.pass().await.unwrap();
    assert_eq!(pond.status().await.latest_delivery_error, None);
    assert!(pond.delivered().await.concat().contains("database/lake"));
}

#[tokio::test]
async fn data_events_are_recorded_where_a_trail_asks_for_them() {
    let pond = pond();
    pond.log_bucket().await;
    pond.create_trail().await.unwrap();
    pond.start_logging().await;
    let data = nature("s3", "PutObject");
    assert!(!pond.trail.wants("s3", data));
    let objects = api::DataResource {
        r#type: Some("AWS::S3::Object".into()),
        values: Some(vec!["arn:aws:s3:::lake/raw/".into()]),
    };
    let input = api::PutEventSelectorsInput {
        trail_name: "all".into(),
        event_selectors: Some(vec![api::EventSelector {
            data_resources: Some(vec![objects]),
            include_management_events: Some(false),
            ..Default::default()
        }]),
        ..Default::default()
    };
    ops::selector::put_event_selectors(pond.call(), input).await.unwrap();
    assert!(pond.trail.wants("s3", data) && !pond.trail.wants("kinesis", nature("kinesis", "PutRecord")));
    for key in ["raw/a", "fine/b"] {
        let event = Event {
            service: "s3",
            operation: "PutObject",
            nature: data,
            caller: pond.caller(US),
            parameters: None,
            answer: None,
            resources: vec![millpond_core::Arn::global("s3", format!("lake/{key}"))],
            failure: None,
        };
        pond.trail.record(event).await.unwrap();
    }
    Deliveries(pond.trail.clone()).pass().await.unwrap();
    let files = pond.delivered().await.concat();
    assert!(files.contains("lake/raw/a") && !files.contains("lake/fine/b"), "{files}");
    assert!(files.contains(r#""managementEvent":false"#) && files.contains(r#""eventCategory":"Data""#));
    assert!(pond.names(None).await.is_empty(), "LookupEvents knows management events alone");
    Retention(pond.trail.clone()).pass().await.unwrap();
    let input = api::DeleteTrailInput { name: "all".into() };
    ops::trail::delete_trail(pond.call(), input).await.unwrap();
    assert!(!pond.trail.wants("s3", data));
}

#[tokio::test]
async fn refusals_are_recorded_with_their_codes() {
    let pond = pond();
    let caller = pond.caller(US);
    let failure = Failure { code: "AccessDeniedException".into(), message: "no".into() };
    let event = Event {
        service: "kms",
        operation: "CreateKey",
        nature: nature("kms", "CreateKey"),
        caller,
        parameters: None,
        answer: None,
        resources: Vec::new(),
        failure: Some(failure),
    };
    pond.trail.record(event).await.unwrap();
    let found = pond.lookup(US, api::LookupEventsInput::default()).await.events.unwrap();
    let text = found[0].cloud_trail_event.clone().unwrap();
    assert!(text.contains(r#""errorCode":"AccessDenied","errorMessage":"no""#), "{text}");
}

#[test]
fn stored_trails_stay_readable() {
    let trail = Trail {
        id: uuid::Uuid::nil(),
        scope: Scope::new(US.parse().unwrap(), Region::us_east_1()),
        name: "all".into(),
        bucket: "logs".into(),
        prefix: Some("a".into()),
        global_events: true,
        multi_region: false,
        created: Timestamp::from_secs(1_795_000_000),
        selectors: Selectors::default(),
        custom_selectors: false,
        tags: [("k".to_owned(), "v".to_owned())].into(),
        logging: Logging { spans: vec![Span { from: 7, to: None }], ..Logging::default() },
        delivery: Delivery::default(),
    };
    let bytes = rmp_serde::to_vec_named(&trail).unwrap();
    assert_eq!(hex::encode(&bytes), include_str!("trail_v1.hex").trim());
    assert_eq!(rmp_serde::from_slice::<Trail>(&bytes).unwrap(), trail);
}

#[test]
fn stored_events_stay_readable() {
    let event = EventRecord {
        id: uuid::Uuid::nil(),
        at: Timestamp::from_secs(1_795_000_000),
        account: US.parse().unwrap(),
        region: Region::us_east_1(),
        source: "kms.amazonaws.com".into(),
        name: "CreateKey".into(),
        read_only: false,
        data: false,
        user: Some("root".into()),
        user_arn: None,
        access_key: Some("AKIAROOT".into()),
        request_id: "r".into(),
        resources: vec![crate::resource::Resource {
            kind: Some("AWS::KMS::Key".into()),
            name: "k".into(),
            arn: "a".into(),
            account: US.into(),
        }],
        text: "{}".into(),
    };
    let bytes = rmp_serde::to_vec_named(&event).unwrap();
    assert_eq!(hex::encode(&bytes), include_str!("event_v1.hex").trim());
    assert_eq!(rmp_serde::from_slice::<EventRecord>(&bytes).unwrap(), event);
}
