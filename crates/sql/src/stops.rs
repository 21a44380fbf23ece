//! Joins that stop when nobody waits for them any more.
//!
//! A join pauses between the batches that it makes ([`pauses`](crate::pauses)). One whose condition refuses
//! nearly all pairs makes none, and computes for hours without a pause. So the condition itself looks whether the
//! statement still runs, and lets others use the thread's place meanwhile.

use std::{
    fmt::{self, Display, Formatter},
    hash::{Hash, Hasher},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Schema, SchemaRef},
};
use datafusion::{
    common::tree_node::{Transformed, TreeNode as _},
    error::{DataFusionError, Result},
    execution::{RecordBatchStream, SendableRecordBatchStream},
    logical_expr::ColumnarValue,
    physical_plan::{
        ExecutionPlan, PhysicalExpr,
        joins::{
            HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
            utils::JoinFilter,
        },
    },
};
use futures_util::Stream;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Batches of pairs between two looks at whether others want the thread.
const BATCHES_BETWEEN: u32 = 32;

/// Whether a statement still runs. It ends when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Awaited {
    ended: Arc<AtomicBool>,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl Awaited {
    /// The plan with joins that end with the statement.
    ///
    /// # Errors
    /// As DataFusion has them when it builds a join anew.
    pub(crate) fn in_joins(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let changed = plan.transform_up(|plan| {
            Ok(match self.in_join(&plan)? {
                Some(join) => Transformed::yes(join),
                None => Transformed::no(plan),
            })
        })?;
        Ok(changed.data)
    }

    fn in_join(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>()
            && let Some(filter) = join.filter()
        {
            let builder = NestedLoopJoinExecBuilder::from(join);
            let join = builder.with_filter(Some(self.in_filter(filter))).build()?;
            return Ok(Some(Arc::new(join)));
        }
        if let Some(join) = plan.downcast_ref::<HashJoinExec>()
            && let Some(filter) = join.filter()
        {
            let join = join.builder().with_filter(Some(self.in_filter(filter))).build_exec()?;
            return Ok(Some(join));
        }
        if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>()
            && let Some(filter) = &join.filter
        {
            let join = SortMergeJoinExec::try_new(
                Arc::clone(&join.left),
                Arc::clone(&join.right),
                join.on.clone(),
                Some(self.in_filter(filter)),
                join.join_type,
                join.sort_options.clone(),
                join.null_equality,
            )?;
            return Ok(Some(Arc::new(join)));
        }
        Ok(None)
    }

    fn in_filter(&self, filter: &JoinFilter) -> JoinFilter {
        let condition = Stopping {
            inner: Arc::clone(filter.expression()),
            ended: Arc::clone(&self.ended),
            batches: Arc::default(),
        };
        let columns = filter.column_indices().to_vec();
        JoinFilter::new(Arc::new(condition), columns, Arc::clone(filter.schema()))
    }
}

/// A join's condition that is an error once the statement has ended.
#[derive(Debug)]
struct Stopping {
    inner: Arc<dyn PhysicalExpr>,
    ended: Arc<AtomicBool>,
    /// How many it was asked about.
    batches: Arc<AtomicU32>,
}

impl PartialEq for Stopping {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner) && Arc::ptr_eq(&self.ended, &other.ended)
    }
}

impl Eq for Stopping {}

impl Hash for Stopping {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl Display for Stopping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PhysicalExpr for Stopping {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.ended.load(Ordering::Relaxed) {
            let message = "the statement has ended before its join".to_owned();
            return Err(DataFusionError::ResourcesExhausted(message));
        }
        let turn = self.batches.fetch_add(1, Ordering::Relaxed);
        if turn % BATCHES_BETWEEN == BATCHES_BETWEEN - 1 && may_block() {
            // Tasks that wait for this thread are taken over by another one.
            return tokio::task::block_in_place(|| self.inner.evaluate(batch));
        }
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let [inner] = <[_; 1]>::try_from(children).map_err(|children| {
            datafusion::common::internal_datafusion_err!("{} conditions for one", children.len())
        })?;
        let (ended, batches) = (Arc::clone(&self.ended), Arc::clone(&self.batches));
        Ok(Arc::new(Self { inner, ended, batches }))
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}

/// Whether the thread belongs to a runtime that has others.
fn may_block() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// Batches of a statement, which ends when they are dropped.
pub(crate) struct WhileAwaited {
    batches: SendableRecordBatchStream,
    /// Dropped with the batches, which is what it is for.
    _awaited: Awaited,
}

impl WhileAwaited {
    pub(crate) const fn new(batches: SendableRecordBatchStream, awaited: Awaited) -> Self {
        Self { batches, _awaited: awaited }
    }
}

impl Stream for WhileAwaited {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.as_mut().poll_next(context)
    }
}

impl RecordBatchStream for WhileAwaited {
    fn schema(&self) -> SchemaRef {
        self.batches.schema()
    }
}
