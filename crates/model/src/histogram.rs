//! Native histograms: a distribution as one sample, with buckets that need no labels of their own.
//!
//! The two families are Prometheus': buckets whose bounds grow exponentially
//! (`(2^2^-schema)^(i-1), (2^2^-schema)^i]`), and buckets with bounds of their own. Source: the native
//! histogram specification of Prometheus (2024).

mod arithmetic;
mod bounds;
mod count;
mod float;
mod resets;
mod side;
mod sum;
#[cfg(test)]
mod testing;
mod trim;
mod zero;

use crate::{is_stale, limits};

pub use arithmetic::Reconciled;
pub use bounds::{Bucket, exponential_bound};
pub use count::{CompensatedCount, Count};
pub use float::FloatHistogram;
pub use side::BucketSide;
pub use sum::{HistogramMean, HistogramSum};
pub use trim::Trim;

/// The schema of histograms with bucket bounds of their own.
pub const CUSTOM_BUCKETS_SCHEMA: i8 = -53;
/// The coarsest exponential schema: each bucket is 65,536 times the one before.
pub const SCHEMA_MIN: i8 = -4;
/// The finest exponential schema: 256 buckets for each power of two.
pub const SCHEMA_MAX: i8 = 8;

/// What is known of a counter reset between a histogram and the one before it in its series. The
/// numbers are those of remote write and of stored histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ResetHint {
    /// Nothing: whoever needs it compares.
    #[default]
    Unknown = 0,
    /// There was a reset.
    Reset = 1,
    /// There was none.
    NotReset = 2,
    /// The histogram is a gauge; resets do not apply.
    Gauge = 3,
}

impl ResetHint {
    /// The hint of a number, if it has one.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Unknown),
            1 => Some(Self::Reset),
            2 => Some(Self::NotReset),
            3 => Some(Self::Gauge),
            _ => None,
        }
    }
}

/// A run of neighbouring buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BucketSpan {
    /// The first span: index of its first bucket. Later ones: how many buckets lie between the end
    /// of the span before and this one, at least 0.
    pub offset: i32,
    /// How many buckets.
    pub length: u32,
}

/// The counts of a histogram, as integers or as floats. `positive` has one entry for each bucket
/// of the positive spans, `negative` likewise; counts are of the bucket alone, neither cumulative nor
/// differences.
#[derive(Clone, Debug)]
pub enum BucketCounts {
    /// Whole observations.
    Integer {
        /// All observations.
        count: u64,
        /// Those within the zero bucket.
        zero_count: u64,
        /// Those of each positive bucket.
        positive: Vec<u64>,
        /// Those of each negative bucket.
        negative: Vec<u64>,
    },
    /// Weighted or derived observations.
    Float {
        /// All observations.
        count: f64,
        /// Those within the zero bucket.
        zero_count: f64,
        /// Those of each positive bucket.
        positive: Vec<f64>,
        /// Those of each negative bucket.
        negative: Vec<f64>,
    },
}

impl BucketCounts {
    /// How many positive and negative buckets have a count.
    #[must_use]
    pub fn bucket_counts(&self) -> (usize, usize) {
        match self {
            Self::Integer { positive, negative, .. } => (positive.len(), negative.len()),
            Self::Float { positive, negative, .. } => (positive.len(), negative.len()),
        }
    }
}

/// A native histogram. Two are equal when every bit of them is.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// What is known of a reset before this one.
    pub reset_hint: ResetHint,
    /// The resolution, [`SCHEMA_MIN`] to [`SCHEMA_MAX`], or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i8,
    /// The zero bucket holds observations from minus this to this. Not negative.
    pub zero_threshold: f64,
    /// The sum of all observations; the stale marker where the series has ended.
    pub sum: f64,
    /// Where the positive buckets lie.
    pub positive_spans: Vec<BucketSpan>,
    /// Where the negative buckets lie. None with custom buckets.
    pub negative_spans: Vec<BucketSpan>,
    /// With custom buckets, their upper bounds, rising; a last bucket above all of them is implied.
    pub custom_values: Vec<f64>,
    /// The counts.
    pub counts: BucketCounts,
}

impl Histogram {
    /// The histogram that says that a series has ended.
    #[must_use]
    pub fn stale() -> Self {
        Self {
            reset_hint: ResetHint::Unknown,
            schema: 0,
            zero_threshold: 0.0,
            sum: crate::STALE_NAN,
            positive_spans: Vec::new(),
            negative_spans: Vec::new(),
            custom_values: Vec::new(),
            counts: BucketCounts::Integer {
                count: 0,
                zero_count: 0,
                positive: Vec::new(),
                negative: Vec::new(),
            },
        }
    }

    /// Whether it says that the series has ended.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }

    /// Whether its counts are floats.
    #[must_use]
    pub const fn is_float(&self) -> bool {
        matches!(self.counts, BucketCounts::Float { .. })
    }

    /// Whether its buckets have bounds of their own.
    #[must_use]
    pub const fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Checks what every stored histogram keeps: the form (schema, spans, bounds, as many counts as
    /// buckets), and counts that add up. A stale histogram needs the form only.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self) -> Result<(), HistogramError> {
        self.check_schema()?;
        let (positive, negative) = self.counts.bucket_counts();
        let end = check_spans(&self.positive_spans, positive, "positive")?;
        check_spans(&self.negative_spans, negative, "negative")?;
        if self.has_custom_buckets() && end > self.custom_values.len() as i64 + 1 {
            return Err(HistogramError::BeyondBounds { bounds: self.custom_values.len() });
        }
        if self.is_stale() { Ok(()) } else { self.check_counts() }
    }

    fn check_schema(&self) -> Result<(), HistogramError> {
        if self.zero_threshold.is_nan() || self.zero_threshold < 0.0 {
            return Err(HistogramError::ZeroThreshold);
        }
        if !self.has_custom_buckets() {
            if !(SCHEMA_MIN..=SCHEMA_MAX).contains(&self.schema) {
                return Err(HistogramError::Schema { schema: self.schema });
            }
            if !self.custom_values.is_empty() {
                return Err(HistogramError::Bounds("an exponential schema with custom bounds"));
            }
            return Ok(());
        }
        if self.custom_values.len() > limits::HISTOGRAM_BUCKETS_MAX {
            return Err(HistogramError::TooManyBuckets);
        }
        if self.custom_values.iter().any(|bound| !bound.is_finite()) {
            return Err(HistogramError::Bounds("a custom bound that is not finite"));
        }
        if !self.custom_values.is_sorted_by(|a, b| a < b) {
            return Err(HistogramError::Bounds("custom bounds that do not rise"));
        }
        let zero_bucket = match &self.counts {
            BucketCounts::Integer { zero_count, .. } => *zero_count != 0,
            BucketCounts::Float { zero_count, .. } => *zero_count != 0.0,
        };
        if zero_bucket || self.zero_threshold != 0.0 || !self.negative_spans.is_empty() {
            return Err(HistogramError::Bounds("custom buckets with a zero or negative bucket"));
        }
        if self.positive_spans.first().is_some_and(|span| span.offset < 0) {
            return Err(HistogramError::Bounds("custom buckets before the first"));
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), HistogramError> {
        match &self.counts {
            BucketCounts::Integer { count, zero_count, positive, negative } => {
                let buckets = positive.iter().chain(negative);
                let sum = buckets.fold(u128::from(*zero_count), |sum, n| sum + u128::from(*n));
                // An observation of NaN is counted, and lies in no bucket.
                let fits = if self.sum.is_nan() {
                    sum <= u128::from(*count)
                } else {
                    sum == u128::from(*count)
                };
                if fits { Ok(()) } else { Err(HistogramError::Count { count: *count, sum }) }
            }
            BucketCounts::Float { count, zero_count, positive, negative } => {
                let all = [*count, *zero_count].into_iter();
                let mut all = all.chain(positive.iter().copied()).chain(negative.iter().copied());
                // Sums of floats round, so that they are not compared.
                if all.any(|count| count < 0.0 || count.is_nan()) {
                    return Err(HistogramError::NegativeCount);
                }
                Ok(())
            }
        }
    }
}

/// Checks spans against the number of buckets and returns the index behind the last bucket.
fn check_spans(
    spans: &[BucketSpan],
    buckets: usize,
    side: &'static str,
) -> Result<i64, HistogramError> {
    if buckets > limits::HISTOGRAM_BUCKETS_MAX || spans.len() > limits::HISTOGRAM_BUCKETS_MAX {
        return Err(HistogramError::TooManyBuckets);
    }
    let mut end = 0_i64;
    let mut covered = 0_u64;
    for (index, span) in spans.iter().enumerate() {
        if index > 0 && span.offset < 0 {
            return Err(HistogramError::SpanOffset { side });
        }
        end += i64::from(span.offset) + i64::from(span.length);
        covered += u64::from(span.length);
    }
    if i32::try_from(end).is_err() {
        return Err(HistogramError::SpanOffset { side });
    }
    if covered == buckets as u64 {
        Ok(end)
    } else {
        Err(HistogramError::SpanLength { side, covered, buckets })
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.reset_hint == other.reset_hint
            && self.schema == other.schema
            && self.zero_threshold.to_bits() == other.zero_threshold.to_bits()
            && self.sum.to_bits() == other.sum.to_bits()
            && self.positive_spans == other.positive_spans
            && self.negative_spans == other.negative_spans
            && same_bits(&self.custom_values, &other.custom_values)
            && self.counts == other.counts
    }
}

impl Eq for Histogram {}

impl PartialEq for BucketCounts {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Integer { count, zero_count, positive, negative },
                Self::Integer { count: count_2, zero_count: zero_2, positive: p2, negative: n2 },
            ) => (count, zero_count, positive, negative) == (count_2, zero_2, p2, n2),
            (
                Self::Float { count, zero_count, positive, negative },
                Self::Float { count: count_2, zero_count: zero_2, positive: p2, negative: n2 },
            ) => {
                same_bits(&[*count, *zero_count], &[*count_2, *zero_2])
                    && same_bits(positive, p2)
                    && same_bits(negative, n2)
            }
            _ => false,
        }
    }
}

impl Eq for BucketCounts {}

fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// What is wrong with a histogram.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistogramError {
    /// A schema that does not exist.
    #[error("schema {schema} is neither {SCHEMA_MIN} to {SCHEMA_MAX} nor {CUSTOM_BUCKETS_SCHEMA}")]
    Schema {
        /// The number found.
        schema: i8,
    },
    /// A zero threshold below zero, or NaN.
    #[error("the zero threshold is negative or not a number")]
    ZeroThreshold,
    /// Custom bounds that are none.
    #[error("{0}")]
    Bounds(&'static str),
    /// Spans that run backwards or out of the range of bucket indexes.
    #[error("a {side} span lies before the end of the one before it, or out of range")]
    SpanOffset {
        /// Of which buckets.
        side: &'static str,
    },
    /// Spans of more or fewer buckets than there are.
    #[error("the {side} spans cover {covered} buckets, and there are {buckets}")]
    SpanLength {
        /// Of which buckets.
        side: &'static str,
        /// Buckets of the spans.
        covered: u64,
        /// Counts given.
        buckets: usize,
    },
    /// Custom buckets behind the last.
    #[error("a bucket lies behind the last of {bounds} custom bounds")]
    BeyondBounds {
        /// How many bounds there are.
        bounds: usize,
    },
    /// More buckets than a histogram may have.
    #[error("more than {} buckets", limits::HISTOGRAM_BUCKETS_MAX)]
    TooManyBuckets,
    /// Buckets that do not add up to the count.
    #[error("the buckets hold {sum} observations, and the count is {count}")]
    Count {
        /// The count.
        count: u64,
        /// What the buckets add up to.
        sum: u128,
    },
    /// Buckets that cannot be computed with each other.
    #[error("exponential and custom buckets do not mix")]
    MixedSchemas,
    /// A count below zero, or NaN.
    #[error("a count is negative or not a number")]
    NegativeCount,
}

#[cfg(test)]
mod tests;
