//! The service over a real store and real files, with a manual clock; over HTTP as far as it goes without a socket.

mod clock;
mod domain;
mod http;
mod multipart;
mod records;

use std::net::Ipv4Addr;

use ::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use millpond_blob::{BlobOptions, Blobs};
use millpond_core::{AccountId, Clock, Region, RequestId, RootKey, Scope, Timestamp};
use millpond_gateway::{Access, Arrival, Body, Caller, HttpService as _, Origin};
use millpond_kms::Kms;
use millpond_policy::Principal;
use millpond_store::{Reads as _, Span, Store, StoreOptions};
use millpond_work::{Pass, Tasks, Worker as _};

use crate::store::{CONTENTS, FILES, GARBAGE, PARTS};
use crate::worker::GarbageRemoval;
use crate::{Deps, S3, S3Http, S3Settings};

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
    pub(crate) headers: ::http::HeaderMap,
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

/// A record is written as the fixture has it, and read from it.
pub(crate) fn check<T: serde::Serialize + serde::de::DeserializeOwned>(record: &T, fixture: &str) {
    let written = hex::encode(rmp_serde::to_vec_named(record).unwrap());
    assert_eq!(written, fixture, "the shape changed: keep the old fixture as one that is only read");
    rmp_serde::from_slice::<T>(&hex::decode(fixture).unwrap()).unwrap();
}
