//! Histograms for the tests of this folder.

use super::{BucketSide, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, ResetHint};

fn side(buckets: &[(i32, f64)]) -> BucketSide {
    let mut side = BucketSide::empty();
    buckets.iter().for_each(|(index, count)| side.push(*index, *count));
    side
}

/// An exponential histogram of the given positive buckets, whose count is theirs and whose sum is twice
/// that.
pub(super) fn exponential(schema: i8, positive: &[(i32, f64)]) -> FloatHistogram {
    let count: f64 = positive.iter().map(|(_, count)| count).sum();
    FloatHistogram {
        reset_hint: ResetHint::Unknown,
        schema,
        zero_threshold: 0.0,
        zero_count: 0.0,
        count,
        sum: 2.0 * count,
        positive: side(positive),
        negative: BucketSide::empty(),
        custom_values: [].into(),
    }
}

/// The same with custom buckets.
pub(super) fn custom(bounds: &[f64], buckets: &[(i32, f64)]) -> FloatHistogram {
    FloatHistogram { custom_values: bounds.into(), ..exponential(CUSTOM_BUCKETS_SCHEMA, buckets) }
}

impl FloatHistogram {
    /// With a zero bucket, whose observations are counted.
    pub(super) fn with_zero(self, zero_threshold: f64, zero_count: f64) -> Self {
        Self { zero_threshold, zero_count, count: self.count + zero_count, ..self }
    }

    /// With negative buckets, whose observations are counted.
    pub(super) fn with_negative(self, negative: &[(i32, f64)]) -> Self {
        let more: f64 = negative.iter().map(|(_, count)| count).sum();
        Self { negative: side(negative), count: self.count + more, ..self }
    }

    /// With a hint.
    pub(super) fn hinted(self, reset_hint: ResetHint) -> Self {
        Self { reset_hint, ..self }
    }
}

/// The buckets of a side.
pub(super) fn pairs(side: &BucketSide) -> Vec<(i32, f64)> {
    side.iter().collect()
}
