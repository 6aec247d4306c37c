//! Delivers access logs as objects, in the name of S3's logging service: the target bucket's policy or list lets it write.

use std::time::Duration;

use millpond_core::{Arn, Scope};
use millpond_gateway::Caller;
use millpond_work::{Pass, WorkError, Worker};
use uuid::Uuid;

use super::{Log, SERVICE};
use crate::PutOptions;
use crate::error::S3Error;
use crate::service::S3;

/// Delivers what has waited long enough.
pub struct Delivery(S3);

impl Delivery {
    pub fn new(s3: S3) -> Self {
        Self(s3)
    }
}

/// At a clean stop, nothing that waits is lost.
pub async fn deliver_the_rest(s3: &S3) {
    if let Err(error) = deliver(s3, Duration::ZERO).await {
        tracing::error!(%error, "access logs could not be delivered, and are lost");
    }
}

async fn deliver(s3: &S3, longest: Duration) -> Result<Pass, S3Error> {
    let due = s3.0.access_logs.due(s3.now(), longest);
    if due.lost > 0 {
        tracing::warn!(lines = due.lost, "more lines of access logs waited than are kept: some were lost");
    }
    let mut failed = None;
    for (log, text) in due.logs {
        match put(s3, &log, text.clone()).await {
            Ok(()) => {}
            Err(error @ (S3Error::Internal { .. } | S3Error::InsufficientStorage | S3Error::SlowDown)) => {
                s3.0.access_logs.put_back(log, text, s3.now());
                failed = Some(error);
            }
            // AWS too delivers nothing then, and says so nowhere.
            Err(error) => tracing::warn!(
                bucket = log.source,
                target_bucket = log.to.target,
                %error,
                lines = text.lines().count(),
                "the target bucket does not take an access log: its lines are lost"
            ),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(due.next.map_or(Pass::Idle, Pass::At)),
    }
}

/// Puts one log.
async fn put(s3: &S3, log: &Log, text: String) -> Result<(), S3Error> {
    // The bucket may have been made anew, by somebody else.
    let target = s3.metadata().bucket(&log.to.target)?;
    if target.record.account != log.account || target.record.region != log.region {
        return Err(S3Error::access_denied());
    }
    let partition = log.region.partition().to_owned();
    let source = Arn { partition, ..Arn::global("s3", log.source.as_str()) };
    let scope = Scope::new(log.account.clone(), log.region.clone());
    let caller = Caller::service(SERVICE, &source, scope, s3.0.clock.clone());
    let (high, _) = Uuid::new_v4().as_u64_pair();
    let key = log.key(s3.now(), &format!("{high:016X}"));
    let options = PutOptions { content_type: Some("text/plain".into()), ..PutOptions::default() };
    let list = log.to.list(&target.record).map(|list| list.to_headers()).unwrap_or_default();
    s3.put_with(&caller, &log.to.target, &key, text, options, &list).await.map(drop)
}

impl Worker for Delivery {
    fn name(&self) -> &'static str {
        "s3.access-logs"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        Ok(deliver(&self.0, Duration::from_secs(self.0.settings().log_delivery_seconds)).await?)
    }
}
