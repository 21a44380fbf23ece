//! The plan that reads series as rows.

use std::{fmt, sync::Arc};

use arrow::datatypes::SchemaRef;
use datafusion::{
    error::Result,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{
        EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr,
        expressions::Column,
    },
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        execution_plan::{Boundedness, EmissionType, SchedulingType},
        metrics::{ExecutionPlanMetricsSet, MetricsSet},
    },
};

use super::{Opened, reader::Reading};
use crate::{
    children::has_no_children,
    tables::{Layout, Source},
};

/// Reads the series that were opened, partition by partition.
#[derive(Debug)]
pub(crate) struct SeriesScanPlan {
    opened: Arc<Opened>,
    schema: SchemaRef,
    /// What the columns show, as many as the schema has.
    sources: Vec<Source>,
    /// Rows that are enough.
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SeriesScanPlan {
    pub(crate) fn new(
        layout: &Arc<Layout>,
        opened: Arc<Opened>,
        projection: Option<&Vec<usize>>,
        fetch: Option<usize>,
    ) -> Result<Self> {
        let (schema, sources) = match projection {
            Some(columns) => (
                Arc::new(layout.schema().project(columns)?),
                columns.iter().map(|column| layout.sources()[*column].clone()).collect(),
            ),
            None => (Arc::clone(layout.schema()), layout.sources().to_vec()),
        };
        let properties = properties(&schema, &sources, opened.series());
        Ok(Self {
            opened,
            schema,
            sources,
            fetch,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// What it reads.
    pub(crate) fn opened(&self) -> &Arc<Opened> {
        &self.opened
    }

    /// What its columns show.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }
}

/// Rows of one series are in the order of time: where no partition has more than one, that is its order.
fn properties(schema: &SchemaRef, sources: &[Source], series: &[usize]) -> PlanProperties {
    let time = sources.iter().position(|source| *source == Source::Time);
    let by_time = time.filter(|_| series.iter().all(|count| *count <= 1)).and_then(|index| {
        let column: Arc<dyn PhysicalExpr> =
            Arc::new(Column::new(schema.field(index).name(), index));
        LexOrdering::new([PhysicalSortExpr::new_default(column)])
    });
    let equivalences = EquivalenceProperties::new_with_orderings(Arc::clone(schema), by_time);
    let partitioning = Partitioning::UnknownPartitioning(series.len().max(1));
    PlanProperties::new(equivalences, partitioning, EmissionType::Incremental, Boundedness::Bounded)
        .with_scheduling_type(SchedulingType::Cooperative)
}

impl DisplayAs for SeriesScanPlan {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = self.opened.wanted();
        if matches!(t, DisplayFormatType::TreeRender) {
            return wanted.fmt_series(f);
        }
        write!(f, "SeriesScan: {wanted}")?;
        let names: Vec<&str> =
            self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, ", columns=[{}], partitions={}", names.join(", "), self.opened.series().len())?;
        if let Some(fetch) = self.fetch {
            write!(f, ", fetch={fetch}")?;
        }
        if let Some(ordering) = self.properties.output_ordering() {
            write!(f, ", output_ordering=[{ordering}]")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for SeriesScanPlan {
    fn name(&self) -> &str {
        "SeriesScan"
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
        let reading = Reading {
            opened: Arc::clone(&self.opened),
            schema: Arc::clone(&self.schema),
            sources: self.sources.clone(),
            fetch: self.fetch,
        };
        Ok(reading.stream(partition, &context, &self.metrics))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn with_fetch(&self, fetch: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(Self {
            opened: Arc::clone(&self.opened),
            schema: Arc::clone(&self.schema),
            sources: self.sources.clone(),
            fetch,
            properties: Arc::clone(&self.properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }
}
