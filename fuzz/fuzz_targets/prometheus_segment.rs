//! Any bytes as a chunk of a Prometheus segment, with its checksum made right: samples or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_codec::{crc::crc32c, varint::put_uvarint};
use timberline_exchange::prometheus::{check_segment, read_chunk};
use timberline_model::SeriesColumns;

fuzz_target!(|bytes: &[u8]| {
    let mut columns = SeriesColumns::default();
    let _ = check_segment(bytes);
    let _ = read_chunk(bytes, bytes.len().min(8), &mut columns);
    if bytes.is_empty() {
        return;
    }
    let mut chunk = Vec::new();
    put_uvarint(&mut chunk, bytes.len() as u64 - 1);
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(&crc32c(bytes).to_be_bytes());
    columns.clear();
    if read_chunk(&chunk, 0, &mut columns).is_ok() {
        assert_eq!(columns.timestamps.len(), columns.values.len());
        assert!(columns.sample_count() <= 1 << 16);
    }
});
