//! Functions of range vectors: which there are, and the column each makes of a series.

use timberline_model::is_stale;

use super::{
    column::{ScalarColumn, StepColumn},
    compensated::{self, Mean},
    lanes::Lanes,
    over_time,
    rate::{self, Extrapolation, Samples},
    regression,
    sliding::{self, Extreme, Sum, slide},
    steps::{Sight, Windows, first_after, seconds},
};

/// A function of the samples in a window, its other arguments evaluated.
#[derive(Clone, Debug)]
pub(super) enum WindowFunction {
    /// `rate`, `increase`, `delta`.
    Extrapolated(Extrapolation),
    /// `irate` (true) and `idelta`.
    Instant { rate: bool },
    /// `deriv`.
    Deriv,
    /// `predict_linear`: so many seconds ahead.
    PredictLinear(ScalarColumn),
    /// `double_exponential_smoothing`: smoothing and trend factor.
    Smoothed(ScalarColumn, ScalarColumn),
    /// `quantile_over_time`.
    Quantile(ScalarColumn),
    /// Functions without other arguments.
    Plain(PlainFunction),
}

/// Functions of the samples in a window alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlainFunction {
    Avg,
    Sum,
    Min,
    Max,
    Count,
    Last,
    First,
    Present,
    Stddev,
    Stdvar,
    Mad,
    Changes,
    Resets,
    TimeOfFirst,
    TimeOfLast,
    TimeOfMin,
    TimeOfMax,
}

impl PlainFunction {
    /// The function of that name, if it is one of these.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "avg_over_time" => Self::Avg,
            "sum_over_time" => Self::Sum,
            "min_over_time" => Self::Min,
            "max_over_time" => Self::Max,
            "count_over_time" => Self::Count,
            "last_over_time" => Self::Last,
            "first_over_time" => Self::First,
            "present_over_time" => Self::Present,
            "stddev_over_time" => Self::Stddev,
            "stdvar_over_time" => Self::Stdvar,
            "mad_over_time" => Self::Mad,
            "changes" => Self::Changes,
            "resets" => Self::Resets,
            "ts_of_first_over_time" => Self::TimeOfFirst,
            "ts_of_last_over_time" => Self::TimeOfLast,
            "ts_of_min_over_time" => Self::TimeOfMin,
            "ts_of_max_over_time" => Self::TimeOfMax,
            _ => return None,
        })
    }
}

impl WindowFunction {
    /// Whether the result is still the metric itself, so that it keeps its name.
    pub(super) fn keeps_name(&self) -> bool {
        matches!(self, Self::Plain(PlainFunction::Last | PlainFunction::First))
    }

    /// Whether the values should be those of a counter.
    pub(super) fn expects_counter(&self) -> bool {
        matches!(self, Self::Extrapolated(kind) if kind.counter)
    }

    /// Evaluates all steps of one series.
    pub(super) fn apply(&self, samples: Samples<'_>, windows: Windows<'_>, out: &mut StepColumn) {
        match self {
            Self::Extrapolated(kind) => rate::extrapolated(samples, windows, *kind, out),
            Self::Instant { rate } => rate::instant(samples, windows, *rate, out),
            Self::Deriv => each(samples, windows, out, |window, _| {
                regression::line(window, *window.timestamps.first()?).map(|line| line.slope)
            }),
            Self::PredictLinear(ahead) => each(samples, windows, out, |window, step| {
                let line = regression::line(window, windows.sight.steps.at(step))?;
                Some(line.slope * ahead.at(step) + line.intercept)
            }),
            Self::Smoothed(smoothing, trend) => each(samples, windows, out, |window, step| {
                regression::smoothed(window.values, smoothing.at(step), trend.at(step))
            }),
            Self::Quantile(q) => {
                let mut scratch = Vec::new();
                each(samples, windows, out, |window, step| {
                    Some(over_time::quantile(q.at(step), window.values, &mut scratch))
                });
            }
            Self::Plain(function) => plain(*function, samples, windows, out),
        }
    }
}

/// Calls `value(window, step)` for every step whose window holds samples.
fn each(
    samples: Samples<'_>,
    windows: Windows<'_>,
    out: &mut StepColumn,
    mut value: impl FnMut(Samples<'_>, usize) -> Option<f64>,
) {
    windows.each(samples.timestamps, |step, low, high| {
        let window = Samples {
            timestamps: &samples.timestamps[low..high],
            values: &samples.values[low..high],
        };
        if let Some(value) = value(window, step) {
            out.set(step, value);
        }
    });
}

/// Evaluates several windows at a time.
fn several<'a>(
    samples: Samples<'a>,
    windows: Windows<'_>,
    mut lanes: Lanes<'a>,
    out: &mut StepColumn,
) {
    windows.each(samples.timestamps, |step, low, high| {
        lanes.push(step, &samples.values[low..high], out);
    });
    lanes.finish(out);
}

fn plain(
    function: PlainFunction,
    samples: Samples<'_>,
    windows: Windows<'_>,
    out: &mut StepColumn,
) {
    if sliding::is_worth_it(samples, windows) {
        match function {
            PlainFunction::Avg => return slide::<Mean>(samples, windows, out),
            PlainFunction::Sum => return slide::<Sum>(samples, windows, out),
            PlainFunction::Min => return slide::<Extreme<false>>(samples, windows, out),
            PlainFunction::Max => return slide::<Extreme<true>>(samples, windows, out),
            _ => {}
        }
    }
    plain_direct(function, samples, windows, out);
}

/// Looks at every sample of every window, where the function needs to.
fn plain_direct(
    function: PlainFunction,
    samples: Samples<'_>,
    windows: Windows<'_>,
    out: &mut StepColumn,
) {
    let values = samples.values;
    let mut of_values = |value: &mut dyn FnMut(&[f64]) -> f64| {
        windows.each(samples.timestamps, |step, low, high| {
            out.set(step, value(&values[low..high]));
        });
    };
    let mut scratch = Vec::new();
    match function {
        PlainFunction::Avg => several(samples, windows, Lanes::means(), out),
        PlainFunction::Sum => several(samples, windows, Lanes::sums(), out),
        PlainFunction::Min => of_values(&mut over_time::min),
        PlainFunction::Max => of_values(&mut over_time::max),
        PlainFunction::Count => of_values(&mut |window| window.len() as f64),
        PlainFunction::Last => of_values(&mut |window| window[window.len() - 1]),
        PlainFunction::First => of_values(&mut |window| window[0]),
        PlainFunction::Present => of_values(&mut |_| 1.0),
        PlainFunction::Stddev => of_values(&mut |window| compensated::variance(window).sqrt()),
        PlainFunction::Stdvar => of_values(&mut compensated::variance),
        PlainFunction::Mad => {
            of_values(&mut |window| over_time::median_deviation(window, &mut scratch));
        }
        PlainFunction::Changes => {
            rate::count_neighbours(samples, windows, rate::is_change, out);
        }
        PlainFunction::Resets => {
            rate::count_neighbours(samples, windows, |before, after| after < before, out);
        }
        PlainFunction::TimeOfFirst => {
            each(samples, windows, out, |w, _| w.timestamps.first().map(|ts| seconds(*ts)));
        }
        PlainFunction::TimeOfLast => {
            each(samples, windows, out, |w, _| w.timestamps.last().map(|ts| seconds(*ts)));
        }
        PlainFunction::TimeOfMin => each(samples, windows, out, |window, _| {
            Some(over_time::time_of(window, |value, best| value <= best))
        }),
        PlainFunction::TimeOfMax => each(samples, windows, out, |window, _| {
            Some(over_time::time_of(window, |value, best| value >= best))
        }),
    }
}

/// The last sample in `(at - lookback, at]` of every step, unless it is a stale marker. `value` makes
/// the result of the sample's time and value.
pub(super) fn look_back(
    samples: Samples<'_>,
    sight: &Sight,
    lookback: i64,
    out: &mut StepColumn,
    value: impl Fn(i64, f64) -> f64,
) {
    let timestamps = samples.timestamps;
    let mut high = 0;
    for step in 0..sight.steps.count() {
        let at = sight.at(step);
        high = first_after(timestamps, high, at);
        if high == 0 {
            continue;
        }
        let (ts, found) = (timestamps[high - 1], samples.values[high - 1]);
        if ts > at.saturating_sub(lookback) && !is_stale(found) {
            out.set(step, value(ts, found));
        }
    }
}
