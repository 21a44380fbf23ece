//! Any bytes as a segment of Prometheus' log, and as one record of it: records or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_exchange::prometheus::{Records, decode_record};

fuzz_target!(|bytes: &[u8]| {
    let mut records = Records::new(bytes);
    while let Ok(Some(record)) = records.next_record() {
        let _ = decode_record(record);
    }
    let _ = decode_record(bytes);
});
