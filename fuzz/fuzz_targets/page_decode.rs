//! Any bytes as a page or its figures: an error, or a column within bounds that encodes and decodes to
//! itself; and any bytes as the column of a page.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_codec::page::{self, PageStats, VALUES_MAX};

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn round_trip_values(values: &[f64]) {
    let (mut bytes, mut decoded) = (Vec::new(), Vec::new());
    page::encode_values(values, &mut bytes);
    page::decode_values(&bytes, values.len(), &mut decoded).expect("what was encoded decodes");
    assert_eq!(bits(values), bits(&decoded));
    let mut figures = Vec::new();
    PageStats::of(values).put(&mut figures);
    let (_, rest) = PageStats::read(&figures).expect("what was stored is read");
    assert!(rest.is_empty());
}

fn round_trip_timestamps(timestamps: &[i64]) {
    let (mut bytes, mut decoded) = (Vec::new(), Vec::new());
    page::encode_timestamps(timestamps, &mut bytes);
    page::decode_timestamps(&bytes, timestamps.len(), &mut decoded)
        .expect("what was encoded decodes");
    assert_eq!(timestamps, decoded);
}

fuzz_target!(|bytes: &[u8]| {
    let (mut values, mut timestamps) = (Vec::new(), Vec::new());
    match page::decode_values(bytes, VALUES_MAX, &mut values) {
        Ok(()) => round_trip_values(&values),
        Err(_) => assert!(values.is_empty(), "a column changed by an error"),
    }
    match page::decode_timestamps(bytes, VALUES_MAX, &mut timestamps) {
        Ok(()) => round_trip_timestamps(&timestamps),
        Err(_) => assert!(timestamps.is_empty(), "a column changed by an error"),
    }
    let _ = PageStats::read(bytes);

    let words: Vec<u64> =
        bytes.as_chunks().0.iter().take(VALUES_MAX).map(|word| u64::from_le_bytes(*word)).collect();
    if !words.is_empty() {
        round_trip_values(&words.iter().copied().map(f64::from_bits).collect::<Vec<_>>());
        round_trip_timestamps(&words.iter().map(|word| *word as i64).collect::<Vec<_>>());
    }
});
