//! Trails: names, what they cover, and how far each is delivered. Pure.

use std::collections::BTreeMap;

use millpond_core::{Arn, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::record::{EventRecord, GLOBAL_SOURCES};
use crate::selector::Selectors;

/// A trail as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    pub id: Uuid,
    /// Its home.
    pub scope: Scope,
    pub name: String,
    pub bucket: String,
    pub prefix: Option<String>,
    /// Events of services that are one for all regions.
    pub global_events: bool,
    pub multi_region: bool,
    pub created: Timestamp,
    pub selectors: Selectors,
    /// The selectors were put, and are not what every trail begins with.
    pub custom_selectors: bool,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub logging: Logging,
    #[serde(default)]
    pub delivery: Delivery,
}

/// What is to be delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    /// Runs of events that are not delivered yet, by their numbers, in order; the last one is open while the trail logs.
    pub spans: Vec<Span>,
    pub started: Option<Timestamp>,
    pub stopped: Option<Timestamp>,
}

/// From the event with this number up to, and without, that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub from: u64,
    pub to: Option<u64>,
}

/// How the last deliveries went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub attempted: Option<Timestamp>,
    pub succeeded: Option<Timestamp>,
    /// S3's code, until a delivery succeeds.
    pub error: Option<String>,
}

/// Spans that stop and start makes while nothing can be delivered; past it the oldest are joined.
const MAX_SPANS: usize = 20;

impl Logging {
    pub fn is_on(&self) -> bool {
        self.spans.last().is_some_and(|span| span.to.is_none())
    }

    /// `next` is the number that the next event gets.
    pub fn start(&mut self, next: u64, now: Timestamp) {
        if self.is_on() {
            return;
        }
        self.spans.push(Span { from: next, to: None });
        if self.spans.len() > MAX_SPANS {
            let first = self.spans.remove(0);
            self.spans[0].from = first.from;
        }
        self.started = Some(now);
    }

    pub fn stop(&mut self, next: u64, now: Timestamp) {
        if let Some(span) = self.spans.last_mut().filter(|span| span.to.is_none()) {
            span.to = Some(next);
            self.stopped = Some(now);
        }
        self.spans.retain(|span| span.to.is_none_or(|to| span.from < to));
    }

    /// What began at `from` is delivered up to `to`.
    pub fn delivered(&mut self, from: u64, to: u64) {
        if let Some(span) = self.spans.iter_mut().find(|span| span.from == from) {
            span.from = to;
        }
        self.spans.retain(|span| span.to.is_none_or(|to| span.from < to));
    }
}

impl Trail {
    pub fn arn(&self) -> Arn {
        self.scope.arn("cloudtrail", format!("trail/{}", self.name))
    }

    pub fn takes(&self, event: &EventRecord) -> bool {
        self.scope.account == event.account && self.covers(event) && self.selectors.take(event)
    }

    fn covers(&self, event: &EventRecord) -> bool {
        match GLOBAL_SOURCES.contains(&event.source.as_str()) {
            true => self.global_events,
            false => self.multi_region || self.scope.region == event.region,
        }
    }

    /// The folder of log files, which the region and the day follow.
    pub fn folder(&self) -> String {
        let prefix = self.prefix.as_ref().map(|prefix| format!("{prefix}/")).unwrap_or_default();
        format!("{prefix}AWSLogs/{}/CloudTrail", self.scope.account)
    }
}

/// In AWS's words, what is wrong with a name.
pub fn check_name(name: &str) -> Result<(), String> {
    let (shortest, longest) = (3, 128);
    let length = name.chars().count();
    if length < shortest {
        return Err(format!(
            "Trail name too short. Minimum allowed length: {shortest} characters. Specified name length: {length} \
             characters."
        ));
    }
    if length > longest {
        return Err(format!(
            "Trail name too long. Maximum allowed length: {longest} characters. Specified name length: {length} \
             characters."
        ));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("Trail name must starts with a letter or number.".into());
    }
    if !name.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("Trail name must ends with a letter or number.".into());
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
        return Err(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), \
                    hyphens (-), and underscores (_)."
                .into(),
        );
    }
    let adjacent = |pair: &[u8]| pair.iter().all(|byte| matches!(byte, b'.' | b'-' | b'_'));
    if name.as_bytes().windows(2).any(adjacent) {
        return Err("Trail name must not have adjacent periods, underscores or dashes.".into());
    }
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("Trail name must not be formatted as an IP address.".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_to_awss_rules() {
        for (name, is_good) in [
            ("management-events", true),
            ("a.b", true),
            ("ab", false),
            ("-abc", false),
            ("abc-", false),
            ("a b c", false),
            ("a--b", false),
            ("192.168.5.4", false),
        ] {
            assert_eq!(check_name(name).is_ok(), is_good, "{name}");
        }
        assert!(check_name(&"a".repeat(129)).is_err());
    }

    #[test]
    fn what_was_logged_is_delivered_though_the_trail_stopped() {
        let now = Timestamp::EPOCH;
        let mut logging = Logging::default();
        let spans = |logging: &Logging| -> Vec<(u64, Option<u64>)> {
            logging.spans.iter().map(|span| (span.from, span.to)).collect()
        };
        logging.start(5, now);
        logging.start(7, now);
        assert_eq!(spans(&logging), [(5, None)], "it runs already");
        logging.delivered(5, 8);
        logging.stop(10, now);
        assert!(!logging.is_on());
        logging.start(20, now);
        assert_eq!(spans(&logging), [(8, Some(10)), (20, None)]);
        logging.delivered(8, 10);
        assert_eq!(spans(&logging), [(20, None)]);
        logging.stop(20, now);
        logging.delivered(20, 20);
        assert!(spans(&logging).is_empty());
        for at in 0..50 {
            logging.start(2 * at, now);
            logging.stop(2 * at + 1, now);
        }
        assert_eq!(logging.spans.len(), MAX_SPANS);
        assert_eq!(logging.spans[0], Span { from: 0, to: Some(61) });
    }
}
