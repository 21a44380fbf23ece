//! The buckets on one side of zero: which there are, and what each counts.

use std::borrow::Cow;

use super::{BucketSpan, Count};

/// The positive or the negative buckets of a computed histogram.
///
/// Invariant: there are as many indexes as counts, and indexes rise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BucketSide<N = f64> {
    indexes: Vec<i32>,
    counts: Vec<N>,
}

impl<N: Count> BucketSide<N> {
    /// No buckets.
    #[must_use]
    pub const fn empty() -> Self {
        Self { indexes: Vec::new(), counts: Vec::new() }
    }

    /// Buckets as spans name them. Counts without a span, and spans without a count, are left out.
    #[must_use]
    pub fn from_spans(spans: &[BucketSpan], counts: impl Iterator<Item = N>) -> Self {
        let mut side = Self::empty();
        for (index, count) in super::bounds::indexes(spans).zip(counts) {
            // Spans that run off the end of all indexes would repeat the last one.
            if side.indexes.last().is_none_or(|last| *last < index) {
                side.push(index, count);
            }
        }
        side
    }

    /// Appends a bucket behind all others.
    pub(super) fn push(&mut self, index: i32, count: N) {
        debug_assert!(self.indexes.last().is_none_or(|last| *last < index), "indexes rise");
        self.indexes.push(index);
        self.counts.push(count);
    }

    /// Appends a bucket behind all others, or adds to the last one if that has the same index.
    pub(super) fn push_or_join(&mut self, index: i32, count: N) {
        match self.counts.last_mut() {
            Some(last) if self.indexes.last() == Some(&index) => last.increase(count),
            _ => self.push(index, count),
        }
    }

    /// How many buckets there are, those that count nothing included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indexes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    /// The indexes, rising.
    #[must_use]
    pub fn indexes(&self) -> &[i32] {
        &self.indexes
    }

    /// The counts, in order of the indexes.
    #[must_use]
    pub fn counts(&self) -> &[N] {
        &self.counts
    }

    /// The counts, in order of the indexes.
    pub(super) fn counts_mut(&mut self) -> &mut [N] {
        &mut self.counts
    }

    /// Indexes and counts.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, N)> + '_ {
        self.indexes.iter().copied().zip(self.counts.iter().copied())
    }

    /// The spans that name exactly these buckets.
    #[must_use]
    pub fn spans(&self) -> Vec<BucketSpan> {
        let mut spans: Vec<BucketSpan> = Vec::new();
        let mut end = 0_i64;
        for index in &self.indexes {
            let gap = i64::from(*index) - end;
            match spans.last_mut() {
                Some(span) if gap == 0 => span.length += 1,
                // Stored indexes span less than 2^31, and so do those made of them.
                _ => spans.push(BucketSpan { offset: clamp(gap), length: 1 }),
            }
            end = i64::from(*index) + 1;
        }
        spans
    }

    /// Forgets buckets that count nothing.
    pub(super) fn compact(&mut self) {
        if !self.counts.iter().any(|count| count.is_zero()) {
            return;
        }
        let mut kept = 0;
        for at in 0..self.counts.len() {
            if !self.counts[at].is_zero() {
                self.counts[kept] = self.counts[at];
                self.indexes[kept] = self.indexes[at];
                kept += 1;
            }
        }
        self.counts.truncate(kept);
        self.indexes.truncate(kept);
    }

    /// The same buckets at a resolution that is `by` steps lower: each step joins two neighbours.
    pub(super) fn reduced(&self, by: u32) -> Cow<'_, Self> {
        if by == 0 {
            return Cow::Borrowed(self);
        }
        let mut side = Self::empty();
        for (index, count) in self.iter() {
            side.push_or_join((index.saturating_sub(1) >> by.min(31)) + 1, count);
        }
        Cow::Owned(side)
    }

    /// Adds buckets, or takes them off.
    pub(super) fn combine<M: Count + Into<N>>(&mut self, other: Run<'_, M>, negative: bool) {
        let term = |count: M| if negative { count.times(-1.0).into() } else { count.into() };
        if self.indexes == other.indexes {
            for (count, more) in self.counts.iter_mut().zip(other.counts) {
                count.increase(term(*more));
            }
            return;
        }
        if other.indexes.is_empty() {
            return;
        }
        let mut all = Self {
            indexes: Vec::with_capacity(self.len().max(other.indexes.len())),
            counts: Vec::with_capacity(self.len().max(other.indexes.len())),
        };
        let (mut left, mut right) = (0, 0);
        while left < self.len() || right < other.indexes.len() {
            let ours = self.indexes.get(left).copied();
            let theirs = other.indexes.get(right).copied();
            let is_ours = ours.is_some_and(|ours| theirs.is_none_or(|theirs| ours <= theirs));
            let is_theirs = theirs.is_some_and(|theirs| ours.is_none_or(|ours| theirs <= ours));
            let mut count = if is_ours { self.counts[left] } else { term(other.counts[right]) };
            if is_ours && is_theirs {
                count.increase(term(other.counts[right]));
            }
            all.push(if is_ours { ours } else { theirs }.unwrap_or_default(), count);
            left += usize::from(is_ours);
            right += usize::from(is_theirs);
        }
        *self = all;
    }

    /// All buckets from the given place on.
    pub(super) fn run(&self, from: usize) -> Run<'_, N> {
        Run { indexes: &self.indexes[from..], counts: &self.counts[from..] }
    }

    /// Changes every count.
    pub(super) fn change(&mut self, change: impl Fn(N) -> N) {
        for count in &mut self.counts {
            *count = change(*count);
        }
    }

    /// The same buckets with other numbers.
    pub(super) fn map<M: Count>(&self, change: impl Fn(N) -> M) -> BucketSide<M> {
        BucketSide {
            indexes: self.indexes.clone(),
            counts: self.counts.iter().map(|count| change(*count)).collect(),
        }
    }
}

/// Neighbouring buckets of a side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<'a, N> {
    indexes: &'a [i32],
    counts: &'a [N],
}

fn clamp(gap: i64) -> i32 {
    i32::try_from(gap).unwrap_or(if gap < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(buckets: &[(i32, f64)]) -> BucketSide {
        let mut side = BucketSide::empty();
        buckets.iter().for_each(|(index, count)| side.push(*index, *count));
        side
    }

    #[test]
    fn spans_name_the_same_buckets() {
        let spans = vec![BucketSpan { offset: -2, length: 2 }, BucketSpan { offset: 3, length: 1 }];
        let found = BucketSide::from_spans(&spans, [1.0, 2.0, 3.0].into_iter());
        assert_eq!(found, side(&[(-2, 1.0), (-1, 2.0), (3, 3.0)]));
        assert_eq!(found.spans(), spans);
        // Adjacent and empty spans are not kept.
        let split = [BucketSpan { offset: 1, length: 1 }, BucketSpan { offset: 0, length: 0 }];
        let split = [split[0], split[1], BucketSpan { offset: 0, length: 2 }];
        let found = BucketSide::from_spans(&split, [1.0, 2.0, 3.0].into_iter());
        assert_eq!(found.spans(), [BucketSpan { offset: 1, length: 3 }]);
    }

    #[test]
    fn a_lower_resolution_joins_neighbours() {
        // Of schema 0: (1/2,1] (1,2] (2,4] (4,8] are the buckets 0 1 2 3; of schema -1 (1/4,1] is 0,
        // (1,4] is 1, (4,16] is 2.
        let found = side(&[(-1, 1.0), (0, 2.0), (1, 4.0), (2, 8.0), (3, 16.0)]);
        assert_eq!(*found.reduced(1), side(&[(0, 3.0), (1, 12.0), (2, 16.0)]));
        assert_eq!(*found.reduced(2), side(&[(0, 3.0), (1, 28.0)]));
    }

    #[test]
    fn sides_are_added_bucket_by_bucket() {
        let mut found = side(&[(1, 1.0), (5, 2.0)]);
        found.combine(side(&[(-3, 10.0), (1, 20.0), (2, 30.0), (9, 40.0)]).run(0), false);
        assert_eq!(found, side(&[(-3, 10.0), (1, 21.0), (2, 30.0), (5, 2.0), (9, 40.0)]));
        found.combine(side(&[(2, 30.0), (9, 1.0)]).run(0), true);
        assert_eq!(found, side(&[(-3, 10.0), (1, 21.0), (2, 0.0), (5, 2.0), (9, 39.0)]));
        found.compact();
        assert_eq!(found, side(&[(-3, 10.0), (1, 21.0), (5, 2.0), (9, 39.0)]));
        found.combine(side(&[(-3, 1.0), (1, 1.0), (5, 1.0), (9, 1.0)]).run(0), false);
        assert_eq!(found.counts(), [11.0, 22.0, 3.0, 40.0]);
    }
}
