//! Any bytes as a query body: `fuzz/run wire_query`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_wire::fuzz::query(bytes));
