//! Any bytes as a pattern of Java's and a time: `fuzz/run firehose_java_time`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_firehose::fuzz::java_time(bytes));
