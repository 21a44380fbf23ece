//! Pauses in plans that would otherwise compute without end.
//!
//! What reads storage pauses now and then, and with it whatever is above. A join makes so many rows of one batch
//! that this is not enough: its own batches are counted as well.

use std::sync::Arc;

use datafusion::{
    common::{
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode as _},
    },
    error::Result,
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan,
        coop::CooperativeExec,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec},
    },
};

/// Lets joins pause. Comes after all other rules.
#[derive(Debug, Default)]
pub(crate) struct PausesInJoins;

impl PhysicalOptimizerRule for PausesInJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wrap = |plan: Arc<dyn ExecutionPlan>| {
            let joins = plan.is::<CrossJoinExec>()
                || plan.is::<NestedLoopJoinExec>()
                || plan.is::<HashJoinExec>()
                || plan.is::<SortMergeJoinExec>();
            if !joins {
                return Ok(Transformed::no(plan));
            }
            let pausing: Arc<dyn ExecutionPlan> = Arc::new(CooperativeExec::new(plan));
            Ok(Transformed::yes(pausing))
        };
        Ok(plan.transform_up(wrap)?.data)
    }

    fn name(&self) -> &'static str {
        "pauses_in_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
