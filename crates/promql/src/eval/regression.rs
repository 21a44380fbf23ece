//! Lines through samples: `deriv`, `predict_linear`, `double_exponential_smoothing`.

use super::{compensated::add, rate::Samples, steps::seconds};

/// A line through samples: its rise per second, and its value at the time asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) slope: f64,
    pub(super) intercept: f64,
}

/// Simple linear regression, with compensated sums. `None` for fewer than two samples.
pub(super) fn line(samples: Samples<'_>, intercept_time: i64) -> Option<Line> {
    let first = *samples.values.first()?;
    if samples.values.len() < 2 {
        return None;
    }
    if samples.values.iter().all(|value| *value == first) {
        let flat = Line { slope: 0.0, intercept: first };
        return Some(if first.is_infinite() { NOT_A_LINE } else { flat });
    }
    let mut sums = [[0.0_f64; 2]; 4];
    for (ts, y) in samples.timestamps.iter().zip(samples.values) {
        let x = seconds(ts.saturating_sub(intercept_time));
        for ([sum, compensation], term) in sums.iter_mut().zip([x, *y, x * y, x * x]) {
            add(term, sum, compensation);
        }
    }
    let n = samples.values.len() as f64;
    let [x, y, xy, xx] = sums.map(|[sum, compensation]| sum + compensation);
    let slope = (xy - x * y / n) / (xx - x * x / n);
    Some(Line { slope, intercept: y / n - slope * x / n })
}

const NOT_A_LINE: Line = Line { slope: f64::NAN, intercept: f64::NAN };

/// Holt's double exponential smoothing. `None` for fewer than two samples.
pub(super) fn smoothed(values: &[f64], smoothing: f64, trending: f64) -> Option<f64> {
    let [first, second, ..] = *values else { return None };
    let (mut before, mut level) = (0.0, first);
    let mut trend = second - first;
    for (place, value) in values.iter().enumerate().skip(1) {
        if place > 1 {
            trend = trending * (level - before) + (1.0 - trending) * trend;
        }
        let next = smoothing * value + (1.0 - smoothing) * (level + trend);
        (before, level) = (level, next);
    }
    Some(level)
}
