//! `*_over_time`: one number from the samples of a window.

use super::{compensated, rate::Samples, steps::seconds};

/// The smallest value; NaN only if there is nothing else. The slice is not empty.
pub(super) fn min(values: &[f64]) -> f64 {
    values[1..].iter().fold(values[0], |low, v| if *v < low || low.is_nan() { *v } else { low })
}

/// The largest value; NaN only if there is nothing else. The slice is not empty.
pub(super) fn max(values: &[f64]) -> f64 {
    values[1..].iter().fold(values[0], |top, v| if *v > top || top.is_nan() { *v } else { top })
}

/// The median of the distances from the median; NaN if any value is.
pub(super) fn median_deviation(values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    scratch.clear();
    scratch.extend_from_slice(values);
    let median = compensated::quantile(0.5, scratch);
    for value in scratch.iter_mut() {
        *value = (*value - median).abs();
    }
    compensated::quantile(0.5, scratch)
}

/// A quantile of values that stay as they are.
pub(super) fn quantile(q: f64, values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    scratch.clear();
    scratch.extend_from_slice(values);
    compensated::quantile(q, scratch)
}

/// The time, in seconds, of the last of the values that `beats` all before it. Not empty.
pub(super) fn time_of(samples: Samples<'_>, beats: impl Fn(f64, f64) -> bool) -> f64 {
    let mut best = 0;
    for (place, value) in samples.values.iter().enumerate() {
        if beats(*value, samples.values[best]) || samples.values[best].is_nan() {
            best = place;
        }
    }
    seconds(samples.timestamps[best])
}
