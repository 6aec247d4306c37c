//! Where the bytes of a body are: the value that a metadata record holds.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names a body and holds the key to it, wrapped. Kept by whoever named the body, in a durable record; a body without
/// a record is swept away. Other kinds of bodies (zones, journal volumes) become further variants of [`Body`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Of the plaintext, in bytes.
    pub(crate) size: u64,
    #[serde(with = "serde_bytes")]
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) body: Body,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// Sealed here.
    Inline(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A file of its own.
    File(Uuid),
}

impl Placement {
    /// The length of the body, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The id of the body's file, for the question of [`crate::Blobs::sweep`]; `None` when it has none.
    pub fn file(&self) -> Option<Uuid> {
        match self.body {
            Body::Inline(_) => None,
            Body::File(id) => Some(id),
        }
    }
}

impl std::fmt::Debug for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = match &self.body {
            Body::Inline(_) => "inline".to_owned(),
            Body::File(id) => format!("file {id}"),
        };
        write!(f, "Placement({} bytes, {place})", self.size)
    }
}
