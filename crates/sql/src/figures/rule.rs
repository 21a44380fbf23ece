//! The rule that puts figures in the place of rows.

use std::sync::Arc;

use datafusion::{
    common::{
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode as _},
    },
    error::Result,
    physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
    physical_plan::{ExecutionPlan, coalesce_partitions::CoalescePartitionsExec},
};

use super::{matching::question_of, plan::FigurePlan};

/// Replaces aggregations that figures answer. Comes before all other rules, which then find a plan of one
/// partition in their place.
#[derive(Debug, Default)]
pub(crate) struct FigureRule;

impl PhysicalOptimizerRule for FigureRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replace = |plan: Arc<dyn ExecutionPlan>| {
            let Some((question, scan)) = question_of(&plan) else {
                return Ok(Transformed::no(plan));
            };
            let opened = Arc::clone(scan.opened());
            let rows = with_rows(Arc::clone(&plan), config)?;
            let figures: Arc<dyn ExecutionPlan> =
                Arc::new(FigurePlan::new(question, opened, plan.schema(), rows));
            Ok(Transformed::yes(figures))
        };
        Ok(plan.transform_down(replace)?.data)
    }

    fn name(&self) -> &'static str {
        "aggregates_from_figures"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The plan as it would be without figures, in one partition.
fn with_rows(
    plan: Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = PhysicalOptimizer::new()
        .rules
        .iter()
        .try_fold(plan, |plan, rule| rule.optimize(plan, config))?;
    if plan.properties().partitioning.partition_count() == 1 {
        return Ok(plan);
    }
    Ok(Arc::new(CoalescePartitionsExec::new(plan)))
}
