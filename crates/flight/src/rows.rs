//! The rows of a statement as a stream of Flight data.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{Field, Schema, SchemaRef},
};
use arrow_flight::{
    FlightData,
    encode::{DictionaryHandling, FlightDataEncoderBuilder},
    error::FlightError,
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use timberline_sql::{Gate, Outcome, Place, Rows, SqlError};
use tonic::Status;

use crate::error::status;

/// The name of this wire in metrics.
const WIRE: &str = "flight";

/// A stream of an answer.
pub(crate) type FlightStream =
    std::pin::Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send + 'static>>;

/// Columns by name and type alone: what a client hears of them before the rows and with the rows must be
/// the same.
pub(crate) fn plain(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| Field::new(field.name(), field.data_type().clone(), true);
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// Counts a statement when it ends, however it ends.
pub(crate) struct Counted {
    gate: Arc<dyn Gate>,
    begun: Instant,
    rows: u64,
    outcome: Outcome,
}

impl Counted {
    pub(crate) fn new(gate: &Arc<dyn Gate>) -> Self {
        let gate = Arc::clone(gate);
        Self { gate, begun: Instant::now(), rows: 0, outcome: Outcome::Canceled }
    }

    /// Waits for a part of the statement's work, no longer than it may take.
    ///
    /// # Errors
    /// Of the work, or that it took too long.
    pub(crate) async fn within<T>(
        &mut self,
        work: impl Future<Output = Result<T, SqlError>>,
    ) -> Result<T, SqlError> {
        let allowed = self.gate.timeout();
        let left = allowed.saturating_sub(self.begun.elapsed());
        let outcome = match tokio::time::timeout(left, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(too_long(allowed)),
        };
        self.outcome = if outcome.is_ok() { Outcome::Canceled } else { Outcome::of(&outcome) };
        outcome
    }

    /// All is done.
    pub(crate) const fn succeeded(&mut self) {
        self.outcome = Outcome::Success;
    }
}

fn too_long(allowed: Duration) -> SqlError {
    SqlError::Timeout {
        message: format!("the statement took longer than {allowed:?} (query.timeout)"),
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gate.ended(WIRE, self.outcome, self.rows, self.begun.elapsed());
    }
}

/// Rows on their way, with all that ends when the client drops them.
pub(crate) fn flight(rows: Rows, place: Place, counted: Counted) -> FlightStream {
    let schema = plain(&rows.schema());
    let state = (rows.into_stream(), Arc::clone(&schema), counted, place);
    let batches =
        stream::try_unfold(state, |(mut batches, schema, mut counted, place)| async move {
            let next = counted.within(async { batches.next().await.transpose() }).await;
            match next {
                Ok(Some(batch)) => {
                    counted.rows += batch.num_rows() as u64;
                    let batch = renamed(&batch, &schema).map_err(FlightError::Arrow)?;
                    Ok(Some((batch, (batches, schema, counted, place))))
                }
                Ok(None) => {
                    counted.succeeded();
                    Ok(None)
                }
                Err(error) => Err(FlightError::Tonic(Box::new(status(&error)))),
            }
        });
    encoded(schema, batches)
}

/// One batch as a stream.
pub(crate) fn whole(batch: RecordBatch) -> FlightStream {
    encoded(batch.schema(), stream::iter([Ok(batch)]))
}

fn encoded(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
) -> FlightStream {
    let data = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_dictionary_handling(DictionaryHandling::Resend)
        .build(batches);
    Box::pin(data.map_err(|error| match error {
        FlightError::Tonic(status) => *status,
        other => Status::internal(other.to_string()),
    }))
}

fn renamed(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
}
