//! Aggregations: series fall into groups, and each group becomes one series (or keeps some of its
//! own; see `selection`).

use super::{
    accumulator::Accumulator,
    column::{Series, StepColumn},
    error::EvalError,
    evaluator::Evaluator,
    grouping::Grouping,
    histogram_states::HistogramStates,
    leaf::Leaf,
    notes::Gravity,
    steps::Steps,
};
use crate::ast::{Aggregate, AggregateOp, Span};

impl Evaluator<'_> {
    /// Evaluates an aggregation.
    pub(super) fn aggregate(
        &self,
        aggregate: &Aggregate,
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        match aggregate.op {
            AggregateOp::TopK
            | AggregateOp::BottomK
            | AggregateOp::LimitK
            | AggregateOp::LimitRatio
            | AggregateOp::Quantile
            | AggregateOp::CountValues => return self.select(aggregate, steps),
            _ => {}
        }
        if Accumulator::is_mergeable(aggregate.op)
            && self.extends(&aggregate.expr)
            && let Some(mut leaf) = self.leaf(&aggregate.expr, steps)?
        {
            let is_one_group = aggregate.grouping.is_empty() && !aggregate.without;
            leaf.needs_labels = !is_one_group || leaf.tells_names();
            return self.aggregate_leaf(aggregate, &leaf, steps);
        }
        let mut groups = Groups::new(aggregate, false, steps);
        for one in self.eval_vector(&aggregate.expr, steps)? {
            groups.add(self, &one.labels, &one.column, one.drop_name)?;
        }
        groups.finish(self)
    }

    /// Aggregates series as they come from the scan.
    fn aggregate_leaf(
        &self,
        aggregate: &Aggregate,
        leaf: &Leaf<'_>,
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        let delayed = self.query.delays_names();
        let nameless = leaf.drops_name && !delayed;
        let parts = self.run_leaf(
            leaf,
            &|| Groups::new(aggregate, nameless, steps),
            &|groups: &mut Groups<'_>, labels, column| {
                groups.add(self, &labels, column, leaf.drops_name && delayed)
            },
        )?;
        let mut parts = parts.into_iter();
        let Some(mut all) = parts.next() else { return Ok(Vec::new()) };
        for part in parts {
            all.merge(self, part)?;
        }
        all.finish(self)
    }
}

impl Evaluator<'_> {
    /// Tells that an aggregation leaves histograms out, if there are some.
    pub(super) fn note_ignored(&self, op: AggregateOp, column: &StepColumn, place: Span) {
        if !column.histograms().is_empty() {
            self.note(Gravity::Info, format!("ignored histogram in {op} aggregation"), place);
        }
    }
}

/// The groups of one aggregation, or of one thread's part of it.
struct Groups<'a> {
    grouping: Grouping<'a>,
    op: AggregateOp,
    /// Where what is aggregated stands.
    place: Span,
    steps: Steps,
    states: Vec<State>,
}

struct State {
    accumulator: Accumulator,
    histograms: HistogramStates,
    drop_name: bool,
}

impl<'a> Groups<'a> {
    fn new(aggregate: &'a Aggregate, nameless: bool, steps: Steps) -> Self {
        let grouping = Grouping::new(aggregate, nameless);
        let place = aggregate.expr.span;
        Self { grouping, op: aggregate.op, place, steps, states: Vec::new() }
    }

    fn add(
        &mut self,
        evaluator: &Evaluator<'_>,
        labels: &timberline_model::Labels,
        column: &StepColumn,
        drop_name: bool,
    ) -> Result<(), EvalError> {
        let group = self.grouping.of(labels)?;
        if group == self.states.len() {
            evaluator.budget.make(self.steps.count())?;
            let accumulator =
                Accumulator::new(self.op, self.steps.count()).ok_or(EvalError::Malformed {
                    reason: "an aggregation that does not accumulate",
                })?;
            let histograms = HistogramStates::new(self.op == AggregateOp::Avg);
            self.states.push(State { accumulator, histograms, drop_name });
        }
        let state = &mut self.states[group];
        state.accumulator.add(column);
        match self.op {
            AggregateOp::Sum | AggregateOp::Avg => {
                state.histograms.add(evaluator, column, labels, self.place)?;
            }
            AggregateOp::Count | AggregateOp::Group => {}
            op => evaluator.note_ignored(op, column, self.place),
        }
        state.drop_name |= drop_name;
        Ok(())
    }

    fn merge(&mut self, evaluator: &Evaluator<'_>, other: Self) -> Result<(), EvalError> {
        for (labels, state) in other.grouping.into_labels().iter().zip(other.states) {
            let group = self.grouping.of_group(labels)?;
            match self.states.get_mut(group) {
                Some(same) => {
                    same.accumulator.merge(&state.accumulator);
                    same.histograms.merge(evaluator, state.histograms, self.place)?;
                    same.drop_name |= state.drop_name;
                }
                None => self.states.push(state),
            }
        }
        Ok(())
    }

    fn finish(self, evaluator: &Evaluator<'_>) -> Result<Vec<Series>, EvalError> {
        let labels = self.grouping.into_labels();
        let mut series = Vec::with_capacity(labels.len());
        for (labels, state) in labels.into_iter().zip(self.states) {
            let mut column = state.accumulator.finish();
            state.histograms.finish(evaluator, &mut column, self.place)?;
            if !column.is_empty() {
                series.push(Series { labels, column, drop_name: state.drop_name });
            }
        }
        Ok(series)
    }
}
