//! Native histograms: what each part of a query does with those that its selectors find.
//!
//! A plain selector, of an instant or a range, gives them back. Functions and aggregations that look at
//! floats only leave them out, and those that look only at whether there is a sample count them; all
//! others are refused by name, as they do not compute with histograms yet.
//!
//! Invariant: no number in an answer is made from a histogram.

use std::{collections::BTreeMap, sync::Arc};

use timberline_model::{BucketCounts, Histogram, HistogramColumn, STALE_NAN, SeriesColumns};

use super::{
    column::StepColumn,
    elementwise,
    error::EvalError,
    evaluator::Evaluator,
    leaf::{Leaf, Source},
    steps::Sight,
};
use crate::ast::{AggregateOp, BinaryOp, Expr, ExprKind, Span};

/// What becomes of the histograms that a selector finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// They are the answer.
    Keep,
    /// They are not looked at, and floats before them are over.
    Drop,
    /// They count as samples whose value nobody looks at.
    Presence,
    /// They make the query fail: this does not compute with them.
    Refuse(String),
}

/// What becomes of the histograms of every selector, by where the selector starts.
#[derive(Debug, Default)]
pub(super) struct Uses(BTreeMap<usize, Use>);

impl Uses {
    /// Looks at a whole query.
    pub(super) fn of(expr: &Expr) -> Self {
        let mut uses = Self::default();
        uses.visit(expr, &Use::Keep);
        uses
    }

    /// What becomes of those of the selector at a place.
    pub(super) fn at(&self, place: Span) -> &Use {
        self.0.get(&place.start).unwrap_or(&Use::Keep)
    }

    fn visit(&mut self, expr: &Expr, wanted: &Use) {
        match &expr.kind {
            ExprKind::Selector(_) | ExprKind::Matrix { .. } => {
                self.0.insert(expr.span.start, wanted.clone());
            }
            ExprKind::Paren(inner) | ExprKind::Unary { negate: false, expr: inner } => {
                self.visit(inner, wanted);
            }
            ExprKind::Unary { expr, .. } => self.visit(expr, &refuse("operator", "-")),
            ExprKind::Call { function, args, .. } => {
                let wanted = of_function(function);
                args.iter().for_each(|arg| self.visit(arg, &wanted));
            }
            ExprKind::Aggregate(aggregate) => {
                self.visit(&aggregate.expr, &of_aggregation(aggregate.op));
                if let Some(param) = &aggregate.param {
                    self.visit(param, &refuse("aggregation", aggregate.op.as_str()));
                }
            }
            ExprKind::Binary(binary) => {
                let refused = refuse("operator", binary.op.as_str());
                self.visit(&binary.left, &refused);
                let is_mask = matches!(binary.op, BinaryOp::And | BinaryOp::Unless);
                self.visit(&binary.right, if is_mask { &Use::Presence } else { &refused });
            }
            ExprKind::Subquery(subquery) => self.visit(&subquery.expr, &refuse("a", "subquery")),
            ExprKind::Number { .. } | ExprKind::String(_) => {}
        }
    }
}

fn refuse(kind: &str, name: &str) -> Use {
    Use::Refuse(format!("{kind} {name}"))
}

fn of_function(name: &str) -> Use {
    if elementwise::is_elementwise(name) || elementwise::date_part(name).is_some() {
        return Use::Drop;
    }
    match name {
        "sort"
        | "sort_desc"
        | "scalar"
        | "deriv"
        | "predict_linear"
        | "quantile_over_time"
        | "double_exponential_smoothing"
        | "min_over_time"
        | "max_over_time"
        | "stddev_over_time"
        | "stdvar_over_time"
        | "mad_over_time"
        | "ts_of_min_over_time"
        | "ts_of_max_over_time" => Use::Drop,
        "absent"
        | "absent_over_time"
        | "present_over_time"
        | "count_over_time"
        | "timestamp"
        | "start_timestamp"
        | "ts_of_first_over_time"
        | "ts_of_last_over_time" => Use::Presence,
        _ => refuse("function", name),
    }
}

fn of_aggregation(op: AggregateOp) -> Use {
    match op {
        AggregateOp::Count | AggregateOp::Group => Use::Presence,
        AggregateOp::Min
        | AggregateOp::Max
        | AggregateOp::Stddev
        | AggregateOp::Stdvar
        | AggregateOp::Quantile
        | AggregateOp::TopK
        | AggregateOp::BottomK => Use::Drop,
        _ => refuse("aggregation", op.as_str()),
    }
}

impl Evaluator<'_> {
    /// Takes the histograms out of a series' samples, before its floats are looked at.
    pub(super) fn use_histograms(
        &self,
        leaf: &Leaf<'_>,
        columns: &mut SeriesColumns,
        column: &mut StepColumn,
    ) -> Result<(), EvalError> {
        let wanted = self.uses.at(leaf.place);
        if let Use::Refuse(what) = wanted {
            return Err(refused(what));
        }
        match (&leaf.source, wanted) {
            (Source::Window { .. }, Use::Drop) => {}
            (_, Use::Presence) => merge_times(columns, 0.0),
            (Source::Value, Use::Keep) => {
                look_back(columns, &leaf.sight, self.query.lookback, column);
                merge_times(columns, STALE_NAN);
            }
            _ => merge_times(columns, STALE_NAN),
        }
        columns.histograms.clear();
        Ok(())
    }
}

/// The error of a part of the language that does not compute with histograms.
fn refused(what: &str) -> EvalError {
    EvalError::unsupported(format!("{what} of native histograms"))
}

/// How many samples histograms count as: as many as have their size, as in Prometheus.
pub(super) fn cost(column: &HistogramColumn) -> usize {
    let size = |histogram: &Histogram| {
        let (positive, negative) = match &histogram.counts {
            BucketCounts::Integer { positive, negative, .. } => (positive.len(), negative.len()),
            BucketCounts::Float { positive, negative, .. } => (positive.len(), negative.len()),
        };
        let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
        8 + (positive + negative + spans + histogram.custom_values.len()) / 2
    };
    column.values.iter().map(size).sum()
}

/// The newest sample in `(at - lookback, at]` of every step, where that is a histogram.
fn look_back(columns: &mut SeriesColumns, sight: &Sight, lookback: i64, out: &mut StepColumn) {
    let found: Vec<Arc<Histogram>> =
        std::mem::take(&mut columns.histograms.values).into_iter().map(Arc::new).collect();
    // They go back for `merge_times`, which looks at whether they are stale, and at nothing else.
    let (times, floats) = (&columns.histograms.timestamps, &columns.timestamps);
    let (mut high, mut high_float) = (0, 0);
    for step in 0..sight.steps.count() {
        let at = sight.at(step);
        while high < times.len() && times[high] <= at {
            high += 1;
        }
        while high_float < floats.len() && floats[high_float] <= at {
            high_float += 1;
        }
        let Some(newest) = high.checked_sub(1) else { continue };
        let is_newest = high_float.checked_sub(1).is_none_or(|float| floats[float] < times[newest]);
        let is_recent = times[newest] > at.saturating_sub(lookback);
        if is_newest && is_recent && !found[newest].is_stale() {
            out.set_histogram(step, Arc::clone(&found[newest]));
        }
    }
}

/// Puts the histograms' times among the floats', each with a value; stale ones are stale markers.
fn merge_times(columns: &mut SeriesColumns, value: f64) {
    let SeriesColumns { timestamps, values, histograms, .. } = columns;
    let mut merged: Vec<(i64, f64)> =
        timestamps.iter().copied().zip(values.iter().copied()).collect();
    let stale = |index: usize| histograms.values.get(index).is_some_and(Histogram::is_stale);
    merged.extend(
        histograms
            .timestamps
            .iter()
            .enumerate()
            .map(|(index, ts)| (*ts, if stale(index) { STALE_NAN } else { value })),
    );
    merged.sort_by_key(|(ts, _)| *ts);
    (*timestamps, *values) = merged.into_iter().unzip();
}

/// Takes the histograms of a plain range selector, without stale ones.
pub(super) fn take(columns: &mut SeriesColumns) -> Vec<(i64, Arc<Histogram>)> {
    let HistogramColumn { timestamps, values, .. } = std::mem::take(&mut columns.histograms);
    let all = timestamps.into_iter().zip(values).filter(|(_, histogram)| !histogram.is_stale());
    all.map(|(ts, histogram)| (ts, Arc::new(histogram))).collect()
}
