//! Aggregates of long overlapping windows in constant time per step, however long the windows are.
//!
//! The samples of a window are split at a place that moves on when the window has left it behind: for
//! the part before it there is an aggregate from every sample on, for the part after it one that
//! grows. Sums come out as compensated sums in another order, so short windows are added up directly,
//! which gives the very digits that Prometheus gives.

use super::{
    column::StepColumn,
    compensated::{Mean, add, total},
    rate::Samples,
    steps::Windows,
};

/// Windows whose samples are, all in all, this many times those of the series are worth sliding over.
const OVERLAP_WORTH: usize = 24;

/// An aggregate that can be made of two parts.
pub(super) trait Fold: Copy + Default {
    /// Takes in one value.
    fn push(&mut self, value: f64);
    /// Takes in the aggregate of values that come after.
    fn merge(&mut self, later: Self);
    /// The result; only asked if there was a value.
    fn value(&self) -> f64;
}

/// Whether sliding beats looking at every sample of every window.
pub(super) fn is_worth_it(samples: Samples<'_>, windows: Windows<'_>) -> bool {
    let mut seen = 0;
    windows.each(samples.timestamps, |_, low, high| seen += high - low);
    seen > OVERLAP_WORTH * (samples.values.len() + windows.sight.steps.count())
}

/// Aggregates every window.
pub(super) fn slide<F: Fold>(samples: Samples<'_>, windows: Windows<'_>, out: &mut StepColumn) {
    let values = samples.values;
    // `tails[i]` is the aggregate of the values from `base + i` up to `split`.
    let (mut tails, mut base, mut split): (Vec<F>, usize, usize) = (Vec::new(), 0, 0);
    let (mut head, mut head_end) = (F::default(), 0);
    windows.each(samples.timestamps, |step, low, high| {
        if low >= split {
            (base, split) = (low, high);
            tails.clear();
            tails.resize(high - low, F::default());
            let mut tail = F::default();
            for place in (low..high).rev() {
                let mut longer = F::default();
                longer.push(values[place]);
                longer.merge(tail);
                tail = longer;
                tails[place - base] = tail;
            }
            (head, head_end) = (F::default(), high);
        }
        for value in &values[head_end..high] {
            head.push(*value);
        }
        head_end = high;
        let mut all = tails[low - base];
        all.merge(head);
        out.set(step, all.value());
    });
}

/// A compensated sum.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    compensation: f64,
}

impl Fold for Sum {
    fn push(&mut self, value: f64) {
        add(value, &mut self.sum, &mut self.compensation);
    }

    fn merge(&mut self, later: Self) {
        self.push(later.sum);
        self.compensation += later.compensation;
    }

    fn value(&self) -> f64 {
        total(self.sum, self.compensation)
    }
}

impl Fold for Mean {
    fn push(&mut self, value: f64) {
        self.add(value);
    }

    fn merge(&mut self, later: Self) {
        Mean::merge(self, later);
    }

    fn value(&self) -> f64 {
        Mean::value(self)
    }
}

/// The largest or the smallest value; NaN only if there is nothing else.
#[derive(Clone, Copy, Default)]
pub(super) struct Extreme<const LARGEST: bool> {
    found: Option<f64>,
}

impl<const LARGEST: bool> Fold for Extreme<LARGEST> {
    fn push(&mut self, value: f64) {
        let better = match self.found {
            None => true,
            Some(found) if LARGEST => value > found || found.is_nan(),
            Some(found) => value < found || found.is_nan(),
        };
        if better {
            self.found = Some(value);
        }
    }

    fn merge(&mut self, later: Self) {
        if let Some(value) = later.found {
            self.push(value);
        }
    }

    fn value(&self) -> f64 {
        self.found.unwrap_or(f64::NAN)
    }
}
