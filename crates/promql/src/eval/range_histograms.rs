//! Functions of windows that hold native histograms, alone or among floats.
//!
//! The floats are computed first, as if there were no histograms; then every window that holds histograms
//! gets what it should have instead.

use std::sync::Arc;

use timberline_model::{FloatHistogram, HistogramMean, HistogramSum, Reconciled, ResetHint};

use super::{
    column::StepColumn,
    error::EvalError,
    histogram_rate::{self, Change},
    histograms::{MixedSamples, cost_of},
    range_notes::{RangeNote, RangeNotes},
    rate::{self, Samples},
    starts::{self, SamplesSince},
    steps::{Windows, seconds},
    window::{PlainFunction, WindowFunction},
};

/// Size of the histograms of windows between two looks at whether the query may go on.
const SIZE_BETWEEN_CHECKS: usize = 1 << 18;

/// The samples of one window. There is at least one histogram.
#[derive(Clone, Copy, Debug)]
pub(super) struct MixedWindow<'a> {
    pub(super) floats: Samples<'a>,
    /// As many as floats, or none.
    pub(super) float_starts: &'a [i64],
    pub(super) times: &'a [i64],
    /// As many as histograms, or none.
    pub(super) starts: &'a [i64],
    pub(super) histograms: &'a [Arc<FloatHistogram>],
    /// For each histogram, whether it comes after a counter reset; only for functions of counters.
    pub(super) resets: &'a [bool],
}

/// What a window becomes.
pub(super) enum Outcome {
    /// What its floats alone gave.
    OfFloats,
    Nothing,
    Float(f64),
    Histogram(FloatHistogram),
    /// One of the samples.
    Sample(Arc<FloatHistogram>),
}

impl WindowFunction {
    /// Evaluates all steps of one series that has histograms.
    pub(super) fn apply_mixed(
        &self,
        samples: MixedSamples<'_>,
        windows: Windows<'_>,
        notes: &mut RangeNotes,
        out: &mut StepColumn,
    ) -> Result<(), EvalError> {
        let floats = SamplesSince { samples: samples.floats, starts: samples.float_starts };
        if floats.starts.is_empty() || !starts::matter_to(self) {
            self.apply(samples.floats, windows, out);
        } else if floats.apply(self, windows, out) {
            notes.add(RangeNote::StartsOverlap);
        }
        windows.budget.check()?;
        let resets = if self.looks_at_resets() { resets(&samples) } else { Vec::new() };
        let (mut low, mut high, mut low_float, mut high_float) = (0, 0, 0, 0);
        let mut seen = 0;
        for step in 0..windows.sight.steps.count() {
            let end = windows.sight.at(step);
            let start = end.saturating_sub(windows.range);
            advance(samples.times, start, end, &mut low, &mut high);
            advance(samples.floats.timestamps, start, end, &mut low_float, &mut high_float);
            if low == high {
                continue;
            }
            seen += (high - low) * cost_of(&samples.histograms[low]);
            if seen > SIZE_BETWEEN_CHECKS {
                seen = 0;
                windows.budget.check()?;
            }
            let window = samples.window(low..high, low_float..high_float, &resets);
            let outcome = self.outcome(&window, (start, end), windows.range, notes);
            outcome.put(step, windows.budget, out)?;
        }
        Ok(())
    }

    const fn looks_at_resets(&self) -> bool {
        match self {
            Self::Extrapolated(kind) => kind.counter,
            Self::Instant { rate } => *rate,
            Self::Plain(function) => matches!(function, PlainFunction::Resets),
            _ => false,
        }
    }

    fn outcome(
        &self,
        window: &MixedWindow<'_>,
        edges: (i64, i64),
        range: i64,
        notes: &mut RangeNotes,
    ) -> Outcome {
        match self {
            Self::Extrapolated(kind) => {
                histogram_rate::extrapolated(window, edges, range, *kind, notes)
            }
            Self::Instant { rate } => histogram_rate::instant(window, *rate, notes),
            Self::Deriv | Self::PredictLinear(_) | Self::Smoothed(..) | Self::Quantile(_) => {
                ignored(window, notes)
            }
            Self::Plain(function) => plain(*function, window, notes),
        }
    }
}

/// Moves the window over samples up to the step whose window is `(start, end]`.
pub(super) fn advance(times: &[i64], start: i64, end: i64, low: &mut usize, high: &mut usize) {
    while *high < times.len() && times[*high] <= end {
        *high += 1;
    }
    while *low < *high && times[*low] <= start {
        *low += 1;
    }
}

/// For each histogram, whether there was a counter reset since the one before.
pub(super) fn resets(samples: &MixedSamples<'_>) -> Vec<bool> {
    let MixedSamples { times, starts, histograms, .. } = *samples;
    let mut resets = vec![false; histograms.len()];
    for (at, pair) in histograms.windows(2).enumerate() {
        let known = starts.get(at..at + 2).is_some_and(|since| {
            starts::is_reset((since[0], times[at]), (since[1], times[at + 1]))
        });
        resets[at + 1] = known || pair[1].is_reset_after(&pair[0]);
    }
    resets
}

/// The histograms are left out, which is told if there are floats.
fn ignored(window: &MixedWindow<'_>, notes: &mut RangeNotes) -> Outcome {
    if !window.floats.values.is_empty() {
        notes.add(RangeNote::HistogramsIgnored);
    }
    Outcome::OfFloats
}

fn plain(function: PlainFunction, window: &MixedWindow<'_>, notes: &mut RangeNotes) -> Outcome {
    let MixedWindow { floats, times, histograms, .. } = *window;
    match function {
        PlainFunction::Avg | PlainFunction::Sum => {
            if !floats.values.is_empty() {
                notes.add(RangeNote::MixedKinds);
                return Outcome::Nothing;
            }
            added(function == PlainFunction::Avg, histograms, notes)
        }
        PlainFunction::Min
        | PlainFunction::Max
        | PlainFunction::Stddev
        | PlainFunction::Stdvar
        | PlainFunction::Mad
        | PlainFunction::TimeOfMin
        | PlainFunction::TimeOfMax => ignored(window, notes),
        PlainFunction::Count => Outcome::Float((floats.values.len() + histograms.len()) as f64),
        PlainFunction::Present => Outcome::Float(1.0),
        PlainFunction::Last => match floats.timestamps.last() {
            Some(last) if *last > times[times.len() - 1] => Outcome::OfFloats,
            _ => Outcome::Sample(Arc::clone(&histograms[histograms.len() - 1])),
        },
        PlainFunction::First => match floats.timestamps.first() {
            Some(first) if *first < times[0] => Outcome::OfFloats,
            _ => Outcome::Sample(Arc::clone(&histograms[0])),
        },
        PlainFunction::TimeOfFirst => {
            let first = floats.timestamps.first().map_or(times[0], |first| times[0].min(*first));
            Outcome::Float(seconds(first))
        }
        PlainFunction::TimeOfLast => {
            let newest = times[times.len() - 1];
            let last = floats.timestamps.last().map_or(newest, |last| newest.max(*last));
            Outcome::Float(seconds(last))
        }
        PlainFunction::Changes | PlainFunction::Resets => neighbours_of(window, function),
    }
}

/// `changes` or `resets`.
pub(super) fn neighbours_of(window: &MixedWindow<'_>, function: PlainFunction) -> Outcome {
    let MixedWindow { floats, histograms, .. } = *window;
    let since = SamplesSince { samples: floats, starts: window.float_starts };
    Outcome::Float(if function == PlainFunction::Changes {
        neighbours(window, |change| match change {
            Change::Floats(at) => rate::is_change(floats.values[at - 1], floats.values[at]),
            Change::Kind => true,
            Change::Histograms(at) => !histograms[at].is_same(&histograms[at - 1]),
        })
    } else {
        neighbours(window, |change| match change {
            Change::Floats(at) => since.is_reset(at),
            Change::Kind => true,
            Change::Histograms(at) => window.resets[at],
        })
    })
}

impl<'a> MixedWindow<'a> {
    /// Without the first samples.
    pub(super) fn from(&self, histograms: usize, floats: usize) -> MixedWindow<'a> {
        MixedWindow {
            floats: Samples {
                timestamps: &self.floats.timestamps[floats..],
                values: &self.floats.values[floats..],
            },
            float_starts: self.float_starts.get(floats..).unwrap_or_default(),
            times: &self.times[histograms..],
            starts: self.starts.get(histograms..).unwrap_or_default(),
            histograms: &self.histograms[histograms..],
            resets: self.resets.get(histograms..).unwrap_or_default(),
        }
    }
}

/// Counts the neighbours among all samples that `counts` says yes to.
fn neighbours(window: &MixedWindow<'_>, counts: impl Fn(Change) -> bool) -> f64 {
    let MixedWindow { floats, times, .. } = *window;
    let (mut float, mut histogram, mut found) = (0, 0, 0_u32);
    let mut was_float = None;
    while float < floats.values.len() || histogram < times.len() {
        let is_float = histogram >= times.len()
            || floats.timestamps.get(float).is_some_and(|ts| *ts < times[histogram]);
        let change = match (was_float, is_float) {
            (None, _) => None,
            (Some(true), true) => Some(Change::Floats(float)),
            (Some(false), false) => Some(Change::Histograms(histogram)),
            _ => Some(Change::Kind),
        };
        found += u32::from(change.is_some_and(&counts));
        was_float = Some(is_float);
        float += usize::from(is_float);
        histogram += usize::from(!is_float);
    }
    f64::from(found)
}

/// `sum_over_time` and `avg_over_time` of histograms alone.
fn added(mean: bool, histograms: &[Arc<FloatHistogram>], notes: &mut RangeNotes) -> Outcome {
    let mut hints = HintsSeen::default();
    hints.see(histograms[0].reset_hint);
    let mut met = Reconciled::default();
    let result = if mean {
        let mut mean = HistogramMean::new(&histograms[0]);
        let result = histograms[1..].iter().try_for_each(|one| {
            hints.see(one.reset_hint);
            met.bounds |= mean.add(one)?.bounds;
            Ok(())
        });
        result.map(|()| mean.value())
    } else {
        let mut sum = HistogramSum::new(&histograms[0]);
        let result = histograms[1..].iter().try_for_each(|one| {
            hints.see(one.reset_hint);
            met.bounds |= sum.add(one)?.bounds;
            Ok(())
        });
        result.map(|()| sum.total())
    };
    let result: Result<FloatHistogram, timberline_model::HistogramError> = result;
    match result {
        Ok(histogram) => {
            if hints.contradict() {
                notes.add(RangeNote::ResetsContradict);
            }
            if met.bounds {
                notes.add(RangeNote::BoundsReconciled("aggregation"));
            }
            Outcome::Histogram(histogram)
        }
        Err(_) => {
            notes.add(RangeNote::MixedSchemas);
            Outcome::Nothing
        }
    }
}

/// The reset hints among histograms that are added up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HintsSeen {
    reset: bool,
    no_reset: bool,
}

impl HintsSeen {
    pub(super) fn see(&mut self, hint: ResetHint) {
        self.reset |= hint == ResetHint::Reset;
        self.no_reset |= hint == ResetHint::NotReset;
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.reset |= other.reset;
        self.no_reset |= other.no_reset;
    }

    /// Whether one says that there was a reset and another that there was none.
    pub(super) const fn contradict(self) -> bool {
        self.reset && self.no_reset
    }
}
