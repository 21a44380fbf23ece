//! Start timestamps: when counting began tells of resets that values do not show, and that a series began
//! at zero within the window.

use timberline_model::{HistogramColumn, Labels, STALE_NAN, SeriesColumns, is_stale};

use super::{
    column::StepColumn,
    notes::{Gravity, Notes},
    range_notes::overlapping_starts,
    rate::{Edges, Extrapolation, Samples},
    steps::{Sight, Windows, seconds},
    window::{PlainFunction, WindowFunction},
};
use crate::{ast::Span, quote::quote};

/// The samples of a series, each with when what it counts began (nanoseconds, 0 if nobody said).
#[derive(Clone, Copy, Debug)]
pub(super) struct SamplesSince<'a> {
    pub(super) samples: Samples<'a>,
    pub(super) starts: &'a [i64],
}

/// Whether a sample's start says that there was a reset between the one before and it. Each is given by
/// its start and its time.
pub(super) const fn is_reset(before: (i64, i64), sample: (i64, i64)) -> bool {
    let ((before_start, before_ts), (start, ts)) = (before, sample);
    if start == 0 || start >= ts || start < before_ts {
        // Nobody knows, or it cannot be, or it goes on counting.
        return false;
    }
    if start > before_ts {
        return true;
    }
    // From sample to sample: a delta if the one before knew its start, else a start that nobody knows.
    before_start != 0 && before_start < before_ts
}

/// Whether a sample's start lies before the sample before it, and is not that one's start.
const fn overlaps(before: (i64, i64), start: i64) -> bool {
    start != 0 && start < before.1 && start != before.0
}

/// Whether any two neighbours of a window overlap.
pub(super) fn any_overlap(starts: &[i64], times: &[i64]) -> bool {
    let pairs = starts.windows(2).zip(times);
    pairs.into_iter().any(|(pair, before)| overlaps((pair[0], *before), pair[1]))
}

impl SamplesSince<'_> {
    /// Evaluates a function to which starts matter, and tells whether some overlap.
    pub(super) fn apply(
        self,
        function: &WindowFunction,
        windows: Windows<'_>,
        out: &mut StepColumn,
    ) -> bool {
        match function {
            WindowFunction::Extrapolated(kind) => return self.rate(windows, *kind, out),
            WindowFunction::Instant { .. } => self.instant(windows, out),
            _ => self.resets(windows, out),
        }
        false
    }

    /// When the newest sample of every step began to count, in seconds; 0 where nobody said.
    pub(super) fn look_back(self, sight: &Sight, lookback: i64, out: &mut StepColumn) {
        let Samples { timestamps, values } = self.samples;
        for step in 0..sight.steps.count() {
            let at = sight.at(step);
            let after = timestamps.partition_point(|ts| *ts <= at);
            let Some(newest) = after.checked_sub(1) else { continue };
            if timestamps[newest] > at.saturating_sub(lookback) && !is_stale(values[newest]) {
                out.set(step, seconds(self.at(newest).0));
            }
        }
    }

    /// A sample's start and time.
    fn at(self, place: usize) -> (i64, i64) {
        (self.starts.get(place).copied().unwrap_or(0), self.samples.timestamps[place])
    }

    /// Whether a counter was reset just before the sample at a place.
    pub(super) fn is_reset(self, place: usize) -> bool {
        let values = self.samples.values;
        values[place] < values[place - 1] || is_reset(self.at(place - 1), self.at(place))
    }

    fn rate(self, windows: Windows<'_>, kind: Extrapolation, out: &mut StepColumn) -> bool {
        let mut overlap = false;
        let Samples { timestamps, values } = self.samples;
        windows.each(timestamps, |step, low, high| {
            let mut change = values[high - 1] - values[low];
            for place in low + 1..high {
                overlap |= overlaps(self.at(place - 1), self.at(place).0);
                if self.is_reset(place) {
                    change += values[place - 1];
                }
            }
            let end = windows.sight.at(step);
            let start = end.saturating_sub(windows.range);
            let window = &timestamps[low..high];
            let (began, first) = self.at(low);
            let factor = if began != 0 && began > start && began < first {
                // There was a zero at that time: nothing is guessed on this side.
                change += values[low];
                Some(factor_since(window, began, end))
            } else {
                let edges = Edges { start, end, first_value: values[low], counter: true };
                if high - low < 2 { None } else { edges.factor(window, change) }
            };
            let Some(mut factor) = factor else { return };
            if kind.per_second {
                factor /= seconds(windows.range);
            }
            out.set(step, change * factor);
        });
        overlap
    }

    fn instant(self, windows: Windows<'_>, out: &mut StepColumn) {
        let Samples { timestamps, values } = self.samples;
        windows.each(timestamps, |step, low, high| {
            if high - low < 2 {
                return;
            }
            let (before, last) = (high - 2, high - 1);
            let span = seconds(timestamps[last].saturating_sub(timestamps[before]));
            if span > 0.0 {
                let whole = self.is_reset(last);
                let change = if whole { values[last] } else { values[last] - values[before] };
                out.set(step, change / span);
            }
        });
    }

    fn resets(self, windows: Windows<'_>, out: &mut StepColumn) {
        windows.each(self.samples.timestamps, |step, low, high| {
            let count = (low + 1..high).filter(|place| self.is_reset(*place)).count();
            out.set(step, count as f64);
        });
    }
}

/// By how much the change since the known start grows when stretched to the window's end.
pub(super) fn factor_since(window: &[i64], began: i64, end: i64) -> f64 {
    let (Some(first), Some(last)) = (window.first(), window.last()) else { return 1.0 };
    let sampled = seconds(last.saturating_sub(began));
    let gaps = (window.len() - 1).max(1) as f64;
    let spacing = seconds(last.saturating_sub(*first)) / gaps;
    let to_end = seconds(end.saturating_sub(*last));
    let to_end = if to_end >= spacing * 1.1 { spacing / 2.0 } else { to_end };
    (sampled + to_end) / sampled
}

/// Whether a function looks at starts.
pub(super) const fn matter_to(function: &WindowFunction) -> bool {
    matches!(
        function,
        WindowFunction::Extrapolated(Extrapolation { counter: true, .. })
            | WindowFunction::Instant { rate: true }
            | WindowFunction::Plain(PlainFunction::Resets)
    )
}

/// Puts histograms among the floats, as samples of which only time and start are looked at.
pub(super) fn unite(columns: &mut SeriesColumns) {
    if columns.histograms.is_empty() {
        return;
    }
    let HistogramColumn { timestamps, values, starts, .. } =
        std::mem::take(&mut columns.histograms);
    let floats = columns.timestamps.iter().zip(&columns.values).enumerate();
    let start = |starts: &[i64], place: usize| starts.get(place).copied().unwrap_or(0);
    let mut all: Vec<(i64, f64, i64)> =
        floats.map(|(place, (ts, value))| (*ts, *value, start(&columns.starts, place))).collect();
    let histograms = timestamps.into_iter().zip(values).enumerate();
    all.extend(histograms.map(|(place, (ts, histogram))| {
        let value = if histogram.is_stale() { STALE_NAN } else { 0.0 };
        (ts, value, start(&starts, place))
    }));
    all.sort_by_key(|(ts, ..)| *ts);
    columns.clear();
    for (ts, value, start) in all {
        columns.push(ts, start, value);
    }
}

/// Notes that the samples of a series overlap by their starts.
pub(super) fn note_overlap(notes: &mut Notes, labels: &Labels, place: Span) {
    let name = labels.metric_name().unwrap_or("");
    notes.add(Gravity::Warning, overlapping_starts(&quote(name)), place);
}
