//! Change over a window: `rate`, `increase`, `delta` with extrapolation; `irate`, `idelta` from the
//! last two samples; `changes` and `resets`.

use super::{
    column::StepColumn,
    steps::{Windows, seconds},
};

/// Which of the extrapolating functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extrapolation {
    /// The values only grow, save for resets to zero.
    pub(super) counter: bool,
    /// The answer is per second.
    pub(super) per_second: bool,
}

/// The samples of a series, stale markers left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Samples<'a> {
    pub(super) timestamps: &'a [i64],
    pub(super) values: &'a [f64],
}

/// `rate`, `increase` and `delta`. Linear in samples, steps, and resets seen by each window.
pub(super) fn extrapolated(
    samples: Samples<'_>,
    windows: Windows<'_>,
    kind: Extrapolation,
    out: &mut StepColumn,
) {
    let resets = if kind.counter { reset_places(samples.values) } else { Vec::new() };
    let mut first_reset = 0;
    windows.each(samples.timestamps, |step, low, high| {
        if high - low < 2 {
            return;
        }
        let mut change = samples.values[high - 1] - samples.values[low];
        while first_reset < resets.len() && resets[first_reset] <= low {
            first_reset += 1;
        }
        for place in resets[first_reset..].iter().take_while(|place| **place < high) {
            change += samples.values[*place - 1];
        }
        let window = &samples.timestamps[low..high];
        let end = windows.sight.at(step);
        let edges = Edges {
            start: end.saturating_sub(windows.range),
            end,
            first_value: samples.values[low],
            counter: kind.counter,
        };
        let Some(mut factor) = edges.factor(window, change) else { return };
        if kind.per_second {
            factor /= seconds(windows.range);
        }
        out.set(step, change * factor);
    });
}

/// Where a counter is lower than just before.
fn reset_places(values: &[f64]) -> Vec<usize> {
    (1..values.len()).filter(|place| values[*place] < values[*place - 1]).collect()
}

/// What extrapolation to the edges of a window needs to know of it.
pub(super) struct Edges {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) first_value: f64,
    pub(super) counter: bool,
}

impl Edges {
    /// By how much the change between first and last sample grows when stretched to the window, as
    /// Prometheus does it: to the edge if it is near, else by half a sampling interval, and never
    /// below where a counter would have been zero.
    pub(super) fn factor(&self, timestamps: &[i64], change: f64) -> Option<f64> {
        let (first, last) = (*timestamps.first()?, *timestamps.last()?);
        let sampled = seconds(last.saturating_sub(first));
        if sampled <= 0.0 {
            return None;
        }
        let spacing = sampled / (timestamps.len() - 1) as f64;
        let threshold = spacing * 1.1;
        let mut to_start = seconds(first.saturating_sub(self.start));
        let mut to_end = seconds(self.end.saturating_sub(last));
        if to_start >= threshold {
            to_start = spacing / 2.0;
        }
        if self.counter && change > 0.0 && self.first_value >= 0.0 {
            to_start = to_start.min(sampled * (self.first_value / change));
        }
        if to_end >= threshold {
            to_end = spacing / 2.0;
        }
        Some((sampled + to_start + to_end) / sampled)
    }
}

/// `irate` (a counter, per second) and `idelta`: the last two samples only.
pub(super) fn instant(
    samples: Samples<'_>,
    windows: Windows<'_>,
    rate: bool,
    out: &mut StepColumn,
) {
    windows.each(samples.timestamps, |step, low, high| {
        if high - low < 2 {
            return;
        }
        let (before, last) = (samples.values[high - 2], samples.values[high - 1]);
        let span =
            seconds(samples.timestamps[high - 1].saturating_sub(samples.timestamps[high - 2]));
        if span <= 0.0 {
            return;
        }
        let change = if rate && last < before { last } else { last - before };
        out.set(step, if rate { change / span } else { change });
    });
}

/// Counts, for each window, the neighbours within it for which `differ(before, after)`.
pub(super) fn count_neighbours(
    samples: Samples<'_>,
    windows: Windows<'_>,
    differ: impl Fn(f64, f64) -> bool,
    out: &mut StepColumn,
) {
    let mut counts = Vec::with_capacity(samples.values.len());
    let mut count = 0_u64;
    for (place, value) in samples.values.iter().enumerate() {
        count += u64::from(place > 0 && differ(samples.values[place - 1], *value));
        counts.push(count);
    }
    windows.each(samples.timestamps, |step, low, high| {
        out.set(step, (counts[high - 1] - counts[low]) as f64);
    });
}

/// Whether `changes` counts two neighbours.
pub(super) fn is_change(before: f64, after: f64) -> bool {
    before != after && !(before.is_nan() && after.is_nan())
}
