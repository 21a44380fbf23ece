//! Where a series lives: its shard, and its slot within the shard.

use timberline_model::SeriesRef;

/// Shards of a head. A power of two, so that the top bits of a hash choose one.
pub const SHARD_COUNT: usize = 16;

const SHARD_BITS: u32 = SHARD_COUNT.trailing_zeros();
const SLOT_BITS: u32 = 32;

const _: () = assert!(SHARD_COUNT.is_power_of_two() && SHARD_COUNT > 1);

/// The number of a shard, below [`SHARD_COUNT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardIndex(u8);

impl ShardIndex {
    /// The shard with this number.
    ///
    /// # Panics
    /// When there is no such shard.
    #[must_use]
    pub const fn new(index: usize) -> Self {
        assert!(index < SHARD_COUNT, "no such shard");
        Self(index as u8)
    }

    /// The number, below [`SHARD_COUNT`].
    #[inline]
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// The series in one of the shard's slots. Series of a lower shard come first in order.
    #[inline]
    #[must_use]
    pub const fn series(self, slot: u32) -> SeriesRef {
        SeriesRef((self.0 as u64) << SLOT_BITS | slot as u64)
    }

    /// All shards, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARD_COUNT).map(Self::new)
    }

    /// The shard of a label set, by its hash.
    #[inline]
    pub(super) const fn of_hash(hash: u64) -> Self {
        Self((hash >> (u64::BITS - SHARD_BITS)) as u8)
    }
}

/// A series' number taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesPlace {
    shard: ShardIndex,
    slot: u32,
}

impl SeriesPlace {
    /// The place of a series that a head named. For numbers from elsewhere there is
    /// [`SeriesPlace::checked`].
    ///
    /// # Panics
    /// When the number names no shard.
    #[inline]
    #[must_use]
    pub const fn of(series: SeriesRef) -> Self {
        Self::checked(series).expect("a head numbers series within its shards")
    }

    /// The place that a number names, if there is such a shard. The slot may well be empty.
    #[inline]
    #[must_use]
    pub const fn checked(series: SeriesRef) -> Option<Self> {
        let shard = series.0 >> SLOT_BITS;
        if shard >= SHARD_COUNT as u64 {
            return None;
        }
        Some(Self { shard: ShardIndex(shard as u8), slot: series.0 as u32 })
    }

    /// The shard.
    #[inline]
    #[must_use]
    pub const fn shard(self) -> ShardIndex {
        self.shard
    }

    /// The position within the shard.
    #[inline]
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_number_is_shard_major_and_comes_apart_again() {
        let series = ShardIndex::new(3).series(7);
        assert_eq!(series, SeriesRef(3 << 32 | 7));
        let place = SeriesPlace::of(series);
        assert_eq!((place.shard().get(), place.slot()), (3, 7));
        assert!(ShardIndex::new(2).series(u32::MAX) < ShardIndex::new(3).series(0));
    }

    #[test]
    fn a_number_without_a_shard_is_told() {
        assert!(SeriesPlace::checked(SeriesRef(16 << 32)).is_none());
        assert!(SeriesPlace::checked(SeriesRef(u64::MAX)).is_none());
        assert!(SeriesPlace::checked(ShardIndex::new(15).series(u32::MAX)).is_some());
    }

    #[test]
    fn the_top_bits_of_a_hash_choose_the_shard() {
        assert_eq!(ShardIndex::of_hash(0).get(), 0);
        assert_eq!(ShardIndex::of_hash(u64::MAX).get(), SHARD_COUNT - 1);
        assert_eq!(ShardIndex::of_hash(1 << 60).get(), 1);
    }
}
