//! What is wrong with a file, told with its name.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use datafusion::{
    common::config::ConfigOptions,
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, Statistics,
        execution_plan::CardinalityEffect,
        filter_pushdown::{
            ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
        },
        projection::ProjectionExec,
        statistics::{ChildStats, StatisticsArgs},
        stream::RecordBatchStreamAdapter,
    },
};
use futures_util::{FutureExt as _, StreamExt as _, stream};

use crate::{children::has_one_child, dialect::plain};

/// The error of a file that cannot be read as what it is said to be.
pub(super) fn damaged(name: &str, what: &dyn fmt::Display) -> DataFusionError {
    DataFusionError::Plan(format!("cannot read the file '{name}': {what}"))
}

/// Reads something of a file. Readers of other people's formats may panic where a file is damaged: the
/// statement then fails, and nothing else.
pub(super) fn guarded<T>(
    name: &str,
    read: impl FnOnce() -> Result<T>,
) -> Result<std::result::Result<T, String>> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(read)) => Ok(Ok(read)),
        Ok(Err(DataFusionError::IoError(error))) => {
            Err(super::directory::failed("read", name, &error))
        }
        Ok(Err(error)) => Ok(Err(plain(&error))),
        Err(panic) => Ok(Err(panicked(panic.as_ref()))),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it is damaged: {}", text.unwrap_or("its reader gave up"))
}

/// As [`guarded`], of what takes time; all of its errors have the file's name.
pub(super) async fn named<T>(name: &str, read: impl Future<Output = Result<T>>) -> Result<T> {
    match AssertUnwindSafe(read).catch_unwind().await {
        Ok(outcome) => outcome.map_err(|error| in_file(name, error)),
        Err(panic) => Err(damaged(name, &panicked(panic.as_ref()))),
    }
}

/// The plan that reads a file, with the file's name in its errors.
#[derive(Clone, Debug)]
pub(super) struct Named {
    name: Arc<str>,
    input: Arc<dyn ExecutionPlan>,
}

impl Named {
    pub(super) fn new(name: &str, input: Arc<dyn ExecutionPlan>) -> Self {
        Self { name: Arc::from(name), input }
    }

    fn over(&self, input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { name: Arc::clone(&self.name), input })
    }
}

impl DisplayAs for Named {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File: {}", self.name)
    }
}

impl ExecutionPlan for Named {
    fn name(&self) -> &'static str {
        "File"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    has_one_child!();

    fn repartitioned(
        &self,
        partitions: usize,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let input = self.input.repartitioned(partitions, config)?;
        Ok(input.map(|input| self.over(input)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let batches = self.input.execute(partition, context)?;
        let (schema, name) = (batches.schema(), Arc::clone(&self.name));
        let named = stream::unfold(Some(batches), move |batches| {
            let name = Arc::clone(&name);
            async move {
                let mut batches = batches?;
                match named(&name, async { batches.next().await.transpose() }).await {
                    Ok(batch) => batch.map(|batch| (Ok(batch), Some(batches))),
                    Err(error) => Some((Err(error), None)),
                }
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, named)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&inputs[0]))
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let input = self.input.try_swapping_with_projection(projection)?;
        Ok(input.map(|input| self.over(input)))
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}

/// An error of reading a file. Limits stay limits, and what the operating system refuses stays its.
fn in_file(name: &str, error: DataFusionError) -> DataFusionError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => error,
        DataFusionError::IoError(cause) => super::directory::failed("read", name, cause),
        _ => damaged(name, &plain(&error)),
    }
}
