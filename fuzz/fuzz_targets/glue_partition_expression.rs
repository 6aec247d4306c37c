//! Any bytes as an expression over partitions: `fuzz/run glue_partition_expression`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_glue::fuzz::partition_expression(bytes));
