//! Any bytes as the token of a listing: `fuzz/run core_page_token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_core::fuzz::page_token(bytes));
