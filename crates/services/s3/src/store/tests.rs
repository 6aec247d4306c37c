//! Versions against a model that is a plain list: the same steps on both, and all that can be seen compared.

use millpond_core::{AccountId, Region, Timestamp};
use millpond_store::{Reads as _, Span, Store, StoreOptions};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::condition::WriteCondition;
use crate::events::Teller;
use crate::version::{Versioning, Wanted};

/// A version of the only key: its id as shown, and the ETag of an object; none for a delete marker.
type Version = (String, Option<String>);

#[derive(Debug, Clone)]
enum Step {
    Enable,
    Suspend,
    Put,
    Delete,
    /// Of the version at this place, counted from the newest.
    DeleteVersion(usize),
    DeleteNull,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Enable),
        1 => Just(Step::Suspend),
        4 => Just(Step::Put),
        2 => Just(Step::Delete),
        3 => (0..4_usize).prop_map(Step::DeleteVersion),
        1 => Just(Step::DeleteNull),
    ]
}

struct Model {
    versioning: Versioning,
    /// Newest first.
    versions: Vec<Version>,
}

impl Model {
    fn add(&mut self, id: Option<String>, etag: Option<String>) {
        match self.versioning {
            Versioning::Never => self.versions.clear(),
            Versioning::Enabled => {}
            Versioning::Suspended => self.versions.retain(|(id, _)| id != "null"),
        }
        self.versions.insert(0, (id.unwrap_or_else(|| "null".into()), etag));
    }
}

fn object(etag: &str) -> (ObjectRecord, ContentRecord) {
    let content = Uuid::new_v4();
    let modified = Timestamp::from_secs(1);
    let object = ObjectRecord {
        content,
        size: 1,
        etag: etag.into(),
        modified,
        checksum: None,
        sequence: 0,
        versioned: false,
        owner: None,
        class: Default::default(),
        restore: None,
        tiering: None,
        renamed: None,
    };
    let body = BodyRecord::Parts { upload: content, runs: crate::parts::Runs::default() };
    (
        object,
        ContentRecord {
            attributes: Attributes::default(),
            checksum: None,
            body,
            tags: Default::default(),
            acl: None,
            pinned: None,
            copy: None,
            lock: Default::default(),
            encryption: None,
            lost: None,
        },
    )
}

fn check(metadata: &Metadata, bucket: &Bucket, model: &Model) {
    let snapshot = metadata.read().unwrap();
    let found: Vec<VersionRecord> =
        versions_from(&snapshot, bucket.record.id, std::ops::Bound::Unbounded, None)
            .map(|entry| entry.unwrap().1)
            .collect();
    let shown: Vec<Version> = found
        .iter()
        .map(|row| match &row.what {
            What::Object(object) => (row.version().to_string(), Some(object.etag.clone())),
            What::Marker(_) => (row.version().to_string(), None),
        })
        .collect();
    assert_eq!(shown, model.versions);
    let latest: Vec<bool> = found.iter().map(|row| row.superseded.is_none()).collect();
    assert!(latest.iter().enumerate().all(|(at, latest)| *latest == (at == 0)), "{latest:?}");
    let read =
        |version| metadata.object(&snapshot, &bucket.record, "k", version).ok().map(|object| object.etag);
    assert_eq!(read(None), model.versions.first().and_then(|(_, etag)| etag.clone()));
    for (id, etag) in &model.versions {
        assert_eq!(read(Some(Wanted::parse(id).unwrap())), *etag, "{id}");
    }
    let contents = snapshot.scan(&CONTENTS, Span::all()).count();
    assert_eq!(contents, model.versions.iter().filter(|(_, etag)| etag.is_some()).count());
    let nulls = snapshot.scan(&NULLS, Span::all()).count();
    let older_nulls = model.versions.iter().enumerate();
    let older_nulls =
        older_nulls.filter(|(at, (id, etag))| id == "null" && (*at > 0 || etag.is_none())).count();
    assert_eq!(nulls, older_nulls);
}

async fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let metadata = Metadata::new(Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap());
    let account: AccountId = "000000000000".parse().unwrap();
    let record = BucketRecord {
        id: Uuid::from_u128(1),
        account,
        region: Region::us_east_1(),
        created: Timestamp::EPOCH,
        versioning: Versioning::Never,
        documents: Default::default(),
        ownership: Default::default(),
        public_access_block: crate::ownership::all_blocked(),
        lock: None,
        directory: None,
    };
    metadata.create_bucket("b", record, None, 1).await.unwrap();
    let mut model = Model { versioning: Versioning::Never, versions: Vec::new() };
    for (n, step) in steps.into_iter().enumerate() {
        let bucket = metadata.bucket("b").unwrap();
        let delete = |version: Option<&str>| {
            let version = version.map(|text| Wanted::parse(text).unwrap());
            vec![Target {
                key: "k".into(),
                version,
                condition: WriteCondition::None,
                bypass_governance: false,
            }]
        };
        match step {
            Step::Enable | Step::Suspend if model.versioning.is_never() && matches!(step, Step::Suspend) => {}
            Step::Enable | Step::Suspend => {
                let to =
                    if matches!(step, Step::Enable) { Versioning::Enabled } else { Versioning::Suspended };
                let set = move |record: &mut BucketRecord| {
                    record.versioning = to;
                    Ok(())
                };
                metadata.update_bucket(&bucket, set).await.unwrap();
                model.versioning = to;
            }
            Step::Put => {
                let etag = format!("e{n}");
                let (object, content) = object(&etag);
                let put = metadata.put_object(
                    &bucket,
                    "k",
                    object,
                    content,
                    WriteCondition::None,
                    Teller::default(),
                );
                model.add(put.await.unwrap().version, Some(etag));
            }
            Step::Delete => {
                let now = Timestamp::from_secs(2);
                let done = metadata
                    .delete_objects(&bucket, delete(None), now, Teller::default())
                    .await
                    .unwrap()
                    .remove(0)
                    .unwrap();
                match model.versioning {
                    Versioning::Never => model.versions.clear(),
                    Versioning::Enabled | Versioning::Suspended => model.add(done.version, None),
                }
            }
            Step::DeleteVersion(_) | Step::DeleteNull => {
                let id = match step {
                    Step::DeleteVersion(at) => model.versions.get(at).map(|(id, _)| id.clone()),
                    _ => Some("null".to_owned()),
                };
                let Some(id) = id else { continue };
                let now = Timestamp::from_secs(3);
                metadata
                    .delete_objects(&bucket, delete(Some(&id)), now, Teller::default())
                    .await
                    .unwrap()
                    .remove(0)
                    .unwrap();
                model.versions.retain(|(there, _)| *there != id);
            }
        }
        check(&metadata, &metadata.bucket("b").unwrap(), &model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn versions_are_what_a_plain_list_says(steps in proptest::collection::vec(step(), 1..24)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(steps));
    }
}
