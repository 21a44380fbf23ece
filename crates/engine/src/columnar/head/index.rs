//! The inverted index of one shard: from label names and values to slots.
//!
//! What it is not: a dictionary of texts. Those are in [`Pairs`]; the index knows them by number.
//!
//! Invariant: there is an entry for every pair; its postings have the series that were added, which the
//! catalog does some time after they are there.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::{
    heavy::Heavy,
    interned::{PairId, Pairs},
    postings::{Postings, bitmap_bytes},
};

/// Names, values and postings of one shard.
#[derive(Debug, Default)]
pub(super) struct Index {
    all: RoaringBitmap,
    entries: Vec<Entry>,
    names: Vec<Name>,
    heavy: Heavy,
    by_name: BTreeMap<Box<str>, u32>,
}

/// What the index knows of one pair.
#[derive(Debug)]
struct Entry {
    name: u32,
    /// Bytes of the value, and in the highest bit whether it is listed among the heavy pairs.
    value: u32,
    postings: Postings,
}

const _: () = assert!(size_of::<Entry>() <= 32);

/// Marks a pair that is listed.
const HEAVY: u32 = 1 << 31;

/// What the index knows of one label name.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// The pairs with this name, one for each value, in order of first use.
    pub(super) pairs: Vec<PairId>,
    /// The series that have the label.
    pub(super) present: RoaringBitmap,
    /// Bytes of the values that series have for it: each as often as there are series with it.
    pub(super) value_bytes: u64,
}

impl Index {
    /// Adds the pair that was numbered last.
    pub(super) fn add_pair(&mut self, id: PairId, pairs: &Pairs) {
        debug_assert!(
            id as usize == self.entries.len(),
            "pairs come in the order of their numbers"
        );
        let (name, value) = pairs.name_and_value(id);
        let name = self.name_number(name);
        self.names[name as usize].pairs.push(id);
        let value = u32::try_from(value.len()).expect("values are short") & !HEAVY;
        self.entries.push(Entry { name, value, postings: Postings::None });
    }

    /// Adds a series with these pairs.
    pub(super) fn add(&mut self, slot: u32, ids: &[PairId]) {
        self.all.insert(slot);
        for &id in ids {
            let entry = &mut self.entries[id as usize];
            entry.postings.insert(slot);
            let name = &mut self.names[entry.name as usize];
            name.present.insert(slot);
            name.value_bytes += u64::from(entry.value & !HEAVY);
            if entry.value & HEAVY == 0 && entry.postings.len() >= self.heavy.floor() {
                self.list_heavy(id);
            }
        }
    }

    fn list_heavy(&mut self, id: PairId) {
        let Self { heavy, entries, .. } = self;
        entries[id as usize].value |= HEAVY;
        let mut dropped = Vec::new();
        let series_of = |pair: PairId| entries[pair as usize].postings.len();
        heavy.list(id, series_of, |pair| dropped.push(pair));
        for pair in dropped {
            entries[pair as usize].value &= !HEAVY;
        }
    }

    /// The pairs with the most series.
    pub(super) const fn heavy(&self) -> &Heavy {
        &self.heavy
    }

    fn name_number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.by_name.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).expect("there are no more names than pairs");
        self.names.push(Name::default());
        self.by_name.insert(name.into(), number);
        number
    }

    /// All series.
    pub(super) const fn all(&self) -> &RoaringBitmap {
        &self.all
    }

    /// A label name, if any series has it.
    pub(super) fn name(&self, name: &str) -> Option<&Name> {
        self.by_name.get(name).map(|number| &self.names[*number as usize])
    }

    /// All names, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &Name)> {
        self.by_name.iter().map(|(name, number)| (name.as_ref(), &self.names[*number as usize]))
    }

    /// The series that have a pair.
    pub(super) fn postings(&self, id: PairId) -> &Postings {
        &self.entries[id as usize].postings
    }

    /// Bytes held, about.
    pub(super) fn bytes(&self) -> usize {
        let postings: usize = self.entries.iter().map(|entry| entry.postings.bytes()).sum();
        let names = self
            .names
            .iter()
            .map(|name| name.pairs.capacity() * size_of::<PairId>() + bitmap_bytes(&name.present));
        bitmap_bytes(&self.all)
            + self.entries.capacity() * size_of::<Entry>()
            + postings
            + self.heavy.bytes()
            + names.sum::<usize>()
    }
}
