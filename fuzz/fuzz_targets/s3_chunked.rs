//! Any bytes as a body in chunks: `fuzz/run s3_chunked`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_s3::fuzz::chunked(bytes));
