//! Log files: what a trail takes of the events, as gzip JSON in its bucket. The place up to which a trail is delivered moves when
//! its files are durable, so that a crash in between delivers again and never less.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use millpond_core::{Region, Timestamp};
use millpond_gateway::Caller;
use millpond_s3::{PutOptions, S3Error};
use millpond_store::{StoreError, Txn};
use millpond_work::{Pass, WorkError, Worker};
use uuid::Uuid;

use crate::CloudTrail;
use crate::record::EventRecord;
use crate::store;
use crate::trail::{Span, Trail};

/// By whose name the bucket's policy lets the files in.
pub const PRINCIPAL: &str = "cloudtrail.amazonaws.com";

/// How many events are looked at for one round of files.
const BATCH: usize = 2_000;
/// How many rounds a pass makes for one trail.
const ROUNDS: usize = 50;

/// Delivers what the trails take.
pub struct Deliveries(pub CloudTrail);

impl Worker for Deliveries {
    fn name(&self) -> &str {
        "cloudtrail.delivery"
    }

    fn interval(&self) -> Duration {
        self.0.delivers_every()
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        self.0.queue().flush(self.0.store()).await?;
        let mut more = false;
        let trails = store::all_trails(&self.0.store().read()?)?;
        for trail in trails {
            more |= self.deliver(&trail).await?;
        }
        Ok(if more { Pass::MoreToDo } else { Pass::Idle })
    }
}

impl Deliveries {
    /// Whether there is more.
    async fn deliver(&self, trail: &Trail) -> Result<bool, StoreError> {
        let mut rounds = 0;
        for span in &trail.logging.spans {
            let mut span = *span;
            while let Some(round) = Round::read(&self.0, trail, span)? {
                if rounds == ROUNDS {
                    return Ok(true);
                }
                rounds += 1;
                let outcome = self.put(trail, &round.events).await;
                let failed = outcome.is_err();
                if let Err(error) = &outcome {
                    tracing::warn!(trail = %trail.arn(), bucket = trail.bucket, %error, "a log file could not be delivered");
                }
                self.note(trail, span.from, round.next, outcome).await?;
                if failed {
                    return Ok(false);
                }
                span.from = round.next;
            }
        }
        Ok(false)
    }

    /// A file for each region that has events.
    async fn put(&self, trail: &Trail, events: &[EventRecord]) -> Result<bool, S3Error> {
        let mut regions: BTreeMap<&Region, Vec<&str>> = BTreeMap::new();
        for event in events {
            regions.entry(&event.region).or_default().push(&event.text);
        }
        let (caller, now) = (caller(&self.0, trail), self.0.clock().now());
        for (region, texts) in &regions {
            let options = PutOptions {
                content_type: Some("application/json".into()),
                content_encoding: Some("gzip".into()),
                ..PutOptions::default()
            };
            let key = key(trail, region, now, Uuid::new_v4());
            self.0.s3().deliver(&caller, &trail.bucket, &key, file(texts), options).await?;
        }
        Ok(!regions.is_empty())
    }

    async fn note(
        &self,
        trail: &Trail,
        from: u64,
        to: u64,
        outcome: Result<bool, S3Error>,
    ) -> Result<(), StoreError> {
        let (trail, now) = (trail.clone(), self.0.clock().now());
        let write = move |txn: &mut Txn<'_>| {
            // It may be gone, or be another one of that name.
            let Some(mut kept) = store::trail(txn, &trail.scope, &trail.name)? else { return Ok(()) };
            if kept.id != trail.id {
                return Ok(());
            }
            match &outcome {
                Ok(had_files) => {
                    kept.logging.delivered(from, to);
                    if *had_files {
                        kept.delivery.attempted = Some(now);
                        kept.delivery.succeeded = Some(now);
                        kept.delivery.error = None;
                    }
                }
                Err(error) => {
                    kept.delivery.attempted = Some(now);
                    kept.delivery.error = Some(error.code().to_owned());
                }
            }
            store::put_trail(txn, &kept)
        };
        self.0.store().write::<(), StoreError, _>(write).await
    }
}

/// Some of what a span holds.
struct Round {
    events: Vec<EventRecord>,
    /// Where the next one begins.
    next: u64,
}

impl Round {
    /// `None` when the span holds nothing more.
    fn read(cloud_trail: &CloudTrail, trail: &Trail, span: Span) -> Result<Option<Self>, StoreError> {
        let snapshot = cloud_trail.store().read()?;
        let end = store::next_number(&snapshot)?;
        let end = span.to.map_or(end, |to| to.min(end));
        if span.from >= end {
            return Ok(None);
        }
        let mut next = end;
        let mut events = Vec::new();
        for data in [false, true] {
            let found = store::events_from(&snapshot, data, span.from, BATCH)?;
            if found.len() == BATCH {
                next = found.last().map_or(next, |(number, _)| next.min(number + 1));
            }
            events.extend(found);
        }
        events.retain(|(number, event)| *number < next && trail.takes(event));
        events.sort_by_key(|(number, _)| *number);
        Ok(Some(Self { events: events.into_iter().map(|(_, event)| event).collect(), next }))
    }
}

/// CloudTrail at its work for the trail.
pub fn caller(cloud_trail: &CloudTrail, trail: &Trail) -> Caller {
    Caller::service(PRINCIPAL, &trail.arn(), trail.scope.clone(), cloud_trail.clock().clone())
}

/// `PREFIX/AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_RANDOM.json.gz`
fn key(trail: &Trail, region: &Region, now: Timestamp, random: Uuid) -> String {
    let text = now.to_string();
    // `2026-11-21T09:50:29.123Z`
    let (year, month, day, hour, minute) =
        (&text[..4], &text[5..7], &text[8..10], &text[11..13], &text[14..16]);
    let (folder, account, random) = (trail.folder(), &trail.scope.account, random.simple().to_string());
    let random = &random[..16];
    format!(
        "{folder}/{region}/{year}/{month}/{day}/{account}_CloudTrail_{region}_{year}{month}{day}T{hour}{minute}Z_{random}.json.gz"
    )
}

fn file(records: &[&str]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut write = |text: &str| encoder.write_all(text.as_bytes());
    let written = write("{\"Records\":[").and_then(|()| {
        for (at, record) in records.iter().enumerate() {
            if at > 0 {
                write(",")?;
            }
            write(record)?;
        }
        write("]}")
    });
    written.and_then(|()| encoder.finish()).expect("a Vec takes every write")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use millpond_core::Scope;

    use super::*;
    use crate::selector::Selectors;
    use crate::trail::{Delivery, Logging};

    #[test]
    fn files_are_named_as_awss() {
        let trail = |prefix: Option<&str>| Trail {
            id: Uuid::nil(),
            scope: Scope::new("111122223333".parse().unwrap(), Region::us_east_1()),
            name: "all".into(),
            bucket: "logs".into(),
            prefix: prefix.map(str::to_owned),
            global_events: true,
            multi_region: true,
            created: Timestamp::EPOCH,
            selectors: Selectors::default(),
            custom_selectors: false,
            tags: BTreeMap::new(),
            logging: Logging::default(),
            delivery: Delivery::default(),
        };
        let (region, now) = ("eu-west-1".parse().unwrap(), Timestamp::from_secs(1_795_000_000));
        let rest = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/18/\
                    111122223333_CloudTrail_eu-west-1_20261118T1106Z_0000000000000000.json.gz";
        assert_eq!(key(&trail(None), &region, now, Uuid::nil()), rest);
        assert_eq!(key(&trail(Some("a/b")), &region, now, Uuid::nil()), format!("a/b/{rest}"));
    }

    #[test]
    fn files_hold_their_records() {
        let mut text = String::new();
        let packed = file(&["{\"a\":1}", "{\"b\":2}"]);
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, r#"{"Records":[{"a":1},{"b":2}]}"#);
    }
}
