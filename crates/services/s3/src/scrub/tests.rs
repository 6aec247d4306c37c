//! Scrub and repair over three real folders, by a manual clock.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use http::Method;

use super::*;
use crate::store::Found;
use crate::tests::{Pond, pond_of};

const ZONES: [&str; 3] = ["zone0", "zone1", "zone2"];

fn body() -> String {
    "water ".repeat(50_000)
}

/// A zone's files of bodies, by name.
fn files(pond: &Pond, zone: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for fan in std::fs::read_dir(pond.dir.path().join(zone)).unwrap() {
        let fan = fan.unwrap().path();
        if fan.is_dir() && fan.file_name().is_some_and(|name| name.len() == 2) {
            for file in std::fs::read_dir(fan).unwrap() {
                let file = file.unwrap();
                let name = file.file_name().into_string().unwrap();
                found.insert(name, std::fs::read(file.path()).unwrap());
            }
        }
    }
    found
}

fn rot_all(dir: &Path) {
    for fan in std::fs::read_dir(dir).unwrap() {
        let fan = fan.unwrap().path();
        if fan.is_dir() && fan.file_name().is_some_and(|name| name.len() == 2) {
            for file in std::fs::read_dir(fan).unwrap() {
                let path = file.unwrap().path();
                let mut bytes = std::fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(&path, bytes).unwrap();
            }
        }
    }
}

impl Pond {
    async fn put(&self, uri: &str, headers: &[(&str, &str)], body: &str) -> String {
        let answer = self.send(Method::PUT, uri, headers, body).await;
        assert_eq!(answer.status, 200, "{uri} {}", answer.body);
        answer.header("etag").to_owned()
    }

    async fn begin_upload(&self, uri: &str) -> String {
        self.send(Method::POST, &format!("{uri}?uploads"), &[], "").await.element("UploadId").to_owned()
    }

    /// The walk's record once `done` says so.
    async fn walked(&self, name: &str, done: impl Fn(&WalkRecord) -> bool) -> WalkRecord {
        let wait = async {
            loop {
                if let Some(record) = self.s3.metadata().walk(name).unwrap().filter(&done) {
                    return record;
                }
                // A worker that found nothing to do rests by the pond's clock.
                self.clock.advance(Duration::from_secs(1));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the walk")
    }

    /// Objects of every kind: current, noncurrent, in parts, an upload, a restored copy; 6 files in each zone, and the copy.
    async fn fill(&self) {
        self.put("/bucket", &[], "").await;
        let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.put("/bucket?versioning", &[], enabled).await;
        self.put("/bucket/k", &[], &body()).await;
        self.put("/bucket/k", &[], &body()).await;
        self.put("/bucket/small", &[], "small").await;
        self.send(Method::DELETE, "/bucket/small", &[], "").await;
        let upload = self.begin_upload("/bucket/parts").await;
        let large = "x".repeat(5 << 20);
        let mut parts = String::new();
        for (number, part) in [(1, large.as_str()), (2, body().as_str())] {
            let tag =
                self.put(&format!("/bucket/parts?partNumber={number}&uploadId={upload}"), &[], part).await;
            parts.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"));
        }
        let whole = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let done = self.send(Method::POST, &format!("/bucket/parts?uploadId={upload}"), &[], &whole).await;
        assert_eq!(done.status, 200, "{}", done.body);
        let open = self.begin_upload("/bucket/open").await;
        self.put(&format!("/bucket/open?partNumber=1&uploadId={open}"), &[], &body()).await;
        // Compressed, it would fit into its record.
        let noise: String =
            (0..200_000_u64).map(|n| char::from(b'a' + (n * n * 7919 % 8191 % 26) as u8)).collect();
        self.put("/bucket/cold", &[("x-amz-storage-class", "GLACIER")], &noise).await;
        let days = "<RestoreRequest><Days>60</Days></RestoreRequest>";
        assert_eq!(self.send(Method::POST, "/bucket/cold?restore", &[], days).await.status, 202);
        self.clock.advance(Duration::from_secs(5 * 3_600));
        while !self
            .send(Method::HEAD, "/bucket/cold", &[], "")
            .await
            .header("x-amz-restore")
            .contains("false")
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn the_scrub_mends_every_kind_of_body() {
    let pond = pond_of(&ZONES);
    pond.walked(REPAIR, |record| record.ended.is_some()).await;
    let new = pond.walked(SCRUB, |record| record.ended.is_some()).await;
    pond.fill().await;
    let good: Vec<_> = ZONES.iter().map(|zone| files(&pond, zone)).collect();
    let copy = good.iter().map(BTreeMap::len).max().unwrap();
    assert_eq!(
        copy,
        7,
        "one zone has the readable copy: {:?}",
        good.iter().map(BTreeMap::len).collect::<Vec<_>>()
    );
    let rotten = good.iter().position(|zone| zone.len() == 6).unwrap();
    rot_all(&pond.dir.path().join(ZONES[rotten]));
    assert_ne!(files(&pond, ZONES[rotten]), good[rotten]);

    pond.clock.advance(DAY * 13);
    assert_eq!(pond.s3.metadata().walk(SCRUB).unwrap().unwrap(), new, "it is not due");
    pond.clock.advance(DAY);
    let record = pond.walked(SCRUB, |record| record.began > new.began && record.ended.is_some()).await;
    for (zone, good) in ZONES.iter().zip(&good) {
        assert!(files(&pond, zone) == *good, "{zone} is as it was");
    }
    let Found { bodies, bytes, made, damaged, lost, away } = record.found;
    assert_eq!((bodies, made, damaged, lost, away), (7, 6, 0, 0, 0));
    assert!(bytes > 3 * (5 << 20), "{bytes}");
    assert_eq!(pond.s3.0.counters.repaired_copies.get(), 6);
    assert!(progress(&pond).contains("6 copies made"), "{}", progress(&pond));
}

fn progress(pond: &Pond) -> String {
    walk::progress(&pond.s3, SCRUB).unwrap()
}

#[tokio::test]
async fn a_folder_that_takes_a_lost_zones_place_is_filled_and_what_was_there_alone_is_lost() {
    let pond = pond_of(&ZONES);
    pond.fill().await;
    let one_zone = [("x-amz-storage-class", "ONEZONE_IA")];
    let filled = files(&pond, ZONES[1]).len();
    let mut objects = 0;
    // Which zone takes an object, chance says.
    while objects < 6 || files(&pond, ZONES[1]).len() == filled {
        pond.put(&format!("/bucket/alone-{objects}"), &one_zone, &body()).await;
        objects += 1;
    }
    let first = pond.walked(REPAIR, |record| record.ended.is_some()).await;
    let before = files(&pond, ZONES[1]);
    let others: Vec<_> = [ZONES[0], ZONES[2]].iter().map(|zone| files(&pond, zone)).collect();
    let alone = before.keys().filter(|name| others.iter().all(|zone| !zone.contains_key(*name))).count();

    // Away, it may be back: nothing is recorded.
    let zone = pond.dir.path().join(ZONES[1]);
    std::fs::remove_dir_all(&zone).unwrap();
    pond.walked(REPAIR, |record| record.zones.len() == 2).await;
    let codes = async || {
        let mut codes = Vec::new();
        for n in 0..objects {
            let answer = pond.send(Method::GET, &format!("/bucket/alone-{n}"), &[], "").await;
            codes.push(answer.status.as_u16());
        }
        codes.sort_unstable();
        codes
    };
    let count = |codes: &[u16], wanted: u16| codes.iter().filter(|code| **code == wanted).count();
    let away = codes().await;
    assert!(away.contains(&503), "{away:?}");
    assert_eq!(count(&away, 200) + count(&away, 503), objects, "{away:?}");

    std::fs::create_dir(&zone).unwrap();
    std::fs::write(zone.join("adopt"), "").unwrap();
    let record = pond.walked(REPAIR, |record| {
        record.began > first.began && record.ended.is_some() && record.zones.len() == 3
    });
    let record = record.await;
    let everywhere: Vec<_> =
        before.keys().filter(|name| others.iter().all(|zone| zone.contains_key(*name))).collect();
    assert_eq!(everywhere.len(), 6);
    let filled = files(&pond, ZONES[1]);
    assert!(everywhere.iter().all(|name| filled.get(*name) == before.get(*name)));
    assert_eq!((record.found.made, record.found.lost), (6, alone as u64), "{record:?}");
    let gone = codes().await;
    assert_eq!((count(&gone, 405), count(&gone, 200)), (count(&away, 503), count(&away, 200)), "{gone:?}");

    // The next walk has nothing new to tell, and nothing to make.
    let lost = pond.s3.0.counters.lost_bodies.get();
    pond.clock.advance(DAY * 15);
    let again = pond.walked(SCRUB, |record| record.began > first.began && record.ended.is_some()).await;
    assert_eq!((again.found.made, pond.s3.0.counters.lost_bodies.get()), (0, lost));
}

/// A loss that ends before anybody looked leaves no trace but in what was written meanwhile.
#[tokio::test]
async fn what_was_written_while_a_zone_was_away_is_filled_in() {
    let pond = pond_of(&ZONES);
    let first = pond.walked(REPAIR, |record| record.ended.is_some()).await;
    pond.put("/bucket", &[], "").await;
    let (zone, away) = (pond.dir.path().join(ZONES[1]), pond.dir.path().join("away"));
    std::fs::rename(&zone, &away).unwrap();
    pond.put("/bucket/k", &[], &body()).await;
    std::fs::rename(&away, &zone).unwrap();
    let record = pond.walked(REPAIR, |record| record.began > first.began && record.ended.is_some()).await;
    assert_eq!((record.found.made, record.zones), (1, first.zones));
    assert_eq!(files(&pond, ZONES[1]), files(&pond, ZONES[0]));
    assert!(!pond.s3.metadata().wants_repair().unwrap());
}

#[tokio::test]
async fn what_a_reader_finds_bad_is_mended_without_waiting() {
    let pond = pond_of(&ZONES);
    pond.put("/bucket", &[], "").await;
    pond.put("/bucket/k", &[], &body()).await;
    let good = files(&pond, ZONES[0]);
    // Which copy a reader begins with, the body's id says.
    let (name, _) = good.first_key_value().unwrap();
    let begin = usize::from(u8::from_str_radix(&name[..2], 16).unwrap()) % ZONES.len();
    rot_all(&pond.dir.path().join(ZONES[begin]));
    assert_eq!(pond.send(Method::GET, "/bucket/k", &[], "").await.body, body());
    let mended = async {
        while files(&pond, ZONES[begin]) != good {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), mended).await.expect("at once, by no clock");
}

#[tokio::test]
async fn a_lost_part_cannot_be_completed_with() {
    let pond = pond_of(&ZONES[..1]);
    pond.put("/bucket", &[], "").await;
    let upload = pond.begin_upload("/bucket/k").await;
    let uri = format!("/bucket/k?partNumber=1&uploadId={upload}");
    let tag = pond.put(&uri, &[], &body()).await;
    let zone = pond.dir.path().join(ZONES[0]);
    for name in files(&pond, ZONES[0]).keys() {
        std::fs::remove_file(zone.join(&name[30..]).join(name)).unwrap();
    }
    pond.walked(SCRUB, |record| record.ended.is_some()).await;
    pond.clock.advance(DAY * 15);
    pond.walked(SCRUB, |record| record.found.lost == 1 && record.ended.is_some()).await;
    let whole = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete =
        async || pond.send(Method::POST, &format!("/bucket/k?uploadId={upload}"), &[], &whole).await;
    assert_eq!(complete().await.element("Code"), "InvalidPart");
    pond.put(&uri, &[], &body()).await;
    assert_eq!(complete().await.status, 200);
}
