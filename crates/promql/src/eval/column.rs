//! The value of one series at every step.

use std::{borrow::Cow, sync::Arc};

use timberline_model::{FloatHistogram, Labels};

/// Bits in a word of the presence bitmap.
const WORD: usize = 64;

/// One value or none per step. Invariant: bits past the last step are zero.
///
/// Values at steps without a bit are arbitrary: arithmetic may run over all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct StepColumn {
    values: Vec<f64>,
    present: Vec<u64>,
    /// Steps whose value is a native histogram, ascending; they have no bit.
    histograms: Vec<(usize, Arc<FloatHistogram>)>,
}

/// The value of a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Float(f64),
    Histogram(&'a Arc<FloatHistogram>),
}

impl StepColumn {
    /// A column without any value.
    pub(super) fn absent(steps: usize) -> Self {
        Self {
            values: vec![0.0; steps],
            present: vec![0; steps.div_ceil(WORD)],
            histograms: Vec::new(),
        }
    }

    /// A column with a value at every step.
    pub(super) fn full(values: Vec<f64>) -> Self {
        let mut present = vec![u64::MAX; values.len().div_ceil(WORD)];
        mask_tail(&mut present, values.len());
        Self { values, present, histograms: Vec::new() }
    }

    /// Forgets all values, keeping the memory.
    pub(super) fn reset(&mut self, steps: usize) {
        self.values.clear();
        self.values.resize(steps, 0.0);
        self.present.clear();
        self.present.resize(steps.div_ceil(WORD), 0);
        self.histograms.clear();
    }

    /// How many steps the column has.
    pub(super) fn steps(&self) -> usize {
        self.values.len()
    }

    /// Whether no step has a value.
    pub(super) fn is_empty(&self) -> bool {
        self.histograms.is_empty() && self.present.iter().all(|word| *word == 0)
    }

    /// How many steps have a number.
    pub(super) fn value_count(&self) -> usize {
        self.present.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Puts a histogram at a step behind all that have one.
    pub(super) fn set_histogram(&mut self, step: usize, histogram: Arc<FloatHistogram>) {
        debug_assert!(self.histograms.last().is_none_or(|(last, _)| *last < step), "in order");
        self.histograms.push((step, histogram));
    }

    /// The steps that have a histogram.
    pub(super) fn histograms(&self) -> &[(usize, Arc<FloatHistogram>)] {
        &self.histograms
    }

    /// Takes the histograms away.
    pub(super) fn take_histograms(&mut self) -> Vec<(usize, Arc<FloatHistogram>)> {
        std::mem::take(&mut self.histograms)
    }

    /// The number or histogram of a step.
    pub(super) fn cell(&self, step: usize) -> Option<Cell<'_>> {
        if let Some(value) = self.get(step) {
            return Some(Cell::Float(value));
        }
        if self.histograms.is_empty() {
            return None;
        }
        let place = self.histograms.binary_search_by_key(&step, |(at, _)| *at).ok()?;
        Some(Cell::Histogram(&self.histograms[place].1))
    }

    /// The steps that have a number or a histogram.
    pub(super) fn filled(&self) -> Cow<'_, [u64]> {
        if self.histograms.is_empty() {
            return Cow::Borrowed(&self.present);
        }
        let mut filled = self.present.clone();
        for (step, _) in &self.histograms {
            filled[step / WORD] |= 1 << (step % WORD);
        }
        Cow::Owned(filled)
    }

    #[inline]
    pub(super) fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        self.present[step / WORD] |= 1 << (step % WORD);
    }

    #[inline]
    pub(super) fn unset(&mut self, step: usize) {
        self.present[step / WORD] &= !(1 << (step % WORD));
    }

    #[inline]
    pub(super) fn has(&self, step: usize) -> bool {
        self.present[step / WORD] & (1 << (step % WORD)) != 0
    }

    /// Whether a step has a number or a histogram.
    pub(super) fn has_sample(&self, step: usize) -> bool {
        self.has(step) || self.histograms.binary_search_by_key(&step, |(at, _)| *at).is_ok()
    }

    #[inline]
    pub(super) fn get(&self, step: usize) -> Option<f64> {
        self.has(step).then(|| self.values[step])
    }

    /// All values, those of absent steps too.
    pub(super) fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// All values, those of absent steps too.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The presence bitmap.
    pub(super) fn present(&self) -> &[u64] {
        &self.present
    }

    /// The presence bitmap; whoever sets bits vouches for the values.
    pub(super) fn present_mut(&mut self) -> &mut [u64] {
        &mut self.present
    }

    /// Calls `visit` for every step that has a value, in order.
    #[inline]
    pub(super) fn for_each(&self, mut visit: impl FnMut(usize, f64)) {
        for (word_index, word) in self.present.iter().enumerate() {
            let base = word_index * WORD;
            if *word == u64::MAX {
                for (bit, value) in self.values[base..base + WORD].iter().enumerate() {
                    visit(base + bit, *value);
                }
                continue;
            }
            let mut rest = *word;
            while rest != 0 {
                let step = base + rest.trailing_zeros() as usize;
                visit(step, self.values[step]);
                rest &= rest - 1;
            }
        }
    }

    /// Replaces every value by `change(step, value)`, or drops it where that is `None`.
    pub(super) fn filter_map(&mut self, change: impl Fn(usize, f64) -> Option<f64>) {
        for step in 0..self.values.len() {
            if !self.has(step) {
                continue;
            }
            match change(step, self.values[step]) {
                Some(value) => self.values[step] = value,
                None => self.unset(step),
            }
        }
    }

    /// Keeps only the steps whose bit in `mask` is `wanted`.
    pub(super) fn keep(&mut self, mask: &[u64], wanted: bool) {
        for (word, mask) in self.present.iter_mut().zip(mask) {
            *word &= if wanted { *mask } else { !*mask };
        }
        self.histograms.retain(|(step, _)| is_set(mask, *step) == wanted);
    }

    /// Whether some step has a number or a histogram in both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.filled().iter().zip(other.filled().iter()).any(|(a, b)| a & b != 0)
    }

    /// Takes over what the other column has; no step has something in both.
    pub(super) fn fill_from(&mut self, other: &Self) {
        other.for_each(|step, value| self.set(step, value));
        if !other.histograms.is_empty() {
            self.histograms.extend(other.histograms.iter().cloned());
            self.histograms.sort_by_key(|(step, _)| *step);
        }
    }

    /// The column of one step repeated over many.
    pub(super) fn broadcast(&self, steps: usize) -> Self {
        if let Some((_, histogram)) = self.histograms.first() {
            let all = (0..steps).map(|step| (step, Arc::clone(histogram)));
            return Self { histograms: all.collect(), ..Self::absent(steps) };
        }
        match self.get(0) {
            Some(value) => Self::full(vec![value; steps]),
            None => Self::absent(steps),
        }
    }
}

/// Whether the step's bit is set.
pub(super) fn is_set(mask: &[u64], step: usize) -> bool {
    mask[step / WORD] & (1 << (step % WORD)) != 0
}

/// Sets the step's bit.
pub(super) fn set_bit(mask: &mut [u64], step: usize) {
    mask[step / WORD] |= 1 << (step % WORD);
}

/// Clears the bits past the last step.
fn mask_tail(words: &mut [u64], steps: usize) {
    if let Some(last) = words.last_mut()
        && !steps.is_multiple_of(WORD)
    {
        *last = (1 << (steps % WORD)) - 1;
    }
}

/// Adds the bits of `from` to `into`.
pub(super) fn unite(into: &mut [u64], from: &[u64]) {
    for (into, from) in into.iter_mut().zip(from) {
        *into |= from;
    }
}

/// One series of an intermediate result.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) column: StepColumn,
    /// The metric's name is to go once the whole query is done (delayed name removal only).
    pub(super) drop_name: bool,
}

/// A number per step.
#[derive(Clone, Debug)]
pub(super) enum ScalarColumn {
    /// The same at every step.
    Constant(f64),
    /// One for each step.
    Steps(Vec<f64>),
}

impl ScalarColumn {
    #[inline]
    pub(super) fn at(&self, step: usize) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Steps(values) => values[step],
        }
    }

    /// The values of all steps, each once if they are the same.
    pub(super) fn values(&self) -> &[f64] {
        match self {
            Self::Constant(value) => std::slice::from_ref(value),
            Self::Steps(values) => values,
        }
    }

    /// Applies a function to every value.
    pub(super) fn map(self, change: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(change(value)),
            Self::Steps(values) => Self::Steps(values.into_iter().map(change).collect()),
        }
    }

    /// Combines two columns.
    pub(super) fn zip(self, other: Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => Self::Constant(combine(a, b)),
            (Self::Steps(a), b) => {
                Self::Steps(a.iter().enumerate().map(|(i, a)| combine(*a, b.at(i))).collect())
            }
            (a, Self::Steps(b)) => {
                Self::Steps(b.iter().enumerate().map(|(i, b)| combine(a.at(i), *b)).collect())
            }
        }
    }

    /// As a column of a series.
    pub(super) fn into_column(self, steps: usize) -> StepColumn {
        match self {
            Self::Constant(value) => StepColumn::full(vec![value; steps]),
            Self::Steps(values) => StepColumn::full(values),
        }
    }
}
