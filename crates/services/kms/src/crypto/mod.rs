//! Key material and what is made with it. Material lives in memory only while a request works with it, and is wiped after.
//!
//! - [`vault`]: material at rest, wrapped by keys that are derived from the pond's root key.
//! - [`blob`]: the ciphertexts of symmetric keys.

pub mod blob;
pub mod vault;

use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::error::KmsError;

/// Fresh bytes from the system's random source.
pub fn random(len: usize) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    let mut bytes = Zeroizing::new(vec![0; len]);
    rand::fill(&mut bytes)?;
    Ok(bytes)
}
