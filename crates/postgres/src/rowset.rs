//! The rows of a statement on their way to a client.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
};
use bytes::BytesMut;
use futures_util::{Stream, StreamExt as _};
use pgwire::messages::data::DataRow;
use timberline_sql::{Gate, Outcome, Place, Rows, SqlError};

use crate::encode::{writable, write_row};

/// The name of this wire in metrics.
pub(crate) const WIRE: &str = "postgres";

type Batches = Box<dyn Stream<Item = Result<RecordBatch, SqlError>> + Send + Unpin>;

/// Counts one statement when it ends, however it ends.
pub(crate) struct Counted {
    gate: Arc<dyn Gate>,
    begun: Instant,
    pub(crate) rows: u64,
    outcome: Outcome,
}

impl Counted {
    pub(crate) fn new(gate: &Arc<dyn Gate>) -> Self {
        let gate = Arc::clone(gate);
        Self { gate, begun: Instant::now(), rows: 0, outcome: Outcome::Canceled }
    }

    /// It has ended so, unless it goes on.
    pub(crate) fn set<T>(&mut self, result: &Result<T, SqlError>) {
        self.outcome = Outcome::of(result);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gate.ended(WIRE, self.outcome, self.rows, self.begun.elapsed());
    }
}

/// Rows that come batch by batch.
pub(crate) struct Rowset {
    batches: Batches,
    told: Vec<DataType>,
    schema: SchemaRef,
    batch: Option<(RecordBatch, usize)>,
    /// Given back while the rows wait for the client.
    pub(crate) place: Option<Place>,
    pub(crate) counted: Counted,
    pub(crate) ended: bool,
}

impl Rowset {
    /// The rows of an answer, of which the client was told these columns.
    pub(crate) fn new(rows: Rows, schema: SchemaRef, place: Place, counted: Counted) -> Self {
        Self {
            batches: Box::new(rows.into_stream()),
            told: schema.fields().iter().map(|field| field.data_type().clone()).collect(),
            schema,
            batch: None,
            place: Some(place),
            counted,
            ended: false,
        }
    }

    /// The columns that the client was told.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next row, if it is there already.
    pub(crate) fn row(&mut self, binary: &[bool]) -> Option<DataRow> {
        let (batch, row) = self.batch.as_mut()?;
        if *row >= batch.num_rows() {
            self.batch = None;
            return None;
        }
        let mut data = BytesMut::new();
        write_row(&mut data, batch, *row, binary);
        *row += 1;
        self.counted.rows += 1;
        Some(DataRow::new(data, i16::try_from(binary.len()).unwrap_or(i16::MAX)))
    }

    /// Steps over a row that is there already.
    pub(crate) fn step_over(&mut self) -> bool {
        match self.batch.as_mut() {
            Some((batch, row)) if *row < batch.num_rows() => {
                *row += 1;
                true
            }
            _ => {
                self.batch = None;
                false
            }
        }
    }

    /// All rows that are there already, as one batch.
    pub(crate) fn take_batch(&mut self) -> Option<RecordBatch> {
        let (batch, row) = self.batch.take()?;
        let rest = batch.slice(row, batch.num_rows() - row);
        self.counted.rows += rest.num_rows() as u64;
        Some(rest)
    }

    /// Waits for more rows; `false` when there are none.
    ///
    /// # Errors
    /// As the statement runs into them.
    pub(crate) async fn fill(&mut self) -> Result<bool, SqlError> {
        match self.batches.next().await {
            Some(Ok(batch)) => {
                let batch = writable(&batch, &self.told).map_err(|error| SqlError::Statement {
                    message: error.to_string(),
                    position: None,
                })?;
                self.batch = Some((batch, 0));
                Ok(true)
            }
            Some(Err(error)) => Err(error),
            None => {
                self.ended = true;
                Ok(false)
            }
        }
    }
}

/// The time that a statement may take: what the server allows, or less if the client says so.
pub(crate) fn time_allowed(gate: &Arc<dyn Gate>, wanted: Option<Duration>) -> Duration {
    wanted.map_or(gate.timeout(), |wanted| wanted.min(gate.timeout()))
}
