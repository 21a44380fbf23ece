//! The rewrite of plans that fill gaps.

use std::sync::Arc;

use datafusion::{
    common::{
        Column,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode as _, TreeNodeRecursion},
    },
    error::Result,
    logical_expr::{
        Aggregate, Expr, ExprFunctionExt as _, Extension, Filter, LogicalPlan, LogicalPlanBuilder,
        Projection, ScalarUDF, WindowUDF,
        expr::{ScalarFunction, Sort, WindowFunction},
    },
    optimizer::AnalyzerRule,
};

use super::{
    bounds::Bounds,
    call::{BUCKET, INTERPOLATE, LOCF, fixed_width, misplaced},
    fill::{Fill, FillOver},
    node::GapFill,
};
use crate::functions::{refusal::refused, time_bucket::TimeBucket};

/// Puts [`GapFill`] over aggregates that ask for it.
#[derive(Debug)]
pub(super) struct FillGaps;

impl AnalyzerRule for FillGaps {
    fn name(&self) -> &str {
        "fill_gaps"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !mentions_any(&plan)? {
            return Ok(plan);
        }
        plan.transform_up_with_subqueries(rewrite).map(|transformed| transformed.data)
    }
}

/// Whether there is anything to do.
fn mentions_any(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= placeholder_in(expr)?.is_some();
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The name of a call in the expression that has no value of its own.
fn placeholder_in(expr: &Expr) -> Result<Option<&'static str>> {
    let mut found = None;
    expr.apply(|part| {
        if let Expr::ScalarFunction(call) = part {
            found = [BUCKET, LOCF, INTERPOLATE].into_iter().find(|name| *name == call.name());
        }
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn rewrite(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let plan = match plan.recompute_schema()? {
        LogicalPlan::Aggregate(aggregate) if groups_by_bucket(&aggregate) => fill(aggregate)?,
        LogicalPlan::Filter(filter) => above_having(filter)?,
        LogicalPlan::Projection(projection) => fill_values(projection)?,
        other => other,
    };
    plan.apply_expressions(|expr| match placeholder_in(expr)? {
        Some(name) => Err(misplaced(name)),
        None => Ok(TreeNodeRecursion::Continue),
    })?;
    Ok(Transformed::yes(plan))
}

fn groups_by_bucket(aggregate: &Aggregate) -> bool {
    aggregate.group_expr.iter().any(|expr| bucket_call(expr).is_some())
}

fn bucket_call(expr: &Expr) -> Option<&ScalarFunction> {
    match expr {
        Expr::ScalarFunction(call) if call.name() == BUCKET => Some(call),
        Expr::Alias(alias) => bucket_call(&alias.expr),
        _ => None,
    }
}

/// The aggregate over plain buckets, with the node above it.
fn fill(aggregate: Aggregate) -> Result<LogicalPlan> {
    let schema = Arc::clone(&aggregate.schema);
    let Aggregate { input, mut group_expr, aggr_expr, .. } = aggregate;
    let mut found = None;
    let mut groups = Vec::new();
    for (index, expr) in group_expr.iter_mut().enumerate() {
        let name = Column::from(schema.qualified_field(index));
        let Some(call) = bucket_call(expr) else {
            groups.push(name);
            continue;
        };
        let [width, time, ends @ ..] = call.args.as_slice() else { return Err(misplaced(BUCKET)) };
        let Expr::Literal(width, _) = width else {
            return Err(refused(BUCKET, "the width is a constant"));
        };
        let bounds = match ends {
            [start, finish] => Bounds::between(start.clone(), finish.clone()),
            _ => bounds_of(&input, time)?,
        };
        if found.replace((name.clone(), fixed_width(width)?, bounds)).is_some() {
            return Err(misplaced(BUCKET));
        }
        let bucket = ScalarUDF::new_from_impl(TimeBucket::new());
        *expr = bucket.call(call.args[..2].to_vec()).alias(name.name);
    }
    let Some((bucket, width, bounds)) = found else { return Err(misplaced(BUCKET)) };
    let aggregate = Aggregate::try_new(input, group_expr, aggr_expr)?;
    let node = GapFill::try_new(LogicalPlan::Aggregate(aggregate), bucket, groups, width, bounds)?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

fn bounds_of(input: &LogicalPlan, time: &Expr) -> Result<Bounds> {
    let Expr::Column(column) = time else {
        return Err(refused(
            BUCKET,
            format_args!("give start and finish, as {time} is not a column that WHERE could bound"),
        ));
    };
    let bounds = Bounds::of_filters(input, column);
    let name = &column.name;
    let lacking = match (bounds.starts.is_empty(), bounds.finishes.is_empty()) {
        (false, false) => return Ok(bounds),
        (true, false) => format!("no first bucket; add WHERE {name} >= ..."),
        (false, true) => format!("no last bucket; add WHERE {name} < now() or another time"),
        (true, true) => {
            format!(
                "no time to fill; add WHERE {name} >= ... AND {name} < ..., or give start and finish"
            )
        }
    };
    Err(refused(BUCKET, lacking))
}

/// HAVING comes before gaps are filled: it would remove all of them.
fn above_having(filter: Filter) -> Result<LogicalPlan> {
    let LogicalPlan::Extension(extension) = filter.input.as_ref() else {
        return Ok(LogicalPlan::Filter(filter));
    };
    let Some(node) = extension.node.as_any().downcast_ref::<GapFill>().cloned() else {
        return Ok(LogicalPlan::Filter(filter));
    };
    let having = Filter::try_new(filter.predicate, Arc::new(node.input.clone()))?;
    let node = node.over(LogicalPlan::Filter(having))?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// `locf` and `interpolate` in a SELECT list become windows over the filled rows.
fn fill_values(projection: Projection) -> Result<LogicalPlan> {
    let Some(node) = filled(&projection.input) else {
        return Ok(LogicalPlan::Projection(projection));
    };
    let (bucket, groups) = (Expr::Column(node.bucket.clone()), node.groups.clone());
    let mut windows: Vec<Expr> = Vec::new();
    let mut exprs = Vec::with_capacity(projection.expr.len());
    for expr in projection.expr {
        let name = expr.schema_name().to_string();
        let changed = expr.transform_up(|part| {
            let Expr::ScalarFunction(call) = &part else { return Ok(Transformed::no(part)) };
            let (fill, args) = match (call.name(), call.args.as_slice()) {
                (LOCF, [value]) => (Fill::Locf, vec![value.clone()]),
                (INTERPOLATE, [value]) => (Fill::Interpolate, vec![value.clone(), bucket.clone()]),
                _ => return Ok(Transformed::no(part)),
            };
            let window = over(fill, args, &groups, &bucket)?;
            let column = Expr::Column(Column::from_name(window.schema_name().to_string()));
            if !windows.contains(&window) {
                windows.push(window);
            }
            Ok(Transformed::yes(column))
        })?;
        exprs.push(if changed.transformed && !matches!(changed.data, Expr::Alias(_)) {
            changed.data.alias(name)
        } else {
            changed.data
        });
    }
    if windows.is_empty() {
        return Projection::try_new(exprs, projection.input).map(LogicalPlan::Projection);
    }
    let input = LogicalPlanBuilder::new_from_arc(projection.input).window(windows)?.build()?;
    Projection::try_new(exprs, Arc::new(input)).map(LogicalPlan::Projection)
}

/// The filling below a SELECT list.
fn filled(plan: &LogicalPlan) -> Option<&GapFill> {
    match plan {
        LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
        LogicalPlan::Window(window) => filled(&window.input),
        _ => None,
    }
}

fn over(fill: Fill, args: Vec<Expr>, groups: &[Column], bucket: &Expr) -> Result<Expr> {
    let function = Arc::new(WindowUDF::new_from_impl(FillOver::new(fill)));
    Expr::from(WindowFunction::new(function, args))
        .partition_by(groups.iter().cloned().map(Expr::Column).collect())
        .order_by(vec![Sort::new(bucket.clone(), true, false)])
        .build()
}
