//! Fingerprints: known series are found by the very bytes in which their labels came.
//!
//! A fingerprint is 128 bits of XXH3 over the bytes, under a secret that is drawn anew for every head,
//! so that nobody can make two keys that share one. It stands for the key; the bytes are not kept.
//!
//! What the cache is not: complete. Whatever it does not know is decoded and looked up by its labels.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use parking_lot::RwLock;
use timberline_model::{LabelDecoder, SeriesRef};
use xxhash_rust::xxh3::xxh3_128_with_secret;

use super::{group::Groups, place::SHARD_COUNT};

/// Bytes of the secret. XXH3 asks for 136 at least.
const SECRET_BYTES: usize = 192;
/// Fingerprints that a shard of the cache may hold, however few series there are.
const ENTRIES_MIN: u64 = 4_096;
/// Fingerprints for each series, on average, at which a shard of the cache is emptied: senders may
/// write one series in several ways, but not in many.
const ENTRIES_PER_SERIES_MAX: u64 = 2;

/// What stands for a decoder and the bytes it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(u128);

impl Fingerprint {
    /// The top bits choose the shard, the lowest ones the place in its table.
    #[inline]
    const fn shard(self) -> usize {
        (self.0 >> (u128::BITS - SHARD_COUNT.trailing_zeros())) as usize
    }

    #[inline]
    const fn low(self) -> u64 {
        self.0 as u64
    }

    #[inline]
    const fn high(self) -> u64 {
        (self.0 >> u64::BITS) as u64
    }
}

/// Fingerprints and their series.
#[derive(Debug)]
pub(super) struct FingerprintCache {
    secret: [u8; SECRET_BYTES],
    shards: [RwLock<Table>; SHARD_COUNT],
}

/// One shard of the cache.
///
/// Senders repeat their series in one order. So the entries are kept in the order in which they came,
/// and the one behind the last one found is tried first: most lookups read memory in a row instead
/// of going through the hash table.
#[derive(Debug, Default)]
struct Table {
    entries: Vec<Entry>,
    by_low: HashTable<u32>,
}

/// 24 bytes; a 128-bit field would make it 32.
#[derive(Clone, Copy, Debug)]
struct Entry {
    low: u64,
    high: u64,
    series: SeriesRef,
}

impl Entry {
    #[inline]
    const fn is_of(&self, print: Fingerprint) -> bool {
        self.low == print.low() && self.high == print.high()
    }
}

impl Table {
    /// The series of a fingerprint, tried at `guess` first. Leaves in `guess` where to try next.
    #[inline]
    fn find(&self, print: Fingerprint, guess: &mut usize) -> Option<SeriesRef> {
        let entry = match self.entries.get(*guess) {
            Some(entry) if entry.is_of(print) => entry,
            _ => {
                let same = |index: &u32| self.entries[*index as usize].is_of(print);
                *guess = *self.by_low.find(print.low(), same)? as usize;
                &self.entries[*guess]
            }
        };
        *guess += 1;
        Some(entry.series)
    }

    fn add(&mut self, entry: Entry) {
        let index = u32::try_from(self.entries.len()).expect("the cache is smaller than that");
        self.entries.push(entry);
        let entries = &self.entries;
        self.by_low.insert_unique(entry.low, index, |index| entries[*index as usize].low);
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.by_low.clear();
    }

    fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.by_low.allocation_size()
    }
}

impl FingerprintCache {
    pub(super) fn new() -> Self {
        Self { secret: draw_secret(), shards: std::array::from_fn(|_| RwLock::default()) }
    }

    /// What a decoder adds to the fingerprints of the bytes it reads.
    pub(super) fn mark_of(&self, decode: LabelDecoder) -> u128 {
        xxh3_128_with_secret(&(decode as usize).to_le_bytes(), &self.secret)
    }

    /// The fingerprint of bytes whose decoder has this mark.
    #[inline]
    pub(super) fn fingerprint(&self, mark: u128, bytes: &[u8]) -> Fingerprint {
        Fingerprint(xxh3_128_with_secret(bytes, &self.secret) ^ mark)
    }

    /// Looks up many at once; `answer` gets the index of each and its series, in any order.
    pub(super) fn find_all<T>(
        &self,
        wanted: &[T],
        fingerprint: impl Fn(&T) -> Fingerprint,
        mut answer: impl FnMut(&T, Option<SeriesRef>),
    ) {
        for (shard, indexes) in Groups::of(wanted, |item| fingerprint(item).shard()).iter() {
            let table = self.shards[shard].read();
            let mut guess = 0;
            for index in indexes {
                let item = &wanted[*index as usize];
                answer(item, table.find(fingerprint(item), &mut guess));
            }
        }
    }

    /// Remembers the series of some fingerprints, in a database of so many series, unless some of them
    /// may have gone in the meantime: `is_current` is asked while nobody else changes a table.
    pub(super) fn remember(
        &self,
        found: &[(Fingerprint, SeriesRef)],
        series_count: u64,
        is_current: impl Fn() -> bool,
    ) {
        let shard_series = series_count / SHARD_COUNT as u64;
        let max = ENTRIES_MIN.max(shard_series.saturating_mul(ENTRIES_PER_SERIES_MAX));
        for (shard, indexes) in Groups::of(found, |(print, _)| print.shard()).iter() {
            let mut table = self.shards[shard].write();
            if !is_current() {
                return;
            }
            for index in indexes {
                let (print, series) = found[*index as usize];
                if table.find(print, &mut 0).is_some() {
                    continue;
                }
                if table.entries.len() as u64 >= max {
                    table.clear();
                }
                table.add(Entry { low: print.low(), high: print.high(), series });
            }
        }
    }

    /// Forgets the fingerprints of series that have gone.
    pub(super) fn retain(&self, is_known: impl Fn(SeriesRef) -> bool) {
        for table in &self.shards {
            let mut table = table.write();
            let kept: Vec<Entry> =
                table.entries.iter().filter(|entry| is_known(entry.series)).copied().collect();
            if kept.len() < table.entries.len() {
                *table = Table::default();
                kept.into_iter().for_each(|entry| table.add(entry));
            }
        }
    }

    /// How many fingerprints are known.
    pub(super) fn len(&self) -> u64 {
        self.shards.iter().map(|table| table.read().entries.len() as u64).sum()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> u64 {
        self.shards.iter().map(|table| table.read().bytes() as u64).sum()
    }
}

/// Bytes from the operating system's randomness, stretched by the standard library's keyed hash.
fn draw_secret() -> [u8; SECRET_BYTES] {
    let mut secret = [0; SECRET_BYTES];
    let keys = RandomState::new();
    for (index, word) in secret.chunks_exact_mut(size_of::<u64>()).enumerate() {
        word.copy_from_slice(&keys.hash_one(index).to_le_bytes());
    }
    secret
}

#[cfg(test)]
mod tests {
    use timberline_model::{Labels, LabelsBuilder, LabelsError};

    use super::*;

    fn another_decoder(_: &[u8], builder: &mut LabelsBuilder) -> Result<(), LabelsError> {
        builder.push("another", "decoder");
        Ok(())
    }

    fn find_one(cache: &FingerprintCache, print: Fingerprint) -> Option<SeriesRef> {
        let mut found = None;
        cache.find_all(&[print], |print| *print, |_, series| found = series);
        found
    }

    #[test]
    fn equal_bytes_under_another_decoder_are_another_key() {
        let cache = FingerprintCache::new();
        let canonical = cache.fingerprint(cache.mark_of(Labels::decode_canonical), b"bytes");
        let other = cache.fingerprint(cache.mark_of(another_decoder), b"bytes");
        assert_ne!(canonical, other);
        cache.remember(&[(canonical, SeriesRef(7))], 1, || false);
        assert_eq!(find_one(&cache, canonical), None, "the series may have gone");
        cache.remember(&[(canonical, SeriesRef(7))], 1, || true);
        assert_eq!(find_one(&cache, canonical), Some(SeriesRef(7)));
        assert_eq!(find_one(&cache, other), None);
    }

    #[test]
    fn every_cache_has_a_secret_of_its_own() {
        let (a, b) = (FingerprintCache::new(), FingerprintCache::new());
        assert_ne!(a.fingerprint(0, b"bytes"), b.fingerprint(0, b"bytes"));
    }

    #[test]
    fn the_cache_stays_bounded() {
        let cache = FingerprintCache::new();
        for round in 0..200_u64 {
            let print = |i: u64| (cache.fingerprint(0, &i.to_le_bytes()), SeriesRef(i));
            let found: Vec<_> = (round * 1_000..(round + 1) * 1_000).map(print).collect();
            cache.remember(&found, 100, || true);
            assert_eq!(find_one(&cache, found[999].0), Some(found[999].1));
        }
        assert!(cache.len() <= ENTRIES_MIN * SHARD_COUNT as u64);
        let known = |i: &u64| find_one(&cache, cache.fingerprint(0, &i.to_le_bytes())).is_some();
        let before: Vec<u64> = (0..200_000).filter(known).collect();
        assert_eq!(before.len() as u64, cache.len());
        cache.retain(|series| series.0 % 2 == 0);
        let even: Vec<u64> = before.into_iter().filter(|i| i % 2 == 0).collect();
        assert_eq!((0..200_000).filter(known).collect::<Vec<_>>(), even);
    }
}
