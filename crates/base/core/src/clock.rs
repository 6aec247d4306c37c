//! The one clock. Everything that depends on time takes a [`Clock`], so that a test or a lab instance can turn it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::watch;

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// The newtype name under which a [`Timestamp`] is serialized; `millpond-wire` knows it and writes each
/// protocol's own form. Other formats (the store's) see a plain integer of milliseconds.
pub const TIMESTAMP_NAME: &str = "millpond::Timestamp";

impl Timestamp {
    pub const EPOCH: Self = Self(0);

    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Seconds with a fraction, as the JSON protocols carry times.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// `None` when the number is not finite or out of range.
    pub fn from_secs_f64(secs: f64) -> Option<Self> {
        let millis = (secs * 1_000.0).round();
        (millis.is_finite() && millis.abs() < 9.0e15).then_some(Self(millis as i64))
    }

    /// The later time; saturates at the end of the range.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }

    /// The calendar view of this time, for formatting and calendar arithmetic; clamped to jiff's range.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }

    pub fn from_jiff(at: jiff::Timestamp) -> Self {
        Self(at.as_millisecond())
    }
}

/// ISO 8601 with milliseconds, as in `2026-11-21T09:50:29.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(TIMESTAMP_NAME, &self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds since the epoch")
            }

            fn visit_i64<E>(self, millis: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(millis))
            }

            fn visit_u64<E: serde::de::Error>(self, millis: u64) -> Result<Timestamp, E> {
                i64::try_from(millis).map(Timestamp).map_err(E::custom)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Timestamp, D::Error> {
                i64::deserialize(inner).map(Timestamp)
            }
        }
        deserializer.deserialize_newtype_struct(TIMESTAMP_NAME, Visitor)
    }
}

/// The clock. Cheap to clone; all clones show the same time.
///
/// A system clock follows the machine's time plus an offset that [`Clock::advance`] grows (lab instances only);
/// a manual clock stands still until it is advanced. Sleepers wake when the clock passes their time, by either way.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    source: Source,
    offset_millis: AtomicI64,
    turned: watch::Sender<()>,
}

enum Source {
    System,
    Manual(Timestamp),
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

impl Clock {
    /// The machine's clock, `offset` ahead of it (zero but for a lab instance whose clock was turned).
    pub fn system(offset: Duration) -> Self {
        Self::new(Source::System, i64::try_from(offset.as_millis()).unwrap_or(i64::MAX))
    }

    /// A clock that stands at `at` until it is advanced.
    pub fn manual(at: Timestamp) -> Self {
        Self::new(Source::Manual(at), 0)
    }

    fn new(source: Source, offset_millis: i64) -> Self {
        let offset_millis = AtomicI64::new(offset_millis);
        Self(Arc::new(Inner { source, offset_millis, turned: watch::Sender::new(()) }))
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.unturned().0.saturating_add(self.0.offset_millis.load(Ordering::Acquire)))
    }

    /// The time without what [`Clock::advance`] added: what clients see on their own clocks when they sign a request to a
    /// pond whose clock was turned. Nothing else goes by it.
    pub fn unturned(&self) -> Timestamp {
        match self.0.source {
            Source::System => machine_time(),
            Source::Manual(at) => at,
        }
    }

    /// Turns the clock forward and wakes every sleeper whose time has come; returns the whole offset.
    pub fn advance(&self, by: Duration) -> Duration {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let before = self.0.offset_millis.fetch_add(by, Ordering::AcqRel);
        self.0.turned.send_replace(());
        Duration::from_millis(before.saturating_add(by).max(0).unsigned_abs())
    }

    /// Returns once the clock shows `at` or later.
    pub async fn sleep_until(&self, at: Timestamp) {
        let mut turned = self.0.turned.subscribe();
        loop {
            let now = self.now();
            if now >= at {
                return;
            }
            let changed = async {
                // The sender lives as long as `self`, so this only returns when the clock was turned.
                let _closed = turned.changed().await;
            };
            match self.0.source {
                Source::System => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep(at.since(now)) => {}
                },
                Source::Manual(_) => changed.await,
            }
        }
    }

    pub async fn sleep(&self, by: Duration) {
        self.sleep_until(self.now().plus(by)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn machine_time() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_iso_8601() {
        assert_eq!(Timestamp::from_millis(1_732_182_629_005).to_string(), "2024-11-21T09:50:29.005Z");
    }

    #[tokio::test]
    async fn a_turned_clock_wakes_its_sleepers() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let sleeper = clock.sleep(Duration::from_secs(60));
        tokio::pin!(sleeper);
        assert!(futures_poll(&mut sleeper).await.is_pending());
        clock.advance(Duration::from_secs(59));
        assert!(futures_poll(&mut sleeper).await.is_pending());
        clock.advance(Duration::from_secs(1));
        sleeper.await;
        assert_eq!((clock.now(), clock.unturned()), (Timestamp::from_secs(60), Timestamp::EPOCH));
    }

    async fn futures_poll<F: Future>(future: &mut std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
        std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx))).await
    }
}
