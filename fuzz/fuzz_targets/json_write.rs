//! Any bytes as a JSON write body: the batch is sound and its labels can be read.
#![no_main]

mod batch;

use libfuzzer_sys::fuzz_target;
use timberline_protocol::{DecodeLimits, json};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(decoded) = json::decode_write(bytes, &DecodeLimits::default()) {
        batch::check(&decoded, bytes.len());
    }
});
