//! Broken Parquet: whatever byte is wrong, a query ends, and its error names the object.

use std::time::Duration;

use bytes::Bytes;

use super::Pond;

/// 300 rows in two row groups, a column with a dictionary, pages with a CRC each; written by pyarrow with
/// `write_page_checksum=True`, since the writer at hand has no checksums.
const CHECKSUMMED: &[u8] = include_bytes!("data/checksummed.parquet");
/// The same without checksums.
const PLAIN: &[u8] = include_bytes!("data/plain.parquet");

const QUERY: &str =
    "SELECT count(*), sum(id), min(name), max(name), count(price), sum(price), count(DISTINCT name) FROM b";
const ANSWER: &str = "300|44850|name 0|name 9|257|9632.25|40";

async fn pond() -> Pond {
    let pond = Pond::new().await;
    pond.run(
        "CREATE EXTERNAL TABLE b (id bigint, name string, price double) STORED AS PARQUET LOCATION 's3://lake/b/'",
    )
    .await
    .unwrap();
    pond
}

/// What the query says over `body`: its answer or its error.
async fn said(pond: &Pond, body: Vec<u8>) -> Result<String, String> {
    pond.put("b/part 1.parquet", Bytes::from(body));
    let answer =
        tokio::time::timeout(Duration::from_secs(60), pond.run(QUERY)).await.expect("the query ends");
    answer.map(|answer| answer.lines().join("\n")).map_err(|error| error.to_string())
}

/// Flips each byte in turn. How many answers were wrong: a changed value that still decodes is one, which only checksums tell.
async fn flip_each(whole: &[u8], flip: u8) -> usize {
    let pond = pond().await;
    let mut wrong = 0;
    assert_eq!(said(&pond, whole.to_vec()).await.unwrap(), ANSWER);
    for at in 0..whole.len() {
        let mut body = whole.to_vec();
        body[at] ^= flip;
        match said(&pond, body).await {
            Ok(answer) if answer == ANSWER => {}
            Ok(_) => wrong += 1,
            Err(error) => assert!(
                error.contains("s3://lake/b/part 1.parquet") && error.starts_with("HIVE_"),
                "byte {at} ^ {flip:#x}: {error}"
            ),
        }
    }
    wrong
}

#[tokio::test]
async fn every_flipped_byte_ends_in_an_answer_or_an_error_that_names_the_object() {
    flip_each(PLAIN, 0xff).await;
    assert_eq!(flip_each(CHECKSUMMED, 0x01).await, 0);
}

#[tokio::test]
async fn cut_files_are_named() {
    let pond = pond().await;
    for length in (1..PLAIN.len()).step_by(7) {
        let error = said(&pond, PLAIN[..length].to_vec()).await.unwrap_err();
        assert!(error.contains("s3://lake/b/part 1.parquet"), "{length}: {error}");
    }
}
