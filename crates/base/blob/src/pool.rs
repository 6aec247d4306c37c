//! Buffers of one size that are used again: fresh large ones cost the kernel's zeroing of each page.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) struct Pool {
    idle: Mutex<Vec<Box<[u8]>>>,
    buffer_len: usize,
    keep: usize,
}

/// A buffer of the pool; back in it when dropped. Its bytes are whatever was in it before.
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    pool: Arc<Pool>,
}

impl Pool {
    /// Buffers of `buffer_len` bytes, of which at most `keep` wait idle.
    pub(crate) fn new(buffer_len: usize, keep: usize) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::default(), buffer_len, keep })
    }

    pub(crate) fn take(self: &Arc<Self>) -> Buffer {
        let idle = self.lock().pop();
        let bytes = idle.unwrap_or_else(|| vec![0; self.buffer_len].into_boxed_slice());
        Buffer { bytes, pool: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Box<[u8]>>> {
        // The list is whole at every moment.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut idle = self.pool.lock();
        if idle.len() < self.pool.keep {
            idle.push(bytes);
        }
    }
}

impl std::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

/// The first bytes of a buffer, as the owner behind a `Bytes`.
pub(crate) struct Filled {
    pub buffer: Buffer,
    pub range: std::ops::Range<usize>,
}

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }
}
