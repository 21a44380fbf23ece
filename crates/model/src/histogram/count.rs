//! The numbers that a computed histogram consists of: plain floats, or sums that keep what rounding lost.

/// A number of observations, or a sum of their values.
pub trait Count: Copy + std::fmt::Debug + From<f64> {
    /// The number, rounded.
    fn value(self) -> f64;
    /// Adds another.
    fn increase(&mut self, other: Self);
    /// Multiplies it.
    #[must_use]
    fn times(self, factor: f64) -> Self;
    /// Divides it.
    #[must_use]
    fn over(self, divisor: f64) -> Self;
    /// Whether it is exactly zero.
    fn is_zero(self) -> bool;
}

impl Count for f64 {
    #[inline]
    fn value(self) -> f64 {
        self
    }

    #[inline]
    fn increase(&mut self, other: Self) {
        *self += other;
    }

    #[inline]
    fn times(self, factor: f64) -> Self {
        self * factor
    }

    #[inline]
    fn over(self, divisor: f64) -> Self {
        self / divisor
    }

    #[inline]
    fn is_zero(self) -> bool {
        self == 0.0
    }
}

/// A sum by Neumaier's compensated summation: the rounded sum, and what rounding lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CompensatedCount {
    sum: f64,
    lost: f64,
}

impl CompensatedCount {
    /// Whether the sum went beyond the largest float, or something infinite was added.
    #[must_use]
    pub const fn is_infinite(self) -> bool {
        self.sum.is_infinite()
    }

    fn add(&mut self, increment: f64) {
        let total = self.sum + increment;
        if total.is_infinite() {
            // Nothing that was lost matters any more, and it would turn infinity into NaN.
            self.lost = 0.0;
        } else if self.sum.abs() >= increment.abs() {
            self.lost += (self.sum - total) + increment;
        } else {
            self.lost += (increment - total) + self.sum;
        }
        self.sum = total;
    }
}

impl From<f64> for CompensatedCount {
    fn from(sum: f64) -> Self {
        Self { sum, lost: 0.0 }
    }
}

impl Count for CompensatedCount {
    fn value(self) -> f64 {
        self.sum + self.lost
    }

    #[inline]
    fn increase(&mut self, other: Self) {
        self.add(other.sum);
        if other.lost != 0.0 {
            self.add(other.lost);
        }
    }

    fn times(self, factor: f64) -> Self {
        Self { sum: self.sum * factor, lost: self.lost * factor }
    }

    fn over(self, divisor: f64) -> Self {
        Self { sum: self.sum / divisor, lost: self.lost / divisor }
    }

    fn is_zero(self) -> bool {
        self.sum == 0.0 && self.lost == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = CompensatedCount::from(values[0]);
        for value in &values[1..] {
            sum.increase((*value).into());
        }
        sum.value()
    }

    #[test]
    fn what_rounding_lost_comes_back() {
        assert_eq!(sum(&[1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!([1.0, 1e100, 1.0, -1e100].iter().sum::<f64>(), 0.0);
    }

    #[test]
    fn infinity_stays() {
        assert_eq!(sum(&[f64::MAX, f64::MAX, 1.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn parts_of_a_sum_are_as_good_as_the_whole() {
        let (mut left, mut right) = (CompensatedCount::from(1.0), CompensatedCount::from(1.0));
        left.increase(1e100.into());
        right.increase((-1e100).into());
        left.increase(right);
        assert_eq!(left.value(), 2.0);
        assert_eq!(left.over(2.0).value(), 1.0);
    }
}
