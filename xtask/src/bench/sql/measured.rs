//! What one question took one engine, and what came of it.

use crate::bench::asking::Times;

/// Engines add up in different orders.
const TOLERANCE: f64 = 1e-9;

/// Some answers to a question.
#[derive(Debug)]
pub(super) struct Measured {
    times: Times,
    /// All numbers of the answer, ascending: rows have no order, and engines name columns differently.
    pub(super) numbers: Vec<f64>,
}

impl Measured {
    /// Of the times of some answers, and the numbers in one of them.
    pub(super) fn new(times: Times, mut numbers: Vec<f64>) -> Self {
        numbers.sort_unstable_by(f64::total_cmp);
        Self { times, numbers }
    }

    /// Whether both have the same numbers, but for rounding.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let close = |(a, b): (&f64, &f64)| {
            (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()) || a.to_bits() == b.to_bits()
        };
        self.numbers.len() == other.numbers.len()
            && self.numbers.iter().zip(&other.numbers).all(close)
    }

    /// As a cell of the table.
    pub(super) fn cell(&self) -> String {
        self.times.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_in_any_order_and_but_for_rounding() {
        let of = |numbers: &[f64]| Measured::new(Times::default(), numbers.to_vec());
        assert!(of(&[2.0, 1.0]).agrees(&of(&[1.0, 2.0 + 1e-12])));
        assert!(!of(&[2.0, 1.0]).agrees(&of(&[1.0])));
        assert!(!of(&[2.0]).agrees(&of(&[2.0 + 1e-6])));
    }
}
