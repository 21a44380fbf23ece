//! How an aggregation's columns come from those of its scan.

use std::sync::Arc;

use datafusion::{
    common::{
        ScalarValue,
        tree_node::{Transformed, TreeNode as _, TreeNodeRecursion},
    },
    error::Result,
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr, ScalarFunctionExpr,
        aggregate::AggregateFunctionExpr,
        expressions::{BinaryExpr, Column, Literal},
        split_conjunction,
        utils::collect_columns,
    },
    physical_plan::{ExecutionPlan, filter::FilterExec, projection::ProjectionExec},
};
use timberline_model::{METRIC_NAME, ValueSpan};

use super::{
    bucket::Buckets,
    groups::Keys,
    question::{Figure, GroupColumn},
    spread::Spread,
};
use crate::{
    scan::{SeriesRow, SeriesScanPlan},
    tables::Source,
};

/// What lies between an aggregation and its scan, which makes its columns of those of the scan.
pub(super) struct Below<'a> {
    /// From the aggregation down: of each output column, what it is over the input.
    steps: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    /// Conditions, each over the columns below so many steps.
    conditions: Vec<(usize, &'a Arc<dyn PhysicalExpr>)>,
    scan: &'a SeriesScanPlan,
}

impl<'a> Below<'a> {
    /// What lies below an input; `None` where it is more than projections and filters over a scan.
    pub(super) fn of(mut input: &'a Arc<dyn ExecutionPlan>) -> Option<Self> {
        let (mut steps, mut conditions) = (Vec::new(), Vec::new());
        loop {
            if let Some(projection) = input.downcast_ref::<ProjectionExec>() {
                steps.push(projection.expr().iter().map(|of| Arc::clone(&of.expr)).collect());
                input = projection.input();
            } else if let Some(filter) = input.downcast_ref::<FilterExec>() {
                if filter.fetch().is_some() {
                    return None;
                }
                input = filter.input();
                if let Some(kept) = filter.projection() {
                    let schema = input.schema();
                    let column = |index: &usize| -> Arc<dyn PhysicalExpr> {
                        Arc::new(Column::new(schema.field(*index).name(), *index))
                    };
                    steps.push(kept.iter().map(column).collect());
                }
                conditions.push((steps.len(), filter.predicate()));
            } else {
                let scan = input.downcast_ref::<SeriesScanPlan>()?;
                return scan.fetch().is_none().then_some(Self { steps, conditions, scan });
            }
        }
    }

    pub(super) const fn scan(&self) -> &'a SeriesScanPlan {
        self.scan
    }

    /// The values that all conditions leave, if there are conditions; nothing where one says more than that.
    pub(super) fn values(&self) -> Option<Option<ValueSpan>> {
        let mut values = None;
        for (below, condition) in &self.conditions {
            let condition = self.resolve_below(condition, *below).ok()?;
            for part in split_conjunction(&condition) {
                let span = self.span(part)?;
                values = Some(values.unwrap_or(ValueSpan::ALL).and(span));
            }
        }
        Some(values)
    }

    /// The values that a comparison with a number leaves.
    fn span(&self, comparison: &Arc<dyn PhysicalExpr>) -> Option<ValueSpan> {
        let binary = comparison.downcast_ref::<BinaryExpr>()?;
        let (left, right) = (binary.left(), binary.right());
        let (value, number, op) = if right.is::<Literal>() {
            (left, right, *binary.op())
        } else {
            (right, left, binary.op().swap()?)
        };
        let ScalarValue::Float64(Some(number)) = number.downcast_ref::<Literal>()?.value() else {
            return None;
        };
        if self.source(value) != Some(&Source::Value) {
            return None;
        }
        match op {
            Operator::Gt => Some(ValueSpan::from(*number, false)),
            Operator::GtEq => Some(ValueSpan::from(*number, true)),
            Operator::Lt => Some(ValueSpan::up_to(*number, false)),
            Operator::LtEq => Some(ValueSpan::up_to(*number, true)),
            Operator::Eq => Some(ValueSpan::only(*number)),
            _ => None,
        }
    }

    /// An expression over the aggregation's input as one over the scan's columns.
    pub(super) fn resolve(
        &self,
        expression: &Arc<dyn PhysicalExpr>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        self.resolve_below(expression, 0)
    }

    /// The same of an expression over the columns below so many steps.
    fn resolve_below(
        &self,
        expression: &Arc<dyn PhysicalExpr>,
        below: usize,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let mut resolved = Arc::clone(expression);
        for step in &self.steps[below..] {
            let replace = |of: Arc<dyn PhysicalExpr>| {
                let Some(column) = of.downcast_ref::<Column>() else {
                    return Ok(Transformed::no(of));
                };
                // What comes from below is not looked through again.
                let below = Arc::clone(&step[column.index()]);
                Ok(Transformed::new(below, true, TreeNodeRecursion::Jump))
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

    pub(super) fn figure(&self, of: &AggregateFunctionExpr) -> Option<Figure> {
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
            (name, Source::Value) if Spread::of_name(name).is_some() => {
                Spread::of_name(name).map(Figure::Spread)
            }
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
    pub(super) fn groups(
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

    /// The label that an expression is: a column of one, or `tags['host']`.
    fn label(&self, expression: &Arc<dyn PhysicalExpr>) -> Option<Arc<str>> {
        let Some(call) = expression.downcast_ref::<ScalarFunctionExpr>() else {
            return self.source(expression)?.label().map(Arc::from);
        };
        let [tags, name] = call.args() else { return None };
        let is_label = call.name() == "get_field" && self.source(tags) == Some(&Source::Tags);
        let name = name.downcast_ref::<Literal>().filter(|_| is_label)?.value();
        // The name of the metric is no tag.
        name.try_as_str()?.filter(|name| *name != METRIC_NAME).map(Arc::from)
    }

    fn keys(&self, expressions: Vec<Arc<dyn PhysicalExpr>>) -> Option<Keys> {
        if let Some(labels) =
            expressions.iter().map(|of| self.label(of)).collect::<Option<Vec<Arc<str>>>>()
        {
            return Some(Keys::Labels(labels));
        }
        let schema = self.scan.schema();
        let (row, expressions) = SeriesRow::of(&schema, self.scan.sources(), expressions).ok()?;
        Some(Keys::Expressions { row, expressions })
    }
}
