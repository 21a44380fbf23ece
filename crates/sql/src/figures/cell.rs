//! What is known of one group in one bucket.

use timberline_model::{PageFigures, Totals};

/// Figures of floats, none of them NULL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) count: u64,
    pub(super) sum: f64,
    /// The sum of the squares of how far values are from their mean; 0 unless it was asked for.
    pub(super) squares: f64,
    pub(super) min: f64,
    /// NaN is above everything.
    pub(super) max: f64,
    pub(super) first: (i64, f64),
    pub(super) last: (i64, f64),
}

impl Cell {
    pub(super) const EMPTY: Self = Self {
        count: 0,
        sum: 0.0,
        squares: 0.0,
        min: f64::NAN,
        max: f64::NEG_INFINITY,
        first: (i64::MAX, 0.0),
        last: (i64::MIN, 0.0),
    };

    /// Takes in successive floats of one series; as many timestamps as values.
    pub(super) fn add_floats(&mut self, timestamps: &[i64], values: &[f64], with_squares: bool) {
        let (Some(first), Some(last)) = (timestamps.first(), timestamps.last()) else { return };
        let sum = sum_of(values);
        let (min, mut max) = extremes_of(values);
        if sum.is_nan() && values.iter().any(|value| value.is_nan()) {
            max = f64::NAN;
        }
        self.merge(&Self {
            count: values.len() as u64,
            sum,
            squares: if with_squares { squares_of(values, sum / values.len() as f64) } else { 0.0 },
            min,
            max,
            first: (*first, values[0]),
            last: (*last, values[values.len() - 1]),
        });
    }

    /// Takes in the figures of a page. Its sum is not NaN.
    pub(super) fn add_page(&mut self, page: &PageFigures) {
        self.merge(&Self {
            count: page.count as u64,
            sum: page.total(),
            squares: 0.0,
            min: page.min,
            max: page.max,
            first: (page.range.start, page.first),
            last: (page.range.end, page.last),
        });
    }

    /// Takes in totals of some span, which do not say what the first and last values are.
    pub(super) fn add_totals(&mut self, totals: &Totals) {
        self.merge(&Self {
            count: totals.count,
            sum: totals.sum,
            squares: 0.0,
            min: totals.min,
            max: totals.max,
            first: (totals.range.start, f64::NAN),
            last: (totals.range.end, f64::NAN),
        });
    }

    /// Takes in another cell. Of equal times, what is there stays.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count > 0 {
            // Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
            // Variances" (1979).
            let (ours, theirs) = (self.count as f64, other.count as f64);
            let apart = other.sum / theirs - self.sum / ours;
            self.squares += apart * apart * (ours * theirs / (ours + theirs));
        }
        self.squares += other.squares;
        self.count += other.count;
        self.sum += other.sum;
        if self.min.is_nan() || other.min < self.min {
            self.min = other.min;
        }
        if other.max > self.max || other.max.is_nan() {
            self.max = other.max;
        }
        if other.first.0 < self.first.0 {
            self.first = other.first;
        }
        if other.last.0 > self.last.0 {
            self.last = other.last;
        }
    }
}

/// Four sums at once: an addition need not wait for the one before.
fn sum_of(values: &[f64]) -> f64 {
    let (fours, rest) = values.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for four in fours {
        for (sum, value) in sums.iter_mut().zip(four) {
            *sum += value;
        }
    }
    let rest: f64 = rest.iter().sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The sum of the squares of the distances to the mean.
fn squares_of(values: &[f64], mean: f64) -> f64 {
    let (fours, rest) = values.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for four in fours {
        for (sum, value) in sums.iter_mut().zip(four) {
            *sum += (value - mean) * (value - mean);
        }
    }
    let rest: f64 = rest.iter().map(|value| (value - mean) * (value - mean)).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The smallest and the largest value, NaN left out of both; NaN and minus infinity if there is nothing
/// else.
fn extremes_of(values: &[f64]) -> (f64, f64) {
    let (fours, rest) = values.as_chunks::<4>();
    let (mut lows, mut highs) = ([f64::INFINITY; 4], [f64::NEG_INFINITY; 4]);
    for four in fours {
        for lane in 0..4 {
            lows[lane] = if four[lane] < lows[lane] { four[lane] } else { lows[lane] };
            highs[lane] = if four[lane] > highs[lane] { four[lane] } else { highs[lane] };
        }
    }
    let all = lows.iter().chain(rest);
    let low = all.fold(f64::INFINITY, |low, value| if *value < low { *value } else { low });
    let all = highs.iter().chain(rest);
    let high = all.fold(f64::NEG_INFINITY, |high, value| if *value > high { *value } else { high });
    let is_nothing = low == f64::INFINITY && values.iter().all(|value| value.is_nan());
    (if is_nothing { f64::NAN } else { low }, high)
}

#[cfg(test)]
mod tests;
