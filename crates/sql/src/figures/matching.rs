//! Which aggregations figures answer.

use std::sync::Arc;

use datafusion::{
    error::Result,
    physical_expr::PhysicalExpr,
    physical_plan::{
        ExecutionPlan,
        aggregates::{AggregateExec, AggregateMode},
    },
};

use super::{below::Below, question::Question};
use crate::scan::SeriesScanPlan;

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
    let of = Below::of(raw.input())?;
    let values = of.values()?;
    let groups: Vec<Arc<dyn PhysicalExpr>> = raw
        .group_expr()
        .expr()
        .iter()
        .map(|(expression, _)| of.resolve(expression))
        .collect::<Result<_>>()
        .ok()?;
    let figures = raw.aggr_expr().iter().map(|of_one| of.figure(of_one)).collect::<Option<_>>()?;
    let (keys, buckets, groups) = of.groups(groups)?;
    Some((Question { keys, buckets, values, groups, figures }, of.scan()))
}
