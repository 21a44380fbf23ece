//! Rows of parameters that a client binds.
//!
//! Invariant: what they take as values is bounded, however small the bytes are that claim them: columns of nulls
//! have none, and many rows may share one text.

use std::panic::AssertUnwindSafe;

use arrow::ipc::root_as_message;
use arrow_flight::{
    FlightData, decode::FlightRecordBatchStream, error::FlightError,
    sql::server::PeekableFlightDataStream,
};
use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};
use timberline_sql::{Prepared, ScalarValue};
use tonic::{Request, Status};

use crate::error::status;

/// Rows of parameters that one call may bind.
const ROWS_MAX: usize = 100_000;
/// Bytes that the values of one call may take.
const BYTES_MAX: usize = 256 << 20;

/// The rows that a call brings for a statement.
///
/// # Errors
/// Messages that are not what Arrow has, too many values, or more of them in a row than the statement has parameters.
pub(crate) async fn bound_rows(
    prepared: &Prepared,
    request: Request<PeekableFlightDataStream>,
) -> Result<Vec<Vec<ScalarValue>>, Status> {
    let columns_max = prepared.parameters().map_err(|error| status(&error))?.len();
    // The first message, with the columns, was looked at already.
    let data = request.into_inner().into_peekable();
    let data = data.map_err(|status| FlightError::Tonic(Box::new(status)));
    read(data, columns_max).await
}

/// As [`read_trusting`], for messages of anybody: Arrow's decoder panics at some that are malformed.
async fn read(
    data: impl Stream<Item = Result<FlightData, FlightError>> + Send + 'static,
    columns_max: usize,
) -> Result<Vec<Vec<ScalarValue>>, Status> {
    let data = data.and_then(|message| std::future::ready(plain(message)));
    let reading = AssertUnwindSafe(read_trusting(data, columns_max)).catch_unwind();
    reading.await.unwrap_or_else(|_| Err(Status::invalid_argument("parameters: malformed")))
}

/// A message, unless what it has is compressed: the length that a compressed buffer claims is allocated unseen.
fn plain(message: FlightData) -> Result<FlightData, FlightError> {
    if message.data_header.is_empty() {
        return Ok(message);
    }
    let header = root_as_message(&message.data_header)
        .map_err(|error| FlightError::DecodeError(error.to_string()))?;
    let batch = header.header_as_record_batch();
    let batch = batch.or_else(|| header.header_as_dictionary_batch().and_then(|all| all.data()));
    match batch.and_then(|batch| batch.compression()) {
        Some(_) => Err(FlightError::DecodeError("compressed, which is not supported".to_owned())),
        None => Ok(message),
    }
}

async fn read_trusting(
    data: impl Stream<Item = Result<FlightData, FlightError>> + Send + 'static,
    columns_max: usize,
) -> Result<Vec<Vec<ScalarValue>>, Status> {
    let mut batches = FlightRecordBatchStream::new_from_flight_data(data);
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| match error {
            FlightError::Tonic(status) => *status,
            other => Status::invalid_argument(format!("parameters: {other}")),
        })?;
        if batch.num_rows() > ROWS_MAX - rows.len() {
            return Err(too_many(&format!("{ROWS_MAX} rows")));
        }
        if batch.num_columns() > columns_max && batch.num_rows() > 0 {
            return Err(Status::invalid_argument(format!(
                "parameters: {} in a row for a statement that has {columns_max}",
                batch.num_columns()
            )));
        }
        for row in 0..batch.num_rows() {
            bytes += size_of::<Vec<ScalarValue>>();
            let mut values = Vec::new();
            for column in batch.columns() {
                let value = ScalarValue::try_from_array(column.as_ref(), row)
                    .map_err(|error| Status::invalid_argument(format!("parameters: {error}")))?;
                bytes = bytes.saturating_add(value.size());
                if bytes > BYTES_MAX {
                    return Err(too_many(&format!("{} MiB", BYTES_MAX >> 20)));
                }
                values.push(value);
            }
            rows.push(values);
        }
    }
    Ok(rows)
}

fn too_many(what: &str) -> Status {
    Status::invalid_argument(format!("parameters: more than {what} in one call"))
}

#[cfg(test)]
mod tests;
