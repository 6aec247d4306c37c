//! Which contents are being read. Bytes of an object that is overwritten or deleted stay until its last reader is done,
//! as they do on AWS. Readers live in this process alone, so that a crash leaves none behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

type Readers = Arc<Mutex<HashMap<Uuid, usize>>>;

#[derive(Clone, Default, Debug)]
pub struct Pins(Readers);

/// Keeps a content's bytes while it lives.
#[derive(Debug)]
pub struct Pin {
    readers: Readers,
    content: Uuid,
}

impl Pins {
    pub fn pin(&self, content: Uuid) -> Pin {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(content).or_default() += 1;
        Pin { readers: Arc::clone(&self.0), content }
    }

    pub fn is_read(&self, content: Uuid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&content)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = readers.get_mut(&self.content) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.content);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_until_the_last_reader_is_done() {
        let (pins, id) = (Pins::default(), Uuid::from_u128(1));
        let (one, two) = (pins.pin(id), pins.pin(id));
        drop(one);
        assert!(pins.is_read(id));
        drop(two);
        assert!(!pins.is_read(id));
    }
}
