//! What one question took one engine, and what came of it.

use std::time::Duration;

/// Engines add up in different orders.
const TOLERANCE: f64 = 1e-9;

/// The times of some answers to a question.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// Processor time of one answer.
    pub(super) cpu: Duration,
    /// All numbers of the answer, ascending: rows have no order, and engines name columns differently.
    pub(super) numbers: Vec<f64>,
}

impl Measured {
    /// Of the times of some answers, and the numbers in one of them.
    pub(super) fn new(mut times: Vec<Duration>, cpu: Duration, mut numbers: Vec<f64>) -> Self {
        times.sort_unstable();
        numbers.sort_unstable_by(f64::total_cmp);
        let rank = |share: f64| {
            let index = (times.len() as f64 * share) as usize;
            times.get(index.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        Self { p50: rank(0.5), p99: rank(0.99), cpu, numbers }
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
        let ms = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1e3);
        format!("{} / {} / {:.1}", ms(self.p50), ms(self.p99), self.cpu.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_in_any_order_and_but_for_rounding() {
        let of = |numbers: &[f64]| Measured::new(Vec::new(), Duration::ZERO, numbers.to_vec());
        assert!(of(&[2.0, 1.0]).agrees(&of(&[1.0, 2.0 + 1e-12])));
        assert!(!of(&[2.0, 1.0]).agrees(&of(&[1.0])));
        assert!(!of(&[2.0]).agrees(&of(&[2.0 + 1e-6])));
    }
}
