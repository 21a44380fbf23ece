//! Sums and means of histograms that lose little to rounding.

use super::{CompensatedCount, Count, FloatHistogram, HistogramError, Reconciled};

/// Brings sums back from beyond the largest float; a power of two, so that nothing is lost.
const DOWN: f64 = 1.0 / 18_446_744_073_709_551_616.0;

/// A compensated sum of histograms, each bucket by itself.
#[derive(Clone, Debug)]
pub struct HistogramSum(FloatHistogram<CompensatedCount>);

impl HistogramSum {
    /// The sum of one histogram.
    #[must_use]
    pub fn new(first: &FloatHistogram) -> Self {
        Self(first.map(CompensatedCount::from))
    }

    /// Adds a histogram.
    ///
    /// # Errors
    /// [`HistogramError::MixedSchemas`] where only one has custom buckets; nothing is changed then.
    pub fn add(&mut self, histogram: &FloatHistogram) -> Result<Reconciled, HistogramError> {
        self.0.add(histogram)
    }

    /// Adds what another sum has.
    ///
    /// # Errors
    /// [`HistogramError::MixedSchemas`] where only one has custom buckets; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<Reconciled, HistogramError> {
        self.0.add(&other.0)
    }

    /// The sum.
    #[must_use]
    pub fn total(&self) -> FloatHistogram {
        self.0.map(Count::value)
    }

    /// How many buckets it keeps.
    #[must_use]
    pub fn bucket_count(&self) -> usize {
        self.0.bucket_count()
    }

    /// Whether anything in it is infinite.
    fn has_overflown(&self) -> bool {
        let Self(sum) = self;
        let sides = sum.positive.counts().iter().chain(sum.negative.counts());
        [sum.zero_count, sum.count, sum.sum].iter().chain(sides).any(|n| n.is_infinite())
    }
}

/// A mean of histograms under construction: a sum that is scaled down once it would overflow.
#[derive(Clone, Debug)]
pub struct HistogramMean {
    sum: HistogramSum,
    count: f64,
    scaled: bool,
}

impl HistogramMean {
    /// The mean of one histogram.
    #[must_use]
    pub fn new(first: &FloatHistogram) -> Self {
        Self { sum: HistogramSum::new(first), count: 1.0, scaled: false }
    }

    /// Takes in another histogram.
    ///
    /// # Errors
    /// [`HistogramError::MixedSchemas`] where only one has custom buckets; nothing is changed then.
    pub fn add(&mut self, histogram: &FloatHistogram) -> Result<Reconciled, HistogramError> {
        let one = Self::new(histogram);
        self.merge(one)
    }

    /// Takes in the histograms of another mean.
    ///
    /// # Errors
    /// [`HistogramError::MixedSchemas`] where only one has custom buckets; nothing is changed then.
    pub fn merge(&mut self, mut other: Self) -> Result<Reconciled, HistogramError> {
        if self.scaled || other.scaled {
            self.scale();
            other.scale();
        }
        let before = self.sum.clone();
        let mut met = self.sum.merge(&other.sum)?;
        if !self.scaled && self.sum.has_overflown() {
            self.sum = before;
            self.scale();
            other.scale();
            met = self.sum.merge(&other.sum)?;
        }
        self.count += other.count;
        Ok(met)
    }

    /// The mean.
    #[must_use]
    pub fn value(&self) -> FloatHistogram {
        let mut mean = self.sum.clone();
        mean.0.divide(self.count);
        let mut mean = mean.total();
        if self.scaled {
            mean.scale(1.0 / DOWN);
        }
        mean
    }

    /// How many buckets it keeps.
    #[must_use]
    pub fn bucket_count(&self) -> usize {
        self.sum.bucket_count()
    }

    fn scale(&mut self) {
        if !self.scaled {
            self.sum.0.scale(DOWN);
            self.scaled = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{custom, exponential, pairs},
        *,
    };

    fn with_sum(count: f64, sum: f64) -> FloatHistogram {
        FloatHistogram { count, sum, ..exponential(0, &[]) }
    }

    #[test]
    fn sums_do_not_lose_what_is_small() {
        let mut sum = HistogramSum::new(&with_sum(1.0, 1.0));
        for one in [with_sum(2.0, 1e100), with_sum(3.0, 1.0), with_sum(4.0, -1e100)] {
            sum.add(&one).unwrap();
        }
        assert_eq!((sum.total().count, sum.total().sum), (10.0, 2.0));
    }

    #[test]
    fn parts_make_the_same_sum_as_the_whole() {
        let all = [
            exponential(1, &[(1, 1e16), (4, 1.0)]),
            exponential(0, &[(1, 1.0)]),
            exponential(2, &[(1, 3.0), (2, -1e16)]).with_negative(&[(5, 2.0)]),
        ];
        let mut whole = HistogramSum::new(&all[0]);
        whole.add(&all[1]).unwrap();
        whole.add(&all[2]).unwrap();
        let mut left = HistogramSum::new(&all[0]);
        let mut right = HistogramSum::new(&all[1]);
        right.add(&all[2]).unwrap();
        left.merge(&right).unwrap();
        assert_eq!(pairs(&whole.total().positive), [(1, 4.0), (2, 1.0)]);
        assert!(left.total().is_same(&whole.total()), "{left:?} {whole:?}");
        assert_eq!(whole.bucket_count(), 3);
    }

    #[test]
    fn means_come_back_from_beyond_the_largest_float() {
        let mut mean = HistogramMean::new(&with_sum(f64::MAX, 3.0));
        for count in [f64::MAX, f64::MAX / 2.0, f64::MAX / 2.0] {
            mean.add(&with_sum(count, 1.0)).unwrap();
        }
        let found = mean.value();
        assert_eq!((found.count, found.sum), (f64::MAX * 0.75, 1.5));
        let mut small = HistogramMean::new(&exponential(0, &[(1, 2.0)]));
        small.add(&exponential(0, &[(2, 4.0)])).unwrap();
        assert_eq!(pairs(&small.value().positive), [(1, 1.0), (2, 2.0)]);
        assert_eq!(small.bucket_count(), 2);
    }

    #[test]
    fn a_mean_that_is_infinite_stays_so() {
        let mut mean = HistogramMean::new(&with_sum(1.0, f64::INFINITY));
        mean.add(&with_sum(3.0, 1.0)).unwrap();
        assert_eq!((mean.value().count, mean.value().sum), (2.0, f64::INFINITY));
    }

    #[test]
    fn kinds_that_do_not_mix_leave_the_sum_as_it_was() {
        let mut mean = HistogramMean::new(&exponential(0, &[(1, 2.0)]));
        assert_eq!(mean.add(&custom(&[], &[(0, 1.0)])), Err(HistogramError::MixedSchemas));
        assert_eq!(mean.value().count, 2.0);
    }
}
