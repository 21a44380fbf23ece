//! Any bytes as a decompressed remote write 2.0 body: the batch is sound and its labels can be read.
#![no_main]

mod batch;

use libfuzzer_sys::fuzz_target;
use timberline_protocol::{
    DecodeLimits,
    prom_remote::{self, Arena},
};

fuzz_target!(|bytes: &[u8]| {
    let limits = DecodeLimits { labels_bytes_max: 1 << 20, ..DecodeLimits::default() };
    if let Ok(decoded) = prom_remote::decode_v2(bytes, &mut Arena::default(), &limits) {
        batch::check(&decoded, bytes.len());
    }
});
