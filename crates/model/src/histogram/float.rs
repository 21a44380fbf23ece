//! Histograms that are computed with: counts are floats, and buckets are known by their index.
//!
//! What it is not: a stored form. It is made of a stored [`Histogram`], and made one again at the end.

use std::sync::Arc;

use super::{
    Bucket, BucketCounts, BucketSide, CUSTOM_BUCKETS_SCHEMA, Count, Histogram, ResetHint,
    bounds::Layout,
};

/// A native histogram with counts that need not be whole, nor positive.
///
/// `N` is what the counts are: floats, or sums that keep what rounding lost (see
/// [`HistogramSum`](super::HistogramSum)).
#[derive(Clone, Debug)]
pub struct FloatHistogram<N = f64> {
    /// What is known of a reset before it.
    pub reset_hint: ResetHint,
    /// The resolution, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i8,
    /// The zero bucket holds observations from minus this to this. Not negative.
    pub zero_threshold: f64,
    /// Observations within the zero bucket.
    pub zero_count: N,
    /// All observations.
    pub count: N,
    /// The sum of all observations.
    pub sum: N,
    /// The buckets above zero; with custom buckets, all of them.
    pub positive: BucketSide<N>,
    /// The buckets below zero, counted from zero.
    pub negative: BucketSide<N>,
    /// With custom buckets, their upper bounds, rising.
    pub custom_values: Arc<[f64]>,
}

impl<N: Count> FloatHistogram<N> {
    /// A histogram of nothing, with the buckets of another's kind.
    #[must_use]
    pub fn empty_like<M: Count>(other: &FloatHistogram<M>) -> Self {
        Self {
            reset_hint: ResetHint::Unknown,
            schema: other.schema,
            zero_threshold: 0.0,
            zero_count: 0.0.into(),
            count: 0.0.into(),
            sum: 0.0.into(),
            positive: BucketSide::empty(),
            negative: BucketSide::empty(),
            custom_values: Arc::clone(&other.custom_values),
        }
    }

    /// Whether its buckets have bounds of their own.
    #[must_use]
    pub const fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Multiplies all counts and the sum. What is turned around is no counter any more.
    pub fn scale(&mut self, factor: f64) {
        self.change(|count| count.times(factor));
        if factor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    /// Divides all counts and the sum. Division by zero leaves no buckets.
    pub fn divide(&mut self, divisor: f64) {
        if divisor == 0.0 {
            self.positive = BucketSide::empty();
            self.negative = BucketSide::empty();
        }
        self.change(|count| count.over(divisor));
        if divisor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    /// Forgets buckets that count nothing.
    pub fn compact(&mut self) {
        self.positive.compact();
        self.negative.compact();
    }

    /// Joins buckets until the resolution is that of `schema`. Does nothing to custom buckets, or where
    /// the resolution is that low already.
    pub fn reduce_resolution(&mut self, schema: i8) {
        if self.has_custom_buckets() || schema >= self.schema {
            return;
        }
        let by = u32::from(self.schema.abs_diff(schema));
        self.positive = self.positive.reduced(by).into_owned();
        self.negative = self.negative.reduced(by).into_owned();
        self.schema = schema;
    }

    /// How many buckets it keeps, those that count nothing included.
    #[must_use]
    pub fn bucket_count(&self) -> usize {
        self.positive.len() + self.negative.len()
    }

    /// The same histogram with other numbers.
    pub(super) fn map<M: Count>(&self, change: impl Fn(N) -> M) -> FloatHistogram<M> {
        FloatHistogram {
            reset_hint: self.reset_hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: change(self.zero_count),
            count: change(self.count),
            sum: change(self.sum),
            positive: self.positive.map(&change),
            negative: self.negative.map(&change),
            custom_values: Arc::clone(&self.custom_values),
        }
    }

    fn change(&mut self, change: impl Fn(N) -> N) {
        self.zero_count = change(self.zero_count);
        self.count = change(self.count);
        self.sum = change(self.sum);
        self.positive.change(&change);
        self.negative.change(&change);
    }

    /// Where its buckets lie; none is cut at the zero bucket.
    pub(super) fn layout(&self) -> Layout<'_> {
        Layout { schema: self.schema, zero_threshold: 0.0, custom_values: &self.custom_values }
    }
}

impl FloatHistogram {
    /// Whether both hold the same data: every number to the bit, every bucket, those that count nothing
    /// included. What is known of resets does not matter.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let bits = |histogram: &Self| {
            [histogram.count, histogram.sum, histogram.zero_count].map(f64::to_bits)
        };
        let is_same_side = |a: &BucketSide, b: &BucketSide| {
            a.indexes() == b.indexes() && super::same_bits(a.counts(), b.counts())
        };
        self.schema == other.schema
            && bits(self) == bits(other)
            && self.zero_threshold == other.zero_threshold
            && is_same_side(&self.positive, &other.positive)
            && is_same_side(&self.negative, &other.negative)
            && (!self.has_custom_buckets() || self.custom_values == other.custom_values)
    }

    /// All buckets and the zero bucket if it counts anything, from the lowest to the highest. Buckets
    /// that overlap the zero bucket are cut at its bound.
    #[must_use]
    pub fn buckets(&self) -> Vec<Bucket> {
        let layout = Layout { zero_threshold: self.zero_threshold, ..self.layout() };
        let mut buckets = Vec::with_capacity(self.bucket_count() + 1);
        buckets.extend(self.negative.iter().rev().map(|(index, n)| layout.negative(index, n)));
        if self.zero_count > 0.0 {
            buckets.push(layout.zero(self.zero_count));
        }
        buckets.extend(self.positive.iter().map(|(index, n)| layout.positive(index, n)));
        buckets
    }

    /// The histogram without its buckets, for whoever looks at count and sum only.
    #[must_use]
    pub fn without_buckets(&self) -> Self {
        Self {
            reset_hint: self.reset_hint,
            count: self.count,
            sum: self.sum,
            custom_values: Arc::default(),
            ..Self::empty_like(self)
        }
    }
}

impl From<&Histogram> for FloatHistogram {
    fn from(stored: &Histogram) -> Self {
        let (zero_count, count, positive, negative) = match &stored.counts {
            BucketCounts::Integer { count, zero_count, positive, negative } => {
                let floats = |spans, counts: &[u64]| {
                    BucketSide::from_spans(spans, counts.iter().map(|count| *count as f64))
                };
                let positive = floats(&stored.positive_spans, positive);
                let negative = floats(&stored.negative_spans, negative);
                (*zero_count as f64, *count as f64, positive, negative)
            }
            BucketCounts::Float { count, zero_count, positive, negative } => {
                let floats =
                    |spans, counts: &[f64]| BucketSide::from_spans(spans, counts.iter().copied());
                let positive = floats(&stored.positive_spans, positive);
                let negative = floats(&stored.negative_spans, negative);
                (*zero_count, *count, positive, negative)
            }
        };
        Self {
            reset_hint: stored.reset_hint,
            schema: stored.schema,
            zero_threshold: stored.zero_threshold,
            zero_count,
            count,
            sum: stored.sum,
            positive,
            negative,
            custom_values: stored.custom_values.as_slice().into(),
        }
    }
}

impl From<&FloatHistogram> for Histogram {
    fn from(computed: &FloatHistogram) -> Self {
        Self {
            reset_hint: computed.reset_hint,
            schema: computed.schema,
            zero_threshold: computed.zero_threshold,
            sum: computed.sum,
            positive_spans: computed.positive.spans(),
            negative_spans: computed.negative.spans(),
            custom_values: computed.custom_values.to_vec(),
            counts: BucketCounts::Float {
                count: computed.count,
                zero_count: computed.zero_count,
                positive: computed.positive.counts().to_vec(),
                negative: computed.negative.counts().to_vec(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            BucketSpan,
            testing::{custom, exponential},
        },
        *,
    };

    #[test]
    fn a_stored_histogram_comes_back_with_float_counts() {
        let stored = Histogram {
            reset_hint: ResetHint::NotReset,
            schema: 1,
            zero_threshold: 0.25,
            sum: 12.5,
            positive_spans: vec![
                BucketSpan { offset: -1, length: 2 },
                BucketSpan { offset: 3, length: 1 },
            ],
            negative_spans: vec![BucketSpan { offset: 2, length: 1 }],
            custom_values: Vec::new(),
            counts: BucketCounts::Integer {
                count: 12,
                zero_count: 2,
                positive: vec![1, 2, 3],
                negative: vec![4],
            },
        };
        let floats = BucketCounts::Float {
            count: 12.0,
            zero_count: 2.0,
            positive: vec![1.0, 2.0, 3.0],
            negative: vec![4.0],
        };
        let computed = FloatHistogram::from(&stored);
        assert_eq!(computed.positive.indexes(), [-1, 0, 4]);
        assert_eq!(Histogram::from(&computed), Histogram { counts: floats, ..stored.clone() });
        assert_eq!(computed.buckets(), stored.buckets());
    }

    #[test]
    fn two_are_the_same_when_every_bucket_is() {
        let one = exponential(0, &[(1, 1.0), (2, 0.0)]);
        assert!(one.is_same(&one.clone().hinted(ResetHint::Gauge)));
        assert!(!one.is_same(&exponential(0, &[(1, 1.0)])));
        assert!(!one.is_same(&exponential(1, &[(1, 1.0), (2, 0.0)])));
        assert!(!custom(&[1.0], &[(0, 1.0)]).is_same(&custom(&[2.0], &[(0, 1.0)])));
        let nan = FloatHistogram { sum: f64::NAN, ..one };
        assert!(nan.is_same(&nan.clone()));
    }

    #[test]
    fn without_buckets_there_are_count_and_sum() {
        let one = custom(&[1.0], &[(0, 3.0)]).hinted(ResetHint::Reset);
        let stats = one.without_buckets();
        assert_eq!((stats.count, stats.sum, stats.schema), (3.0, 6.0, CUSTOM_BUCKETS_SCHEMA));
        assert_eq!((stats.reset_hint, stats.bucket_count()), (ResetHint::Reset, 0));
    }
}
