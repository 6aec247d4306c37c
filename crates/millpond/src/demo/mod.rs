//! `millpond demo`: a live stream becomes a lake that answers SQL, on real data, through AWS's own APIs.
//!
//! - The pond runs in this process; [`client`] talks to it over HTTP with signed requests, as any client would, by the
//!   messages in [`api`].
//! - [`data`]: the flights and the reference tables. [`steps`]: from nothing to a lake. [`questions`]: the SQL.
//! - [`show`] and [`table`]: what is seen meanwhile.

mod api;
mod data;
mod questions;
mod show;
mod steps;
mod table;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use millpond_core::{Clock, Region};
use millpond_work::{CancellationToken, Tasks};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::cli::ServeFlags;
use crate::client::Client;
use crate::logs;
use crate::serve::{Server, Signals};
use crate::settings::Settings;
use questions::QUESTIONS;
use show::{Board, StepTime, count, size};
use steps::{Answer, BUCKET, DATABASE, FLIGHTS, Lake, STREAM, Steps};

#[derive(Debug, clap::Args)]
pub struct DemoFlags {
    /// Leave the pond running at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Folder for the pond's data, which stays [default: a temporary folder]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Address and port of the pond [default: a free port of 127.0.0.1]
    #[arg(long)]
    listen: Option<String>,
    /// Also write the answers to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The whole run, for programs.
#[derive(Serialize)]
struct Report {
    flights_sent: u64,
    flights_delivered: u64,
    objects: usize,
    lake_bytes: u64,
    seconds: f64,
    steps: Vec<StepTime>,
    answers: Vec<Answered>,
}

#[derive(Serialize)]
struct Answered {
    name: &'static str,
    title: &'static str,
    sql: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    scanned_bytes: u64,
    millis: u64,
}

pub fn demo(flags: DemoFlags) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(flags))
}

async fn run(flags: DemoFlags) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let temporary = flags.data.is_none().then(tempfile::tempdir).transpose()?;
    let data = match (&flags.data, &temporary) {
        (None, Some(folder)) => folder.path().join("pond"),
        (given, _) => given.clone().context("either a folder was given or a temporary one was made")?,
    };
    let settings = Settings::read(&ServeFlags {
        listen: Some(flags.listen.clone().unwrap_or_else(|| "127.0.0.1:0".to_owned())),
        data: Some(data.clone()),
        log: Some("warn".to_owned()),
        ..ServeFlags::default()
    })?;
    logs::start(&settings.log, settings.log_format)?;
    println!("\nMillpond: a year of flights out of New York, from a stream to a lake that answers SQL\n");
    let server = Server::open(settings).await?;
    let clock = Clock::system(Duration::ZERO);
    let region = Region::us_east_1();
    let client = Client::new(&server.endpoint, region.as_str(), &server.credentials, clock.clone())?;
    let steps = Steps::new(client, clock.clone(), &server.account);
    let exports = server.credentials.exports(region.as_str(), Some(&server.endpoint));
    let endpoint = server.endpoint.url.clone();

    let stop = CancellationToken::new();
    let (closed, closing) = oneshot::channel();
    let serving = server.serve(stop.clone().cancelled_owned());
    Tasks::new(clock).spawn("the demo's pond", async {
        // Whoever waits for it is gone only when the demo is.
        let _demo_is_gone = closed.send(serving.await);
    });
    let worked = tokio::select! {
        report = work(&steps) => report.and_then(|report| keep_report(&report, flags.json.as_deref())),
        () = signals.next() => Err(anyhow::anyhow!("stopped by a signal")),
    };
    if worked.is_ok() {
        go_on(&flags, &endpoint, &exports);
        if flags.keep {
            signals.next().await;
        }
    }
    stop.cancel();
    let closed = closing.await.context("the pond ended before its time")?;
    worked?;
    closed
}

/// Everything that the demo shows, and what it gave.
async fn work(steps: &Steps) -> anyhow::Result<Report> {
    let started = Instant::now();
    let board = Board::new();
    let Lake { sent, delivered, objects, bytes } = build(steps, &board).await?;
    let mut answers = Vec::new();
    for (index, question) in QUESTIONS.iter().enumerate() {
        let step = board.step(question.title, None);
        let answer = steps.ask(question.sql).await.with_context(|| format!("asking: {}", question.title))?;
        step.clear();
        show::answer(index + 1, question, &answer, bytes);
        let Answer { columns, rows, scanned_bytes, millis } = answer;
        let (name, title, sql) = (question.name, question.title, question.sql);
        answers.push(Answered { name, title, sql, columns, rows, scanned_bytes, millis });
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("\n{} flights, {} questions: {seconds:.1} s in all", count(sent), answers.len());
    Ok(Report {
        flights_sent: sent,
        flights_delivered: delivered,
        objects,
        lake_bytes: bytes,
        seconds,
        steps: board.times(),
        answers,
    })
}

/// From an empty pond to a lake with its catalog.
async fn build(steps: &Steps, board: &Board) -> anyhow::Result<Lake> {
    let unpacking = tokio::task::spawn_blocking(data::flights);

    let step = board.step("S3: a bucket, and the reference tables as CSV", Some(data::REFERENCES.len()));
    let loaded = steps.load_references(&step).await?;
    step.done(&format!("{} tables, {}", data::REFERENCES.len(), size(loaded)));

    let step = board.step("Kinesis, Glue, Firehose: a stream and the way out of it", None);
    steps.connect().await?;
    let flights = unpacking.await??;
    step.done("JSON in, Parquet by year, month and day out");

    let replaying = board.step("Kinesis: the flights of 2013, in the order of time", Some(flights.len()));
    let delivering = board.step("Firehose: from the stream to the lake", Some(flights.len()));
    let replay = async {
        steps.replay(&flights, &replaying).await?;
        replaying.done(&format!("{} events", count(flights.len() as u64)));
        anyhow::Ok(())
    };
    let deliver = async {
        let lake = steps.delivered(flights.len() as u64, &delivering).await?;
        delivering.done(&format!("{} Parquet files, {}", count(lake.objects as u64), size(lake.bytes)));
        anyhow::Ok(lake)
    };
    let ((), lake) = tokio::try_join!(replay, deliver)?;

    let step = board.step("Glue: a crawler finds tables and partitions", None);
    let partitions = steps.crawl().await?;
    step.done(&format!("{} partitions of flights", count(partitions)));
    Ok(lake)
}

fn keep_report(report: &Report, path: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let file = File::create(path).with_context(|| format!("writing {}", path.display()))?;
    serde_json::to_writer_pretty(&file, report).with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}

/// What to try next.
fn go_on(flags: &DemoFlags, endpoint: &str, exports: &str) {
    if !flags.keep {
        match &flags.data {
            Some(data) => println!("\nThe pond is kept in {0}:  millpond serve --data {0}\n", data.display()),
            None => println!("\nTo leave the pond running and ask it more:  millpond demo --keep\n"),
        }
        return;
    }
    println!(
        "
The pond runs at {endpoint} until Ctrl-C. In another terminal:

{exports}
aws --endpoint-url {endpoint} s3 ls s3://{BUCKET}/{FLIGHTS}year=2013/month=07/
aws --endpoint-url {endpoint} kinesis describe-stream-summary --stream-name {STREAM}
aws --endpoint-url {endpoint} glue get-tables --database-name {DATABASE} --query 'TableList[].Name'

python3 - <<'EOF'
import boto3, time
athena = boto3.client('athena', endpoint_url='{endpoint}')
query = athena.start_query_execution(
    QueryString='SELECT dest, count(*) AS flights FROM flights GROUP BY dest ORDER BY flights DESC LIMIT 10',
    QueryExecutionContext={{'Database': '{DATABASE}'}},
    ResultConfiguration={{'OutputLocation': 's3://{BUCKET}/results/'}})['QueryExecutionId']
while athena.get_query_execution(QueryExecutionId=query)['QueryExecution']['Status']['State'] in ('QUEUED', 'RUNNING'):
    time.sleep(0.1)
for row in athena.get_query_results(QueryExecutionId=query)['ResultSet']['Rows']:
    print(*(cell.get('VarCharValue') for cell in row['Data']))
EOF
"
    );
}
