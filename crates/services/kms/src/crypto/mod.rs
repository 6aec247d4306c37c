//! Key material and what is made with it. Material lives in memory only while a request works with it, and is wiped after.
//!
//! - [`vault`]: material at rest, wrapped by keys that are derived from the pond's root key.
//! - [`blob`]: the ciphertexts of symmetric keys. [`asymmetric`]: RSA and elliptic curves. [`mac`]: HMAC.
//! - [`import`]: material from outside.

pub mod asymmetric;
pub mod blob;
pub mod import;
pub mod mac;
pub mod vault;

use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::error::KmsError;
use crate::model::key::{Kind, Spec};

/// Fresh bytes from the system's random source.
pub fn random(len: usize) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    let mut bytes = Zeroizing::new(vec![0; len]);
    rand::fill(&mut bytes)?;
    Ok(bytes)
}

/// Does work with a secret half of a key. RSA's takes milliseconds, its making up to seconds: other requests go on meanwhile.
pub fn heavy<T>(spec: Spec, work: impl FnOnce() -> T) -> T {
    match spec.kind() {
        Kind::Rsa => tokio::task::block_in_place(work),
        Kind::Symmetric | Kind::Ecc | Kind::Hmac => work(),
    }
}
