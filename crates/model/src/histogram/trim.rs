//! Trimming: what a histogram would be without the observations above or below a value.
//!
//! Buckets on the kept side stay, the one that holds the value is split by interpolation, and the others
//! go. Once anything went, count and sum are estimated anew from what is left.

use super::{Bucket, BucketSide, FloatHistogram};

/// Which observations stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// Those up to the value.
    Below,
    /// Those from the value on.
    Above,
}

/// What is left of a bucket: how many observations, and the value that stands for them.
type Rest = (f64, f64);

/// What is left so far.
#[derive(Default)]
struct Kept {
    count: f64,
    sum: f64,
    /// Something went.
    trimmed: bool,
}

impl FloatHistogram {
    /// Leaves only the observations on one side of a value.
    pub fn trim(&mut self, value: f64, trim: Trim) {
        let mut kept = Kept::default();
        let custom = self.has_custom_buckets();
        let layout = self.layout();
        let above: Vec<Bucket> =
            self.positive.iter().map(|(index, n)| layout.positive(index, n)).collect();
        let below: Vec<Bucket> =
            self.negative.iter().map(|(index, n)| layout.negative(index, n)).collect();
        kept.trim_side(&mut self.positive, &above, |bucket| rest_of(bucket, value, trim, custom));
        kept.trim_side(&mut self.negative, &below, |bucket| rest_of(bucket, value, trim, custom));
        if self.zero_count > 0.0 {
            let counts = |side: &[Bucket]| side.iter().any(|bucket| bucket.count != 0.0);
            let lower = if counts(&above) && !counts(&below) { 0.0 } else { -self.zero_threshold };
            let upper = if counts(&below) && !counts(&above) { 0.0 } else { self.zero_threshold };
            let (share, middle) = zero_rest(lower, upper, value, trim);
            let rest = self.zero_count * share;
            kept.trimmed |= rest != self.zero_count;
            kept.add((rest, middle));
            self.zero_count = rest;
        }
        if kept.trimmed {
            self.count = kept.count;
            self.sum = kept.sum;
            self.compact();
        }
    }
}

impl Kept {
    fn trim_side(
        &mut self,
        side: &mut BucketSide,
        buckets: &[Bucket],
        rest: impl Fn(&Bucket) -> Rest,
    ) {
        for (count, bucket) in side.counts_mut().iter_mut().zip(buckets) {
            if bucket.count == 0.0 {
                continue;
            }
            let rest = rest(bucket);
            self.trimmed |= rest.0 != *count;
            *count = rest.0;
            self.add(rest);
        }
    }

    fn add(&mut self, (count, middle): Rest) {
        self.count += count;
        self.sum += middle * count;
    }
}

/// What is left of a bucket that is not the zero bucket.
fn rest_of(bucket: &Bucket, value: f64, trim: Trim, custom: bool) -> Rest {
    let Bucket { lower, upper, count, .. } = *bucket;
    let (stays, goes) = match trim {
        Trim::Below => (upper <= value, lower >= value),
        Trim::Above => (lower >= value, upper <= value),
    };
    if stays {
        return (count, middle(lower, upper, custom));
    }
    // A value that is no number splits nothing and keeps nothing.
    if goes || value.is_nan() {
        return (0.0, 0.0);
    }
    if lower == f64::NEG_INFINITY || upper == f64::INFINITY {
        return endless_rest(bucket, value, trim);
    }
    let below = count * share_below(lower, upper, value, custom);
    match trim {
        Trim::Below => (below, middle(lower, value, custom)),
        Trim::Above => (count - below, middle(value, upper, custom)),
    }
}

/// What is left of a bucket without an end that holds the value. How observations are spread in it is
/// not known, save that those of a first bucket that ends above zero are taken to be positive.
fn endless_rest(bucket: &Bucket, value: f64, trim: Trim) -> Rest {
    let Bucket { lower, upper, count, .. } = *bucket;
    let ends_above_zero = upper > 0.0 && upper < f64::INFINITY;
    if lower > f64::NEG_INFINITY {
        return match trim {
            Trim::Below => (0.0, 0.0),
            Trim::Above => (count, value),
        };
    }
    match trim {
        Trim::Below if value > 0.0 && ends_above_zero => (count * value / upper, value / 2.0),
        Trim::Below if upper <= 0.0 => (count, value),
        Trim::Above if value >= 0.0 && ends_above_zero => {
            (count * (1.0 - value / upper), (value + upper) / 2.0)
        }
        _ => (0.0, 0.0),
    }
}

/// Which part of the zero bucket is left, and the value that stands for it.
fn zero_rest(lower: f64, upper: f64, value: f64, trim: Trim) -> Rest {
    let (all, nothing) = ((1.0, (lower + upper) / 2.0), (0.0, 0.0));
    match trim {
        Trim::Below if value <= lower => nothing,
        Trim::Below if value >= upper => all,
        Trim::Below => ((value - lower) / (upper - lower), (lower + value) / 2.0),
        Trim::Above if value <= lower => all,
        Trim::Above if value >= upper => nothing,
        Trim::Above => ((upper - value) / (upper - lower), (value + upper) / 2.0),
    }
}

/// Which part of a bucket's observations lie below a value within it: evenly spread in custom buckets,
/// evenly on a logarithmic scale in exponential ones.
fn share_below(lower: f64, upper: f64, value: f64, custom: bool) -> f64 {
    if custom {
        return (value - lower) / (upper - lower);
    }
    let [lower_log, upper_log, value_log] = [lower, upper, value].map(|bound| bound.abs().log2());
    if lower >= 0.0 {
        (value_log - lower_log) / (upper_log - lower_log)
    } else {
        1.0 - (value_log - upper_log) / (lower_log - upper_log)
    }
}

/// The value that stands for the observations between two bounds: the arithmetic mean in custom
/// buckets, the geometric one in exponential ones.
fn middle(lower: f64, upper: f64, custom: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) => {
            if upper > 0.0 {
                upper / 2.0
            } else {
                upper
            }
        }
        (false, true) => lower,
        (false, false) if custom => f64::midpoint(lower, upper),
        (false, false) if lower < 0.0 => -(lower * upper).abs().sqrt(),
        (false, false) => (lower * upper).abs().sqrt(),
    }
}

#[cfg(test)]
mod tests;
