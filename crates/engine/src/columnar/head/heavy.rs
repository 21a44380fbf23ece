//! The label pairs of one shard that have the most series, kept as series are added.
//!
//! Invariant: a pair that is not listed has fewer series in the shard than [`Heavy::floor`].

use super::interned::PairId;

/// Pairs listed at most.
const LISTED_MAX: usize = 4_096;

/// The pairs with the most series.
#[derive(Debug)]
pub(super) struct Heavy {
    floor: u64,
    listed: Vec<PairId>,
}

impl Default for Heavy {
    fn default() -> Self {
        Self { floor: 1, listed: Vec::new() }
    }
}

impl Heavy {
    /// With so many series a pair is listed.
    #[inline]
    pub(super) const fn floor(&self) -> u64 {
        self.floor
    }

    pub(super) fn listed(&self) -> &[PairId] {
        &self.listed
    }

    /// Lists a pair. When there are too many, the lighter half goes, and is told to `drop`.
    pub(super) fn list(
        &mut self,
        pair: PairId,
        series_of: impl Fn(PairId) -> u64,
        drop: impl FnMut(PairId),
    ) {
        self.listed.push(pair);
        if self.listed.len() <= LISTED_MAX {
            return;
        }
        let mut counted: Vec<(u64, PairId)> =
            self.listed.iter().map(|pair| (series_of(*pair), *pair)).collect();
        counted.select_nth_unstable_by(LISTED_MAX / 2, |a, b| b.cmp(a));
        let dropped = counted.split_off(LISTED_MAX / 2);
        let heaviest = dropped.iter().map(|(series, _)| *series).max().unwrap_or(0);
        self.floor = self.floor.max(heaviest + 1);
        self.listed.clear();
        self.listed.extend(counted.iter().map(|(_, pair)| *pair));
        dropped.iter().map(|(_, pair)| *pair).for_each(drop);
    }

    pub(super) fn bytes(&self) -> usize {
        self.listed.capacity() * size_of::<PairId>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_is_not_listed_is_below_the_floor() {
        let mut counts = vec![0_u64; 20_000];
        let (mut heavy, mut listed) = (Heavy::default(), HashSet::new());
        let mut state = 1_u64;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Low numbers come more often.
            let (high, low) = ((state >> 33) % 20_000, (state >> 17) % 20_000);
            let pair = high.min(low) as usize;
            counts[pair] += 1;
            let id = PairId::try_from(pair).unwrap();
            if counts[pair] >= heavy.floor() && listed.insert(id) {
                let mut gone = Vec::new();
                heavy.list(id, |id| counts[id as usize], |id| gone.push(id));
                gone.iter().for_each(|id| assert!(listed.remove(id)));
            }
        }
        assert!(heavy.floor() > 1 && heavy.listed().len() <= LISTED_MAX);
        assert!(heavy.listed().len() >= LISTED_MAX / 2);
        for (pair, count) in (0..).zip(&counts) {
            assert!(listed.contains(&pair) || *count < heavy.floor(), "{pair} has {count}");
        }
    }
}
