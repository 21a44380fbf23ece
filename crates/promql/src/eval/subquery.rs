//! Subqueries: an expression evaluated at steps of its own, whose values then serve as samples.

use std::sync::Arc;

use timberline_model::ResetHint;

use super::{
    column::{Series, StepColumn},
    counter_notes::CounterNotes,
    duration,
    error::EvalError,
    evaluator::{Evaluated, Evaluator},
    histograms::HistogramSamples,
    labels::drop_names,
    range_notes::RangeNotes,
    rate::Samples,
    steps::{Sight, Steps, Windows},
    window::WindowFunction,
};
use crate::ast::{Span, Subquery};

/// The histograms of a column. Between the steps of a subquery others may have been skipped, so that
/// nothing is known any more of resets between them.
fn samples_of(column: &StepColumn, steps: Steps) -> HistogramSamples {
    let mut samples = HistogramSamples::default();
    for (step, histogram) in column.histograms() {
        let mut histogram = Arc::clone(histogram);
        if matches!(histogram.reset_hint, ResetHint::Reset | ResetHint::NotReset) {
            Arc::make_mut(&mut histogram).reset_hint = ResetHint::Unknown;
        }
        samples.timestamps.push(steps.at(*step));
        samples.values.push(histogram);
    }
    samples
}

/// The values of a subquery's expression at its own steps.
pub(super) struct Inner {
    pub(super) series: Vec<Series>,
    pub(super) steps: Steps,
    /// Where the subquery looks from the outer steps.
    pub(super) sight: Sight,
    /// How far it looks back, in nanoseconds.
    pub(super) range: i64,
}

impl Evaluator<'_> {
    /// Evaluates the expression at all multiples of the subquery's step that some outer step sees.
    pub(super) fn subquery(&self, subquery: &Subquery, outer: Steps) -> Result<Inner, EvalError> {
        let range = duration::positive_nanos(&subquery.range, &self.query)?;
        let step = match &subquery.step {
            Some(step) => duration::positive_nanos(step, &self.query)?,
            None => self.query.subquery_step.max(1),
        };
        let sight = self.sight(&subquery.modifiers, outer)?;
        let after = sight.first().saturating_sub(range);
        // The first multiple of the step that lies after the start of the first window.
        let start = after.div_euclid(step).saturating_add(1).saturating_mul(step);
        if start > sight.last() {
            return Ok(Inner { series: Vec::new(), steps: Steps::once(start), sight, range });
        }
        let steps = Steps::new(start, sight.last(), step, u64::MAX)?;
        self.budget.make(steps.count())?;
        let series = match self.eval(&subquery.expr, steps)? {
            Evaluated::Vector(series) => series,
            Evaluated::Scalar(column) => vec![Series {
                labels: timberline_model::Labels::empty(),
                column: column.into_column(steps.count()),
                drop_name: false,
            }],
        };
        Ok(Inner { series, steps, sight, range })
    }

    /// A function of a subquery's windows.
    pub(super) fn over_subquery(
        &self,
        function: &WindowFunction,
        inner: Inner,
        place: Span,
    ) -> Result<Vec<Series>, EvalError> {
        let Inner { series, steps, sight, range } = inner;
        let windows = Windows { sight: &sight, range, budget: &self.budget };
        let (mut timestamps, mut values) = (Vec::new(), Vec::new());
        let mut found = Vec::with_capacity(series.len());
        let mut notes = CounterNotes::default();
        for one in series {
            self.budget.check()?;
            self.budget.make(sight.steps.count())?;
            timestamps.clear();
            values.clear();
            one.column.for_each(|step, value| {
                timestamps.push(steps.at(step));
                values.push(value);
            });
            let mut column = StepColumn::absent(sight.steps.count());
            let samples = Samples { timestamps: &timestamps, values: &values };
            if one.column.histograms().is_empty() {
                function.apply(samples, windows, &mut column);
            } else {
                let histograms = samples_of(&one.column, steps);
                let mut met = RangeNotes::default();
                let samples = histograms.with(samples);
                function.apply_mixed(samples, windows, &mut met, &mut column)?;
                self.note_range(met, one.labels.metric_name().unwrap_or(""), place);
            }
            self.budget.check()?;
            if column.value_count() > 0 {
                notes.see(function, &one.labels, place, self.query.features);
            }
            if !column.is_empty() {
                found.push(Series { column, ..one });
            }
        }
        self.add_notes(notes.notes);
        if function.keeps_name() {
            return Ok(found);
        }
        drop_names(found, self.query.delays_names())
    }
}
