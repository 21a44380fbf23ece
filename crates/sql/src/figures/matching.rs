//! Which aggregations figures answer.

use std::sync::Arc;

use datafusion::{
    common::tree_node::{Transformed, TreeNode as _},
    error::Result,
    physical_expr::{
        PhysicalExpr,
        aggregate::AggregateFunctionExpr,
        expressions::{Column, Literal},
        utils::collect_columns,
    },
    physical_plan::{
        ExecutionPlan,
        aggregates::{AggregateExec, AggregateMode},
        projection::ProjectionExec,
    },
};

use super::{bucket::Buckets, groups::Keys};
use crate::{
    scan::{SeriesRow, SeriesScanPlan},
    tables::Source,
};

/// One column of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Count,
    Sum,
    Mean,
    Min,
    Max,
    First,
    Last,
    FirstTime,
    LastTime,
}

/// What a group's column is.
#[derive(Clone, Debug)]
pub(super) enum GroupColumn {
    /// One of the keys.
    Key(usize),
    /// The bucket: an expression over the time, as its only column.
    Bucket(Arc<dyn PhysicalExpr>),
}

/// An aggregation that figures answer.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) keys: Keys,
    pub(super) buckets: Option<Buckets>,
    pub(super) groups: Vec<GroupColumn>,
    pub(super) figures: Vec<Figure>,
}

/// The aggregation that a plan is, and the scan below it.
pub(super) fn question_of(plan: &Arc<dyn ExecutionPlan>) -> Option<(Question, &SeriesScanPlan)> {
    let top = plan.downcast_ref::<AggregateExec>()?;
    let raw = match top.mode() {
        AggregateMode::Single | AggregateMode::SinglePartitioned => top,
        AggregateMode::Final | AggregateMode::FinalPartitioned => {
            let below = top.input().downcast_ref::<AggregateExec>()?;
            (*below.mode() == AggregateMode::Partial).then_some(below)?
        }
        _ => return None,
    };
    let is_plain = raw.group_expr().is_single()
        && top.limit_options().is_none()
        && raw.filter_expr().iter().all(Option::is_none);
    if !is_plain {
        return None;
    }
    let mut above = Vec::new();
    let mut input = raw.input();
    while let Some(projection) = input.downcast_ref::<ProjectionExec>() {
        above.push(projection);
        input = projection.input();
    }
    let scan = input.downcast_ref::<SeriesScanPlan>()?;
    if scan.fetch().is_some() {
        return None;
    }
    let of = Below { above, scan };
    let groups: Vec<Arc<dyn PhysicalExpr>> = raw
        .group_expr()
        .expr()
        .iter()
        .map(|(expression, _)| of.resolve(expression))
        .collect::<Result<_>>()
        .ok()?;
    let figures = raw.aggr_expr().iter().map(|of_one| of.figure(of_one)).collect::<Option<_>>()?;
    let (keys, buckets, groups) = of.groups(groups)?;
    Some((Question { keys, buckets, groups, figures }, scan))
}

/// What lies between an aggregation and its scan.
struct Below<'a> {
    /// From the aggregation down.
    above: Vec<&'a ProjectionExec>,
    scan: &'a SeriesScanPlan,
}

impl Below<'_> {
    /// An expression over the aggregation's input as one over the scan's columns.
    fn resolve(&self, expression: &Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let mut resolved = Arc::clone(expression);
        for projection in &self.above {
            let replace = |of: Arc<dyn PhysicalExpr>| {
                let Some(column) = of.downcast_ref::<Column>() else {
                    return Ok(Transformed::no(of));
                };
                let below = Arc::clone(&projection.expr()[column.index()].expr);
                // What comes from below is not looked through again.
                Ok(Transformed::new(
                    below,
                    true,
                    datafusion::common::tree_node::TreeNodeRecursion::Jump,
                ))
            };
            resolved = resolved.transform_down(replace)?.data;
        }
        Ok(resolved)
    }

    fn source(&self, expression: &Arc<dyn PhysicalExpr>) -> Option<&Source> {
        let column = expression.downcast_ref::<Column>()?;
        self.scan.sources().get(column.index())
    }

    fn is_time(&self, expression: &Arc<dyn PhysicalExpr>) -> bool {
        self.source(expression) == Some(&Source::Time)
    }

    fn figure(&self, of: &AggregateFunctionExpr) -> Option<Figure> {
        if of.is_distinct() || of.is_reversed() {
            return None;
        }
        let arguments = of.expressions();
        let [argument] = arguments.as_slice() else { return None };
        let argument = self.resolve(argument).ok()?;
        let name = of.fun().name();
        if name == "count" {
            let literal = argument.downcast_ref::<Literal>();
            let counts_rows = literal.is_some_and(|literal| !literal.value().is_null());
            let source = self.source(&argument);
            let counts_floats = matches!(source, Some(Source::Time | Source::Value));
            return (counts_rows || counts_floats).then_some(Figure::Count);
        }
        let source = self.source(&argument)?;
        match (name, source) {
            ("sum", Source::Value) => Some(Figure::Sum),
            ("avg", Source::Value) => Some(Figure::Mean),
            ("min", Source::Value) => Some(Figure::Min),
            ("max", Source::Value) => Some(Figure::Max),
            ("min", Source::Time) => Some(Figure::FirstTime),
            ("max", Source::Time) => Some(Figure::LastTime),
            ("first_value" | "last_value", Source::Value | Source::Time) => {
                let [order] = of.order_bys() else { return None };
                let by = self.resolve(&order.expr).ok()?;
                if !self.is_time(&by) {
                    return None;
                }
                let is_first = (name == "first_value") != order.options.descending;
                Some(match (source, is_first) {
                    (Source::Time, true) => Figure::FirstTime,
                    (Source::Time, false) => Figure::LastTime,
                    (_, true) => Figure::First,
                    (_, false) => Figure::Last,
                })
            }
            _ => None,
        }
    }

    /// The expressions by which is grouped, told apart.
    fn groups(
        &self,
        expressions: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Option<(Keys, Option<Buckets>, Vec<GroupColumn>)> {
        let mut of_series: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
        let mut buckets = None;
        let mut columns = Vec::new();
        for expression in expressions {
            if let Some(found) = Buckets::of(&expression, |of| self.is_time(of)) {
                // Two buckets at once would be groups of both.
                if buckets.replace(found).is_some() {
                    return None;
                }
                let alone = |of: Arc<dyn PhysicalExpr>| {
                    Ok(match of.downcast_ref::<Column>() {
                        Some(column) => {
                            let only: Arc<dyn PhysicalExpr> =
                                Arc::new(Column::new(column.name(), 0));
                            Transformed::yes(only)
                        }
                        None => Transformed::no(of),
                    })
                };
                columns.push(GroupColumn::Bucket(expression.transform_up(alone).ok()?.data));
                continue;
            }
            let is_of_series = collect_columns(&expression)
                .iter()
                .all(|column| self.scan.sources()[column.index()].is_of_series());
            if !is_of_series || expression.is_volatile_node() {
                return None;
            }
            columns.push(GroupColumn::Key(of_series.len()));
            of_series.push(expression);
        }
        Some((self.keys(of_series)?, buckets, columns))
    }

    fn keys(&self, expressions: Vec<Arc<dyn PhysicalExpr>>) -> Option<Keys> {
        let label = |expression: &Arc<dyn PhysicalExpr>| {
            self.source(expression).and_then(Source::label).map(Arc::from)
        };
        if let Some(labels) = expressions.iter().map(label).collect::<Option<Vec<Arc<str>>>>() {
            return Some(Keys::Labels(labels));
        }
        let schema = self.scan.schema();
        let (row, expressions) = SeriesRow::of(&schema, self.scan.sources(), expressions).ok()?;
        Some(Keys::Expressions { row, expressions })
    }
}
