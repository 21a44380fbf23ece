//! Totals: figures of the floats of however many series.

use crate::{SeriesColumns, TimeRange, is_stale};

/// Figures of all floats that a selector picks in some span of time. Stale markers count as nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals {
    /// From the first float to the last, both of which lie exactly there; empty if there are none.
    pub range: TimeRange,
    /// How many floats there are.
    pub count: u64,
    /// Their sum, added up page by page and series by series.
    pub sum: f64,
    /// The smallest value; none is NaN.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// In how many pages they lie, as far as these were left alone.
    pub pages: u64,
}

impl Totals {
    /// Those of no floats.
    pub const NOTHING: Self = Self {
        range: TimeRange { start: i64::MAX, end: i64::MIN },
        count: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        pages: 0,
    };

    /// Those of one series' floats and figures; `None` where it has histograms or values that are NaN, of
    /// which there are no totals.
    #[must_use]
    pub fn of_series(columns: &SeriesColumns) -> Option<Self> {
        if !columns.histograms.is_empty() {
            return None;
        }
        let mut totals = Self::NOTHING;
        for (ts, value) in columns.timestamps.iter().zip(&columns.values) {
            if is_stale(*value) {
                continue;
            }
            if value.is_nan() {
                return None;
            }
            let range = TimeRange::new(*ts, *ts);
            let (sum, min, max) = (*value, *value, *value);
            totals.add(&Self { range, count: 1, sum, min, max, ..Self::NOTHING });
        }
        for page in &columns.pages {
            // Some of its values may be NaN.
            if page.sum.is_nan() {
                return None;
            }
            totals.add(&Self {
                range: page.range,
                count: page.count as u64,
                sum: page.total(),
                min: page.min,
                max: page.max,
                pages: 1,
            });
        }
        Some(totals)
    }

    /// Takes in those of other series or of another span.
    pub fn add(&mut self, other: &Self) {
        self.range.start = self.range.start.min(other.range.start);
        self.range.end = self.range.end.max(other.range.end);
        self.count += other.count;
        self.sum += other.sum;
        if other.min < self.min {
            self.min = other.min;
        }
        if other.max > self.max {
            self.max = other.max;
        }
        self.pages += other.pages;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::STALE_NAN;

    fn columns(floats: &[(i64, f64)]) -> SeriesColumns {
        let mut columns = SeriesColumns::default();
        floats.iter().for_each(|(ts, value)| columns.push(*ts, 0, *value));
        columns
    }

    #[test]
    fn stale_markers_count_as_nothing_and_other_nans_have_no_totals() {
        let mut totals =
            Totals::of_series(&columns(&[(1, 2.0), (2, STALE_NAN), (3, -1.0)])).unwrap();
        totals.add(&Totals::of_series(&columns(&[(7, 5.0)])).unwrap());
        let range = TimeRange::new(1, 7);
        let expected = Totals { range, count: 3, sum: 6.0, min: -1.0, max: 5.0, pages: 0 };
        assert_eq!(totals, expected);
        assert_eq!(Totals::of_series(&columns(&[(1, 2.0), (2, f64::NAN)])), None);
        assert_eq!(Totals::of_series(&columns(&[(1, STALE_NAN)])).map(|of| of.count), Some(0));
    }
}
