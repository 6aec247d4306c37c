//! Any bytes as a policy document: `fuzz/run policy_document`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_policy::fuzz::document(bytes));
