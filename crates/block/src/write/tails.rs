//! Tails: what a series' labels are without the metric's name, each kept once.
//!
//! The series of a target have its labels in common, and many metrics have one series for each of the
//! same things. So a series is a metric and a tail, and there are far fewer tails than series.

use hashbrown::HashTable;

/// The tails of a block under construction, in order of first sight.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    /// Numbers by the pairs they stand for.
    numbers: HashTable<u32>,
    /// Pair numbers, tail after tail.
    pairs: Vec<u32>,
    /// Where each tail ends in them.
    ends: Vec<usize>,
}

impl Tails {
    /// The number of a tail; `None` when there are 2^32 - 1 already.
    pub(crate) fn number(&mut self, pairs: &[u32]) -> Option<u32> {
        let Self { numbers, pairs: known, ends } = self;
        if let Some(number) = numbers.find(hash(pairs), |n| tail(known, ends, *n) == pairs) {
            return Some(*number);
        }
        let number = u32::try_from(ends.len()).ok().filter(|number| *number < u32::MAX)?;
        known.extend_from_slice(pairs);
        ends.push(known.len());
        numbers.insert_unique(hash(pairs), number, |n| hash(tail(known, ends, *n)));
        Some(number)
    }

    /// The pair numbers of a tail.
    pub(crate) fn get(&self, number: u32) -> &[u32] {
        tail(&self.pairs, &self.ends, number)
    }

    pub(crate) const fn count(&self) -> usize {
        self.ends.len()
    }

    /// Frees what only finding needs.
    pub(crate) fn end(&mut self) {
        self.numbers = HashTable::new();
    }
}

fn tail<'a>(pairs: &'a [u32], ends: &[usize], number: u32) -> &'a [u32] {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &pairs[start..ends[number]]
}

fn hash(pairs: &[u32]) -> u64 {
    let mixed = pairs.iter().fold(pairs.len() as u64, |hash, pair| {
        (hash.rotate_left(23) ^ u64::from(*pair)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    // The table goes by the highest bits and the lowest.
    mixed ^ mixed >> 32
}
