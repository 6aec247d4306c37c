//! Any bytes as the prefixes of a delivery stream: `fuzz/run firehose_prefixes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_firehose::fuzz::prefixes(bytes));
