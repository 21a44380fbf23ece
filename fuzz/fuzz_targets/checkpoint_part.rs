//! Arbitrary bytes as a part of a dictionary of series: an error, or pairs and series that encode to a
//! part with the same content.

#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_log::checkpoint::{Part, PartEncoder};

/// The series of a part, or nothing if one of them is malformed.
fn series_of(part: &Part<'_>) -> Option<Vec<(u32, u64, Vec<u32>)>> {
    let (mut series, mut pairs, mut found) = (part.series(), Vec::new(), Vec::new());
    while let Some((slot, hash)) = series.next(&mut pairs).ok()? {
        assert!(slot < part.slot_end() && !pairs.is_empty());
        assert!(pairs.iter().all(|pair| (*pair as usize) < part.pair_count()));
        found.push((slot, hash, pairs.clone()));
    }
    assert_eq!(found.len(), part.series_count());
    assert!(found.is_sorted_by(|a, b| a.0 < b.0));
    Some(found)
}

fuzz_target!(|data: &[u8]| {
    let Ok(part) = Part::decode(7, data) else { return };
    assert_eq!(part.pairs().count(), part.pair_count());
    let Some(series) = series_of(&part) else { return };
    let mut encoder = PartEncoder::new(part.number(), part.slot_end());
    part.pairs().for_each(|pair| {
        encoder.pair(pair);
    });
    for (slot, hash, pairs) in &series {
        encoder.series(*slot, *hash, pairs.iter().copied());
    }
    let content = encoder.finish();
    let again = Part::decode(7, &content).expect("what was encoded is decoded");
    assert!(again.pairs().eq(part.pairs()));
    assert_eq!(series_of(&again), Some(series));
});
