//! A catalog to a part of the dictionary, and back.
//!
//! Pairs go by their numbers in both directions, so that no text of a series is hashed or compared:
//! about 30 ns a series to write, and 150 ns to read.

use timberline_log::{
    LogError,
    checkpoint::{Part, PartEncoder},
};

use super::Catalog;
use crate::columnar::head::interned::PairId;

impl Catalog {
    /// All series as a part of the dictionary.
    pub(in crate::columnar::head) fn to_part(&self, number: u32) -> PartEncoder {
        let mut part = PartEncoder::new(number, self.slot_end());
        // Pairs of series that have gone are left out.
        let mut numbers = vec![PairId::MAX; self.pairs.len()];
        for (slot, hash, run) in self.slots.iter() {
            let ids = self.runs.get(run);
            for &id in ids {
                let number = &mut numbers[id as usize];
                if *number == PairId::MAX {
                    *number = part.pair(self.pairs.text(id));
                }
            }
            part.series(slot, hash, ids.iter().map(|id| numbers[*id as usize]));
        }
        part
    }

    /// The catalog that a part describes. The series are not in the index yet.
    ///
    /// # Errors
    /// What is wrong with a part that no catalog can have written. `in_shard` says whether a hash is
    /// one of this shard.
    pub(in crate::columnar::head) fn of_part(
        part: &Part<'_>,
        in_shard: impl Fn(u64) -> bool,
    ) -> Result<Self, PartError> {
        let mut catalog = Self::default();
        catalog.pairs.reserve(part.pair_count());
        for text in part.pairs() {
            let (id, is_new) = catalog.pairs.find_or_add(text);
            if !is_new {
                return Err(PartError::Contradiction("a label pair stands there twice"));
            }
            catalog.index.add_pair(id, &catalog.pairs);
        }
        let ranks = catalog.ranks();
        catalog.reserve(part.series_count());
        let mut series = part.series();
        let mut ids = std::mem::take(&mut catalog.ids);
        while let Some((slot, hash)) = series.next(&mut ids)? {
            let reason = if !ids.is_sorted_by(|a, b| ranks[*a as usize] < ranks[*b as usize]) {
                "labels of a series are not in order"
            } else if !in_shard(hash) {
                "a series belongs to another shard"
            } else if catalog.has_run(hash, &ids) {
                "two numbers have the same labels"
            } else if catalog.runs.is_full() {
                "there are more series than a shard can hold"
            } else {
                catalog.ids.clone_from(&ids);
                catalog.put(slot, hash);
                continue;
            };
            return Err(PartError::Contradiction(reason));
        }
        catalog.skip_to(part.slot_end());
        Ok(catalog)
    }

    /// Whether a series with this hash has these pairs.
    fn has_run(&self, hash: u64, ids: &[PairId]) -> bool {
        let same = |slot: &u32| self.slots.hash(*slot) == hash && self.pairs_of(*slot) == Some(ids);
        self.by_hash.find(hash, same).is_some()
    }

    /// By pair: where its name stands among all names.
    fn ranks(&self) -> Vec<u32> {
        let mut ranks = vec![0; self.pairs.len()];
        for (rank, (_, name)) in (0..).zip(self.index.names()) {
            for &id in &name.pairs {
                ranks[id as usize] = rank;
            }
        }
        ranks
    }
}

/// A part that cannot be taken in.
#[derive(Debug)]
pub(in crate::columnar::head) enum PartError {
    Malformed(LogError),
    Contradiction(&'static str),
}

impl From<LogError> for PartError {
    fn from(error: LogError) -> Self {
        Self::Malformed(error)
    }
}
