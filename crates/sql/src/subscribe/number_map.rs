//! Maps by numbers that we gave ourselves: nobody outside can choose them, so that mixing the bits is hash enough.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map by numbers of series.
pub(super) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// Odd numbers that let every bit of a number change about half of the bits (Stafford's "Mix 13", 2011).
const SPREAD: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// Hashes one number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        let mut bits = self.0.rotate_left(5) ^ number;
        bits = (bits ^ (bits >> 30)).wrapping_mul(SPREAD[0]);
        bits = (bits ^ (bits >> 27)).wrapping_mul(SPREAD[1]);
        self.0 = bits ^ (bits >> 31);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        hash::{BuildHasher as _, Hash as _},
    };

    use super::*;

    #[test]
    fn numbers_that_differ_in_either_half_spread_over_all_places() {
        let of = |number: u64| NumberMap::<u64, ()>::default().hasher().hash_one(number);
        for shift in [0, 8, 32, 48] {
            let low: HashSet<u64> = (0..1_024).map(|n| of(n << shift) % 4_096).collect();
            let high: HashSet<u64> = (0..1_024).map(|n| of(n << shift) >> 57).collect();
            assert!(low.len() > 700 && high.len() > 100, "{shift}: {} {}", low.len(), high.len());
        }
        let mut hasher = NumberHasher::default();
        [1_u8, 2].hash(&mut hasher);
        assert_ne!(hasher.finish(), 0);
    }
}
