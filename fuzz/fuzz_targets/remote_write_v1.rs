//! Any bytes as a decompressed remote write 1.0 body: the batch is sound and its labels can be read.
#![no_main]

mod batch;

use libfuzzer_sys::fuzz_target;
use timberline_protocol::{DecodeLimits, prom_remote};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(decoded) = prom_remote::decode_v1(bytes, &DecodeLimits::default()) {
        batch::check(&decoded, bytes.len());
    }
});
