//! The plan that answers from figures.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arrow::datatypes::SchemaRef;
use datafusion::{
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryConsumer},
    physical_expr::{EquivalenceProperties, Partitioning},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        execution_plan::{Boundedness, EmissionType, SchedulingType},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet},
        stream::RecordBatchStreamAdapter,
    },
};
use futures_util::{StreamExt, TryStreamExt as _, stream};
use timberline_model::{ErrorKind, PageCounts, SeriesScan, Stop};

use super::{
    groups::Groups,
    output::batch_of,
    question::Question,
    worker::{Outcome, Seen, Worker},
};
use crate::{children::has_no_children, scan::Opened};

/// Answers an aggregation from figures of pages, and from floats where there are none.
#[derive(Debug)]
pub(crate) struct FigurePlan {
    question: Arc<Question>,
    opened: Arc<Opened>,
    schema: SchemaRef,
    /// What answers where figures do not.
    rows: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl FigurePlan {
    pub(super) fn new(
        question: Question,
        opened: Arc<Opened>,
        schema: SchemaRef,
        rows: Arc<dyn ExecutionPlan>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            question: Arc::new(question),
            opened,
            schema,
            rows,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for FigurePlan {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = self.opened.wanted();
        if matches!(t, DisplayFormatType::TreeRender) {
            return wanted.fmt_series(f);
        }
        write!(f, "SeriesFigures: {wanted}")?;
        if let Some(buckets) = self.question.buckets {
            write!(f, ", buckets of {} ns from {}", buckets.width, buckets.origin)?;
        }
        if let Some(values) = self.question.values {
            write!(f, ", values {values}")?;
        }
        let names: Vec<&str> =
            self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, ", columns=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for FigurePlan {
    fn name(&self) -> &str {
        "SeriesFigures"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    has_no_children!();

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let work = Work {
            question: Arc::clone(&self.question),
            opened: Arc::clone(&self.opened),
            context: Arc::clone(&context),
            metrics: self.metrics.clone(),
        };
        let (question, schema, rows) =
            (Arc::clone(&self.question), Arc::clone(&self.schema), Arc::clone(&self.rows));
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let batches = async move {
            let found = work.run().await?;
            let Some(groups) = found else {
                return rows.execute(0, context).map(StreamExt::boxed);
            };
            let batch_rows = context.session_config().batch_size().max(1);
            let starts = (0..groups.cells.len()).step_by(batch_rows);
            let batch = move |start: usize| {
                let end = (start + batch_rows).min(groups.cells.len());
                let batch = batch_of(&question, &schema, &groups, start..end)?;
                baseline.record_output(batch.num_rows());
                Ok(batch)
            };
            Ok(stream::iter(starts.map(batch)).boxed())
        };
        let batches = stream::once(batches).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Tells workers to end when nobody waits for them any more.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A stream that a worker adds up.
enum Streamed {
    /// One of those that were opened for the plan.
    Opened(usize),
    /// One over what totals have left.
    Rest(Box<dyn SeriesScan>),
}

/// Everything that adding up needs.
struct Work {
    question: Arc<Question>,
    opened: Arc<Opened>,
    context: Arc<TaskContext>,
    metrics: ExecutionPlanMetricsSet,
}

impl Work {
    /// All groups; `None` where only rows answer.
    async fn run(self) -> Result<Option<Groups>> {
        let wanted = self.question.pages().map(Arc::new);
        let stop = StopOnDrop::default();
        let consumer = MemoryConsumer::new("SeriesFigures");
        let whole = consumer.register(self.context.memory_pool());
        let mut groups = Groups::default();
        let mut streams: Vec<Streamed> =
            (0..self.opened.series().len()).map(Streamed::Opened).collect();
        if self.question.is_of_totals() && self.opened.condition().is_none() {
            streams = self.begin_with_totals(&mut groups, &stop.0).await?;
        }
        let workers: Vec<_> = streams
            .into_iter()
            .map(|stream| {
                let worker = Worker {
                    question: Arc::clone(&self.question),
                    condition: self.opened.condition().cloned(),
                    reservation: whole.new_empty(),
                    stop: Arc::clone(&stop.0),
                };
                let (opened, wanted) = (Arc::clone(&self.opened), wanted.clone());
                tokio::task::spawn_blocking(move || {
                    let scan = match stream {
                        Streamed::Rest(scan) => Some(scan),
                        Streamed::Opened(partition) => opened.take(partition).map_err(external)?,
                    };
                    let Some(mut scan) = scan else { return Ok(Outcome::nothing()) };
                    if let Some(wanted) = wanted {
                        scan.take_figures(&wanted);
                    }
                    worker.run(scan)
                })
            })
            .collect();
        for worker in workers {
            let outcome =
                worker.await.map_err(|error| DataFusionError::External(Box::new(error)))?;
            let Outcome::Done(found, seen) = outcome? else { return Ok(None) };
            self.note(seen);
            if groups.cells.is_empty() {
                groups = *found;
            } else {
                groups.merge(*found);
            }
        }
        if whole.try_resize(groups.bytes()).is_err() {
            return Ok(None);
        }
        if self.question.buckets.is_none()
            && let Some(only) = groups.only(&self.question.keys)
        {
            groups.cell(only, 0);
        }
        Ok(Some(groups))
    }

    /// Takes in what is known of whole blocks, and returns the streams over the rest.
    async fn begin_with_totals(
        &self,
        groups: &mut Groups,
        ended: &Arc<AtomicBool>,
    ) -> Result<Vec<Streamed>> {
        let (opened, cuts) = (Arc::clone(&self.opened), self.question.cuts());
        let ended = Arc::clone(ended);
        let stop = Stop::new(move || ended.load(Ordering::Relaxed).then_some(ErrorKind::Canceled));
        let work = tokio::task::spawn_blocking(move || opened.totals(&cuts, &stop)).await;
        let work = work.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let (totals, rest) = work.map_err(external)?;
        let only = groups.only(&self.question.keys);
        for (of, group) in totals.iter().zip(only.into_iter().cycle()) {
            let bucket = self.question.buckets.map_or(0, |buckets| buckets.number(of.range.start));
            groups.cell(group, bucket).add_totals(of);
            self.note(Seen {
                pages: PageCounts { decoded: 0, skipped: of.pages },
                ..Seen::default()
            });
        }
        MetricBuilder::new(&self.metrics).counter("blocks_known", 0).add(totals.len());
        Ok(rest.into_iter().map(Streamed::Rest).collect())
    }

    fn note(&self, seen: Seen) {
        let counter = |name: &'static str| MetricBuilder::new(&self.metrics).counter(name, 0);
        counter("series").add(seen.series);
        counter("series_filtered").add(seen.series_filtered);
        counter("samples").add(seen.samples);
        counter("pages_decoded").add(seen.pages.decoded as usize);
        counter("pages_skipped").add(seen.pages.skipped as usize);
    }
}

fn external(error: timberline_model::ScanError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
