//! The limits of a shard: buckets that fill with time.

use millpond_core::{Clock, Timestamp};

use crate::settings::KinesisSettings;

/// Holds up to a second's worth, fills evenly.
#[derive(Debug, Clone)]
struct Bucket {
    per_second: f64,
    /// Below zero while a large read is being paid off.
    left: f64,
    filled: Timestamp,
}

impl Bucket {
    fn new(per_second: f64) -> Self {
        Self { per_second, left: per_second, filled: Timestamp::EPOCH }
    }

    fn fill(&mut self, now: Timestamp) {
        let elapsed = now.since(self.filled).as_secs_f64();
        if elapsed > 0.0 {
            self.left = (self.left + elapsed * self.per_second).min(self.per_second);
            self.filled = now;
        }
    }
}

/// What a shard may still take and give.
#[derive(Debug)]
pub struct ShardLimits {
    write_bytes: Bucket,
    write_records: Bucket,
    read_bytes: Bucket,
    read_calls: Bucket,
    clock: Clock,
}

impl ShardLimits {
    pub fn new(settings: &KinesisSettings, clock: Clock) -> Self {
        Self {
            write_bytes: Bucket::new(settings.write_bytes.as_u64() as f64),
            write_records: Bucket::new(f64::from(settings.write_records)),
            read_bytes: Bucket::new(settings.read_bytes.as_u64() as f64),
            read_calls: Bucket::new(f64::from(settings.read_calls)),
            clock,
        }
    }

    /// Takes a record of `bytes` (data and partition key); `false` when the shard's second is full.
    ///
    /// A record larger than a second's worth goes through a full bucket and is paid off after.
    pub fn write(&mut self, bytes: usize) -> bool {
        let now = self.clock.now();
        self.write_bytes.fill(now);
        self.write_records.fill(now);
        let bytes = bytes as f64;
        let fits = self.write_bytes.left >= bytes.min(self.write_bytes.per_second);
        let allowed = fits && self.write_records.left >= 1.0;
        if allowed {
            self.write_bytes.left -= bytes;
            self.write_records.left -= 1.0;
        }
        allowed
    }

    /// Begins a read; `false` when there were too many calls, or an earlier one is still being paid off.
    pub fn begin_read(&mut self) -> bool {
        let now = self.clock.now();
        self.read_bytes.fill(now);
        self.read_calls.fill(now);
        let allowed = self.read_bytes.left > 0.0 && self.read_calls.left >= 1.0;
        if allowed {
            self.read_calls.left -= 1.0;
        }
        allowed
    }

    /// Counts what a read gave. One read may give five seconds' worth, and the next ones then wait.
    pub fn end_read(&mut self, bytes: usize) {
        self.read_bytes.left -= bytes as f64;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits() -> (ShardLimits, Clock) {
        let clock = Clock::manual(Timestamp::from_secs(1_795_000_000));
        (ShardLimits::new(&KinesisSettings::default(), clock.clone()), clock)
    }

    fn written(limits: &mut ShardLimits, bytes: usize) -> usize {
        (0..10_000).take_while(|_| limits.write(bytes)).count()
    }

    #[test]
    fn a_shard_takes_a_thousand_records_or_a_mebibyte_a_second() {
        for (bytes, a_second) in [(100, 1_000), (2_048, 512), (1 << 20, 1)] {
            let (mut limits, clock) = limits();
            assert_eq!(written(&mut limits, bytes), a_second);
            clock.advance(Duration::from_millis(500));
            assert_eq!(written(&mut limits, bytes), a_second / 2);
            clock.advance(Duration::from_secs(60));
            assert_eq!(written(&mut limits, bytes), a_second);
        }
    }

    #[test]
    fn a_large_record_is_paid_off() {
        let (mut limits, clock) = limits();
        assert_eq!(written(&mut limits, 3 << 20), 1);
        clock.advance(Duration::from_secs(2));
        assert_eq!(written(&mut limits, 10), 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(written(&mut limits, 1 << 20), 1);
    }

    #[test]
    fn reads_are_five_a_second_and_large_ones_are_paid_off() {
        let (mut limits, clock) = limits();
        assert_eq!((0..10).take_while(|_| limits.begin_read()).count(), 5);
        clock.advance(Duration::from_secs(1));
        assert!(limits.begin_read());
        limits.end_read(10 << 20);
        clock.advance(Duration::from_secs(4));
        assert!(!limits.begin_read());
        clock.advance(Duration::from_millis(1));
        assert!(limits.begin_read());
    }
}
