//! Which rows are missing: arithmetic on buckets, without their columns.

use std::ops::Range;

use arrow::array::{Array as _, TimestampNanosecondArray};

/// A part of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A row that is there.
    Row(u64),
    /// Buckets without rows.
    Gap {
        /// A row of the same group.
        like: u64,
        /// Start of the first bucket.
        from: i64,
        /// How many there are.
        count: u64,
    },
}

/// The buckets of a time, and how far the current group has come.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    width: i64,
    /// Start of the first bucket.
    start: i64,
    /// Start of the bucket after the last.
    end: i64,
    /// Start of the bucket that is next in the current group.
    next: i64,
}

impl Walk {
    /// Buckets from the one that holds `start` to the one that holds the nanosecond before `finish`. None if
    /// there is nothing between them.
    pub(super) fn new(width: i64, start: i64, finish: i64) -> Self {
        let floor = |at: i64| at.saturating_sub(at.rem_euclid(width));
        let first = floor(start);
        let end = match finish.checked_sub(1) {
            Some(last) if last >= start => floor(last).saturating_add(width),
            _ => first,
        };
        Self { width, start: first, end, next: first }
    }

    pub(super) const fn width(&self) -> i64 {
        self.width
    }

    /// How many buckets there are.
    pub(super) fn count(&self) -> u64 {
        self.gap(self.start, self.end)
    }

    fn gap(&self, from: i64, to: i64) -> u64 {
        let span = u64::try_from(i128::from(to) - i128::from(from)).unwrap_or(0);
        span.div_ceil(self.width.unsigned_abs())
    }

    /// What rows become, which are sorted by group and bucket: `groups` are the rows of each. If
    /// `is_continued`, row 0 was answered before and its group goes on; the last group goes on after these
    /// rows, unless they are the end.
    pub(super) fn pieces(
        &mut self,
        buckets: &TimestampNanosecondArray,
        groups: &[Range<usize>],
        is_continued: bool,
        is_end: bool,
    ) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(buckets.len());
        for (index, group) in groups.iter().enumerate() {
            let continues = is_continued && index == 0;
            if !continues {
                self.next = self.start;
            }
            for row in group.clone().skip(usize::from(continues)) {
                if buckets.is_valid(row) {
                    let bucket = buckets.value(row);
                    pieces.extend(self.until(bucket.min(self.end), row));
                    self.next = self.next.max(bucket.saturating_add(self.width));
                }
                pieces.push(Piece::Row(row as u64));
            }
            if is_end || index + 1 < groups.len() {
                pieces.extend(self.until(self.end, group.end - 1));
            }
        }
        pieces
    }

    /// All buckets of a query that has no row and no groups.
    pub(super) fn nothing_but_gaps(&self) -> Option<Piece> {
        self.until(self.end, 0)
    }

    fn until(&self, to: i64, like: usize) -> Option<Piece> {
        let (from, like) = (self.next, like as u64);
        (from < to).then(|| Piece::Gap { like, from, count: self.gap(from, to) })
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list of groups may have one")]
mod tests {
    use super::*;

    #[test]
    fn buckets_reach_from_the_first_to_the_last_nanosecond() {
        for (start, finish, count) in
            [(0, 30, 3), (5, 30, 3), (5, 31, 4), (10, 10, 0), (10, 11, 1), (-1, 1, 2), (20, 10, 0)]
        {
            assert_eq!(Walk::new(10, start, finish).count(), count, "{start} {finish}");
        }
        assert_eq!(Walk::new(1 << 60, i64::MIN, i64::MAX).count(), 16);
    }

    #[test]
    fn gaps_lie_before_between_and_after_rows() {
        let mut walk = Walk::new(10, 0, 50);
        let buckets = TimestampNanosecondArray::from(vec![10, 30, 40, 0]);
        let pieces = walk.pieces(&buckets, &[0..2, 2..4], false, false);
        let gap = |like, from, count| Piece::Gap { like, from, count };
        let row = Piece::Row;
        assert_eq!(
            pieces,
            [
                gap(0, 0, 1),
                row(0),
                gap(1, 20, 1),
                row(1),
                gap(1, 40, 1),
                gap(2, 0, 4),
                row(2),
                row(3),
            ]
        );
        let mut walk = Walk::new(10, 0, 50);
        assert_eq!(
            walk.pieces(&TimestampNanosecondArray::from(vec![10]), &[0..1], false, false),
            [gap(0, 0, 1), row(0)]
        );
        let later = TimestampNanosecondArray::from(vec![Some(10), Some(30), None]);
        let pieces = walk.pieces(&later, &[0..3], true, true);
        assert_eq!(pieces, [gap(1, 20, 1), row(1), row(2), gap(2, 40, 1)]);
    }
}
