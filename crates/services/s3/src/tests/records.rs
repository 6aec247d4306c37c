//! Records as earlier versions wrote them: each is still read.

use std::collections::BTreeMap;

use millpond_core::{Region, Timestamp};
use uuid::Uuid;

use super::{ACCOUNT, check};
use crate::class::{Restore, StorageClass, Tier};
use crate::digest::{Algorithm, Checksum, Coverage};
use crate::express::Directory;
use crate::lifecycle::{
    Expiration, Filter, Form, Lifecycle, NoncurrentExpiration, NoncurrentTransition, Rule, Smallest,
    Transition, When,
};
use crate::lock::{BucketLock, DefaultRetention, Lock, Mode, Period, Retention};
use crate::ownership::{ObjectAccess, Ownership, all_blocked};
use crate::parts::Runs;
use crate::store::{
    Attributes, BodyRecord, BucketRecord, ContentRecord, Found, Garbage, ObjectRecord, Place, RestoreJob,
    RunRecord, UploadRecord, WalkRecord, Within,
};
use crate::version::Versioning;

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
