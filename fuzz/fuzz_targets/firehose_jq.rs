//! Any bytes as the expression of a partition key and a record: `fuzz/run firehose_jq`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_firehose::fuzz::jq(bytes));
