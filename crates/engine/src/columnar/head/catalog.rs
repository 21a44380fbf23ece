//! The catalog of one shard: which series there are, their labels, and how they are found.
//!
//! Invariant: a slot, once filled, keeps its label set for ever, and no two slots have the same one.

use hashbrown::HashTable;
use timberline_model::Labels;

use super::{
    index::Index,
    interned::{PairId, Pairs, each_pair},
    runs::{Run, Runs},
};

/// The series of one shard. About 12 bytes for each, 4 for each of its labels, 6 to 12 for finding it
/// by its hash, and its places in the postings.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pairs: Pairs,
    runs: Runs,
    index: Index,
    /// By slot: the hash of the labels.
    hashes: Vec<u64>,
    /// By slot: the labels as pairs, or none where the slot is empty.
    series: Vec<Run>,
    by_hash: HashTable<u32>,
    /// Kept for its memory.
    ids: Vec<PairId>,
}

impl Catalog {
    /// One more than the highest slot in use.
    pub(super) fn slot_end(&self) -> u32 {
        u32::try_from(self.series.len()).expect("slots are 32-bit numbers")
    }

    /// Whether a slot holds a series.
    #[inline]
    pub(super) fn contains(&self, slot: u32) -> bool {
        self.series.get(slot as usize).is_some_and(|run| *run != Run::NONE)
    }

    /// The slot of a label set. The hash only leads there; the labels decide.
    #[inline]
    pub(super) fn find(&self, hash: u64, labels: &Labels) -> Option<u32> {
        let same = |slot: &u32| {
            self.hashes[*slot as usize] == hash && self.is_same(*slot, labels.as_bytes())
        };
        self.by_hash.find(hash, same).copied()
    }

    fn is_same(&self, slot: u32, labels: &[u8]) -> bool {
        let mut rest = labels;
        for id in self.pairs_of(slot) {
            match rest.strip_prefix(self.pairs.text(*id)) {
                Some(tail) => rest = tail,
                None => return false,
            }
        }
        rest.is_empty()
    }

    /// Adds a series in the next slot; `None` when the shard cannot hold another.
    pub(super) fn push(&mut self, hash: u64, labels: &Labels) -> Option<u32> {
        let slot = u32::try_from(self.series.len()).ok().filter(|slot| *slot < u32::MAX)?;
        self.insert(slot, hash, labels).then_some(slot)
    }

    /// Adds a series in an empty slot, leaving the slots before it empty if they are. `false` when
    /// the shard cannot hold another series.
    ///
    /// # Panics
    /// When the slot is taken.
    #[must_use]
    pub(super) fn insert(&mut self, slot: u32, hash: u64, labels: &Labels) -> bool {
        assert!(!self.contains(slot), "a slot keeps its series");
        debug_assert!(self.find(hash, labels).is_none(), "a series has one slot");
        if self.pairs.is_full() || self.runs.is_full() {
            return false;
        }
        let index = slot as usize;
        if index >= self.series.len() {
            self.series.resize(index + 1, Run::NONE);
            self.hashes.resize(index + 1, 0);
        }
        let Self { pairs, ids, .. } = self;
        ids.clear();
        each_pair(labels.as_bytes(), |text| {
            ids.push(pairs.find(text).unwrap_or_else(|| pairs.add(text)));
        });
        self.series[index] = self.runs.push(&self.ids);
        self.hashes[index] = hash;
        self.index.add(slot, &self.ids, &self.pairs);
        let hashes = &self.hashes;
        self.by_hash.insert_unique(hash, slot, |slot| hashes[*slot as usize]);
        true
    }

    /// The pairs of a series, in order of their names.
    ///
    /// # Panics
    /// When the slot is empty.
    pub(super) fn pairs_of(&self, slot: u32) -> &[PairId] {
        self.runs.get(self.series[slot as usize])
    }

    /// The labels of a series, or `None` where the slot is empty.
    pub(super) fn labels(&self, slot: u32) -> Option<Labels> {
        if !self.contains(slot) {
            return None;
        }
        let ids = self.pairs_of(slot);
        let mut bytes = Vec::with_capacity(ids.iter().map(|id| self.pairs.text(*id).len()).sum());
        for id in ids {
            bytes.extend_from_slice(self.pairs.text(*id));
        }
        Some(Labels::from_bytes(&bytes).expect("interned pairs of a series are its labels"))
    }

    /// The hash of a series' labels, or `None` where the slot is empty.
    pub(super) fn label_hash(&self, slot: u32) -> Option<u64> {
        self.contains(slot).then(|| self.hashes[slot as usize])
    }

    /// The interned pairs.
    pub(super) const fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// The inverted index.
    pub(super) const fn index(&self) -> &Index {
        &self.index
    }

    /// Bytes held, about.
    pub(super) fn bytes(&self) -> usize {
        self.pairs.bytes()
            + self.runs.bytes()
            + self.index.bytes()
            + self.hashes.capacity() * size_of::<u64>()
            + self.series.capacity() * size_of::<Run>()
            + self.by_hash.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(host: &str) -> Labels {
        Labels::from_pairs([("__name__", "up"), ("host", host)]).expect("valid")
    }

    #[test]
    fn series_with_one_hash_are_told_apart_by_their_labels() {
        let mut catalog = Catalog::default();
        let (a, b, c) = (labels("a"), labels("b"), labels("c"));
        assert_eq!(catalog.push(7, &a), Some(0));
        assert_eq!(catalog.push(7, &b), Some(1));
        assert_eq!(catalog.find(7, &a), Some(0));
        assert_eq!(catalog.find(7, &b), Some(1));
        assert_eq!(catalog.find(7, &c), None);
        assert_eq!(catalog.find(8, &a), None);
        let longer =
            Labels::from_pairs([("__name__", "up"), ("host", "a"), ("z", "1")]).expect("valid");
        let shorter = Labels::from_pairs([("__name__", "up")]).expect("valid");
        assert_eq!(catalog.find(7, &longer), None);
        assert_eq!(catalog.find(7, &shorter), None);
    }

    #[test]
    fn slots_left_empty_hold_nothing() {
        let mut catalog = Catalog::default();
        assert!(catalog.insert(5, 1, &labels("a")));
        assert_eq!(catalog.slot_end(), 6);
        assert!(!catalog.contains(3) && catalog.contains(5) && !catalog.contains(6));
        assert_eq!((catalog.labels(3), catalog.label_hash(3)), (None, None));
        assert_eq!(catalog.labels(5), Some(labels("a")));
        assert_eq!(catalog.push(2, &labels("b")), Some(6));
        assert_eq!(catalog.index().all().iter().collect::<Vec<_>>(), [5, 6]);
    }
}
