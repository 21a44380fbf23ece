//! Any bytes as the index of a Prometheus block, with checksums made right so that they lead further:
//! series or an error, and no more chunks than the bytes can hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_codec::crc::crc32c;
use timberline_exchange::prometheus::{IndexReader, Tombstones};

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    let _ = Tombstones::read(bytes);
    // A header, a table of contents that leads into the bytes, and checksums where they are sought.
    let mut index = vec![0xba, 0xaa, 0xd7, 0x00, 2];
    index.extend_from_slice(bytes);
    let symbols = 5_usize;
    seal(&mut index, symbols, 4);
    let series = index.len().min(64).next_multiple_of(16);
    let toc: Vec<u8> =
        [symbols, series, 0, 0, 0, 0].iter().flat_map(|at| (*at as u64).to_be_bytes()).collect();
    index.extend_from_slice(&toc);
    index.extend_from_slice(&crc32c(&toc).to_be_bytes());
    read(&index);
});

/// Puts the checksum behind a section whose length is written in so many bytes.
fn seal(index: &mut [u8], at: usize, length_bytes: usize) {
    let Some(length) = index.get(at..at + length_bytes) else { return };
    let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let start = at + length_bytes;
    let Some(content) = index.get(start..start.saturating_add(length)) else { return };
    let crc = crc32c(content).to_be_bytes();
    if let Some(place) = index.get_mut(start + length..start + length + 4) {
        place.copy_from_slice(&crc);
    }
}

fn read(bytes: &[u8]) {
    if let Ok(mut reader) = IndexReader::open(bytes) {
        while let Ok(Some(series)) = reader.next_series() {
            assert!(series.chunks.len() <= bytes.len());
        }
    }
}
