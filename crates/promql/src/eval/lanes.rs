//! Windows that are added up side by side.

use super::{
    column::StepColumn,
    compensated::{self, LANES},
};

/// Windows that wait for others, with their steps.
pub(super) struct Lanes<'a> {
    evaluate: fn([&[f64]; LANES]) -> [f64; LANES],
    steps: [usize; LANES],
    windows: [&'a [f64]; LANES],
    count: usize,
}

impl<'a> Lanes<'a> {
    /// The means of windows.
    pub(super) fn means() -> Self {
        Self::new(compensated::means)
    }

    /// The sums of windows.
    pub(super) fn sums() -> Self {
        Self::new(compensated::sums)
    }

    fn new(evaluate: fn([&[f64]; LANES]) -> [f64; LANES]) -> Self {
        Self { evaluate, steps: [0; LANES], windows: [&[]; LANES], count: 0 }
    }

    /// Takes one window.
    pub(super) fn push(&mut self, step: usize, window: &'a [f64], out: &mut StepColumn) {
        (self.steps[self.count], self.windows[self.count]) = (step, window);
        self.count += 1;
        if self.count == LANES {
            self.finish(out);
        }
    }

    /// Evaluates what has not been yet.
    pub(super) fn finish(&mut self, out: &mut StepColumn) {
        let count = std::mem::take(&mut self.count);
        if count == 0 {
            return;
        }
        // What fills up costs nothing: it is added up beside the others.
        let longest = self.windows[0];
        self.windows[count..].fill(longest);
        let values = (self.evaluate)(self.windows);
        for (step, value) in self.steps[..count].iter().zip(values) {
            out.set(*step, value);
        }
    }
}
