//! `anchored` and `smoothed` ranges of native histograms, alone or among floats.
//!
//! The floats are computed first, as if there were no histograms; then every window that has histograms in
//! it or around it gets what it should have instead.

use std::sync::Arc;

use timberline_model::{FloatHistogram, Reconciled, ResetHint};

use super::{
    budget::Budget,
    column::StepColumn,
    error::EvalError,
    extended::{Reaching, places, reach},
    histograms::{MixedSamples, cost_of},
    range_histograms::{MixedWindow, Outcome, advance, neighbours_of, resets},
    range_notes::{RangeNote, RangeNotes},
    rate::{Extrapolation, Samples},
    starts::SamplesSince,
    steps::{Sight, seconds},
    window::{PlainFunction, WindowFunction},
};

/// Why there is no result; what is to be told has been noted.
struct NoResult;

impl Reaching<'_> {
    /// A function of every window of a series that has histograms.
    pub(super) fn apply_mixed(
        self,
        function: &WindowFunction,
        samples: MixedSamples<'_>,
        notes: &mut RangeNotes,
        out: &mut StepColumn,
    ) -> Result<(), EvalError> {
        let floats = SamplesSince { samples: samples.floats, starts: samples.float_starts };
        self.apply(function, floats, out);
        self.windows.budget.check()?;
        let resets = resets(&samples);
        let (back, ahead) = reach(self.extension, self.lookback);
        let (mut low, mut high, mut low_float, mut high_float) = (0, 0, 0, 0);
        for step in 0..self.windows.sight.steps.count() {
            let end = self.windows.sight.at(step);
            let start = end.saturating_sub(self.windows.range);
            let (from, to) = (start.saturating_sub(back), end.saturating_add(ahead));
            advance(samples.times, from, to, &mut low, &mut high);
            advance(samples.floats.timestamps, from, to, &mut low_float, &mut high_float);
            if low == high {
                continue;
            }
            self.windows.budget.check()?;
            let window = samples.window(low..high, low_float..high_float, &resets);
            let edges = (start, end);
            let outcome = match function {
                WindowFunction::Extrapolated(kind) => self.change(&window, edges, *kind, notes),
                WindowFunction::Plain(function) => counted(&window, start, *function),
                _ => Outcome::Nothing,
            };
            outcome.put(step, self.windows.budget, out)?;
        }
        Ok(())
    }

    /// `rate`, `increase` and `delta` of one window.
    fn change(
        self,
        window: &MixedWindow<'_>,
        (start, end): (i64, i64),
        kind: Extrapolation,
        notes: &mut RangeNotes,
    ) -> Outcome {
        if !window.floats.values.is_empty() {
            notes.add(RangeNote::MixedKinds);
            return Outcome::Nothing;
        }
        let smoothed = self.is_smoothed();
        let Some(places) = places(window.times, (start, end), smoothed) else {
            return Outcome::Nothing;
        };
        let Ok(mut change) = Between { window, places, start, end, smoothed }.change(kind, notes)
        else {
            return Outcome::Nothing;
        };
        if kind.per_second {
            change.divide(seconds(self.windows.range));
        }
        change.reset_hint = ResetHint::Gauge;
        change.compact();
        Outcome::Histogram(change)
    }
}

/// `changes` and `resets` of an anchored window: the newest sample at or before the start is one of it.
fn counted(window: &MixedWindow<'_>, start: i64, function: PlainFunction) -> Outcome {
    let floats = window.floats.timestamps.partition_point(|ts| *ts <= start);
    let histograms = window.times.partition_point(|ts| *ts <= start);
    if floats == window.floats.timestamps.len() && histograms == window.times.len() {
        return Outcome::Nothing;
    }
    let float_anchor = floats.checked_sub(1).map(|at| window.floats.timestamps[at]);
    let anchor = histograms.checked_sub(1).map(|at| window.times[at]);
    let (first_float, first) = match (float_anchor, anchor) {
        (Some(float), Some(histogram)) if float < histogram => (floats, histograms - 1),
        (Some(_), _) => (floats - 1, histograms),
        (None, Some(_)) => (floats, histograms - 1),
        (None, None) => (0, 0),
    };
    neighbours_of(&window.from(first, first_float), function)
}

/// The histograms between two edges.
struct Between<'w> {
    window: &'w MixedWindow<'w>,
    /// Those that stand at the edges.
    places: (usize, usize),
    start: i64,
    end: i64,
    smoothed: bool,
}

impl Between<'_> {
    /// From the start to the end, resets made up for.
    fn change(
        &self,
        kind: Extrapolation,
        notes: &mut RangeNotes,
    ) -> Result<FloatHistogram, NoResult> {
        let (first, last) = self.places;
        let histograms = &self.window.histograms[first..=last];
        let custom = histograms[0].has_custom_buckets();
        for one in histograms {
            if one.has_custom_buckets() != custom {
                notes.add(RangeNote::MixedSchemas);
                return Err(NoResult);
            }
            if kind.counter && one.reset_hint == ResetHint::Gauge {
                notes.add(RangeNote::NotCounter);
            }
        }
        let times = self.window.times;
        let left = if self.smoothed && times[first] < self.start {
            self.interpolated(first, self.start, kind.counter, notes)?
        } else {
            FloatHistogram::clone(&self.window.histograms[first])
        };
        let right = if self.smoothed && last > 0 && times[last] > self.end {
            self.interpolated(last - 1, self.end, kind.counter, notes)?
        } else {
            FloatHistogram::clone(&self.window.histograms[last])
        };
        let are_gauges =
            left.reset_hint == ResetHint::Gauge && right.reset_hint == ResetHint::Gauge;
        if !kind.counter && !are_gauges {
            notes.add(RangeNote::NotGauge);
        }
        let mut change = right.clone();
        subtract(&mut change, &left, notes)?;
        if kind.counter
            && let Some(lost) = self.lost(&left, &right, notes)?
        {
            add(&mut change, &lost, notes)?;
        }
        Ok(change)
    }

    fn interpolated(
        &self,
        before: usize,
        at: i64,
        counter: bool,
        notes: &mut RangeNotes,
    ) -> Result<FloatHistogram, NoResult> {
        let MixedWindow { histograms, times, .. } = *self.window;
        let point = |place: usize| (times[place], &*histograms[place]);
        interpolate(point(before), point(before + 1), at, counter, notes)
    }

    /// What resets between the edges took away.
    fn lost(
        &self,
        left: &FloatHistogram,
        right: &FloatHistogram,
        notes: &mut RangeNotes,
    ) -> Result<Option<FloatHistogram>, NoResult> {
        let histograms = self.window.histograms;
        let (at_start, at_end) = self.places;
        let (mut first, mut before) = (at_start + 1, left);
        if self.smoothed
            && self.window.times[at_start] < self.start
            && histograms[first].is_reset_after(&histograms[at_start])
        {
            // The value at the start is of the time after this reset already.
            before = &histograms[first];
            first += 1;
        }
        if first > at_end {
            return Ok(None);
        }
        let mut lost: Option<FloatHistogram> = None;
        let within = histograms[first..at_end].iter().map(|one| &**one);
        for one in within.chain([right]) {
            if one.is_reset_after(before) {
                match &mut lost {
                    None => lost = Some(before.clone()),
                    Some(lost) => add(lost, before, notes)?,
                }
            }
            before = one;
        }
        Ok(lost)
    }
}

/// The histogram at a time between two. A counter that was reset between them began at zero.
fn interpolate(
    (left_ts, left): (i64, &FloatHistogram),
    (right_ts, right): (i64, &FloatHistogram),
    at: i64,
    counter: bool,
    notes: &mut RangeNotes,
) -> Result<FloatHistogram, NoResult> {
    if at == left_ts {
        return Ok(left.clone());
    }
    let mut result = right.clone();
    if at == right_ts {
        return Ok(result);
    }
    let passed = at.saturating_sub(left_ts) as f64;
    let fraction = passed / right_ts.saturating_sub(left_ts) as f64;
    if counter && right.is_reset_after(left) {
        result.scale(fraction);
        return Ok(result);
    }
    subtract(&mut result, left, notes)?;
    result.scale(fraction);
    add(&mut result, left, notes)?;
    Ok(result)
}

fn add(
    sum: &mut FloatHistogram,
    more: &FloatHistogram,
    notes: &mut RangeNotes,
) -> Result<(), NoResult> {
    noted(sum.add(more).ok(), "addition", notes)
}

fn subtract(
    from: &mut FloatHistogram,
    less: &FloatHistogram,
    notes: &mut RangeNotes,
) -> Result<(), NoResult> {
    noted(from.subtract(less).ok(), "subtraction", notes)
}

/// Histograms of unlike buckets are not put together, which is the only way to fail.
fn noted(
    met: Option<Reconciled>,
    operation: &'static str,
    notes: &mut RangeNotes,
) -> Result<(), NoResult> {
    let Some(met) = met else {
        notes.add(RangeNote::MixedSchemas);
        return Err(NoResult);
    };
    if met.bounds {
        notes.add(RangeNote::BoundsReconciled(operation));
    }
    Ok(())
}

/// The histogram of a smoothed selector at every step that has histograms around it.
pub(super) fn smoothed_values(
    samples: MixedSamples<'_>,
    sight: &Sight,
    lookback: i64,
    budget: &Budget<'_>,
    notes: &mut RangeNotes,
    out: &mut StepColumn,
) -> Result<(), EvalError> {
    let (mut low, mut high, mut low_float, mut high_float) = (0, 0, 0, 0);
    for step in 0..sight.steps.count() {
        let at = sight.at(step);
        let (from, to) = (at.saturating_sub(lookback), at.saturating_add(lookback));
        advance(samples.times, from, to, &mut low, &mut high);
        advance(samples.floats.timestamps, from, to, &mut low_float, &mut high_float);
        if low == high {
            continue;
        }
        budget.check()?;
        let outcome = if low_float < high_float {
            notes.add(RangeNote::MixedKinds);
            Outcome::Nothing
        } else {
            smoothed_value(&samples.times[low..high], &samples.histograms[low..high], at, notes)
        };
        outcome.put(step, budget, out)?;
    }
    Ok(())
}

fn smoothed_value(
    times: &[i64],
    histograms: &[Arc<FloatHistogram>],
    at: i64,
    notes: &mut RangeNotes,
) -> Outcome {
    let next = times.partition_point(|ts| *ts < at);
    match (next.checked_sub(1), times.get(next)) {
        (_, Some(ts)) if *ts == at => Outcome::Sample(Arc::clone(&histograms[next])),
        (Some(before), Some(_)) => {
            let (left, right) = (&histograms[before], &histograms[next]);
            if left.has_custom_buckets() != right.has_custom_buckets() {
                notes.add(RangeNote::MixedSchemas);
                return Outcome::Nothing;
            }
            let are_gauges =
                left.reset_hint == ResetHint::Gauge && right.reset_hint == ResetHint::Gauge;
            let (left, right) = ((times[before], &**left), (times[next], &**right));
            match interpolate(left, right, at, !are_gauges, notes) {
                Ok(histogram) => Outcome::Histogram(histogram),
                Err(NoResult) => Outcome::Nothing,
            }
        }
        (Some(before), None) => {
            // The hint was about the sample before it, and says nothing of this value.
            let mut carried = FloatHistogram::clone(&histograms[before]);
            carried.reset_hint = ResetHint::Unknown;
            Outcome::Histogram(carried)
        }
        (None, _) => Outcome::Nothing,
    }
}

impl Outcome {
    /// Puts the outcome of a window at its step.
    pub(super) fn put(
        self,
        step: usize,
        budget: &Budget<'_>,
        out: &mut StepColumn,
    ) -> Result<(), EvalError> {
        match self {
            Self::OfFloats => {}
            Self::Nothing => out.unset(step),
            Self::Float(value) => out.set(step, value),
            Self::Histogram(histogram) => {
                budget.make(cost_of(&histogram))?;
                out.unset(step);
                out.set_histogram(step, Arc::new(histogram));
            }
            Self::Sample(histogram) => {
                out.unset(step);
                out.set_histogram(step, histogram);
            }
        }
        Ok(())
    }
}

impl<'a> MixedSamples<'a> {
    /// A window of them; `resets` are those of all histograms.
    pub(super) fn window(
        self,
        histograms: std::ops::Range<usize>,
        floats: std::ops::Range<usize>,
        resets: &'a [bool],
    ) -> MixedWindow<'a> {
        MixedWindow {
            floats: Samples {
                timestamps: &self.floats.timestamps[floats.clone()],
                values: &self.floats.values[floats.clone()],
            },
            float_starts: self.float_starts.get(floats).unwrap_or_default(),
            times: &self.times[histograms.clone()],
            starts: self.starts.get(histograms.clone()).unwrap_or_default(),
            histograms: &self.histograms[histograms.clone()],
            resets: resets.get(histograms).unwrap_or_default(),
        }
    }
}
