//! Labels of series in blocks that queries have asked for, so that they are not decoded again and again.
//!
//! Invariant: a block's name belongs to one content for ever, so nothing here is ever wrong; what is not
//! asked for any more goes when its generation does.

use std::collections::HashMap;

use parking_lot::Mutex;
use timberline_model::Labels;
use ulid::Ulid;

const SHARDS: usize = 16;
/// Bytes of all labels that are kept, at most.
const BYTES_MAX: usize = 64 << 20;
/// What an entry takes besides its labels.
const ENTRY_BYTES: usize = 80;

/// Labels by block and number of the series.
#[derive(Debug, Default)]
pub(super) struct LabelCache {
    shards: [Mutex<Generations>; SHARDS],
}

type Entries = HashMap<(Ulid, u32), Labels>;

/// What was asked for since the last change of generations, and before it.
#[derive(Debug, Default)]
struct Generations {
    young: Entries,
    young_bytes: usize,
    old: Entries,
}

impl LabelCache {
    /// The labels of a series, if they are here.
    pub(super) fn get(&self, block: Ulid, series: u32) -> Option<Labels> {
        let mut shard = self.shard(series).lock();
        if let Some(labels) = shard.young.get(&(block, series)) {
            return Some(labels.clone());
        }
        let labels = shard.old.remove(&(block, series))?;
        shard.insert((block, series), labels.clone());
        Some(labels)
    }

    /// Keeps the labels of a series.
    pub(super) fn put(&self, block: Ulid, series: u32, labels: Labels) {
        let mut shard = self.shard(series).lock();
        shard.insert((block, series), labels);
    }

    fn shard(&self, series: u32) -> &Mutex<Generations> {
        &self.shards[series as usize % SHARDS]
    }
}

impl Generations {
    fn insert(&mut self, key: (Ulid, u32), labels: Labels) {
        self.young_bytes += ENTRY_BYTES + labels.as_bytes().len();
        self.young.insert(key, labels);
        if self.young_bytes > BYTES_MAX / SHARDS / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        Labels::from_pairs([("host", text)]).unwrap()
    }

    #[test]
    fn what_is_asked_for_stays_and_memory_is_bounded() {
        let (cache, block, other) = (LabelCache::default(), Ulid::from(1_u128), Ulid::from(2_u128));
        cache.put(block, 16, labels("kept"));
        let long = "x".repeat(4_096);
        for series in 1..=20_000_u32 {
            cache.put(other, series * 16, labels(&long));
            assert_eq!(cache.get(block, 16), Some(labels("kept")));
        }
        assert_eq!(cache.get(other, 16), None);
        assert_eq!(cache.get(other, 16 * 20_000), Some(labels(&long)));
        let shard = cache.shards[0].lock();
        let held = shard.young.len() + shard.old.len();
        assert!(held * 4_096 < BYTES_MAX / SHARDS, "{held} entries");
    }
}
