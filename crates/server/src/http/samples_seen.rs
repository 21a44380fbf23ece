//! How many samples each step of a query looks at, for its `stats`.
//!
//! They are counted by queries of their own: `count(s)` for an instant selector `s`, and
//! `sum(count_over_time(r))` for a range or a subquery `r`. Prometheus counts the same samples, but for
//! native histograms, which it counts by their size and this counts as one each.

use std::collections::BTreeMap;

use timberline::{Database, Limits, Query, QueryResult, Value};
use timberline_promql::{
    Expr, ExprKind, Span,
    ast::{Aggregate, AggregateOp, RangeExtension},
};

use super::query::query_error;
use crate::error::ApiError;

/// The samples that each step of a query looks at.
///
/// # Errors
/// As the query itself: the counting stands under the same limits.
pub(super) fn samples_seen(
    database: &Database,
    query: &Query<'_>,
    limits: &Limits,
) -> Result<Vec<(i64, u64)>, ApiError> {
    let mut steps: BTreeMap<i64, u64> = step_times(query).map(|ts| (ts, 0)).collect();
    let mut counts = Vec::new();
    collect_counts(query.expr, &mut counts);
    for expr in &counts {
        let query = Query { expr, text: None, ..*query };
        let result = database.query_with(&query, limits).map_err(|error| query_error(&error))?;
        add(&result, &mut steps);
    }
    Ok(steps.into_iter().collect())
}

fn step_times(query: &Query<'_>) -> impl Iterator<Item = i64> {
    let (end, step) = (query.end, query.step);
    std::iter::successors(Some(query.start), move |ts| {
        ts.checked_add(step).filter(|next| step > 0 && *next <= end)
    })
}

fn add(result: &QueryResult, steps: &mut BTreeMap<i64, u64>) {
    let mut add_one = |ts: i64, count: f64| *steps.entry(ts).or_default() += count as u64;
    match &result.value {
        Value::Vector(samples) => {
            for sample in samples {
                add_one(sample.ts, sample.value.float().unwrap_or(0.0));
            }
        }
        Value::Matrix(series) => {
            for one in series {
                one.timestamps.iter().zip(&one.values).for_each(|(ts, count)| add_one(*ts, *count));
            }
        }
        Value::Scalar(_) | Value::String { .. } => {}
    }
}

/// A query of the number of samples for each selector of an expression.
fn collect_counts(expr: &Expr, counts: &mut Vec<Expr>) {
    match &expr.kind {
        ExprKind::Selector(selector) => {
            let mut selector = selector.clone();
            selector.extension = RangeExtension::None;
            counts.push(aggregate(AggregateOp::Count, of_kind(ExprKind::Selector(selector))));
        }
        ExprKind::Matrix { selector, range } => {
            let mut selector = selector.clone();
            selector.extension = RangeExtension::None;
            counts.push(over_time(ExprKind::Matrix { selector, range: range.clone() }));
        }
        // What its steps look at counts for nobody else.
        ExprKind::Subquery(subquery) => {
            counts.push(over_time(ExprKind::Subquery(subquery.clone())));
        }
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => {
            collect_counts(inner, counts);
        }
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| collect_counts(arg, counts)),
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.iter().for_each(|param| collect_counts(param, counts));
            collect_counts(&aggregate.expr, counts);
        }
        ExprKind::Binary(binary) => {
            collect_counts(&binary.left, counts);
            collect_counts(&binary.right, counts);
        }
        ExprKind::Number { .. } | ExprKind::String(_) => {}
    }
}

fn over_time(range: ExprKind) -> Expr {
    let function = "count_over_time";
    let name_span = Span::default();
    let count = ExprKind::Call { function, name_span, args: vec![of_kind(range)] };
    aggregate(AggregateOp::Sum, of_kind(count))
}

fn aggregate(op: AggregateOp, expr: Expr) -> Expr {
    let aggregate = Aggregate { op, param: None, expr, without: false, grouping: Vec::new() };
    of_kind(ExprKind::Aggregate(Box::new(aggregate)))
}

fn of_kind(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_is_counted_where_it_is() {
        let text =
            "sum(rate(a[5m] offset 1m)) / b @ 7 > topk(scalar(c), max_over_time((d + e)[1h:]))";
        let mut counts = Vec::new();
        collect_counts(&timberline_promql::parse(text).unwrap(), &mut counts);
        let texts: Vec<String> = counts.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "sum(count_over_time(a[5m] offset 1m))",
                "count(b @ 7.000)",
                "count(c)",
                "sum(count_over_time((d + e)[1h:]))",
            ]
        );
        for text in texts {
            assert!(timberline_promql::parse(&text).is_ok(), "{text}");
        }
    }
}
