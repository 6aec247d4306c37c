//! Any bytes as a JSON body: `fuzz/run wire_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_wire::fuzz::json(bytes));
