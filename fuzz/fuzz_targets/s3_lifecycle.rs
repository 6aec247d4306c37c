//! Any bytes as a document of lifecycle rules: `fuzz/run s3_lifecycle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_s3::fuzz::lifecycle(bytes));
