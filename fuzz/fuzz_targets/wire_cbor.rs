//! Any bytes as a CBOR body: `fuzz/run wire_cbor`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_wire::fuzz::cbor(bytes));
