//! The memory that the buffers of all delivery streams may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Buffers beyond this many bytes are delivered early, however small they are.
const LIMIT: usize = 512 << 20;

/// Shared by all streams. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Memory {
    used: Arc<AtomicUsize>,
    limit: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { used: Arc::default(), limit: LIMIT }
    }
}

impl Memory {
    pub fn share(&self) -> Share {
        Share { of: self.clone(), held: 0 }
    }
}

/// What one stream holds; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    of: Memory,
    held: usize,
}

impl Share {
    pub fn set(&mut self, bytes: usize) {
        self.of.used.fetch_add(bytes, Ordering::AcqRel);
        self.of.used.fetch_sub(self.held, Ordering::AcqRel);
        self.held = bytes;
    }

    /// All streams together are within the limit. A stream without buffers may always begin: what it reads is little.
    pub fn may_grow(&self) -> bool {
        self.held == 0 || self.of.used.load(Ordering::Acquire) < self.of.limit
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        let memory = Memory { used: Arc::default(), limit: 100 };
        let (mut a, mut b) = (memory.share(), memory.share());
        a.set(60);
        b.set(39);
        assert!(a.may_grow() && b.may_grow());
        b.set(40);
        assert!(!a.may_grow() && !b.may_grow() && memory.share().may_grow());
        drop(a);
        assert!(b.may_grow());
    }
}
