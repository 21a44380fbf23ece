//! How the logical node becomes an operator.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{DataType, Schema, TimeUnit},
};
use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    common::{DFSchema, ScalarValue},
    error::Result,
    execution::context::QueryPlanner,
    logical_expr::physical_planning_context::PhysicalPlanningContext,
    logical_expr::{LogicalPlan, UserDefinedLogicalNode},
    physical_plan::ExecutionPlan,
    physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner},
};

use super::{
    ROWS_MAX,
    bounds::Bound,
    call::BUCKET,
    exec::{GapFillExec, too_many},
    node::GapFill,
    pieces::Walk,
};
use crate::functions::refusal::refused;

/// DataFusion's planner, which also knows the nodes of this crate.
#[derive(Debug)]
pub(crate) struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(GapFillPlanner)])
            .create_physical_plan(plan, session)
            .await
    }
}

struct GapFillPlanner;

#[async_trait]
impl ExtensionPlanner for GapFillPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [input]) = (node.as_any().downcast_ref::<GapFill>(), inputs) else {
            return Ok(None);
        };
        let schema = UserDefinedLogicalNode::schema(node);
        let place = |column| schema.index_of_column(column);
        let bucket = place(&node.bucket)?;
        let groups = node.groups.iter().map(place).collect::<Result<Vec<_>>>()?;
        let times = |bounds: &[Bound]| -> Result<Vec<(i64, bool)>> {
            let empty = DFSchema::empty();
            let time = |bound: &Bound| {
                let expr = planner.create_physical_expr(&bound.at, &empty, session, context)?;
                let one = RecordBatchOptions::new().with_row_count(Some(1));
                let row = RecordBatch::try_new_with_options(Schema::empty().into(), vec![], &one)?;
                let value = ScalarValue::try_from_array(&expr.evaluate(&row)?.into_array(1)?, 0)?;
                Ok((nanos(&value)?, bound.is_included))
            };
            bounds.iter().map(time).collect()
        };
        let starts = times(&node.bounds.starts)?;
        let finishes = times(&node.bounds.finishes)?;
        let after = |(at, is_before): (i64, bool)| at.saturating_add(i64::from(is_before));
        let start = starts.into_iter().map(|(at, is_included)| after((at, !is_included))).max();
        let finish = finishes.into_iter().map(after).min();
        let (Some(start), Some(finish)) = (start, finish) else {
            return Err(refused(BUCKET, "there is no time to fill"));
        };
        let walk = Walk::new(node.width, start, finish);
        if walk.count() > ROWS_MAX {
            return Err(too_many());
        }
        let schema = Arc::new(schema.as_arrow().clone());
        Ok(Some(Arc::new(GapFillExec::new(Arc::clone(input), schema, bucket, groups, walk))))
    }
}

fn nanos(value: &ScalarValue) -> Result<i64> {
    match value.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None))? {
        ScalarValue::TimestampNanosecond(Some(nanos), _) => Ok(nanos),
        _ => Err(refused(BUCKET, "start and finish are not NULL")),
    }
}
