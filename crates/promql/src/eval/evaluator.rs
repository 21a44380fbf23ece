//! The walk over the tree: one expression, evaluated for all its steps at once.

use std::sync::{Arc, Mutex, PoisonError};

use timberline_model::{FloatHistogram, Histogram, Labels, Sample, SeriesColumns, SeriesSource};

use super::{
    budget::Budget,
    column::{Cell, ScalarColumn, Series, StepColumn},
    duration,
    error::EvalError,
    explain::{Journal, PlanNode},
    extended,
    histograms::{self, StatsOnly},
    invariance::is_step_invariant,
    labels::drop_marked,
    leaf::{Leaf, Source, drop_stale},
    notes::{Gravity, Notes},
    order,
    query::{InstantSample, Limits, Query, QueryResult, RangeSeries, SampleValue, Value},
    steps::{Sight, Steps},
    support,
};
use crate::ast::{At, DurationExpr, Expr, ExprKind, Modifiers, Selector, Span, ValueType};

/// Evaluates a query over the series of a source.
///
/// # Errors
/// A part of the language that is not evaluated yet, a limit reached, storage that fails, or series
/// that do not fit together as the query says. See [`EvalError::kind`].
pub fn evaluate(
    source: &dyn SeriesSource,
    query: &Query<'_>,
    limits: &Limits,
) -> Result<QueryResult, EvalError> {
    support::check(query.expr)?;
    let steps = Steps::new(query.start, query.end, query.step, limits.steps_max)?;
    let evaluator = Evaluator {
        source,
        query: *query,
        budget: Budget::new(limits),
        stats_only: StatsOnly::of(query.expr),
        notes: Mutex::new(Notes::default()),
        journal: query.explain.then(|| {
            let expression = query.text.unwrap_or_default().to_owned();
            let steps = steps.count() as u64;
            Journal::new(PlanNode { expression, operation: "query", steps, ..PlanNode::default() })
        }),
    };
    evaluator.budget.check()?;
    let value = evaluator.top(steps)?;
    let notes = evaluator.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut plan = evaluator.journal.and_then(Journal::into_plan);
    if let Some(plan) = &mut plan {
        plan.series = series_count(&value);
    }
    Ok(QueryResult {
        value,
        warnings: notes.texts(Gravity::Warning, query.text),
        infos: notes.texts(Gravity::Info, query.text),
        stats: evaluator.budget.stats(),
        plan,
    })
}

/// One query under way.
pub(super) struct Evaluator<'q> {
    pub(super) source: &'q dyn SeriesSource,
    pub(super) query: Query<'q>,
    pub(super) budget: Budget<'q>,
    /// The selectors of whose native histograms only count and sum matter.
    pub(super) stats_only: StatsOnly,
    pub(super) notes: Mutex<Notes>,
    /// What each part does, if somebody wants to know.
    pub(super) journal: Option<Journal>,
}

/// The value of an expression at all steps.
pub(super) enum Evaluated {
    Scalar(ScalarColumn),
    Vector(Vec<Series>),
}

impl Evaluator<'_> {
    /// The answer to the whole query.
    fn top(&self, steps: Steps) -> Result<Value, EvalError> {
        let expr = self.query.expr;
        let instant = self.query.step == 0;
        match (strip_parens(expr), expr.value_type()) {
            (Expr { kind: ExprKind::String(text), .. }, _) if instant => {
                Ok(Value::String { ts: self.query.start, text: text.clone() })
            }
            (matrix, ValueType::Matrix) if instant => self.raw_samples(matrix, steps),
            (_, ValueType::String) => Err(EvalError::NotRangeable { found: "string" }),
            (_, ValueType::Matrix) => Err(EvalError::NotRangeable { found: "range vector" }),
            _ => match self.eval(expr, steps)? {
                Evaluated::Scalar(column) if instant => {
                    Ok(Value::Scalar(Sample { ts: self.query.start, value: column.at(0) }))
                }
                Evaluated::Scalar(column) => {
                    let column = column.into_column(steps.count());
                    let labels = Labels::empty();
                    Ok(Value::Matrix(vec![self.range_series(labels, &column, steps)?]))
                }
                Evaluated::Vector(series) => Ok(self.answer(series, steps)?),
            },
        }
    }

    fn answer(&self, series: Vec<Series>, steps: Steps) -> Result<Value, EvalError> {
        let mut series = drop_marked(series)?;
        let instant = self.query.step == 0;
        if !(instant && order::is_ordered(self.query.expr)) {
            series.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        if instant {
            let mut samples = Vec::with_capacity(series.len());
            for one in series {
                let value = match one.column.cell(0) {
                    Some(Cell::Histogram(histogram)) => {
                        SampleValue::Histogram(Stored::default().of(histogram, &self.budget)?)
                    }
                    Some(Cell::Float(value)) => SampleValue::Float(value),
                    None => continue,
                };
                samples.push(InstantSample { labels: one.labels, ts: self.query.start, value });
            }
            return Ok(Value::Vector(samples));
        }
        let filled = series.into_iter().filter(|one| !one.column.is_empty());
        let series = filled.map(|one| self.range_series(one.labels, &one.column, steps));
        Ok(Value::Matrix(series.collect::<Result<_, _>>()?))
    }

    /// The answer to an instant query of a range vector.
    fn raw_samples(&self, expr: &Expr, steps: Steps) -> Result<Value, EvalError> {
        let mut found = Vec::new();
        match &expr.kind {
            ExprKind::Matrix { selector, range } => {
                let range = duration::positive_nanos(range, &self.query)?;
                let sight = self.sight(&selector.modifiers, steps)?;
                let mut columns = SeriesColumns::default();
                let before = self.begin_scan(expr.span, steps);
                let scans = self.scan(selector, &sight, range, None)?;
                let streams = scans.len();
                for mut scan in scans {
                    while let Some(labels) = scan.next(&mut columns)? {
                        let histograms = histograms::cost(&columns.histograms);
                        self.budget.read(columns.len() + histograms)?;
                        drop_stale(&mut columns);
                        extended::trim(selector.extension, &sight, range, &mut columns);
                        let histograms = histograms::take(&mut columns);
                        let SeriesColumns { timestamps, values, .. } = std::mem::take(&mut columns);
                        found.push(RangeSeries { labels, timestamps, values, histograms });
                    }
                    self.budget.add_pages(scan.page_counts());
                }
                self.end_scan(before, self.reach(selector, &sight, range), streams, false);
            }
            ExprKind::Subquery(subquery) => {
                let inner = self.subquery(subquery, steps)?;
                for one in drop_marked(inner.series)? {
                    found.push(self.range_series(one.labels, &one.column, inner.steps)?);
                }
            }
            _ => return Err(EvalError::Malformed { reason: "a matrix that is no selector" }),
        }
        found.retain(|one| !one.timestamps.is_empty() || !one.histograms.is_empty());
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(Value::Matrix(found))
    }

    /// Evaluates an expression of type scalar or vector.
    pub(super) fn eval(&self, expr: &Expr, steps: Steps) -> Result<Evaluated, EvalError> {
        let (Some(journal), Some(operation)) = (&self.journal, operation(expr)) else {
            return self.eval_part(expr, steps);
        };
        journal.enter(self.plan_node(expr.span, operation, steps));
        let value = self.eval_part(expr, steps)?;
        journal.leave(match &value {
            Evaluated::Vector(series) => series.len() as u64,
            Evaluated::Scalar(_) => 1,
        });
        Ok(value)
    }

    fn eval_part(&self, expr: &Expr, steps: Steps) -> Result<Evaluated, EvalError> {
        self.budget.check()?;
        if steps.count() > 1
            && !matches!(expr.kind, ExprKind::Number { .. })
            && is_step_invariant(expr)
        {
            return Ok(match self.eval_part(expr, Steps::once(steps.start))? {
                Evaluated::Scalar(column) => {
                    Evaluated::Scalar(ScalarColumn::Constant(column.at(0)))
                }
                Evaluated::Vector(series) => Evaluated::Vector(self.repeat(series, steps)?),
            });
        }
        if let Some(leaf) = self.leaf(expr, steps)? {
            return Ok(Evaluated::Vector(self.collect_leaf(&leaf)?));
        }
        match &expr.kind {
            ExprKind::Number { value, .. } => Ok(Evaluated::Scalar(ScalarColumn::Constant(*value))),
            ExprKind::Paren(inner) => self.eval(inner, steps),
            ExprKind::Unary { negate, expr } => self.unary(*negate, expr, steps),
            ExprKind::Binary(binary) => self.binary(binary, steps),
            ExprKind::Aggregate(aggregate) => {
                Ok(Evaluated::Vector(self.aggregate(aggregate, steps)?))
            }
            ExprKind::Call { function, name_span, args } => {
                self.call(function, *name_span, args, steps)
            }
            ExprKind::Selector(_)
            | ExprKind::String(_)
            | ExprKind::Matrix { .. }
            | ExprKind::Subquery(_) => {
                Err(EvalError::Malformed { reason: "a string or matrix where a number is needed" })
            }
        }
    }

    /// Evaluates an expression that is a vector.
    pub(super) fn eval_vector(&self, expr: &Expr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        match self.eval(expr, steps)? {
            Evaluated::Vector(series) => Ok(series),
            Evaluated::Scalar(_) => {
                Err(EvalError::Malformed { reason: "a scalar where a vector is needed" })
            }
        }
    }

    /// Evaluates an expression that is a scalar.
    pub(super) fn eval_scalar(&self, expr: &Expr, steps: Steps) -> Result<ScalarColumn, EvalError> {
        match self.eval(expr, steps)? {
            Evaluated::Scalar(column) => Ok(column),
            Evaluated::Vector(_) => {
                Err(EvalError::Malformed { reason: "a vector where a scalar is needed" })
            }
        }
    }

    /// The expression as a leaf, if it is one.
    pub(super) fn leaf<'e>(
        &'e self,
        expr: &'e Expr,
        steps: Steps,
    ) -> Result<Option<Leaf<'e>>, EvalError> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.leaf(inner, steps),
            ExprKind::Selector(selector) => {
                Ok(Some(self.selector_leaf(selector, expr.span, Source::Value, steps)?))
            }
            ExprKind::Unary { negate, expr } => {
                let Some(mut leaf) = self.leaf(expr, steps)? else { return Ok(None) };
                if *negate {
                    leaf.stages.push(Box::new(|column| self.negate_column(column)));
                    leaf.drops_name = true;
                }
                Ok(Some(leaf))
            }
            ExprKind::Call { function, args, .. } => self.call_leaf(function, args, steps),
            ExprKind::Binary(binary) => self.binary_leaf(binary, steps),
            _ => Ok(None),
        }
    }

    /// A leaf without stages.
    pub(super) fn selector_leaf<'e>(
        &self,
        selector: &'e Selector,
        place: Span,
        source: Source,
        steps: Steps,
    ) -> Result<Leaf<'e>, EvalError> {
        let drops_name = match &source {
            Source::Value => false,
            Source::Time | Source::Start => true,
            Source::Window { function, .. } => !function.keeps_name(),
        };
        let sight = self.sight(&selector.modifiers, steps)?;
        let stages = Vec::new();
        Ok(Leaf { selector, place, sight, source, stages, drops_name, needs_labels: true })
    }

    /// Where a selector or subquery looks.
    pub(super) fn sight(&self, modifiers: &Modifiers, steps: Steps) -> Result<Sight, EvalError> {
        let fixed = modifiers.at.map(|at| match at {
            At::Timestamp(ts) => ts,
            At::Start => self.query.start,
            At::End => self.query.end,
        });
        let offset = modifiers.offset.as_ref().map_or(Ok(0), |offset| self.nanos(offset))?;
        Ok(Sight { steps, fixed, offset })
    }

    fn nanos(&self, expr: &DurationExpr) -> Result<i64, EvalError> {
        duration::nanos(expr, &self.query)
    }

    fn unary(&self, negate: bool, expr: &Expr, steps: Steps) -> Result<Evaluated, EvalError> {
        Ok(match self.eval(expr, steps)? {
            value if !negate => value,
            Evaluated::Scalar(column) => Evaluated::Scalar(column.map(|value| -value)),
            Evaluated::Vector(series) => {
                let negate = |column: &mut StepColumn| self.negate_column(column);
                Evaluated::Vector(self.apply_stage(series, &negate)?)
            }
        })
    }

    /// Changes every column and drops the metric's name.
    pub(super) fn apply_stage(
        &self,
        mut series: Vec<Series>,
        stage: &(dyn Fn(&mut StepColumn) -> Result<(), EvalError> + Send + Sync),
    ) -> Result<Vec<Series>, EvalError> {
        for one in &mut series {
            stage(&mut one.column)?;
        }
        series.retain(|one| !one.column.is_empty());
        super::labels::drop_names(series, self.query.delays_names())
    }

    fn negate_column(&self, column: &mut StepColumn) -> Result<(), EvalError> {
        for value in column.values_mut() {
            *value = -*value;
        }
        for (step, histogram) in column.take_histograms() {
            self.budget.make(histograms::cost_of(&histogram))?;
            let mut negated = FloatHistogram::clone(&histogram);
            negated.scale(-1.0);
            column.set_histogram(step, Arc::new(negated));
        }
        Ok(())
    }

    /// The value of one step at all of them.
    fn repeat(&self, mut series: Vec<Series>, steps: Steps) -> Result<Vec<Series>, EvalError> {
        self.budget.make(series.len().saturating_mul(steps.count()))?;
        for one in &mut series {
            one.column = one.column.broadcast(steps.count());
        }
        Ok(series)
    }

    /// Keeps a note for the asker.
    pub(super) fn note(&self, gravity: Gravity, message: impl Into<String>, place: Span) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.add(gravity, message, place);
    }

    /// Keeps the notes that a thread gathered.
    pub(super) fn add_notes(&self, found: Notes) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).merge(found);
    }
}

/// How a plan calls what an expression does; `None` for what does nothing.
fn operation(expr: &Expr) -> Option<&'static str> {
    Some(match &expr.kind {
        ExprKind::Unary { .. } => "unary",
        ExprKind::Binary(_) => "binary",
        ExprKind::Aggregate(_) => "aggregate",
        ExprKind::Call { .. } => "call",
        ExprKind::Selector(_) | ExprKind::Matrix { .. } => "select",
        ExprKind::Subquery(_) => "subquery",
        ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Paren(_) => return None,
    })
}

fn series_count(value: &Value) -> u64 {
    match value {
        Value::Vector(samples) => samples.len() as u64,
        Value::Matrix(series) => series.len() as u64,
        Value::Scalar(_) | Value::String { .. } => 1,
    }
}

/// The expression within parentheses.
pub(super) fn strip_parens(mut expr: &Expr) -> &Expr {
    while let ExprKind::Paren(inner) = &expr.kind {
        expr = inner;
    }
    expr
}

/// Makes histograms ready for an answer, each once where neighbouring steps share it.
#[derive(Default)]
struct Stored {
    last: Option<(Arc<FloatHistogram>, Arc<Histogram>)>,
}

impl Stored {
    fn of(
        &mut self,
        histogram: &Arc<FloatHistogram>,
        budget: &Budget<'_>,
    ) -> Result<Arc<Histogram>, EvalError> {
        if let Some((last, stored)) = &self.last
            && Arc::ptr_eq(last, histogram)
        {
            return Ok(Arc::clone(stored));
        }
        budget.make(histograms::cost_of(histogram))?;
        let stored = Arc::new(Histogram::from(histogram.as_ref()));
        self.last = Some((Arc::clone(histogram), Arc::clone(&stored)));
        Ok(stored)
    }
}

impl Evaluator<'_> {
    /// A column as a series of an answer.
    fn range_series(
        &self,
        labels: Labels,
        column: &StepColumn,
        steps: Steps,
    ) -> Result<RangeSeries, EvalError> {
        let count = column.value_count();
        let (mut timestamps, mut values) = (Vec::with_capacity(count), Vec::with_capacity(count));
        column.for_each(|step, value| {
            timestamps.push(steps.at(step));
            values.push(value);
        });
        let mut stored = Stored::default();
        let mut histograms = Vec::with_capacity(column.histograms().len());
        for (step, histogram) in column.histograms() {
            histograms.push((steps.at(*step), stored.of(histogram, &self.budget)?));
        }
        Ok(RangeSeries { labels, timestamps, values, histograms })
    }
}
