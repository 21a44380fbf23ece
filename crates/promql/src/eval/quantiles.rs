//! Quantiles and fractions of one native histogram, and how far its observations are spread.

use timberline_model::{Bucket, FloatHistogram};

use super::compensated;

/// What a native histogram with observations of NaN means for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NanNote {
    /// The quantile lies among the NaNs.
    Result,
    /// NaNs count as larger than everything, so that the quantile is higher.
    Skew,
}

/// What stands for the buckets of a histogram without any.
const NO_BUCKET: Bucket =
    Bucket { lower: 0.0, upper: 0.0, lower_inclusive: false, upper_inclusive: false, count: 0.0 };

/// What `histogram_quantile` gives for one native histogram. NaN without observations; below 0 and above 1, `q` gives
/// the infinities.
#[must_use]
pub fn native_quantile(q: f64, histogram: &FloatHistogram) -> f64 {
    quantile(q, histogram).0
}

/// The value below which the share `q` of all observations lies.
pub(super) fn quantile(q: f64, histogram: &FloatHistogram) -> (f64, Option<NanNote>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if histogram.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    let buckets = histogram.buckets();
    // Observations of NaN are counted and in no bucket; from below they come last.
    let forward = histogram.sum.is_nan() || q < 0.5;
    let rank = if forward { q } else { 1.0 - q } * histogram.count;
    let mut seen = 0.0;
    let mut reaches = |bucket: &&Bucket| {
        seen += bucket.count;
        bucket.count != 0.0 && seen >= rank
    };
    let found = if forward {
        buckets.iter().find(&mut reaches).or(buckets.last())
    } else {
        buckets.iter().rev().find(&mut reaches).or(buckets.first())
    };
    let mut bucket = found.copied().unwrap_or(NO_BUCKET);
    if histogram.has_custom_buckets() {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return (bucket.upper, None);
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return (bucket.lower, None);
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        halve_zero_bucket(&mut bucket, histogram);
    }
    // Rounding may have made the buckets hold more than all.
    let seen = seen.min(histogram.count);
    if seen < rank {
        return if histogram.sum.is_nan() {
            (f64::NAN, Some(NanNote::Result))
        } else {
            (bucket.upper, None)
        };
    }
    let rank = if forward { rank - (seen - bucket.count) } else { seen - rank };
    let note = (histogram.sum.is_nan() && lacks_observations(histogram, &buckets))
        .then_some(NanNote::Skew);
    (interpolated(&bucket, rank / bucket.count, histogram.has_custom_buckets()), note)
}

/// The value up to which a share of a bucket's observations lies.
fn interpolated(bucket: &Bucket, share: f64, custom: bool) -> f64 {
    let Bucket { lower, upper, .. } = *bucket;
    if custom || (lower <= 0.0 && upper >= 0.0) {
        return lower + (upper - lower) * share;
    }
    let (lower_log, upper_log) = (lower.abs().log2(), upper.abs().log2());
    if lower > 0.0 {
        (lower_log + (upper_log - lower_log) * share).exp2()
    } else {
        -(upper_log + (lower_log - upper_log) * (1.0 - share)).exp2()
    }
}

/// With observations on one side of zero only, the zero bucket holds none of the other side.
fn halve_zero_bucket(bucket: &mut Bucket, histogram: &FloatHistogram) {
    match (histogram.negative.is_empty(), histogram.positive.is_empty()) {
        (true, false) => bucket.lower = 0.0,
        (false, true) => bucket.upper = 0.0,
        _ => {}
    }
}

/// Whether the buckets hold fewer observations than there are: the others are NaN.
fn lacks_observations(histogram: &FloatHistogram, buckets: &[Bucket]) -> bool {
    buckets.iter().map(|bucket| bucket.count).sum::<f64>() < histogram.count
}

/// The share of observations between two values, and whether observations of NaN were left out.
pub(super) fn fraction(lower: f64, upper: f64, histogram: &FloatHistogram) -> (f64, bool) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, false);
    }
    if lower >= upper {
        return (0.0, false);
    }
    let buckets = histogram.buckets();
    let custom = histogram.has_custom_buckets();
    let (mut rank, mut lower_rank, mut upper_rank) = (0.0, None, None);
    for bucket in &buckets {
        let mut bucket = *bucket;
        let is_zero_bucket = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        if is_zero_bucket {
            halve_zero_bucket(&mut bucket, histogram);
        }
        for (value, found) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if found.is_none() && bucket.lower >= value {
                *found = Some(rank);
            } else if found.is_none() && bucket.upper > value {
                *found = Some(rank_within(&bucket, value, rank, custom || is_zero_bucket));
            }
        }
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        rank += bucket.count;
    }
    let (mut count, mut nan_left_out) = (histogram.count, false);
    if histogram.sum.is_nan() {
        count = buckets.iter().map(|bucket| bucket.count).sum();
        nan_left_out = count < histogram.count;
    }
    let capped =
        |rank: Option<f64>| rank.map_or(count, |rank| if rank > count { count } else { rank });
    ((capped(upper_rank) - capped(lower_rank)) / histogram.count, nan_left_out)
}

/// How many observations lie below a value within a bucket, `rank` of them below the bucket.
fn rank_within(bucket: &Bucket, value: f64, rank: f64, linear: bool) -> f64 {
    let Bucket { lower, upper, count, .. } = *bucket;
    if linear {
        // In a bucket without a lower end nothing is known to lie above the value.
        return if lower == f64::NEG_INFINITY {
            count
        } else {
            rank + count * (value - lower) / (upper - lower)
        };
    }
    let [lower_log, upper_log, value_log] = [lower, upper, value].map(|bound| bound.abs().log2());
    let share = if value > 0.0 {
        (value_log - lower_log) / (upper_log - lower_log)
    } else {
        1.0 - (value_log - upper_log) / (lower_log - upper_log)
    };
    rank + count * share
}

/// The mean.
pub(super) fn mean(histogram: &FloatHistogram) -> f64 {
    histogram.sum / histogram.count
}

/// The variance, each observation taken for the middle of its bucket.
pub(super) fn variance(histogram: &FloatHistogram) -> f64 {
    let mean = mean(histogram);
    let (mut sum, mut compensation) = (0.0, 0.0);
    for bucket in histogram.buckets().iter().filter(|bucket| bucket.count != 0.0) {
        let Bucket { lower, upper, count, .. } = *bucket;
        let middle = if histogram.has_custom_buckets() {
            (upper + lower) / 2.0
        } else if lower <= 0.0 && upper >= 0.0 {
            0.0
        } else if upper < 0.0 {
            -(upper * lower).sqrt()
        } else {
            (upper * lower).sqrt()
        };
        let delta = middle - mean;
        compensated::add(count * delta * delta, &mut sum, &mut compensation);
    }
    compensated::total(sum, compensation) / histogram.count
}

/// The standard deviation.
pub(super) fn deviation(histogram: &FloatHistogram) -> f64 {
    variance(histogram).sqrt()
}
