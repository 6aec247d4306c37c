//! Any bytes as an access key id and its session token: `fuzz/run sts_session_token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_sts::fuzz::session_token(bytes));
