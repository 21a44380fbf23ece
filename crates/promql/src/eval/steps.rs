//! The times at which an expression is evaluated, and what selectors see from there.

use timberline_model::{NANOS_PER_MILLI, NANOS_PER_SECOND};

use super::{budget::Budget, error::EvalError};

/// The evaluation times: `start`, `start + step`, ... Never empty, never past `i64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) start: i64,
    pub(super) step: i64,
    count: usize,
}

impl Steps {
    /// One time only.
    pub(super) const fn once(at: i64) -> Self {
        Self { start: at, step: 0, count: 1 }
    }

    /// All times from `start` to `end`, refused if they are more than `max`.
    pub(super) fn new(start: i64, end: i64, step: i64, max: u64) -> Result<Self, EvalError> {
        if end < start {
            return Err(EvalError::BadTimes { reason: "end lies before start" });
        }
        if step < 0 {
            return Err(EvalError::BadTimes { reason: "the step is negative" });
        }
        if step == 0 {
            return Ok(Self::once(start));
        }
        let count = end.abs_diff(start) / step.unsigned_abs() + 1;
        match usize::try_from(count) {
            Ok(steps) if count <= max => Ok(Self { start, step, count: steps }),
            _ => Err(EvalError::TooManySteps { count, max }),
        }
    }

    /// How many times there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// The time of a step.
    pub(super) const fn at(&self, index: usize) -> i64 {
        self.start + self.step * index as i64
    }
}

/// The times at which a selector looks: the steps moved by `offset`, or one time fixed by `@`.
/// They never fall from step to step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) steps: Steps,
    pub(super) fixed: Option<i64>,
    pub(super) offset: i64,
}

impl Sight {
    /// The time at which the selector looks for a step's sake.
    #[inline]
    pub(super) const fn at(&self, index: usize) -> i64 {
        let base = match self.fixed {
            Some(fixed) => fixed,
            None => self.steps.at(index),
        };
        base.saturating_sub(self.offset)
    }

    /// The first time.
    pub(super) const fn first(&self) -> i64 {
        self.at(0)
    }

    /// The last time.
    pub(super) const fn last(&self) -> i64 {
        self.at(self.steps.count() - 1)
    }
}

/// Samples of windows between two looks at whether the query may go on: a millisecond's work, about.
const SAMPLES_BETWEEN_CHECKS: usize = 1 << 18;

/// The windows `(at - range, at]` of all steps, over the samples of one series after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows<'a> {
    pub(super) sight: &'a Sight,
    /// Nanoseconds.
    pub(super) range: i64,
    pub(super) budget: &'a Budget<'a>,
}

impl Windows<'_> {
    /// Calls `visit(step, low, high)` for every step whose window holds samples; they are those from
    /// `low` up to, not including, `high`. Time is linear in samples plus steps.
    ///
    /// Long windows make one series take very long. So the visits end early when the query may not go
    /// on: whoever uses what they made asks [`Budget::check`] first, which then fails.
    pub(super) fn each(&self, timestamps: &[i64], mut visit: impl FnMut(usize, usize, usize)) {
        let (mut low, mut high, mut seen) = (0, 0, 0);
        for step in 0..self.sight.steps.count() {
            let end = self.sight.at(step);
            let start = end.saturating_sub(self.range);
            high = first_after(timestamps, high, end);
            low = first_after(&timestamps[..high], low, start);
            if low == high {
                continue;
            }
            seen += high - low;
            if seen > SAMPLES_BETWEEN_CHECKS {
                seen = 0;
                if self.budget.check().is_err() {
                    return;
                }
            }
            visit(step, low, high);
        }
    }
}

/// The place of the first time after `at`, which does not lie before `from`; times ascend. Takes time by
/// the logarithm of how far it lies from there.
#[inline]
pub(super) fn first_after(timestamps: &[i64], from: usize, at: i64) -> usize {
    let rest = &timestamps[from..];
    let (mut passed, mut stride) = (0, 1);
    while let Some(ts) = rest.get(passed + stride - 1)
        && *ts <= at
    {
        passed += stride;
        stride *= 2;
    }
    let end = (passed + stride).min(rest.len());
    from + passed + rest[passed..end].partition_point(|ts| *ts <= at)
}

/// Seconds of a time or span in nanoseconds: the very float that Prometheus gets from its
/// milliseconds, where there are no finer parts.
#[inline]
pub(super) fn seconds(nanos: i64) -> f64 {
    if nanos % NANOS_PER_MILLI == 0 {
        return (nanos / NANOS_PER_MILLI) as f64 / 1_000.0;
    }
    let (whole, rest) = (nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
    whole as f64 + rest as f64 / NANOS_PER_SECOND as f64
}
