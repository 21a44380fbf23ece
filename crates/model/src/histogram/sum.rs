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
