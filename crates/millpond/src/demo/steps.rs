//! The steps from an empty pond to a lake that answers, each through AWS's own API.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use millpond_core::{AccountId, Clock};
use parquet::file::metadata::ParquetMetaDataReader;

use super::api::*;
use super::data::{self, Event};
use super::show::Step;
use crate::client::{ATHENA, Client, FIREHOSE, GLUE, IAM, KINESIS, ObjectEntry};

pub const BUCKET: &str = "millpond-demo";
pub const DATABASE: &str = "nyc";
pub const STREAM: &str = "flights";
/// Where Firehose delivers to.
pub const FLIGHTS: &str = "flights/";
const REFERENCE: &str = "reference/";
const ERRORS: &str = "errors/";
const SCHEMA_TABLE: &str = "flight_events";
const CRAWLER: &str = "lake";
/// The event's own date names the partition.
const PARTITION_KEYS: &str = "{year: .date[0:4], month: .date[5:7], day: .date[8:10]}";
const PREFIX: &str = "flights/year=!{partitionKeyFromQuery:year}/month=!{partitionKeyFromQuery:month}/\
                      day=!{partitionKeyFromQuery:day}/";

const ROLE: &str = "demo";
/// Firehose and Glue work as the role, each for this account alone.
const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"Service": ["firehose.amazonaws.com", "glue.amazonaws.com"]}, "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"aws:SourceAccount": "ACCOUNT"}}
}}"#;
const RIGHTS: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"],
     "Resource": ["arn:aws:s3:::millpond-demo", "arn:aws:s3:::millpond-demo/*"]},
    {"Effect": "Allow", "Action": ["kinesis:DescribeStream", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"],
     "Resource": "arn:aws:kinesis:*:ACCOUNT:stream/flights"},
    {"Effect": "Allow", "Action": "glue:*", "Resource": "*"}
]}"#;

/// Records in one PutRecords; AWS's limit.
const BATCH: usize = 500;
/// Producers at once. A partition key has one producer, so that the events of a flight number stay in order.
const PRODUCERS: usize = 6;
/// Firehose's buffering interval. A day passes in a fraction of a second here, and its events are together by then.
const INTERVAL_SECONDS: u32 = 4;
const POLL: Duration = Duration::from_millis(250);
/// The footers of Parquet files that are fetched at once, and what is fetched of each.
const FOOTERS: usize = 8;
const FOOTER_BYTES: u64 = 64 << 10;
/// Nothing that a step waits for takes this long, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Steps {
    client: Client,
    clock: Clock,
    account: AccountId,
    role: String,
}

/// What a query gave.
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
    pub scanned_bytes: u64,
    pub millis: u64,
}

/// What lies in the lake when everything is delivered.
pub struct Lake {
    pub sent: u64,
    pub delivered: u64,
    pub objects: usize,
    pub bytes: u64,
}

impl Steps {
    pub fn new(client: Client, clock: Clock, account: &AccountId) -> Self {
        Self { client, clock, account: account.clone(), role: format!("arn:aws:iam::{account}:role/{ROLE}") }
    }

    /// Makes the bucket and puts the reference tables into it, a folder each; their bytes.
    pub async fn load_references(&self, step: &Step<'_>) -> anyhow::Result<u64> {
        self.client.create_bucket(BUCKET).await?;
        let mut loaded = 0;
        for (name, packed) in data::REFERENCES {
            let csv = data::reference(packed).with_context(|| format!("unpacking {name}"))?;
            loaded += csv.len() as u64;
            self.client.put_object(BUCKET, &format!("{REFERENCE}{name}/{name}.csv"), csv).await?;
            step.advance(1);
        }
        Ok(loaded)
    }

    /// Makes the stream, the table whose schema the events follow, and the delivery stream between them and the lake.
    pub async fn connect(&self) -> anyhow::Result<()> {
        let database = CreateDatabase { database_input: Named { name: DATABASE } };
        let created = self.client.call::<_, Nothing>(GLUE, "CreateDatabase", &database).await;
        created.context("beginning (a pond that has seen the demo cannot see it twice)")?;
        self.make_role().await?;
        self.create_table(TableInput::schema(SCHEMA_TABLE, &data::FLIGHT_COLUMNS)).await?;
        // A crawler takes the first row of a table of nothing but texts for data, here as on AWS.
        let location = format!("s3://{BUCKET}/{REFERENCE}airlines/");
        self.create_table(TableInput::csv(
            "airlines",
            &[("carrier", "string"), ("name", "string")],
            &location,
        ))
        .await?;
        let mode = StreamModeDetails { stream_mode: "ON_DEMAND" };
        let create = CreateStream { stream_name: STREAM, stream_mode_details: mode };
        self.client.call::<_, Nothing>(KINESIS, "CreateStream", &create).await?;
        let stream = self.until("the stream to be ACTIVE", || self.active_stream()).await?;
        let delivery = self.delivery_stream(&stream);
        self.client.call::<_, Nothing>(FIREHOSE, "CreateDeliveryStream", &delivery).await?;
        self.until("the delivery stream to be ACTIVE", || self.active_delivery()).await
    }

    /// What Firehose and the crawler may do is what this role may do.
    async fn make_role(&self) -> anyhow::Result<()> {
        let [trust, rights] = [TRUST, RIGHTS].map(|text| text.replace("ACCOUNT", self.account.as_str()));
        let role = [("RoleName", ROLE), ("AssumeRolePolicyDocument", &trust)];
        self.client.query(IAM, "CreateRole", &role).await?;
        let policy = [("RoleName", ROLE), ("PolicyName", "lake"), ("PolicyDocument", &rights)];
        self.client.query(IAM, "PutRolePolicy", &policy).await.map(drop)
    }

    async fn create_table(&self, table_input: TableInput<'_>) -> anyhow::Result<()> {
        let table = CreateTable { database_name: DATABASE, table_input };
        self.client.call::<_, Nothing>(GLUE, "CreateTable", &table).await.map(drop)
    }

    async fn active_stream(&self) -> anyhow::Result<Option<String>> {
        let name = StreamName { stream_name: STREAM };
        let answer: DescribedStream = self.client.call(KINESIS, "DescribeStreamSummary", &name).await?;
        let summary = answer.stream_description_summary;
        Ok((summary.stream_status == "ACTIVE").then_some(summary.stream_arn))
    }

    async fn active_delivery(&self) -> anyhow::Result<Option<()>> {
        let name = DeliveryStreamName { delivery_stream_name: STREAM };
        let answer: DescribedDeliveryStream =
            self.client.call(FIREHOSE, "DescribeDeliveryStream", &name).await?;
        Ok((answer.delivery_stream_description.delivery_stream_status == "ACTIVE").then_some(()))
    }

    fn delivery_stream<'a>(&'a self, stream: &'a str) -> CreateDeliveryStream<'a> {
        let role = self.role.as_str();
        let parameter = |parameter_name, parameter_value| Parameter { parameter_name, parameter_value };
        let extraction = Processor {
            r#type: "MetadataExtraction",
            parameters: vec![
                parameter("MetadataExtractionQuery", PARTITION_KEYS),
                parameter("JsonParsingEngine", "JQ-1.6"),
            ],
        };
        let conversion = Conversion {
            enabled: true,
            schema_configuration: Schema { role, database_name: DATABASE, table_name: SCHEMA_TABLE },
            input_format_configuration: InputFormat { deserializer: Deserializer::default() },
            output_format_configuration: OutputFormat { serializer: Serializer::default() },
        };
        CreateDeliveryStream {
            delivery_stream_name: STREAM,
            delivery_stream_type: "KinesisStreamAsSource",
            kinesis_stream_source_configuration: KinesisSource { stream, role },
            extended_s3_destination_configuration: S3Destination {
                role,
                bucket: "arn:aws:s3:::millpond-demo",
                prefix: PREFIX,
                error_output_prefix: "errors/!{firehose:error-output-type}/",
                buffering_hints: BufferingHints { size_in_mbs: 64, interval_in_seconds: INTERVAL_SECONDS },
                dynamic_partitioning_configuration: Enabled { enabled: true },
                processing_configuration: Processing { enabled: true, processors: vec![extraction] },
                data_format_conversion_configuration: conversion,
            },
        }
    }

    /// Sends every flight, in the order of time, as fast as the stream takes them.
    pub async fn replay(&self, events: &[Event], step: &Step<'_>) -> anyhow::Result<()> {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mut shares: Vec<Vec<&Event>> = (0..PRODUCERS).map(|_| Vec::new()).collect();
        for event in events {
            let producer = hasher.hash_one(&event.partition_key) % PRODUCERS as u64;
            shares[producer as usize].push(event);
        }
        let producers = shares.iter().map(async |share| {
            for batch in share.chunks(BATCH) {
                self.put_records(batch, step).await?;
            }
            anyhow::Ok(())
        });
        try_join_all(producers).await.map(drop)
    }

    /// Puts a batch, and again what the stream had no room for.
    async fn put_records(&self, batch: &[&Event], step: &Step<'_>) -> anyhow::Result<()> {
        let mut waiting = batch.to_vec();
        let mut pause = Duration::from_millis(50);
        loop {
            let record = |event: &&Event| PutRecord {
                data: STANDARD.encode(&event.json),
                partition_key: event.partition_key.clone(),
            };
            let input = PutRecords { stream_name: STREAM, records: waiting.iter().map(record).collect() };
            let answer: PutRecordsAnswer = self.client.call(KINESIS, "PutRecords", &input).await?;
            ensure!(
                answer.records.len() == waiting.len(),
                "PutRecords answered for another number of records"
            );
            let sent = waiting.len();
            let mut outcomes = answer.records.into_iter();
            let mut refused = None;
            waiting.retain(|_| match outcomes.next().and_then(|record| record.error_code) {
                None => false,
                Some(code) => {
                    refused = Some(code);
                    true
                }
            });
            step.advance((sent - waiting.len()) as u64);
            match refused.as_deref() {
                None => return Ok(()),
                Some("ProvisionedThroughputExceededException" | "InternalFailure") => {}
                Some(other) => bail!("PutRecords: a record was refused with {other}"),
            }
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Waits until Firehose has delivered all `sent` flights, by the number of rows that the files themselves tell.
    pub async fn delivered(&self, sent: u64, step: &Step<'_>) -> anyhow::Result<Lake> {
        let mut rows_of: HashMap<String, u64> = HashMap::new();
        let mut progressed = self.clock.now();
        loop {
            let mut objects = self.client.list(BUCKET, FLIGHTS).await?;
            let bytes = objects.iter().map(|object| object.size).sum();
            objects.retain(|object| !rows_of.contains_key(&object.key));
            if !objects.is_empty() {
                progressed = self.clock.now();
            }
            let counted = stream::iter(objects).map(|object| self.rows(object)).buffer_unordered(FOOTERS);
            rows_of.extend(counted.try_collect::<Vec<_>>().await?);
            let delivered = rows_of.values().sum();
            step.reach(delivered);
            if delivered >= sent {
                return Ok(Lake { sent, delivered, objects: rows_of.len(), bytes });
            }
            if let Some(failed) = self.client.list(BUCKET, ERRORS).await?.first() {
                bail!("Firehose could not deliver everything: see s3://{BUCKET}/{}", failed.key);
            }
            if self.clock.now().since(progressed) > PATIENCE {
                bail!(
                    "{delivered} of {sent} flights are delivered, and none came in {} s",
                    PATIENCE.as_secs()
                );
            }
            self.clock.sleep(POLL).await;
        }
    }

    /// The number of rows of a Parquet file, from its footer.
    async fn rows(&self, object: ObjectEntry) -> anyhow::Result<(String, u64)> {
        let tail = self.client.get_tail(BUCKET, &object.key, FOOTER_BYTES).await?;
        let mut reader = ParquetMetaDataReader::new();
        let read = reader.try_parse_sized(&tail, object.size).and_then(|()| reader.finish());
        let metadata = read.with_context(|| format!("reading the footer of {}", object.key))?;
        let rows =
            u64::try_from(metadata.file_metadata().num_rows()).context("a file of less than no rows")?;
        Ok((object.key, rows))
    }

    /// Lets a crawler find the tables and their partitions; the number of partitions of the flights.
    pub async fn crawl(&self) -> anyhow::Result<u64> {
        let target = |folder: &str, exclusions: &'static [&'static str]| S3Target {
            path: format!("s3://{BUCKET}/{folder}"),
            exclusions,
        };
        let targets = Targets { s3_targets: vec![target(FLIGHTS, &[]), target(REFERENCE, &["airlines/**"])] };
        let crawler = CreateCrawler { name: CRAWLER, role: &self.role, database_name: DATABASE, targets };
        self.client.call::<_, Nothing>(GLUE, "CreateCrawler", &crawler).await?;
        self.client.call::<_, Nothing>(GLUE, "StartCrawler", &Named { name: CRAWLER }).await?;
        let last = self.until("the crawler", || self.last_crawl()).await?;
        let reason = last.error_message.unwrap_or_default();
        ensure!(last.status == "SUCCEEDED", "the crawl ended as {}: {reason}", last.status);
        self.count_partitions().await
    }

    async fn last_crawl(&self) -> anyhow::Result<Option<LastCrawl>> {
        let got: GotCrawler = self.client.call(GLUE, "GetCrawler", &Named { name: CRAWLER }).await?;
        Ok(got.crawler.last_crawl.filter(|_| got.crawler.state == "READY"))
    }

    async fn count_partitions(&self) -> anyhow::Result<u64> {
        let (mut found, mut next_token) = (0, None);
        loop {
            let page = GetPartitions { database_name: DATABASE, table_name: "flights", next_token };
            let page: GotPartitions = self.client.call(GLUE, "GetPartitions", &page).await?;
            found += page.partitions.len() as u64;
            next_token = page.next_token;
            if next_token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Runs a query to its end.
    pub async fn ask(&self, sql: &str) -> anyhow::Result<Answer> {
        let output_location = format!("s3://{BUCKET}/results/");
        let start = StartQuery {
            query_string: sql,
            query_execution_context: Context { database: DATABASE },
            result_configuration: ResultConfiguration { output_location: &output_location },
        };
        let id: QueryId = self.client.call(ATHENA, "StartQueryExecution", &start).await?;
        let query = self.until("the query", || self.ended(&id)).await?;
        let QueryStatus { state, state_change_reason } = query.status;
        ensure!(state == "SUCCEEDED", "the query {state}: {}", state_change_reason.unwrap_or_default());
        let results: GotResults = self.client.call(ATHENA, "GetQueryResults", &id).await?;
        let text = |row: ResultRow| row.data.into_iter().map(|datum| datum.var_char_value).collect();
        let mut rows = results.result_set.rows.into_iter().map(text);
        let header: Vec<Option<String>> = rows.next().context("the answer has no header")?;
        Ok(Answer {
            columns: header.into_iter().map(Option::unwrap_or_default).collect(),
            rows: rows.collect(),
            scanned_bytes: query.statistics.data_scanned_in_bytes,
            millis: query.statistics.total_execution_time_in_millis,
        })
    }

    async fn ended(&self, id: &QueryId) -> anyhow::Result<Option<Query>> {
        let got: GotQuery = self.client.call(ATHENA, "GetQueryExecution", id).await?;
        let running = ["QUEUED", "RUNNING"].contains(&got.query_execution.status.state.as_str());
        Ok((!running).then_some(got.query_execution))
    }

    /// Asks again and again until there is an answer.
    async fn until<T, F: Future<Output = anyhow::Result<Option<T>>>>(
        &self,
        what: &str,
        ask: impl Fn() -> F,
    ) -> anyhow::Result<T> {
        let deadline = self.clock.now().plus(PATIENCE);
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            if self.clock.now() > deadline {
                bail!("waited {} s in vain for {what}", PATIENCE.as_secs());
            }
            self.clock.sleep(POLL / 10).await;
        }
    }
}
