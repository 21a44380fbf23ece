//! Variances and deviations.

use super::cell::Cell;

/// How far values lie from their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    /// Of a sample: divided by one less than the count, and NULL for one value.
    is_of_sample: bool,
    /// The root of the variance.
    is_deviation: bool,
}

impl Spread {
    /// What an aggregate function of this name gives.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (is_of_sample, is_deviation) = match name {
            "var" => (true, false),
            "var_pop" => (false, false),
            "stddev" => (true, true),
            "stddev_pop" => (false, true),
            _ => return None,
        };
        Some(Self { is_of_sample, is_deviation })
    }

    /// That of a cell; `None` where there are too few values.
    pub(super) fn of(self, cell: &Cell) -> Option<f64> {
        let variance = match (cell.count, self.is_of_sample) {
            (0, _) | (1, true) => return None,
            // Of one value even NaN and infinity are not apart from themselves.
            (1, false) => 0.0,
            (count, is_of_sample) => cell.squares / (count - u64::from(is_of_sample)) as f64,
        };
        Some(if self.is_deviation { variance.sqrt() } else { variance })
    }
}
