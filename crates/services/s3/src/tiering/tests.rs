//! Tiers as tables, and over a real store by a manual clock.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;

use super::*;
use crate::store::ObjectRecord;
use crate::tests::{Pond, pond_of};

fn configuration(prefix: &str, tiers: &[(AccessTier, u32)]) -> Configuration {
    Configuration {
        enabled: true,
        form: Form::One,
        prefix: Some(prefix.to_owned()),
        tags: Tags::new(),
        tiers: tiers.to_vec(),
    }
}

#[test]
fn what_is_due() {
    use AccessTier::*;
    let tagged = Configuration {
        tags: BTreeMap::from([("cold".to_owned(), "yes".to_owned())]),
        ..configuration("", &[(DeepArchive, 200)])
    };
    let off = Configuration { enabled: false, ..configuration("", &[(DeepArchive, 180)]) };
    let all = Configurations(BTreeMap::from([
        ("a".to_owned(), configuration("logs/", &[(Archive, 100), (DeepArchive, 365)])),
        ("b".to_owned(), configuration("logs/old/", &[(Archive, 90)])),
        ("c".to_owned(), tagged),
        ("d".to_owned(), off),
    ]));
    for (key, cold, tier, days, expected) in [
        ("x", false, Frequent, 29, None),
        ("x", false, Frequent, 30, Some(Infrequent)),
        ("x", false, Infrequent, 89, None),
        ("x", false, Infrequent, 90, Some(ArchiveInstant)),
        ("x", false, Frequent, 1_000, Some(ArchiveInstant)),
        ("x", true, Frequent, 199, Some(ArchiveInstant)),
        ("x", true, ArchiveInstant, 200, Some(DeepArchive)),
        ("logs/x", false, Frequent, 99, Some(ArchiveInstant)),
        ("logs/x", false, ArchiveInstant, 100, Some(Archive)),
        ("logs/x", false, Archive, 364, None),
        ("logs/x", false, Archive, 365, Some(DeepArchive)),
        ("logs/old/x", false, Infrequent, 90, Some(Archive)),
        ("x", false, DeepArchive, 1_000, None),
    ] {
        let tags = if cold { BTreeMap::from([("cold".to_owned(), "yes".to_owned())]) } else { Tags::new() };
        let at = Tiering { tier, accessed: Timestamp::EPOCH };
        let found = all.due(key, &tags, at, Timestamp::EPOCH.plus(DAY * days));
        assert_eq!(found, expected, "{key} {tier} after {days} days");
    }
}

#[test]
fn what_is_refused() {
    use AccessTier::*;
    for (id, tiers, expected) in [
        ("a.B-c_1", vec![(Archive, 90), (DeepArchive, 730)], None),
        ("", vec![(Archive, 90)], Some("InvalidArgument")),
        ("a b", vec![(Archive, 90)], Some("InvalidArgument")),
        ("a", vec![], Some("MalformedXML")),
        ("a", vec![(Archive, 89)], Some("InvalidArgument")),
        ("a", vec![(DeepArchive, 179)], Some("InvalidArgument")),
        ("a", vec![(Archive, 731)], Some("InvalidArgument")),
        ("a", vec![(Archive, 90), (Archive, 91)], Some("InvalidArgument")),
        ("a", vec![(Infrequent, 90)], Some("MalformedXML")),
    ] {
        let found = configuration("", &tiers).check(id).err().map(|error| error.code());
        assert_eq!(found, expected, "{id} {tiers:?}");
    }
    let mut all = Configurations::default();
    for n in 0..MOST {
        all.insert(format!("c{n}"), configuration("", &[(Archive, 90)])).unwrap();
    }
    all.insert("c1".into(), configuration("", &[(Archive, 91)])).unwrap();
    let more = all.insert("more".into(), configuration("", &[(Archive, 90)]));
    assert_eq!(more.unwrap_err().code(), "TooManyConfigurations");
}

/// What `store::tiers` relies on.
#[test]
fn tiers_that_are_read_at_once_keep_bytes_alike() {
    let kept = |tier: AccessTier| {
        let keeping = tier.class().keeping();
        (keeping.spread, keeping.pack)
    };
    for tier in [AccessTier::Infrequent, AccessTier::ArchiveInstant] {
        assert_eq!(kept(tier), kept(AccessTier::Frequent));
    }
    assert!(AccessTier::Archive.is_archive() && AccessTier::DeepArchive.is_archive());
}

impl Pond {
    fn record(&self, key: &str) -> ObjectRecord {
        let bucket = self.s3.metadata().bucket("bucket").unwrap();
        let snapshot = self.s3.metadata().read().unwrap();
        self.s3.metadata().object(&snapshot, &bucket.record, key, None).unwrap()
    }

    fn tier(&self, key: &str) -> AccessTier {
        self.record(key).tiering().unwrap().tier
    }

    /// Turns the clock, and waits until that day's run is over.
    async fn days_later(&self, days: u32) {
        self.clock.advance(DAY * days);
        let today = crate::lifecycle::last_midnight(self.s3.now());
        let done = async {
            while !self.s3.metadata().run("tiering").unwrap().is_some_and(|run| run.done && run.day >= today)
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), done).await.expect("the daily run");
    }

    async fn wait_for_tier(&self, key: &str, tier: AccessTier) {
        let there = async {
            while self.tier(key) != tier {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), there).await.expect("the move");
    }
}

#[tokio::test]
async fn what_is_not_read_goes_down_and_a_read_takes_it_back() {
    use AccessTier::*;
    let pond = pond_of(&[]);
    pond.send(Method::PUT, "/bucket", &[], "").await;
    let class = [("x-amz-storage-class", "INTELLIGENT_TIERING")];
    let body = "water ".repeat(40_000);
    for key in ["read", "copied", "headed", "left", "logs/cold"] {
        assert_eq!(pond.send(Method::PUT, &format!("/bucket/{key}"), &class, &body).await.status, 200);
    }
    pond.send(Method::PUT, "/bucket/small", &class, "x").await;
    let configuration = "<IntelligentTieringConfiguration><Id>c</Id><Filter><Prefix>logs/</Prefix></Filter>\
        <Status>Enabled</Status><Tiering><AccessTier>DEEP_ARCHIVE_ACCESS</AccessTier><Days>180</Days></Tiering>\
        </IntelligentTieringConfiguration>";
    let put = pond.send(Method::PUT, "/bucket?intelligent-tiering&id=c", &[], configuration).await;
    assert_eq!(put.status, 200, "{}", put.body);

    pond.days_later(29).await;
    assert_eq!(pond.tier("left"), Frequent);
    pond.send(Method::GET, "/bucket/read", &[], "").await;
    pond.clock.advance(Duration::from_secs(61));
    let first = pond.record("read").modified;
    let noted = async {
        while pond.record("read").tiering().unwrap().accessed == first {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), noted).await.expect("the read on record");
    let once = pond.record("read").tiering;
    pond.send(Method::GET, "/bucket/read", &[], "").await;
    pond.clock.advance(Duration::from_secs(3_600));
    assert!(!once.unwrap().gains_by_read(pond.s3.now()), "once a day is enough");

    pond.days_later(2).await;
    let tiers = |keys: &[&str]| keys.iter().map(|key| pond.tier(key)).collect::<Vec<_>>();
    let all = ["read", "copied", "headed", "left", "small"];
    assert_eq!(tiers(&all), [Frequent, Infrequent, Infrequent, Infrequent, Frequent]);
    pond.send(Method::HEAD, "/bucket/headed", &[], "").await;
    let copy = pond.send(Method::PUT, "/bucket/copy", &[("x-amz-copy-source", "bucket/copied")], "").await;
    assert_eq!(copy.status, 200, "{}", copy.body);
    pond.wait_for_tier("copied", Frequent).await;
    assert_eq!(pond.tier("headed"), Infrequent, "looking is no reading");

    pond.days_later(61).await;
    assert_eq!(tiers(&all), [Infrequent, Infrequent, ArchiveInstant, ArchiveInstant, Frequent]);
    assert_eq!(pond.send(Method::GET, "/bucket/left", &[], "").await.body, body);
    pond.wait_for_tier("left", Frequent).await;

    pond.days_later(90).await;
    assert_eq!(pond.tier("logs/cold"), DeepArchive);
    let get = pond.send(Method::GET, "/bucket/logs/cold", &[], "").await;
    assert_eq!(
        (get.status.as_u16(), get.element("Code"), get.element("StorageClass"), get.element("AccessTier")),
        (403, "InvalidObjectState", "INTELLIGENT_TIERING", "DEEP_ARCHIVE_ACCESS")
    );
    let head = pond.send(Method::HEAD, "/bucket/logs/cold", &[], "").await;
    assert_eq!(head.header("x-amz-archive-status"), "DEEP_ARCHIVE_ACCESS");
    let restore = async |request: &str| {
        let request = format!("<RestoreRequest>{request}</RestoreRequest>");
        pond.send(Method::POST, "/bucket/logs/cold?restore", &[], &request).await
    };
    assert_eq!(restore("<Days>1</Days>").await.element("Code"), "InvalidArgument");
    assert_eq!(restore("<Tier>Expedited</Tier>").await.element("Code"), "InvalidArgument");
    let asked = restore("<GlacierJobParameters><Tier>Standard</Tier></GlacierJobParameters>").await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    let head = pond.send(Method::HEAD, "/bucket/logs/cold", &[], "").await;
    assert_eq!(head.header("x-amz-restore"), "ongoing-request=\"true\"");
    pond.clock.advance(Duration::from_secs(12 * 3_600));
    pond.wait_for_tier("logs/cold", Frequent).await;
    assert_eq!(pond.send(Method::GET, "/bucket/logs/cold", &[], "").await.body, body);
    let head = pond.send(Method::HEAD, "/bucket/logs/cold", &[], "").await;
    assert_eq!((head.header("x-amz-restore"), head.header("x-amz-archive-status")), ("", ""));
}

/// Records as they are on the disk: each shape must still be read.
#[test]
fn records_of_earlier_versions_are_read() {
    let at = Timestamp::from_secs(1_800_000_000);
    let record = Tiering { tier: AccessTier::Infrequent, accessed: at };
    let configurations = Configurations(BTreeMap::from([(
        "c".to_owned(),
        configuration("logs/", &[(AccessTier::Archive, 90)]),
    )]));
    let written = |bytes: Vec<u8>| hex::encode(bytes);
    let fixtures = [
        (written(rmp_serde::to_vec_named(&record).unwrap()), TIERING),
        (written(rmp_serde::to_vec_named(&configurations).unwrap()), CONFIGURATIONS),
    ];
    for (written, fixture) in fixtures {
        assert_eq!(written, fixture, "the shape changed: keep the old fixture as one that is only read");
    }
    let read: Configurations = rmp_serde::from_slice(&hex::decode(CONFIGURATIONS).unwrap()).unwrap();
    assert_eq!(read, configurations);
    let read: Tiering = rmp_serde::from_slice(&hex::decode(TIERING).unwrap()).unwrap();
    assert_eq!(read, record);
}

const TIERING: &str = "82a474696572b1494e4652455155454e545f414343455353a86163636573736564cf000001a3185c5000";
const CONFIGURATIONS: &str = "81a16385a7656e61626c6564c3a4666f726da34f6e65a6707265666978a56c6f67732fa47461677380a5746965727391\
    92ae415243484956455f4143434553535a";
