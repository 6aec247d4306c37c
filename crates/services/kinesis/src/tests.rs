//! The service without HTTP: what is put is read, also after a start, from closed segments, and until its retention ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millpond_core::{AccountId, ByteSize, Clock, Region, RequestId, RootKey, Scope, Timestamp};
use millpond_gateway::{Call, Caller};
use millpond_policy::Principal;
use millpond_store::{Store, StoreOptions};
use millpond_work::{Tasks, Worker as _};

use crate::api;
use crate::error::KinesisError;
use crate::ops::{record, shard, stream};
use crate::source::{Source, Start};
use crate::{Deps, Kinesis, KinesisSettings, worker};

struct Pond {
    folder: tempfile::TempDir,
    clock: Clock,
    tasks: Tasks,
    kinesis: Arc<Kinesis>,
}

fn open(folder: &tempfile::TempDir, clock: &Clock, tasks: &Tasks) -> Arc<Kinesis> {
    let settings = KinesisSettings { segment_bytes: ByteSize::kib(64), ..KinesisSettings::default() };
    let deps = Deps {
        store: Store::open(&folder.path().join("store"), StoreOptions::default()).unwrap(),
        journal: folder.path().join("journal"),
        key: RootKey::from_bytes([7; 32]),
        clock: clock.clone(),
        tasks: tasks.clone(),
        settings,
    };
    Kinesis::take_up(deps).unwrap()
}

impl Pond {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_secs(1_795_000_000));
        let tasks = Tasks::new(clock.clone());
        let kinesis = open(&folder, &clock, &tasks);
        Self { folder, clock, tasks, kinesis }
    }

    /// Ends the service as a SIGTERM does, and starts it anew.
    async fn restart(self) -> Self {
        let Self { folder, clock, tasks, kinesis } = self;
        tasks.shutdown(Duration::from_secs(20)).await.unwrap();
        drop(kinesis);
        let tasks = Tasks::new(clock.clone());
        let kinesis = open(&folder, &clock, &tasks);
        Self { folder, clock, tasks, kinesis }
    }

    fn call(&self) -> Call<Kinesis> {
        let account: AccountId = "000000000000".parse().unwrap();
        let scope = Scope::new(account.clone(), Region::us_east_1());
        let address = std::net::Ipv4Addr::LOCALHOST.into();
        let principal = Principal::Root { account };
        let caller = Caller::new(principal, scope, RequestId::random(), address, false, self.clock.clone());
        Call { svc: self.kinesis.clone(), caller }
    }

    async fn create(&self, name: &str, shards: i32) {
        let input = api::CreateStreamInput {
            stream_name: name.into(),
            shard_count: Some(shards),
            ..api::CreateStreamInput::default()
        };
        stream::create_stream(self.call(), input).await.unwrap();
        worker::Provision(self.kinesis.clone()).pass().await.unwrap();
    }

    async fn put(&self, name: &str, records: &[(&str, Bytes)]) -> api::PutRecordsOutput {
        let records = records.iter().map(|(key, data)| api::PutRecordsRequestEntry {
            data: data.clone(),
            explicit_hash_key: None,
            partition_key: Some((*key).into()),
        });
        let input = api::PutRecordsInput {
            records: records.collect(),
            stream_name: Some(name.into()),
            stream_arn: None,
        };
        record::put_records(self.call(), input).await.unwrap()
    }

    async fn iterator(&self, name: &str, shard_id: &str, kind: api::ShardIteratorType) -> String {
        let input = api::GetShardIteratorInput {
            stream_name: Some(name.into()),
            shard_id: shard_id.into(),
            shard_iterator_type: kind,
            starting_sequence_number: None,
            timestamp: None,
            stream_arn: None,
        };
        shard::get_shard_iterator(self.call(), input).await.unwrap().shard_iterator.unwrap()
    }

    async fn get(&self, iterator: String, limit: Option<i32>) -> Result<api::GetRecordsOutput, KinesisError> {
        let input = api::GetRecordsInput { shard_iterator: iterator, limit, stream_arn: None };
        record::get_records(self.call(), input).await
    }

    /// Every record of a shard, by its data's first eight bytes.
    async fn numbers(&self, name: &str, shard_id: &str) -> Vec<u64> {
        let mut iterator = self.iterator(name, shard_id, api::ShardIteratorType::TrimHorizon).await;
        let mut numbers = Vec::new();
        loop {
            let page = self.get(iterator, Some(7)).await.unwrap();
            self.clock.advance(Duration::from_millis(200));
            if page.records.is_empty() {
                assert_eq!(page.millis_behind_latest, Some(0));
                return numbers;
            }
            numbers.extend(page.records.iter().map(|record| number(&record.data)));
            iterator = page.next_shard_iterator.unwrap();
        }
    }

    async fn close_segments(&self) {
        let trim = worker::Trim(self.kinesis.clone());
        while trim.pass().await.unwrap() == millpond_work::Pass::MoreToDo {}
    }
}

const FIRST: &str = "shardId-000000000000";

fn data(number: u64, len: usize) -> Bytes {
    let mut data = number.to_be_bytes().to_vec();
    data.resize(len.max(8), b'.');
    data.into()
}

fn number(data: &Bytes) -> u64 {
    u64::from_be_bytes(data[..8].try_into().unwrap())
}

#[tokio::test]
async fn what_is_put_is_read_in_order_also_after_restarts() {
    let mut pond = Pond::new();
    pond.create("orders", 1).await;
    let mut expected = Vec::new();
    for round in 0..6_u64 {
        let records: Vec<(&str, Bytes)> = (0..20).map(|n| ("k", data(round * 20 + n, 2_000))).collect();
        let put = pond.put("orders", &records).await;
        assert_eq!(put.failed_record_count, Some(0));
        assert!(put.records.windows(2).all(|pair| pair[0].sequence_number < pair[1].sequence_number));
        expected.extend((0..20).map(|n| round * 20 + n));
        assert_eq!(pond.numbers("orders", FIRST).await, expected);
        if round == 2 {
            pond.close_segments().await;
            assert_eq!(pond.numbers("orders", FIRST).await, expected);
        }
        pond = pond.restart().await;
        assert_eq!(pond.numbers("orders", FIRST).await, expected);
        pond.clock.advance(Duration::from_secs(1));
    }
    assert!(pond.kinesis.segments.journal().segments().len() > 2);
}

#[tokio::test]
async fn concurrent_writers_lose_nothing_and_share_frames() {
    let pond = Pond::new();
    pond.create("orders", 3).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..20_u64 {
        let call = pond.call();
        writers.spawn(async move {
            for n in 0..10 {
                let input = api::PutRecordInput {
                    stream_name: Some("orders".into()),
                    data: data(writer * 10 + n, 8),
                    partition_key: Some(format!("{writer}")),
                    ..api::PutRecordInput::default()
                };
                record::put_record(call.clone(), input).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let mut all = Vec::new();
    for shard in 0..3 {
        let numbers = pond.numbers("orders", &crate::model::stream::shard_id(shard)).await;
        for writer in 0..20 {
            let own: Vec<u64> = numbers.iter().copied().filter(|number| number / 10 == writer).collect();
            assert!(own.is_sorted(), "a writer's records keep their order");
        }
        all.extend(numbers);
    }
    all.sort_unstable();
    assert_eq!(all, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn records_go_out_of_reach_and_their_segments_go() {
    let pond = Pond::new();
    pond.create("orders", 1).await;
    for n in 0..30 {
        pond.put("orders", &[("k", data(n, 10_000))]).await;
    }
    pond.close_segments().await;
    let before = pond.kinesis.segments.journal().segments().len();
    pond.clock.advance(Duration::from_secs(23 * 3_600));
    pond.put("orders", &[("k", data(100, 10_000))]).await;
    assert_eq!(pond.numbers("orders", FIRST).await.len(), 31);
    pond.clock.advance(Duration::from_secs(3_600));
    assert_eq!(pond.numbers("orders", FIRST).await, [100]);
    pond.close_segments().await;
    assert!(pond.kinesis.segments.journal().segments().len() < before);
    assert_eq!(pond.numbers("orders", FIRST).await, [100]);
    let pond = pond.restart().await;
    assert_eq!(pond.numbers("orders", FIRST).await, [100]);
    let again = pond.put("orders", &[("k", data(101, 8))]).await;
    assert!(again.records[0].sequence_number.is_some());
    assert_eq!(pond.numbers("orders", FIRST).await, [100, 101]);
}

#[tokio::test]
async fn a_segment_whose_index_is_lost_is_read_again() {
    let pond = Pond::new();
    pond.create("orders", 1).await;
    for n in 0..30 {
        pond.put("orders", &[("k", data(n, 10_000))]).await;
    }
    pond.close_segments().await;
    let pond = pond.restart().await;
    let mut lost = 0;
    for entry in std::fs::read_dir(pond.folder.path().join("journal")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "index") {
            match lost % 2 {
                0 => std::fs::remove_file(path).unwrap(),
                _ => std::fs::write(path, b"damaged").unwrap(),
            }
            lost += 1;
        }
    }
    assert!(lost >= 2, "{lost} closed segments");
    assert_eq!(pond.numbers("orders", FIRST).await, (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_recreated_stream_never_meets_its_predecessors_records() {
    let pond = Pond::new();
    pond.create("orders", 1).await;
    pond.put("orders", &[("k", data(1, 8))]).await;
    let old = pond.iterator("orders", FIRST, api::ShardIteratorType::TrimHorizon).await;
    let input = api::DeleteStreamInput { stream_name: Some("orders".into()), ..Default::default() };
    stream::delete_stream(pond.call(), input).await.unwrap();
    worker::Provision(pond.kinesis.clone()).pass().await.unwrap();
    pond.create("orders", 1).await;
    assert!(pond.numbers("orders", FIRST).await.is_empty());
    assert!(matches!(pond.get(old, None).await, Err(KinesisError::StreamNotFound { .. })));
    let pond = pond.restart().await;
    assert!(pond.numbers("orders", FIRST).await.is_empty());
}

#[tokio::test]
async fn a_shard_refuses_beyond_its_second_record_by_record() {
    let pond = Pond::new();
    pond.create("orders", 1).await;
    let records: Vec<(&str, Bytes)> = (0..15).map(|n| ("k", data(n, 100_000))).collect();
    let put = pond.put("orders", &records).await;
    assert_eq!(put.failed_record_count, Some(5));
    let refused = &put.records[14];
    assert_eq!(refused.error_code.as_deref(), Some("ProvisionedThroughputExceededException"));
    assert_eq!(
        refused.error_message.as_deref(),
        Some("Rate exceeded for shard shardId-000000000000 in stream orders under account 000000000000.")
    );
    assert_eq!(pond.numbers("orders", FIRST).await, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn iterators_begin_where_they_say() {
    let pond = Pond::new();
    pond.create("orders", 1).await;
    let mut numbers = Vec::new();
    let mut times = Vec::new();
    for n in 0..5 {
        times.push(pond.clock.now());
        let put = pond.put("orders", &[("k", data(n, 8))]).await;
        numbers.extend(put.records[0].sequence_number.clone());
        pond.clock.advance(Duration::from_secs(1));
    }
    use api::ShardIteratorType as Type;
    for (kind, number, at, expected) in [
        (Type::TrimHorizon, None, None, vec![0, 1, 2, 3, 4]),
        (Type::Latest, None, None, vec![]),
        (Type::AtSequenceNumber, Some(&numbers[2]), None, vec![2, 3, 4]),
        (Type::AfterSequenceNumber, Some(&numbers[2]), None, vec![3, 4]),
        (Type::AtTimestamp, None, Some(times[3]), vec![3, 4]),
        (Type::AtTimestamp, None, Some(times[3].plus(Duration::from_millis(1))), vec![4]),
    ] {
        let input = api::GetShardIteratorInput {
            stream_name: Some("orders".into()),
            shard_id: FIRST.into(),
            shard_iterator_type: kind,
            starting_sequence_number: number.cloned(),
            timestamp: at,
            stream_arn: None,
        };
        let iterator = shard::get_shard_iterator(pond.call(), input).await.unwrap().shard_iterator.unwrap();
        let page = pond.get(iterator, None).await.unwrap();
        assert_eq!(
            page.records.iter().map(|record| self::number(&record.data)).collect::<Vec<_>>(),
            expected
        );
        pond.clock.advance(Duration::from_secs(1));
    }
    let iterator = pond.iterator("orders", FIRST, Type::TrimHorizon).await;
    let page = pond.get(iterator.clone(), Some(2)).await.unwrap();
    assert_eq!(page.millis_behind_latest, Some(pond.clock.now().as_millis() - times[1].as_millis()));
    pond.clock.advance(Duration::from_secs(301));
    assert!(matches!(pond.get(iterator, None).await, Err(KinesisError::ExpiredIterator { .. })));
}

#[tokio::test]
async fn a_source_reads_on_from_its_cursor_and_waits() {
    let pond = Pond::new();
    pond.create("orders", 1).await;
    pond.put("orders", &[("k", data(1, 8)), ("k", data(2, 8)), ("k", data(3, 8))]).await;
    let call = pond.call();
    let arn = crate::model::stream::arn(call.scope(), "orders");
    let source = Source::open(pond.kinesis.clone(), call.caller, arn).unwrap();
    assert_eq!(source.shards().unwrap(), [FIRST]);
    let start = source.start(FIRST, Start::TrimHorizon).unwrap();
    let first = source.read(FIRST, start, 2, usize::MAX).await.unwrap();
    assert_eq!(first.records.iter().map(|record| number(&record.data)).collect::<Vec<_>>(), [1, 2]);
    let rest = source.read(FIRST, first.next, 10, usize::MAX).await.unwrap();
    assert_eq!((rest.records.len(), rest.millis_behind), (1, 0));
    let fourth = [("k", data(4, 8))];
    let (waited, put) = tokio::join!(source.wait(FIRST, rest.next), pond.put("orders", &fourth));
    waited.unwrap();
    assert_eq!(put.failed_record_count, Some(0));
    assert_eq!(number(&source.read(FIRST, rest.next, 10, usize::MAX).await.unwrap().records[0].data), 4);
}
