//! Sums and means of native histograms in aggregations: for each step that has some, a state beside the
//! floats'.

use std::sync::Arc;

use timberline_model::{
    FloatHistogram, HistogramError, HistogramMean, HistogramSum, Labels, METRIC_NAME, Reconciled,
};

use super::{
    column::StepColumn,
    error::EvalError,
    evaluator::Evaluator,
    histograms::cost_of,
    notes::Gravity,
    range_histograms::HintsSeen,
    range_notes::{contradicting_resets, mixed_schemas, reconciled_bounds},
};
use crate::{ast::Span, quote::quote};

/// The histograms of one group.
#[derive(Clone, Debug)]
pub(super) struct HistogramStates {
    mean: bool,
    /// One per step, or none at all as long as there are no histograms.
    states: Vec<Option<State>>,
}

#[derive(Clone, Debug)]
struct State {
    /// The first metric's name.
    name: Arc<str>,
    total: Total,
    hints: HintsSeen,
    /// Exponential and custom buckets have met: there is no result.
    mixed: bool,
}

#[derive(Clone, Debug)]
enum Total {
    Sum(HistogramSum),
    Mean(HistogramMean),
}

impl Total {
    fn bucket_count(&self) -> usize {
        match self {
            Self::Sum(sum) => sum.bucket_count(),
            Self::Mean(mean) => mean.bucket_count(),
        }
    }

    fn add(&mut self, histogram: &FloatHistogram) -> Result<Reconciled, HistogramError> {
        match self {
            Self::Sum(sum) => sum.add(histogram),
            Self::Mean(mean) => mean.add(histogram),
        }
    }

    fn merge(&mut self, other: &Self) -> Result<Reconciled, HistogramError> {
        match (self, other) {
            (Self::Sum(sum), Self::Sum(more)) => sum.merge(more),
            (Self::Mean(mean), Self::Mean(more)) => mean.merge(more.clone()),
            _ => unreachable!("the states of one aggregation are of one kind"),
        }
    }
}

impl HistogramStates {
    pub(super) const fn new(mean: bool) -> Self {
        Self { mean, states: Vec::new() }
    }

    /// Takes in the histograms of a series. `place` is where what is aggregated stands.
    pub(super) fn add(
        &mut self,
        evaluator: &Evaluator<'_>,
        column: &StepColumn,
        labels: &Labels,
        place: Span,
    ) -> Result<(), EvalError> {
        if column.histograms().is_empty() {
            return Ok(());
        }
        let name: Arc<str> = labels.get(METRIC_NAME).unwrap_or("").into();
        self.states.resize(column.steps(), None);
        for (step, histogram) in column.histograms() {
            let Some(state) = &mut self.states[*step] else {
                // A compensated sum is twice as large.
                evaluator.budget.make(2 * cost_of(histogram))?;
                let mut hints = HintsSeen::default();
                hints.see(histogram.reset_hint);
                let total = if self.mean {
                    Total::Mean(HistogramMean::new(histogram))
                } else {
                    Total::Sum(HistogramSum::new(histogram))
                };
                self.states[*step] =
                    Some(State { name: Arc::clone(&name), total, hints, mixed: false });
                continue;
            };
            if state.mixed {
                continue;
            }
            state.hints.see(histogram.reset_hint);
            let before = state.total.bucket_count();
            let met = state.total.add(histogram);
            let grown = state.total.bucket_count().saturating_sub(before);
            evaluator.budget.make(2 * grown)?;
            state.met(&met, evaluator, &name, place);
        }
        Ok(())
    }

    /// Takes in another group's histograms.
    pub(super) fn merge(
        &mut self,
        evaluator: &Evaluator<'_>,
        other: Self,
        place: Span,
    ) -> Result<(), EvalError> {
        if self.states.is_empty() {
            self.states = other.states;
            return Ok(());
        }
        for (state, more) in self.states.iter_mut().zip(other.states) {
            let Some(more) = more else { continue };
            let Some(state) = state else {
                *state = Some(more);
                continue;
            };
            state.mixed |= more.mixed;
            if state.mixed {
                continue;
            }
            state.hints.merge(more.hints);
            let before = state.total.bucket_count();
            let met = state.total.merge(&more.total);
            let grown = state.total.bucket_count().saturating_sub(before);
            evaluator.budget.make(2 * grown)?;
            state.met(&met, evaluator, &more.name, place);
        }
        Ok(())
    }

    /// Puts the results into the column that holds those of the floats. Steps that have both have no
    /// result.
    pub(super) fn finish(
        self,
        evaluator: &Evaluator<'_>,
        column: &mut StepColumn,
        place: Span,
    ) -> Result<(), EvalError> {
        for (step, state) in self.states.into_iter().enumerate() {
            let Some(state) = state else { continue };
            if column.has(step) {
                let message = "encountered a mix of histograms and floats for aggregation";
                evaluator.note(Gravity::Warning, message, place);
                column.unset(step);
                continue;
            }
            if state.mixed {
                continue;
            }
            if state.hints.contradict() {
                let message = contradicting_resets("aggregation");
                evaluator.note(Gravity::Warning, message, place);
            }
            let mut histogram = match state.total {
                Total::Sum(sum) => sum.total(),
                Total::Mean(mean) => mean.value(),
            };
            histogram.compact();
            evaluator.budget.make(cost_of(&histogram))?;
            column.set_histogram(step, Arc::new(histogram));
        }
        Ok(())
    }
}

impl State {
    /// Tells what an addition met.
    fn met(
        &mut self,
        met: &Result<Reconciled, HistogramError>,
        evaluator: &Evaluator<'_>,
        name: &str,
        place: Span,
    ) {
        match met {
            Ok(met) if met.bounds => {
                evaluator.note(Gravity::Info, reconciled_bounds("aggregation"), place);
            }
            Ok(_) => {}
            Err(_) => {
                evaluator.note(Gravity::Warning, mixed_schemas(&quote(name)), place);
                self.mixed = true;
            }
        }
    }
}
