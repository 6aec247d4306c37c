//! Any bytes as a ciphertext of KMS: `fuzz/run kms_ciphertext`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_kms::fuzz::ciphertext(bytes));
