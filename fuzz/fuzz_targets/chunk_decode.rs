//! Any bytes as a chunk, as they are and under a checksum that fits: at most 120 samples, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_codec::{chunk, crc::crc32c};

fn decode(bytes: &[u8]) {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    match chunk::decode(bytes, &mut timestamps, &mut values) {
        Ok(()) => assert!((1..=chunk::SAMPLES_MAX).contains(&timestamps.len())),
        Err(_) => assert!(timestamps.is_empty()),
    }
    assert_eq!(timestamps.len(), values.len());
}

fuzz_target!(|bytes: &[u8]| {
    decode(bytes);
    let mut sealed = bytes.to_vec();
    sealed.extend(crc32c(bytes).to_le_bytes());
    decode(&sealed);
    if let [unit, payload @ ..] = bytes {
        let _ = chunk::decode_payload(*unit, payload, &mut Vec::new(), &mut Vec::new());
    }
});
