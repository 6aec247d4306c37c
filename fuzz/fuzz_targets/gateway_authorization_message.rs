//! Any bytes as an authorization message: `fuzz/run gateway_authorization_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_gateway::fuzz::authorization_message(bytes));
