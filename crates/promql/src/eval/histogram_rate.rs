//! `rate`, `increase`, `delta`, `irate` and `idelta` of native histograms.

use std::sync::Arc;

use timberline_model::{FloatHistogram, HistogramError, ResetHint};

use super::{
    range_histograms::{MixedWindow, Outcome},
    range_notes::{RangeNote, RangeNotes},
    rate::{Edges, Extrapolation},
    starts,
    steps::seconds,
};

/// Two neighbouring samples.
pub(super) enum Change {
    /// The float at this place and the one before it.
    Floats(usize),
    /// One is a float, the other a histogram.
    Kind,
    /// The histogram at this place and the one before it.
    Histograms(usize),
}

/// `rate`, `increase` and `delta` of one window that lies between the edges.
pub(super) fn extrapolated(
    window: &MixedWindow<'_>,
    (start, end): (i64, i64),
    range: i64,
    kind: Extrapolation,
    notes: &mut RangeNotes,
) -> Outcome {
    if !window.floats.values.is_empty() {
        notes.add(RangeNote::MixedKinds);
        return Outcome::Nothing;
    }
    let began = window.starts.first().copied().unwrap_or(0);
    let knows_start = kind.counter && began != 0 && began > start && began < window.times[0];
    if window.histograms.len() < 2 && !knows_start {
        return Outcome::Nothing;
    }
    let change = match window.histograms {
        [only] => Ok(FloatHistogram::clone(only)),
        _ if kind.counter => increase(window, knows_start, notes),
        _ => difference(window, notes),
    };
    let Ok(mut change) = change else {
        notes.add(RangeNote::MixedSchemas);
        return Outcome::Nothing;
    };
    let first_value = window.histograms[0].count;
    let edges = Edges { start, end, first_value, counter: kind.counter };
    let factor = if knows_start {
        Some(starts::factor_since(window.times, began, end))
    } else {
        edges.factor(window.times, change.count)
    };
    let Some(mut factor) = factor else { return Outcome::Nothing };
    if kind.per_second {
        factor /= seconds(range);
    }
    change.reset_hint = ResetHint::Gauge;
    change.compact();
    change.scale(factor);
    Outcome::Histogram(change)
}

/// How much a gauge changed between the first and the last sample.
fn difference(
    window: &MixedWindow<'_>,
    notes: &mut RangeNotes,
) -> Result<FloatHistogram, HistogramError> {
    let [first, .., last] = window.histograms else { return Err(HistogramError::MixedSchemas) };
    let mut change = FloatHistogram::clone(last);
    change.reduce_resolution(first.schema);
    if change.subtract(first)?.bounds {
        notes.add(RangeNote::BoundsReconciled("subtraction"));
    }
    if first.reset_hint != ResetHint::Gauge || last.reset_hint != ResetHint::Gauge {
        notes.add(RangeNote::NotGauge);
    }
    Ok(change)
}

/// By how much a counter grew between the first and the last sample, resets made up for; from zero, if it
/// is known when that was.
fn increase(
    window: &MixedWindow<'_>,
    from_zero: bool,
    notes: &mut RangeNotes,
) -> Result<FloatHistogram, HistogramError> {
    let [first, .., last] = window.histograms else { return Err(HistogramError::MixedSchemas) };
    let second = &window.histograms[1];
    if window.histograms.iter().any(|one| one.reset_hint == ResetHint::Gauge) {
        notes.add(RangeNote::NotCounter);
    }
    if starts::any_overlap(window.starts, window.times) {
        notes.add(RangeNote::StartsOverlap);
    }
    // Before a reset the first sample does not matter, nor do its buckets.
    let first = if window.resets[1] {
        Arc::new(FloatHistogram::empty_like(second))
    } else {
        Arc::clone(first)
    };
    let custom = first.has_custom_buckets();
    if window.histograms[1..].iter().any(|one| one.has_custom_buckets() != custom) {
        return Err(HistogramError::MixedSchemas);
    }
    let mut change = FloatHistogram::clone(last);
    for one in window.histograms[1..].iter().chain([&first]) {
        change.reduce_resolution(one.schema);
    }
    if change.subtract(&first)?.bounds {
        notes.add(RangeNote::BoundsReconciled("subtraction"));
    }
    for (at, before) in window.histograms.iter().enumerate().take(window.histograms.len() - 1) {
        // The first reset was made up for by leaving the first sample out.
        if at > 0 && window.resets[at + 1] && change.add(before)?.bounds {
            notes.add(RangeNote::BoundsReconciled("addition"));
        }
    }
    if from_zero && change.add(&window.histograms[0])?.bounds {
        notes.add(RangeNote::BoundsReconciled("addition"));
    }
    Ok(change)
}

/// `irate` (a counter, per second) and `idelta`: the last two samples only.
pub(super) fn instant(window: &MixedWindow<'_>, rate: bool, notes: &mut RangeNotes) -> Outcome {
    let MixedWindow { floats, times, histograms, .. } = *window;
    let (floats, count) = (floats.timestamps, histograms.len());
    let newest = times[count - 1];
    let later_floats = floats.iter().rev().take_while(|ts| **ts > newest).count();
    if later_floats >= 2 || floats.len() + count < 2 {
        return Outcome::OfFloats;
    }
    let is_alone = count < 2 || floats.last().is_some_and(|last| *last > times[count - 2]);
    if is_alone {
        notes.add(RangeNote::MixedKinds);
        return Outcome::Nothing;
    }
    let (before, last) = (&histograms[count - 2], &histograms[count - 1]);
    let span = seconds(newest.saturating_sub(times[count - 2]));
    let are_gauges = [before, last].map(|one| one.reset_hint == ResetHint::Gauge);
    if rate && are_gauges.contains(&true) {
        notes.add(RangeNote::NotCounter);
    }
    if !rate && are_gauges.contains(&false) {
        notes.add(RangeNote::NotGauge);
    }
    let mut change = FloatHistogram::clone(last);
    if !rate || !window.resets[count - 1] {
        match change.subtract(before) {
            Ok(met) if met.bounds => notes.add(RangeNote::BoundsReconciled("subtraction")),
            Ok(_) => {}
            Err(_) => {
                notes.add(RangeNote::MixedSchemas);
                return Outcome::Nothing;
            }
        }
    }
    change.reset_hint = ResetHint::Gauge;
    change.compact();
    if rate {
        change.divide(span);
    }
    Outcome::Histogram(change)
}
