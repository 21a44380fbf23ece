//! How many values each label name has: each value once, in however many shards it is.
//!
//! Pairs are counted some time after they came, shard by shard, each once: a pair's number says whether
//! it was. The pairs themselves stay in their shards; here is a hash of each.
//!
//! Invariant: what was counted of a shard is what it holds, or else all is counted anew.

use std::collections::HashMap;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    catalog::Catalog,
    interned::{PairId, split},
    place::SHARD_COUNT,
};

/// The counts of all shards.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    /// By shard: which catalog was counted, and how many of its pairs.
    counted: [(u32, PairId); SHARD_COUNT],
    /// A hash of each pair. Two different pairs share one with a chance of one in 2^64 for each two.
    seen: HashTable<u64>,
    values: HashMap<Box<str>, u64>,
}

impl Distinct {
    /// Counts at most so many pairs of a shard that are not counted yet; says whether there were more.
    pub(super) fn count(&mut self, shard: usize, catalog: &Catalog, pairs_max: u32) -> bool {
        if self.counted[shard].0 != catalog.generation() {
            // The shard was made anew without what had left it. What others had of that is not known.
            self.seen.clear();
            self.values.clear();
            self.counted.iter_mut().for_each(|(_, pairs)| *pairs = 0);
            self.counted[shard].0 = catalog.generation();
            return true;
        }
        let (from, all) = (self.counted[shard].1, catalog.pairs().end());
        let to = all.min(from.saturating_add(pairs_max));
        for id in from..to {
            let text = catalog.pairs().text(id);
            let hash = xxh3_64(text);
            if self.seen.find(hash, |seen| *seen == hash).is_some() {
                continue;
            }
            self.seen.insert_unique(hash, hash, |hash| *hash);
            let name = split(text).0;
            match self.values.get_mut(name) {
                Some(values) => *values += 1,
                None => {
                    self.values.insert(name.into(), 1);
                }
            }
        }
        self.counted[shard].1 = to;
        to < all
    }

    /// Whether a shard has pairs that are not counted.
    pub(super) fn is_behind(&self, shard: usize, catalog: &Catalog) -> bool {
        self.counted[shard] != (catalog.generation(), catalog.pairs().end())
    }

    /// Different pairs.
    pub(super) fn pairs(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Names and how many values each has.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values.iter().map(|(name, values)| (name.as_ref(), *values))
    }

    pub(super) fn bytes(&self) -> usize {
        self.seen.allocation_size()
    }
}
