//! The store as its callers see it: transactions, group commit, reopening, and a disk that fails.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use proptest::prelude::*;
use redb::backends::FileBackend;
use redb::{BackendError, Builder, Database, StorageBackend};
use serde::{Deserialize, Serialize};

use crate::file::{Device, OnDisk};
use crate::{Reads as _, Span, Store, StoreError, StoreOptions, Table, Txn};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    size: u64,
    #[serde(default)]
    note: Option<String>,
}

const RECORDS: Table<(String, String), Record> = Table::new("test.records");
const COUNTS: Table<String, u64> = Table::new("test.counts");
const OTHERS: Table<String, u64> = Table::new("test.counts2");

fn record(size: u64) -> Record {
    Record { size, note: None }
}

fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(&folder.join("store.redb"), StoreOptions::default())
}

fn count(store: &Store, name: &str) -> Option<u64> {
    store.read().unwrap().get(&COUNTS, name).unwrap()
}

async fn put(store: &Store, name: &'static str, n: u64) -> Result<(), StoreError> {
    store.write(move |txn| txn.put(&COUNTS, name, &n)).await
}

#[tokio::test]
async fn a_write_is_there_after_reopening_without_close() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    put(&store, "a", 1).await.unwrap();
    let clone = store.clone();
    drop(store);
    put(&clone, "b", 2).await.unwrap();
    drop(clone);
    let store = open(folder.path()).unwrap();
    assert_eq!((count(&store, "a"), count(&store, "b")), (Some(1), Some(2)));
}

#[tokio::test]
async fn a_closed_store_refuses_and_lets_go_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(StoreError::InUse { .. })));
    put(&store, "a", 1).await.unwrap();
    store.close().await;
    assert!(matches!(put(&store, "a", 2).await, Err(StoreError::Closed)));
    assert!(matches!(store.read().map(drop), Err(StoreError::Closed)));
    assert_eq!(count(&open(folder.path()).unwrap(), "a"), Some(1));
}

#[derive(Debug)]
enum Refused {
    Taken,
    Store,
}

impl From<StoreError> for Refused {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

#[tokio::test]
async fn a_refused_transaction_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let reserve = |txn: &mut Txn<'_>| {
        txn.put(&COUNTS, "log", &1)?;
        match txn.insert_new(&COUNTS, "name", &7)? {
            true => Ok(()),
            false => Err(Refused::Taken),
        }
    };
    store.write(reserve).await.unwrap();
    store.write(|txn| txn.delete(&COUNTS, "log").map(|there| assert!(there))).await.unwrap();
    assert!(matches!(store.write(reserve).await, Err(Refused::Taken)));
    assert_eq!((count(&store, "name"), count(&store, "log")), (Some(7), None));
}

#[tokio::test]
async fn a_panic_goes_to_its_caller_and_the_committer_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let own = store.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        own.write(|txn| -> Result<(), StoreError> {
            txn.put(&COUNTS, "a", &1)?;
            panic!("on purpose")
        })
        .await
    });
    assert!(tasks.join_next().await.unwrap().is_err_and(|error| error.is_panic()));
    put(&store, "b", 2).await.unwrap();
    assert_eq!((count(&store, "a"), count(&store, "b")), (None, Some(2)));
}

#[tokio::test]
async fn a_snapshot_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    put(&store, "a", 1).await.unwrap();
    let before = store.read().unwrap();
    put(&store, "a", 2).await.unwrap();
    assert_eq!(before.get(&COUNTS, "a").unwrap(), Some(1));
    assert_eq!(count(&store, "a"), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_transactions_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0..20_u64 {
                let key = format!("{writer:02}-{n:02}");
                let add = move |txn: &mut Txn<'_>| {
                    let total = txn.get(&COUNTS, "total")?.unwrap_or(0);
                    txn.put(&COUNTS, "total", &(total + 1))?;
                    txn.put(&COUNTS, key.as_str(), &n)
                };
                store.write::<_, StoreError, _>(add).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_eq!(count(&store, "total"), Some(64 * 20));
    let stats = store.stats();
    assert_eq!(stats.transactions, 64 * 20);
    assert!(stats.commits <= stats.transactions / 8, "{stats:?}");
}

#[tokio::test]
async fn scans_cover_what_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let fill = |txn: &mut Txn<'_>| {
        for (bucket, key) in [("a", "x"), ("b", "d/1"), ("b", "d/2"), ("b", "d0"), ("b", "e"), ("ba", "d/1")]
        {
            txn.put(&RECORDS, &(bucket, key), &record(1))?;
        }
        txn.put(&OTHERS, "beside", &1)?;
        txn.put(&COUNTS, "one", &1)
    };
    store.write::<_, StoreError, _>(fill).await.unwrap();
    let view = store.read().unwrap();
    let check = |span: Span<(String, String)>, expected: &[&str]| {
        let keys: Vec<String> = view
            .scan(&RECORDS, span.clone())
            .map(|entry| entry.unwrap().0)
            .map(|(a, b)| a + " " + &b)
            .collect();
        assert_eq!(keys, expected);
        let mut back: Vec<String> = view
            .scan(&RECORDS, span)
            .rev()
            .map(|entry| entry.unwrap().0)
            .map(|(a, b)| a + " " + &b)
            .collect();
        back.reverse();
        assert_eq!(back, expected);
    };
    check(Span::all(), &["a x", "b d/1", "b d/2", "b d0", "b e", "ba d/1"]);
    check(Span::prefix(&()), &["a x", "b d/1", "b d/2", "b d0", "b e", "ba d/1"]);
    check(Span::prefix(&("b",)), &["b d/1", "b d/2", "b d0", "b e"]);
    check(Span::prefix(&("b", "d0")), &["b d0"]);
    check(Span::starting_with(&("b",), "d/"), &["b d/1", "b d/2"]);
    check(Span::starting_with(&("b",), ""), &["b d/1", "b d/2", "b d0", "b e"]);
    check(Span::starting_with(&(), "b"), &["b d/1", "b d/2", "b d0", "b e", "ba d/1"]);
    check(Span::prefix(&("b",)).after(&("b", "d/2")), &["b d0", "b e"]);
    check(Span::prefix(&("b",)).after(&("a", "x")), &["b d/1", "b d/2", "b d0", "b e"]);
    check(Span::prefix(&("b",)).from(&("b", "d0")), &["b d0", "b e"]);
    check(Span::prefix(&("b",)).after(&("c", "")), &[]);
    check(Span::prefix(&("b",)).after_starting_with(&("b",), "d/"), &["b d0", "b e"]);
    check(Span::range(&(("b", "d/2")..("b", "e"))), &["b d/2", "b d0"]);
    check(Span::range(&(("b", "e")..=("b", "d"))), &[]);
    assert_eq!(view.prefix(&COUNTS, &()).map(|entry| entry.unwrap().0).collect::<Vec<_>>(), ["one"]);
    assert!(view.contains(&RECORDS, &("b", "e")).unwrap());
    assert!(!view.contains(&RECORDS, &("b", "f")).unwrap());
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u64),
    Insert(u8, u64),
    Delete(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..12_u8, any::<u64>()).prop_map(|(key, value)| Step::Put(key, value)),
        (0..12_u8, any::<u64>()).prop_map(|(key, value)| Step::Insert(key, value)),
        (0..12_u8).prop_map(Step::Delete),
    ];
    prop::collection::vec(step, 0..20)
}

const BYTES: Table<u8, u64> = Table::new("test.bytes");

fn contents(reads: &impl crate::Reads) -> BTreeMap<u8, u64> {
    reads.prefix(&BYTES, &()).map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Transactions, kept and refused, leave what they would leave in a map; inside, each sees its own writes.
    #[test]
    fn transactions_equal_a_map(transactions in prop::collection::vec((steps(), any::<bool>()), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut model = BTreeMap::new();
        for (steps, keep) in transactions {
            let mut own = model.clone();
            let expected: Vec<(bool, BTreeMap<u8, u64>)> = steps
                .iter()
                .map(|step| {
                    let changed = match *step {
                        Step::Put(key, value) => {
                            own.insert(key, value);
                            true
                        }
                        Step::Insert(key, value) => {
                            let free = !own.contains_key(&key);
                            own.entry(key).or_insert(value);
                            free
                        }
                        Step::Delete(key) => own.remove(&key).is_some(),
                    };
                    (changed, own.clone())
                })
                .collect();
            let outcome = runtime.block_on(store.write(move |txn| {
                for (step, (changed, after)) in steps.into_iter().zip(expected) {
                    let did = match step {
                        Step::Put(key, value) => txn.put(&BYTES, &key, &value).map(|()| true)?,
                        Step::Insert(key, value) => txn.insert_new(&BYTES, &key, &value)?,
                        Step::Delete(key) => txn.delete(&BYTES, &key)?,
                    };
                    assert_eq!((did, contents(txn)), (changed, after));
                }
                if keep { Ok(()) } else { Err(Refused::Taken) }
            }));
            prop_assert_eq!(outcome.is_ok(), keep);
            if keep {
                model = own;
            }
            prop_assert_eq!(contents(&store.read().unwrap()), model.clone());
        }
    }
}

/// The bytes of a record as they lie on disk. A record that once landed stays readable: add to these, never change them.
#[test]
fn stored_records_stay_readable() {
    let first: &[u8] = b"\x82\xa4size\x07\xa4note\xc0";
    assert_eq!(RECORDS.encode(&record(7)).unwrap(), first);
    let older: &[u8] = b"\x81\xa4size\x07";
    let newer: &[u8] = b"\x83\xa4size\x07\xa4note\xc0\xa5extra\x01";
    for bytes in [first, older, newer] {
        assert_eq!(RECORDS.decode(bytes).unwrap(), record(7));
    }
    assert!(matches!(RECORDS.decode(&first[..5]), Err(StoreError::Decode { .. })));
    assert_eq!(RECORDS.key(&("b", "k")), b"test.records\0b\0k\0");
}

const TEXTS: Table<u64, String> = Table::new("test.texts");

/// A disk that can be told to fail: it takes no more than `room` bytes, or no writes at all.
#[derive(Debug, Default)]
struct Faults {
    room: AtomicU64,
    broken: AtomicBool,
}

#[derive(Debug)]
struct Faulty {
    file: FileBackend,
    faults: Arc<Faults>,
}

impl Faulty {
    fn check(&self, end: u64) -> io::Result<()> {
        if self.faults.broken.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(5)); // EIO
        }
        if end > self.faults.room.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check(0)?;
        self.file.set_len(len) // sparse: room is only taken by writing
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check(0)?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check(offset + data.len() as u64)?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }
}

struct FaultyDevice {
    path: PathBuf,
    faults: Arc<Faults>,
}

impl Device for FaultyDevice {
    fn open(&self, create: bool) -> Result<Database, StoreError> {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(&self.path)?;
        let file = FileBackend::new(file)?;
        let backend = Faulty { file, faults: self.faults.clone() };
        Ok(Builder::new().set_cache_size(1 << 20).create_with_backend(backend)?)
    }

    fn open_read_only(&self) -> Result<Database, StoreError> {
        OnDisk { path: self.path.clone(), cache_bytes: 1 << 20 }.open_read_only()
    }
}

fn faulty(folder: &Path) -> (Store, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    faults.room.store(u64::MAX, Ordering::SeqCst);
    let device = FaultyDevice { path: folder.join("store.redb"), faults: faults.clone() };
    (Store::on(Box::new(device)).unwrap(), faults)
}

#[tokio::test]
async fn a_full_disk_refuses_writes_stays_readable_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let (store, faults) = faulty(folder.path());
    let written = |n: u64| store.write(move |txn| txn.put(&TEXTS, &n, &"x".repeat(100_000)));
    for n in 0..20 {
        written(n).await.unwrap();
    }
    faults.room.store(std::fs::metadata(folder.path().join("store.redb")).unwrap().len(), Ordering::SeqCst);
    let mut refused = None;
    for n in 20..200 {
        if let Err(error) = written(n).await {
            refused = Some((n, error));
            break;
        }
    }
    let (first_refused, error) = refused.expect("the disk is full");
    assert!(error.is_full(), "{error:?}");
    for n in 0..first_refused {
        assert_eq!(store.read().unwrap().get(&TEXTS, &n).unwrap().map(|text| text.len()), Some(100_000));
    }
    assert!(written(500).await.is_err());
    assert_eq!(store.read().unwrap().get(&TEXTS, &0).unwrap().map(|text| text.len()), Some(100_000));
    faults.room.store(u64::MAX, Ordering::SeqCst);
    written(501).await.unwrap();
    assert!(store.read().unwrap().contains(&TEXTS, &501).unwrap());
}

#[tokio::test]
async fn a_file_that_a_kill_left_half_made_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let draft = folder.path().join("store.redb.new");
    std::fs::write(&draft, [0; 5_000]).unwrap();
    let store = open(folder.path()).unwrap();
    assert!(!draft.exists());
    put(&store, "a", 1).await.unwrap();
    drop(store);
    assert_eq!(count(&open(folder.path()).unwrap(), "a"), Some(1));
}

#[tokio::test]
async fn what_can_be_read_changes_with_its_version_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, faults) = faulty(folder.path());
    let mut last = (store.version(), count(&store, "a"));
    for n in 1..30 {
        faults.broken.store(n % 3 == 0, Ordering::SeqCst);
        let written = put(&store, "a", n).await;
        assert_eq!(written.is_ok(), n % 3 != 0);
        let now = (store.version(), count(&store, "a"));
        assert_ne!(now.0, last.0, "it was acknowledged, or may have happened");
        last = now;
        assert_eq!((store.version(), count(&store, "a")), last, "reading changes nothing");
    }
    assert_eq!(last.1, Some(29));
}

#[tokio::test]
async fn a_disk_that_takes_no_write_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let (store, faults) = faulty(folder.path());
    put(&store, "a", 1).await.unwrap();
    faults.broken.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(put(&store, "a", 2).await.is_err());
        assert_eq!(count(&store, "a"), Some(1));
    }
    faults.broken.store(false, Ordering::SeqCst);
    put(&store, "a", 3).await.unwrap();
    assert_eq!(count(&store, "a"), Some(3));
    assert!(store.stats().failures >= 1);
}

#[tokio::test]
async fn a_transaction_has_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let outcome = store
        .write(|txn| {
            let text = "x".repeat(1 << 20);
            for n in 0..100 {
                txn.put(&TEXTS, &n, &text)?;
            }
            Ok(())
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::TransactionTooLarge { .. })));
    assert!(!store.read().unwrap().contains(&TEXTS, &0).unwrap());
}

#[tokio::test]
async fn hooks_run_once_their_transaction_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let ran = Arc::new(AtomicU64::new(0));
    let hook = |ran: &Arc<AtomicU64>, store: &Store| {
        let (ran, store) = (Arc::clone(ran), store.clone());
        // What it sees is committed.
        move || ran.store(count(&store, "a").unwrap_or(0), Ordering::SeqCst)
    };
    let wanted = hook(&ran, &store);
    let refused = store.write(move |txn| {
        txn.after_commit(wanted);
        txn.put(&COUNTS, "a", &1)?;
        Err::<(), _>(StoreError::Closed)
    });
    assert!(refused.await.is_err());
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    let wanted = hook(&ran, &store);
    let done = store.write(move |txn| {
        txn.after_commit(wanted);
        txn.put(&COUNTS, "a", &7)
    });
    done.await.unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 7);
}
