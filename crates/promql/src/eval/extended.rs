//! `anchored` and `smoothed`: ranges whose edges have values of their own, taken from samples around them.
//!
//! `anchored` takes the newest sample at or before the start for the value there. `smoothed` draws a line
//! through the samples on either side of an edge. Both look beyond the range by the look-back.
//!
//! Numbers only; what becomes of histograms is in `extended_histograms`.

use timberline_model::{ColumnsMark, NANOS_PER_MILLI, SeriesColumns};

use super::{
    budget::Budget,
    column::StepColumn,
    error::EvalError,
    rate::{self, Extrapolation, Samples},
    starts::SamplesSince,
    steps::{Sight, Windows, seconds},
    window::{PlainFunction, WindowFunction},
};
use crate::ast::{ExprKind, RangeExtension};

/// Functions that take an anchored range.
const ANCHORED: [&str; 5] = ["changes", "delta", "increase", "rate", "resets"];
/// Functions that take a smoothed range.
const SMOOTHED: [&str; 3] = ["delta", "increase", "rate"];

/// How far a selector looks beyond the range: before its start and after its end, in nanoseconds.
pub(super) const fn reach(extension: RangeExtension, lookback: i64) -> (i64, i64) {
    match extension {
        RangeExtension::None => (0, 0),
        RangeExtension::Anchored => (lookback, 0),
        RangeExtension::Smoothed => (lookback, lookback),
    }
}

/// Refuses a range whose modifier the function does not take.
pub(super) fn check(function: &str, arg: &ExprKind) -> Result<(), EvalError> {
    let ExprKind::Matrix { selector, .. } = arg else { return Ok(()) };
    let (modifier, functions): (_, &[&str]) = match selector.extension {
        RangeExtension::None => return Ok(()),
        RangeExtension::Anchored => ("anchored", &ANCHORED),
        RangeExtension::Smoothed => ("smoothed", &SMOOTHED),
    };
    if functions.contains(&function) {
        return Ok(());
    }
    Err(EvalError::BadExtension {
        modifier,
        functions: functions.join(", "),
        function: function.to_owned(),
    })
}

/// The windows of a range with all that its edges may need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reaching<'a> {
    pub(super) windows: Windows<'a>,
    pub(super) extension: RangeExtension,
    /// Nanoseconds.
    pub(super) lookback: i64,
}

impl Reaching<'_> {
    pub(super) fn is_smoothed(self) -> bool {
        self.extension == RangeExtension::Smoothed
    }

    /// A function of every window. Others than those of [`check`] have no values.
    pub(super) fn apply(
        self,
        function: &WindowFunction,
        since: SamplesSince<'_>,
        out: &mut StepColumn,
    ) {
        let values = since.samples.values;
        match function {
            WindowFunction::Extrapolated(kind) => self.rate(since.samples, *kind, out),
            WindowFunction::Plain(PlainFunction::Changes) => {
                let differ = |at: usize| rate::is_change(values[at - 1], values[at]);
                self.count(since.samples, differ, out);
            }
            WindowFunction::Plain(PlainFunction::Resets) => {
                self.count(since.samples, |at| since.is_reset(at), out);
            }
            _ => {}
        }
    }

    /// `rate`, `increase` and `delta`: from edge to edge, nothing extrapolated.
    fn rate(self, samples: Samples<'_>, kind: Extrapolation, out: &mut StepColumn) {
        self.each(samples, |step, edges| {
            let Some((left, right)) = edges.values(kind.counter) else { return };
            let mut change = right - left;
            if kind.counter {
                let (mut before, mut lost) = (left, 0.0);
                for value in edges.between().iter().chain([&right]) {
                    if *value < before {
                        lost += before;
                    }
                    before = *value;
                }
                change += lost;
            }
            if kind.per_second {
                change /= seconds(self.windows.range);
            }
            out.set(step, change);
        });
    }

    /// Counts the samples in the range that differ from the one before them, the anchor among those.
    fn count(self, samples: Samples<'_>, differs: impl Fn(usize) -> bool, out: &mut StepColumn) {
        self.each(samples, |step, edges| {
            let after = edges.samples.timestamps.partition_point(|ts| *ts <= edges.start);
            let (first, end) = (edges.at + after, edges.at + edges.samples.values.len());
            if first < end {
                let first = first.max(edges.at + 1);
                out.set(step, (first..end).filter(|at| differs(*at)).count() as f64);
            }
        });
    }

    fn each(self, samples: Samples<'_>, mut visit: impl FnMut(usize, &Edges<'_>)) {
        let Self { windows, extension, lookback } = self;
        let (back, ahead) = reach(extension, lookback);
        let sight = Sight { offset: windows.sight.offset.saturating_sub(ahead), ..*windows.sight };
        let range = windows.range.saturating_add(back).saturating_add(ahead);
        let wide = Windows { sight: &sight, range, budget: windows.budget };
        let smoothed = self.is_smoothed();
        wide.each(samples.timestamps, |step, low, high| {
            let end = windows.sight.at(step);
            let start = end.saturating_sub(windows.range);
            let samples = Samples {
                timestamps: &samples.timestamps[low..high],
                values: &samples.values[low..high],
            };
            visit(step, &Edges { start, end, smoothed, at: low, samples });
        });
    }
}

/// A window, and the samples in it and around it. There is at least one.
#[derive(Clone, Copy, Debug)]
struct Edges<'a> {
    start: i64,
    end: i64,
    smoothed: bool,
    /// The place of the first sample among those of the series.
    at: usize,
    samples: Samples<'a>,
}

impl Edges<'_> {
    /// The values at the start and at the end; none if no sample says anything of the window.
    fn values(&self, counter: bool) -> Option<(f64, f64)> {
        let Samples { timestamps, values } = self.samples;
        let (first, last) = places(timestamps, (self.start, self.end), self.smoothed)?;
        let left = if self.smoothed && timestamps[first] < self.start {
            self.interpolated(first, self.start, counter)
        } else {
            values[first]
        };
        let right = if self.smoothed && last > 0 && timestamps[last] > self.end {
            self.interpolated(last - 1, self.end, counter)
        } else {
            values[last]
        };
        Some((left, right))
    }

    /// The values of the samples within, without those at the edges.
    fn between(&self) -> &[f64] {
        let timestamps = self.samples.timestamps;
        let first = timestamps.partition_point(|ts| *ts <= self.start);
        let last = if self.smoothed {
            timestamps.partition_point(|ts| *ts < self.end)
        } else {
            timestamps.len() - usize::from(timestamps.last().is_some_and(|ts| *ts >= self.end))
        };
        self.samples.values.get(first..last).unwrap_or(&[])
    }

    /// The value at a time on the line from a sample to the next. A counter that was reset between them
    /// began at zero.
    fn interpolated(&self, before: usize, at: i64, counter: bool) -> f64 {
        let Samples { timestamps, values } = self.samples;
        interpolate(
            (timestamps[before], values[before]),
            (timestamps[before + 1], values[before + 1]),
            at,
            counter,
        )
    }

    /// The points of the range as a value of its own: those within, and one at each edge.
    fn points(&self) -> (Vec<i64>, Vec<f64>) {
        let Some((left, right)) = self.values(false) else { return (Vec::new(), Vec::new()) };
        let between = self.between();
        let first = self.samples.timestamps.partition_point(|ts| *ts <= self.start);
        let times = &self.samples.timestamps[first..first + between.len()];
        let timestamps = [self.start].iter().chain(times).chain([&self.end]).copied().collect();
        let values = [left].iter().chain(between).chain([&right]).copied().collect();
        (timestamps, values)
    }
}

fn interpolate(left: (i64, f64), right: (i64, f64), at: i64, counter: bool) -> f64 {
    let ((left_ts, left), (right_ts, right)) = (left, right);
    let from = if counter && right < left { 0.0 } else { left };
    let (passed, span) = (at.saturating_sub(left_ts), right_ts.saturating_sub(left_ts));
    // In milliseconds, if there are no finer parts: the very float that Prometheus gets.
    let unit = if passed % NANOS_PER_MILLI == 0 && span % NANOS_PER_MILLI == 0 {
        NANOS_PER_MILLI
    } else {
        1
    };
    from + (right - from) * ((passed / unit) as f64) / ((span / unit) as f64)
}

/// The places of the samples that stand at the start, or behind it if nothing does, and at the end.
pub(super) fn places(
    timestamps: &[i64],
    (start, end): (i64, i64),
    smoothed: bool,
) -> Option<(usize, usize)> {
    let mut last = timestamps.len().checked_sub(1)?;
    let first = timestamps[..last].partition_point(|ts| *ts <= start).saturating_sub(1);
    if smoothed {
        last = timestamps[..last].partition_point(|ts| *ts < end);
    }
    let is_before = timestamps[last] <= start;
    let is_after = smoothed && timestamps[first] > end;
    (!is_before && !is_after).then_some((first, last))
}

/// Makes the samples of an anchored or smoothed range what the range is by itself.
pub(super) fn trim(
    extension: RangeExtension,
    sight: &Sight,
    range: i64,
    columns: &mut SeriesColumns,
) {
    if extension == RangeExtension::None {
        return;
    }
    let end = sight.first();
    let start = end.saturating_sub(range);
    let mark = ColumnsMark { floats: columns.len(), histograms: 0 };
    columns.retain(mark, |ts| start < ts && ts <= end);
    let edges = Edges {
        start,
        end,
        smoothed: extension == RangeExtension::Smoothed,
        at: 0,
        samples: Samples { timestamps: &columns.timestamps, values: &columns.values },
    };
    (columns.timestamps, columns.values) = edges.points();
    columns.starts.clear();
}

/// The value of a smoothed selector at every step: on the line between the samples around it, or that of
/// the last sample; nothing before the first.
pub(super) fn smoothed_values(
    samples: Samples<'_>,
    sight: &Sight,
    lookback: i64,
    budget: &Budget<'_>,
    out: &mut StepColumn,
) {
    let ahead = Sight { offset: sight.offset.saturating_sub(lookback), ..*sight };
    let range = lookback.saturating_mul(2);
    let wide = Windows { sight: &ahead, range, budget };
    wide.each(samples.timestamps, |step, low, high| {
        let at = sight.at(step);
        let (timestamps, values) = (&samples.timestamps[low..high], &samples.values[low..high]);
        let next = timestamps.partition_point(|ts| *ts < at);
        let value = match (next.checked_sub(1), timestamps.get(next)) {
            (_, Some(ts)) if *ts == at => values[next],
            (Some(before), Some(ts)) => {
                interpolate((timestamps[before], values[before]), (*ts, values[next]), at, false)
            }
            (Some(before), None) => values[before],
            (None, _) => return,
        };
        out.set(step, value);
    });
}
