//! The operator that adds rows for buckets that have none.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{
        Array as _, ArrayRef, RecordBatch, TimestampNanosecondArray, UInt64Array,
        cast::AsArray as _,
    },
    compute::{SortOptions, concat_batches, partition, take},
    datatypes::{DataType, SchemaRef, TimestampNanosecondType},
};
use datafusion::{
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{
        EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr, PhysicalSortExpr,
        expressions::Column,
    },
    physical_plan::{
        DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties as _,
        InputDistributionRequirements, PlanProperties, stream::RecordBatchStreamAdapter,
    },
};
use futures_util::{StreamExt as _, stream};

use super::{
    ROWS_MAX,
    call::BUCKET,
    pieces::{Piece, Walk},
};
use crate::children::has_one_child;

/// Rows of a batch of the answer.
const BATCH_ROWS: u64 = 8192;

/// Passes rows on, which come sorted by groups and bucket, with those that are missing between them.
#[derive(Clone, Debug)]
pub(super) struct GapFillExec {
    input: Arc<dyn ExecutionPlan>,
    bucket: usize,
    groups: Vec<usize>,
    walk: Walk,
    properties: Arc<PlanProperties>,
}

impl GapFillExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        bucket: usize,
        groups: Vec<usize>,
        walk: Walk,
    ) -> Self {
        let order = ordering(&schema, bucket, &groups);
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(schema, order),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self { input, bucket, groups, walk, properties: Arc::new(properties) }
    }

    fn over(&self, input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        let (groups, walk) = (self.groups.clone(), self.walk.clone());
        Arc::new(Self::new(input, self.schema(), self.bucket, groups, walk))
    }
}

/// By groups and then bucket, each rising and NULL last.
fn ordering(schema: &SchemaRef, bucket: usize, groups: &[usize]) -> Option<LexOrdering> {
    let options = SortOptions { descending: false, nulls_first: false };
    LexOrdering::new(groups.iter().chain([&bucket]).map(|index| {
        PhysicalSortExpr::new(Arc::new(Column::new(schema.field(*index).name(), *index)), options)
    }))
}

impl DisplayAs for GapFillExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.schema();
        write!(
            f,
            "GapFillExec: {}, {} buckets",
            schema.field(self.bucket).name(),
            self.walk.count()
        )
    }
}

impl ExecutionPlan for GapFillExec {
    fn name(&self) -> &str {
        "GapFillExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    has_one_child!();

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let schema = self.input.schema();
        let column = |index: &usize| -> Arc<dyn PhysicalExpr> {
            Arc::new(Column::new(schema.field(*index).name(), *index))
        };
        InputDistributionRequirements::new(vec![if self.groups.is_empty() {
            Distribution::SinglePartition
        } else {
            Distribution::KeyPartitioned(self.groups.iter().map(column).collect())
        }])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let order = ordering(&self.input.schema(), self.bucket, &self.groups);
        vec![order.map(OrderingRequirements::from)]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let filling = Filling {
            input: self.input.execute(partition, context)?,
            schema: self.schema(),
            bucket: self.bucket,
            groups: self.groups.clone(),
            walk: self.walk.clone(),
            rows: RecordBatch::new_empty(self.input.schema()),
            pieces: VecDeque::new(),
            is_end: false,
            added: AtomicU64::new(0),
        };
        let batches = stream::try_unfold(filling, async |mut filling| {
            Ok(filling.next().await?.map(|batch| (batch, filling)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// A partition on its way through.
struct Filling {
    input: SendableRecordBatchStream,
    schema: SchemaRef,
    bucket: usize,
    groups: Vec<usize>,
    walk: Walk,
    /// The rows that `pieces` speak of; afterwards, all but the last are done with.
    rows: RecordBatch,
    pieces: VecDeque<Piece>,
    is_end: bool,
    added: AtomicU64,
}

impl Filling {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while self.pieces.is_empty() {
            if self.is_end {
                return Ok(None);
            }
            match self.input.next().await.transpose()? {
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => self.take_in(&batch)?,
                None => self.end()?,
            }
        }
        self.answer().map(Some)
    }

    /// Adds rows after the last of those before, which says how its group goes on.
    fn take_in(&mut self, batch: &RecordBatch) -> Result<()> {
        let is_continued = self.rows.num_rows() > 0;
        let last = self
            .rows
            .slice(self.rows.num_rows() - usize::from(is_continued), usize::from(is_continued));
        self.rows = concat_batches(&batch.schema(), [&last, batch])?;
        self.find_pieces(is_continued)
    }

    fn end(&mut self) -> Result<()> {
        self.is_end = true;
        match self.rows.num_rows() {
            0 if self.groups.is_empty() => self.pieces.extend(self.walk.nothing_but_gaps()),
            0 => {}
            count => {
                self.rows = self.rows.slice(count - 1, 1);
                self.find_pieces(true)?;
            }
        }
        Ok(())
    }

    fn find_pieces(&mut self, is_continued: bool) -> Result<()> {
        let columns: Vec<_> =
            self.groups.iter().map(|index| Arc::clone(self.rows.column(*index))).collect();
        let groups = match columns.as_slice() {
            [] => std::iter::once(0..self.rows.num_rows()).collect(),
            columns => partition(columns)?.ranges(),
        };
        let buckets = self.rows.column(self.bucket).as_primitive::<TimestampNanosecondType>();
        self.pieces = self.walk.pieces(buckets, &groups, is_continued, self.is_end).into();
        Ok(())
    }

    /// A batch of the first pieces.
    fn answer(&mut self) -> Result<RecordBatch> {
        let mut buckets: Vec<Option<i64>> = Vec::new();
        let (mut like, mut own) = (Vec::new(), Vec::new());
        let known = self.rows.column(self.bucket).as_primitive::<TimestampNanosecondType>();
        let mut room = BATCH_ROWS;
        while room > 0 {
            match self.pieces.pop_front() {
                None => break,
                Some(Piece::Row(row)) => {
                    let at = usize::try_from(row).ok();
                    buckets.push(at.filter(|at| known.is_valid(*at)).map(|at| known.value(at)));
                    like.push(Some(row));
                    own.push(Some(row));
                    room -= 1;
                }
                Some(Piece::Gap { like: row, from, count }) => {
                    let now = count.min(room);
                    for step in 0..now {
                        let step = i64::try_from(step).unwrap_or(i64::MAX);
                        buckets.push(Some(from + step * self.walk.width()));
                        like.push(Some(row));
                        own.push(None);
                    }
                    if now < count {
                        let from =
                            from + i64::try_from(now).unwrap_or(i64::MAX) * self.walk.width();
                        self.pieces.push_front(Piece::Gap { like: row, from, count: count - now });
                    }
                    room -= now;
                    self.count_added(now)?;
                }
            }
        }
        self.build(&buckets.into(), &like.into(), &own.into())
    }

    fn count_added(&self, count: u64) -> Result<()> {
        let added = self.added.fetch_add(count, Ordering::Relaxed) + count;
        if added > ROWS_MAX {
            return Err(too_many());
        }
        Ok(())
    }

    fn build(
        &self,
        buckets: &TimestampNanosecondArray,
        like: &UInt64Array,
        own: &UInt64Array,
    ) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.rows.num_columns());
        for (index, column) in self.rows.columns().iter().enumerate() {
            columns.push(if index == self.bucket {
                let DataType::Timestamp(_, zone) = column.data_type() else {
                    return datafusion::common::internal_err!("a bucket is a timestamp");
                };
                Arc::new(buckets.clone().with_timezone_opt(zone.clone()))
            } else if self.groups.contains(&index) {
                take(column, like, None)?
            } else {
                take(column, own, None)?
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// The refusal to fill so many buckets.
pub(super) fn too_many() -> DataFusionError {
    DataFusionError::ResourcesExhausted(format!(
        "{BUCKET}: more than {ROWS_MAX} rows would have to be added; ask for a shorter time, wider buckets or \
         fewer groups"
    ))
}
