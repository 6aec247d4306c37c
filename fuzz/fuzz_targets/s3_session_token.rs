//! Any bytes as the token of a directory bucket's session: `fuzz/run s3_session_token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_s3::fuzz::session_token(bytes));
