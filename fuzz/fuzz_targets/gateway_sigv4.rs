//! Any bytes as a request's signature: `fuzz/run gateway_sigv4`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_gateway::fuzz::sigv4(bytes));
