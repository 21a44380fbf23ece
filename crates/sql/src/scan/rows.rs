//! Batches under construction: series after series, run after run.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::SchemaRef,
};
use datafusion::error::Result;
use timberline_model::{Histogram, Labels};

use super::columns::Column;
use crate::tables::Source;

/// Makes batches of samples.
#[derive(Debug)]
pub(super) struct RowWriter {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
}

impl RowWriter {
    /// For columns that show this; as many sources as fields.
    pub(super) fn new(schema: &SchemaRef, sources: &[Source]) -> Self {
        let columns = sources.iter().map(Column::new).collect();
        Self { schema: Arc::clone(schema), columns, rows: 0 }
    }

    /// Rows since the last batch.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The rows that follow are this series'.
    pub(super) fn begin_series(&mut self, labels: &Labels) {
        self.columns.iter_mut().for_each(|column| column.begin_series(labels));
    }

    /// Appends floats; as many timestamps as values.
    pub(super) fn append_floats(&mut self, timestamps: &[i64], values: &[f64]) {
        self.columns.iter_mut().for_each(|column| column.append_floats(timestamps, values));
        self.rows += values.len();
    }

    /// Appends a native histogram.
    pub(super) fn append_histogram(&mut self, ts: i64, histogram: &Histogram) {
        self.columns.iter_mut().for_each(|column| column.append_histogram(ts, histogram));
        self.rows += 1;
    }

    /// The rows so far as a batch.
    pub(super) fn finish(&mut self) -> Result<RecordBatch> {
        let arrays = self.columns.iter_mut().map(Column::finish).collect::<Result<_, _>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &rows)?)
    }
}
