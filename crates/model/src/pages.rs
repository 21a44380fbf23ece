//! Figures of pages: what storage says of many floats in place of handing them out.
//!
//! Storage keeps floats in pages and knows some figures of each: how many there are, their sum, their
//! extremes. A reader that puts samples into buckets of time asks for these ([`PageUse`]), and gets them
//! ([`PageFigures`]) for every page that lies within one bucket.

use crate::{TimeRange, ValueSpan};

/// Figures of some successive floats of one series. None of them is a stale marker, and no two have the
/// same time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageFigures {
    /// How many floats of the columns are earlier; all others are later.
    pub at: usize,
    /// From the first float to the last, both of which lie exactly there.
    pub range: TimeRange,
    /// How many floats there are, at least 1.
    pub count: usize,
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
    /// The smallest value, the first of equals; NaN only if there is nothing else.
    pub min: f64,
    /// The largest value, the first of equals; NaN only if there is nothing else.
    pub max: f64,
    /// The sum from left to right, without what rounding lost.
    pub sum: f64,
    /// What rounding lost, summed up as Neumaier does. [`total`](Self::total) is PromQL's `sum_over_time` of
    /// these floats.
    pub compensation: f64,
    /// All values are integers, so small that no order of adding them loses anything. Sums of several such
    /// pages are exact as long as the magnitudes `count * max(|min|, |max|)` add up to 2^53 at most.
    pub is_integral: bool,
    /// How often a value is lower than the one before it. Whether `first` is lower than what came before
    /// these floats is for the reader to see.
    pub resets: usize,
    /// The sum of the values just before each reset, from left to right: what `increase` adds to
    /// `last - first`.
    pub drops: f64,
}

impl PageFigures {
    /// The sum with what rounding lost; without it where that is not finite.
    #[must_use]
    pub fn total(&self) -> f64 {
        let total = self.sum + self.compensation;
        if total.is_finite() { total } else { self.sum }
    }
}

/// Which pages a reader takes as figures.
#[derive(Clone, Debug, Default)]
pub struct PageUse {
    /// Where its buckets of time end. A page on both sides of a cut is handed out float by float.
    pub cuts: Cuts,
    /// It adds up [`PageFigures::sum`], and wants what adding float by float would give, to the bit: pages
    /// that are not integral are handed out float by float.
    pub exact_sums: bool,
    /// The same of [`PageFigures::drops`]: pages with several resets have to be integral.
    pub exact_drops: bool,
    /// It wants no other values than these: a page of which some are and some are not is handed out float
    /// by float. The reader leaves out what it does not want, floats and pages.
    pub values: Option<ValueSpan>,
}

impl PageUse {
    /// Whether the reader takes these figures for their floats.
    #[must_use]
    pub fn takes(&self, page: &PageFigures) -> bool {
        (page.is_integral || !self.exact_sums)
            && (page.is_integral || page.resets <= 1 || !self.exact_drops)
            && self.values.is_none_or(|span| span.of_page(page).is_some())
            && !self.cuts.is_within(page.range)
    }
}

/// How many pages of samples a scan has decoded, and how many it has left alone because their figures
/// were enough. Pages outside the wanted span count as neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageCounts {
    /// Pages of floats, chunks of floats, and pages of histograms that were decoded.
    pub decoded: u64,
    /// Pages of floats of which figures were handed out.
    pub skipped: u64,
}

impl std::ops::AddAssign for PageCounts {
    fn add_assign(&mut self, other: Self) {
        self.decoded += other.decoded;
        self.skipped += other.skipped;
    }
}

/// Instants between which samples are alike to a reader. A cut after an instant tells what is at it or
/// earlier from what is later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    rows: Vec<Row>,
}

/// Cuts at even distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    first: i64,
    /// At least 1.
    step: i64,
    /// `None` for a row without beginning and end.
    count: Option<u64>,
}

impl Cuts {
    /// No cuts: all samples are alike.
    #[must_use]
    pub const fn none() -> Self {
        Self { rows: Vec::new() }
    }

    /// Those of buckets of one width, of which one begins at `origin`, as SQL's `date_bin` has them:
    /// `origin <= ts < origin + width` and so on, to both sides. A width below 1 counts as 1.
    #[must_use]
    pub fn buckets(origin: i64, width: i64) -> Self {
        Self { rows: vec![Row { first: origin, step: width.max(1), count: None }] }
    }

    /// Those of windows `end - length < ts <= end`, as PromQL's ranges have them, for `count` ends from
    /// `first_end` on, `step` apart.
    #[must_use]
    pub fn windows(first_end: i64, step: i64, count: u64, length: i64) -> Self {
        let mut cuts = Self::none();
        cuts.add_after(first_end.saturating_sub(length), step, count);
        cuts.add_after(first_end, step, count);
        cuts
    }

    /// Adds cuts after `count` instants from `first` on, `step` apart. A step below 1 counts as 1.
    pub fn add_after(&mut self, first: i64, step: i64, count: u64) {
        self.rows.push(Row { first, step: step.max(1), count: Some(count) });
    }

    /// Whether a cut tells two instants of a range apart.
    #[must_use]
    pub fn is_within(&self, range: TimeRange) -> bool {
        range.start < range.end && self.rows.iter().any(|row| row.is_within(range))
    }
}

impl Row {
    /// In 128 bits, as instants may be anywhere.
    fn is_within(&self, range: TimeRange) -> bool {
        let [first, step] = [self.first, self.step].map(i128::from);
        let [start, end] = [range.start, range.end].map(i128::from);
        let Some(count) = self.count else {
            return (start - first).div_euclid(step) != (end - first).div_euclid(step);
        };
        // The number of the first cut that is not before the range.
        let number = (start - first + step - 1).div_euclid(step).max(0);
        number < i128::from(count) && first + number * step < end
    }
}

#[cfg(test)]
mod tests;
