//! The catalog of one shard: which series there are, their labels, and how they are found.
//!
//! Invariant: a slot, once filled, keeps its label set until the series is removed, and is never filled
//! again; no two slots have the same label set.

use hashbrown::HashTable;
use timberline_model::Labels;

use super::{
    index::Index,
    interned::{PairId, Pairs, each_pair},
    runs::Runs,
    slots::Slots,
};

mod part;

pub(super) use part::PartError;

/// The series of one shard. About 12 bytes for each, 4 for each of its labels, 6 to 12 for finding it
/// by its hash, and its places in the postings.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pairs: Pairs,
    runs: Runs,
    index: Index,
    slots: Slots,
    by_hash: HashTable<u32>,
    /// Series in slots before this one are in the index; the others are found by looking at each.
    indexed_to: u32,
    /// Another one for each time that the shard's catalog is made anew.
    generation: u32,
    /// Kept for its memory.
    ids: Vec<PairId>,
}

/// Series that wait to be indexed, when new ones come, and how many are then indexed at once.
const UNINDEXED_MAX: u32 = 4_096;

impl Catalog {
    /// One more than the highest slot that was ever in use.
    pub(super) const fn slot_end(&self) -> u32 {
        self.slots.end()
    }

    /// Leaves the slots before this one as they are: none of them is handed out any more.
    pub(super) fn skip_to(&mut self, slot_end: u32) {
        self.slots.skip_to(slot_end);
    }

    /// How many series there are.
    pub(super) const fn len(&self) -> u32 {
        self.slots.filled()
    }

    /// Whether a slot holds a series.
    #[inline]
    pub(super) fn contains(&self, slot: u32) -> bool {
        self.slots.run(slot).is_some()
    }

    /// The slot of a label set. The hash only leads there; the labels decide.
    #[inline]
    pub(super) fn find(&self, hash: u64, labels: &Labels) -> Option<u32> {
        let same =
            |slot: &u32| self.slots.hash(*slot) == hash && self.is_same(*slot, labels.as_bytes());
        self.by_hash.find(hash, same).copied()
    }

    fn is_same(&self, slot: u32, labels: &[u8]) -> bool {
        let mut rest = labels;
        for id in self.pairs_of(slot).unwrap_or_default() {
            match rest.strip_prefix(self.pairs.text(*id)) {
                Some(tail) => rest = tail,
                None => return false,
            }
        }
        rest.is_empty()
    }

    /// Adds a series in the next slot; `None` when the shard cannot hold another.
    pub(super) fn push(&mut self, hash: u64, labels: &Labels) -> Option<u32> {
        let slot = self.slots.end();
        let added = slot < u32::MAX && self.insert(slot, hash, labels);
        if slot - self.indexed_to >= UNINDEXED_MAX {
            self.index_some(2 * UNINDEXED_MAX);
        }
        added.then_some(slot)
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
        self.ids.clear();
        let Self { pairs, index, ids, .. } = self;
        each_pair(labels.as_bytes(), |text| {
            let (id, is_new) = pairs.find_or_add(text);
            if is_new {
                index.add_pair(id, pairs);
            }
            ids.push(id);
        });
        self.put(slot, hash);
        true
    }

    /// Fills a slot with the series whose pairs are in `ids`.
    fn put(&mut self, slot: u32, hash: u64) {
        self.slots.fill(slot, hash, self.runs.push(&self.ids));
        if slot < self.indexed_to {
            self.index.add(slot, &self.ids);
        }
        let slots = &self.slots;
        self.by_hash.insert_unique(hash, slot, |slot| slots.hash(*slot));
    }

    /// Puts series that wait for it into the index, those of so many slots at most; says whether some
    /// still wait.
    pub(super) fn index_some(&mut self, max: u32) -> bool {
        let end = self.slot_end().min(self.indexed_to.saturating_add(max));
        for slot in self.indexed_to..end {
            if let Some(run) = self.slots.run(slot) {
                self.index.add(slot, self.runs.get(run));
            }
        }
        self.indexed_to = end;
        end < self.slot_end()
    }

    /// The first slot whose series may not be in the index; none after it is.
    pub(super) const fn indexed_to(&self) -> u32 {
        self.indexed_to
    }

    /// Removes a series; says whether there was one. Its pairs and its places in the index stay until
    /// the catalog is [rebuilt](Self::rebuilt).
    pub(super) fn remove(&mut self, slot: u32) -> bool {
        let hash = self.slots.hash(slot);
        if !self.slots.clear(slot) {
            return false;
        }
        if let Ok(entry) = self.by_hash.find_entry(hash, |found| *found == slot) {
            entry.remove();
        }
        true
    }

    /// The same series without what removed ones have left.
    pub(super) fn rebuilt(&self) -> Self {
        let mut rebuilt = Self { generation: self.generation.wrapping_add(1), ..Self::default() };
        rebuilt.reserve(self.len() as usize);
        let mut new_ids = vec![PairId::MAX; self.pairs.len()];
        for (slot, hash, run) in self.slots.iter() {
            rebuilt.ids.clear();
            for &id in self.runs.get(run) {
                let new = &mut new_ids[id as usize];
                if *new == PairId::MAX {
                    *new = rebuilt.pairs.add(self.pairs.text(id));
                    rebuilt.index.add_pair(*new, &rebuilt.pairs);
                }
                rebuilt.ids.push(*new);
            }
            rebuilt.put(slot, hash);
        }
        rebuilt.skip_to(self.slot_end());
        rebuilt.index_some(u32::MAX);
        rebuilt
    }

    fn reserve(&mut self, series: usize) {
        let slots = &self.slots;
        self.by_hash.reserve(series, |slot| slots.hash(*slot));
    }

    /// The pairs of a series in order of their names, or `None` where the slot is empty.
    pub(super) fn pairs_of(&self, slot: u32) -> Option<&[PairId]> {
        self.slots.run(slot).map(|run| self.runs.get(run))
    }

    /// The labels of a series, or `None` where the slot is empty.
    pub(super) fn labels(&self, slot: u32) -> Option<Labels> {
        let ids = self.pairs_of(slot)?;
        let mut bytes = Vec::with_capacity(ids.iter().map(|id| self.pairs.text(*id).len()).sum());
        for id in ids {
            bytes.extend_from_slice(self.pairs.text(*id));
        }
        Some(Labels::from_bytes(&bytes).expect("interned pairs of a series are its labels"))
    }

    /// The hash of a series' labels, or `None` where the slot is empty.
    pub(super) fn label_hash(&self, slot: u32) -> Option<u64> {
        self.contains(slot).then(|| self.slots.hash(slot))
    }

    /// The filled slots from one on, ascending, each with its pairs.
    pub(super) fn series_from(&self, first: u32) -> impl Iterator<Item = (u32, &[PairId])> {
        let series = self.slots.iter_from(first);
        series.map(|(slot, _, run)| (slot, self.runs.get(run)))
    }

    /// The filled slots, ascending.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().map(|(slot, ..)| slot)
    }

    /// Tells catalogs of one shard apart: pairs keep their numbers within one.
    pub(super) const fn generation(&self) -> u32 {
        self.generation
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
            + self.slots.bytes()
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
        assert!(!catalog.index_some(u32::MAX));
        assert_eq!(catalog.index().all().iter().collect::<Vec<_>>(), [5, 6]);
    }
}
