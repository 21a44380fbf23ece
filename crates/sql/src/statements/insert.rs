//! `INSERT`: rows become samples, durable when the statement ends.

use std::{collections::HashMap, fmt, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray as _, RecordBatch, StringArray},
    compute::{CastOptions, cast, cast_with_options, concat},
    datatypes::{DataType, Field, Float64Type, SchemaRef, TimestampNanosecondType, UInt64Type},
};
use async_trait::async_trait;
use datafusion::{
    datasource::sink::DataSink,
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryConsumer},
    physical_plan::{DisplayAs, DisplayFormatType},
};
use futures_util::TryStreamExt as _;
use timberline::Database;
use timberline_model::{Durability, Labels, METRIC_NAME, WriteBatch};

use crate::tables::{Layout, Source};

/// Rows that are written together: a statement of no more is in the log as a whole or not at all.
const ROWS_WHOLE: usize = 65_536;
/// Bytes of memory from which on rows are written though they are fewer. A write has to fit into one frame
/// of the log, which is 64 MiB at most.
const BYTES_WHOLE: usize = 64 << 20;

/// Writes rows of a table as samples.
#[derive(Debug)]
pub(crate) struct SeriesSink {
    database: Arc<Database>,
    layout: Arc<Layout>,
}

impl SeriesSink {
    pub(crate) fn new(database: &Arc<Database>, layout: &Arc<Layout>) -> Self {
        Self { database: Arc::clone(database), layout: Arc::clone(layout) }
    }
}

impl DisplayAs for SeriesSink {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeriesSink: {}", self.layout.metric().unwrap_or("all metrics"))
    }
}

#[async_trait]
impl DataSink for SeriesSink {
    fn schema(&self) -> &SchemaRef {
        self.layout.schema()
    }

    /// Rows are gathered into writes of the database: all of a write is in the log, or nothing.
    async fn write_all(
        &self,
        mut data: SendableRecordBatchStream,
        context: &Arc<TaskContext>,
    ) -> Result<u64> {
        let memory = MemoryConsumer::new("INSERT").register(context.memory_pool());
        let schema = data.schema();
        let mut written = 0;
        let mut is_end = false;
        while !is_end {
            let (mut gathered, mut rows) = (Vec::new(), 0);
            while rows < ROWS_WHOLE && memory.size() < BYTES_WHOLE {
                let Some(batch) = data.try_next().await? else {
                    is_end = true;
                    break;
                };
                // They are held twice while they are put together.
                memory.try_grow(2 * batch.get_array_memory_size())?;
                rows += batch.num_rows();
                gathered.push(typed(&batch, &schema)?);
            }
            if rows == 0 {
                continue;
            }
            let columns = joined(&gathered)?;
            drop(gathered);
            let (database, layout) = (Arc::clone(&self.database), Arc::clone(&self.layout));
            let before = written;
            let work = move || write(&database, &layout, (&columns, rows), before);
            let done = tokio::task::spawn_blocking(work).await;
            written += done.map_err(|error| DataFusionError::External(Box::new(error)))??;
            memory.free();
        }
        Ok(written)
    }
}

fn wrong(row: u64, what: impl fmt::Display) -> DataFusionError {
    DataFusionError::Plan(format!("row {row} of INSERT: {what}"))
}

/// The columns of a batch, of the types that were planned.
fn typed(batch: &RecordBatch, schema: &SchemaRef) -> Result<Vec<ArrayRef>> {
    let columns = batch.columns().iter().zip(schema.fields());
    columns.map(|(column, field)| as_type(column, field)).collect()
}

/// Each column of all batches, which are as many everywhere.
fn joined(batches: &[Vec<ArrayRef>]) -> Result<Vec<ArrayRef>> {
    let count = batches.first().map_or(0, Vec::len);
    let column = |index: usize| {
        let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch[index].as_ref()).collect();
        Ok(concat(&parts)?)
    };
    (0..count).map(column).collect()
}

/// Writes some rows, which `before` others came before.
fn write(
    database: &Database,
    layout: &Layout,
    (columns, count): (&[ArrayRef], usize),
    before: u64,
) -> Result<u64> {
    let rows = Rows::of(layout, columns)?;
    let mut order: Vec<(Labels, Vec<usize>)> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    for row in 0..count {
        let number = before + row as u64 + 1;
        let labels = rows.labels(layout, row, number)?;
        let place = *places.entry(labels.clone()).or_insert(order.len());
        if place == order.len() {
            order.push((labels, Vec::new()));
        }
        order[place].1.push(row);
    }
    let mut samples = WriteBatch::with_capacity(order.len(), count);
    for (labels, of_series) in order {
        samples.push_labels(labels);
        for row in of_series {
            let (ts, value) = rows.sample(row, before + row as u64 + 1)?;
            samples.push_sample(ts, value);
        }
    }
    let outcome = database
        .write_with(&samples, Durability::Synced)
        .map_err(|error| DataFusionError::External(Box::new(error)))?;
    match outcome.rejections.first() {
        None => Ok(outcome.samples_written),
        Some(rejection) => Err(DataFusionError::Plan(format!(
            "{} rows of INSERT are refused, {} are written; the first refused: {rejection}",
            outcome.samples_rejected,
            before + outcome.samples_written
        ))),
    }
}

/// A column as the table has it. The value of a parameter comes as its client sent it, whatever was planned for it:
/// a whole number where a float is written.
fn as_type(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if column.data_type() == field.data_type() {
        return Ok(Arc::clone(column));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, field.data_type(), &options).map_err(|error| {
        let error = error.to_string();
        let error = error.split_once(": ").map_or(error.as_str(), |(_, what)| what);
        DataFusionError::Plan(format!("INSERT: no value of the column {:?}: {error}", field.name()))
    })
}

/// The columns of a batch.
struct Rows {
    time: ArrayRef,
    value: ArrayRef,
    labels: Vec<(String, StringArray)>,
    tags: Option<ArrayRef>,
    series_id: Option<ArrayRef>,
    /// Columns that cannot be written.
    histograms: Vec<ArrayRef>,
}

impl Rows {
    fn of(layout: &Layout, columns: &[ArrayRef]) -> Result<Self> {
        let lacks = || DataFusionError::Internal("INSERT into a table without samples".to_owned());
        let (mut time, mut value, mut tags, mut series_id) = (None, None, None, None);
        let (mut labels, mut histograms) = (Vec::new(), Vec::new());
        let fields = layout.schema().fields();
        for ((source, field), column) in layout.sources().iter().zip(fields).zip(columns) {
            match source {
                Source::Time => time = Some(as_type(column, field)?),
                Source::Value => value = Some(as_type(column, field)?),
                Source::Tags => tags = Some(as_type(column, field)?),
                Source::SeriesId => series_id = Some(as_type(column, field)?),
                Source::Metric | Source::Label(_) => {
                    let texts = cast(column, &DataType::Utf8)?.as_string::<i32>().clone();
                    labels.push((source.label().unwrap_or_default().to_owned(), texts));
                }
                _ => histograms.push(Arc::clone(column)),
            }
        }
        Ok(Self {
            time: time.ok_or_else(lacks)?,
            value: value.ok_or_else(lacks)?,
            labels,
            tags,
            series_id,
            histograms,
        })
    }

    fn sample(&self, row: usize, number: u64) -> Result<(i64, f64)> {
        if self.histograms.iter().any(|column| column.is_valid(row)) {
            return Err(wrong(number, "native histograms cannot be written by SQL"));
        }
        if self.time.is_null(row) {
            return Err(wrong(number, "time is NULL"));
        }
        if self.value.is_null(row) {
            return Err(wrong(number, "value is NULL"));
        }
        let ts = self.time.as_primitive::<TimestampNanosecondType>().value(row);
        Ok((ts, self.value.as_primitive::<Float64Type>().value(row)))
    }

    fn labels(&self, layout: &Layout, row: usize, number: u64) -> Result<Labels> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        pairs.extend(layout.metric().map(|name| (METRIC_NAME, name)));
        for (name, values) in &self.labels {
            if values.is_valid(row) {
                pairs.push((name, values.value(row)));
            }
        }
        if !pairs.iter().any(|(name, value)| *name == METRIC_NAME && !value.is_empty()) {
            return Err(wrong(number, "metric is NULL or empty"));
        }
        let entries;
        if let Some(tags) = self.tags.as_ref().filter(|tags| tags.is_valid(row)) {
            entries = tags.as_map().value(row);
            let (keys, values) =
                (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
            for entry in 0..entries.len() {
                if values.is_valid(entry) {
                    pairs.push((keys.value(entry), values.value(entry)));
                }
            }
        }
        let labels = Labels::from_pairs(pairs).map_err(|error| wrong(number, error))?;
        let id = self.series_id.as_ref().filter(|ids| ids.is_valid(row));
        let id = id.map_or(0, |ids| ids.as_primitive::<UInt64Type>().value(row));
        if id != 0 && id != labels.hash() {
            return Err(wrong(number, "series_id follows from the labels and cannot be given"));
        }
        Ok(labels)
    }
}
