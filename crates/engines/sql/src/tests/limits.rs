//! What a statement may take: it spills beyond its memory, and whoever stops it has the threads back.

use std::path::Path;
use std::time::Duration;

use millpond_core::ByteSize;

use super::Pond;
use crate::EngineOptions;

/// 600,000 rows, some 36 MB in columns.
async fn wide(options: impl FnOnce(EngineOptions) -> EngineOptions) -> Pond {
    let spills = tempfile::tempdir().unwrap();
    let pond = Pond::with(options(EngineOptions::new(spills.path().to_owned(), 2)), spills).await;
    for file in 0..6_u64 {
        let mut rows = String::new();
        for row in file * 100_000..(file + 1) * 100_000 {
            // A permutation, so that sorting has work.
            let id = row * 7_919 % 600_000;
            rows.push_str(&format!("{id},{}\n", words(id)));
        }
        pond.put(&format!("wide/{file}.csv"), rows);
    }
    pond.run(
        "CREATE EXTERNAL TABLE wide (id int, words string)
         ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/wide/'",
    )
    .await
    .unwrap();
    pond
}

fn words(id: u64) -> String {
    format!("the text of row number {id} that takes its place")
}

const SORTED: &str = "SELECT id, words FROM wide ORDER BY id";

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_into_memory_is_spilled_and_removed() {
    let narrow = wide(|options| EngineOptions { memory: ByteSize::mib(24), threads: 1, ..options }).await;
    let statement = crate::Statement::parse(SORTED).unwrap();
    let mut execution = narrow.engine.run(narrow.session(), statement).await.unwrap();
    let mut rows = 0_u64;
    let mut spilled = 0;
    while let Some(block) = execution.next().await.unwrap() {
        spilled = spilled.max(files_below(narrow.spills.path()));
        for row in 0..block.len() {
            assert_eq!(block.text(row, 0), Some(rows.to_string()));
            assert_eq!(block.text(row, 1), Some(words(rows)));
            rows += 1;
        }
    }
    assert_eq!(rows, 600_000);
    assert!(spilled > 0, "nothing was spilled");
    drop(execution);
    until(|| files_below(narrow.spills.path()) == 0).await;
}

#[tokio::test]
async fn no_room_to_spill_is_an_error() {
    let pond =
        wide(|options| EngineOptions { memory: ByteSize::mib(32), spill: ByteSize::kib(64), ..options })
            .await;
    let error = pond.error(SORTED).await;
    assert!(error.starts_with("OUT_OF_SPILL_SPACE"), "{error}");
    // The next one has the memory again.
    assert_eq!(pond.lines("SELECT count(*) FROM wide").await, ["600000"]);
}

#[tokio::test]
async fn a_dropped_execution_ends_the_work() {
    let pond = Pond::new().await;
    let sql = "SELECT count(*) FROM UNNEST(sequence(1, 1000000)) a (x), UNNEST(sequence(1, 100000)) b (y)";
    let execution = pond.engine.run(pond.session(), crate::Statement::parse(sql).unwrap()).await.unwrap();
    until(|| pond.engine.running() > 0).await;
    drop(execution);
    until(|| pond.engine.running() == 0).await;
}

/// Waits for a state; the test's own time limit is the runner's.
async fn until(reached: impl Fn() -> bool) {
    while !reached() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
