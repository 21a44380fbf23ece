//! Any bytes as a snappy block: never more than the limit; what is compressed comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_protocol::prom_remote::{compress, decompress};

const BYTES_MAX: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut out = Vec::new();
    match decompress(bytes, BYTES_MAX, &mut out) {
        Ok(()) => assert!(out.len() <= BYTES_MAX),
        Err(_) => assert!(out.is_empty()),
    }
    let block = compress(bytes).expect("a short input");
    decompress(&block, bytes.len(), &mut out).expect("our own block");
    assert_eq!(out, bytes);
});
