//! Rows on their way into a file.

use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    error::{DataFusionError, Result},
    execution::{
        SendableRecordBatchStream,
        memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation},
    },
};
use futures_util::StreamExt as _;
use tokio::sync::mpsc::{Receiver, channel};

use super::{Files, WriteOptions, directory::Place, partial::Partial, writer::Writer};

/// Batches that wait to be written.
const BATCHES_WAITING: usize = 2;

/// What the writing thread is told.
enum Told {
    Rows(RecordBatch),
    /// There are no more. Without it, the question failed or nobody wants the file any more.
    End,
}

/// Writes all rows into a file, and says how many they are. The file is there once all of it is on the disk;
/// before, and after an error, there is none, or the one that was there.
///
/// # Errors
/// A name that may not be written, rows that do not come or that the format cannot have, a disk that is full.
pub(crate) async fn copy(
    files: &Files,
    file: &str,
    options: &WriteOptions,
    mut rows: SendableRecordBatchStream,
    memory: &Arc<dyn MemoryPool>,
) -> Result<u64> {
    let place = files.place(file)?;
    let reservation = MemoryConsumer::new("COPY").register(memory);
    let (sender, receiver) = channel(BATCHES_WAITING);
    let (options, schema) = (options.clone(), rows.schema());
    let writing = tokio::task::spawn_blocking(move || {
        write(&place, &options, &schema, receiver, &reservation)
    });
    loop {
        let told = match rows.next().await {
            Some(batch) => Told::Rows(batch?),
            None => Told::End,
        };
        let is_end = matches!(told, Told::End);
        // A writer that is gone says why.
        if sender.send(told).await.is_err() || is_end {
            break;
        }
    }
    writing.await.map_err(|error| DataFusionError::External(Box::new(error)))?
}

fn write(
    place: &Place,
    options: &WriteOptions,
    schema: &SchemaRef,
    mut rows: Receiver<Told>,
    reservation: &MemoryReservation,
) -> Result<u64> {
    let partial = Partial::begin(place, options.overwrite)?;
    let mut writer = Writer::begin(partial, &place.name, schema, options)?;
    let mut count = 0;
    loop {
        match rows.blocking_recv() {
            Some(Told::Rows(batch)) => {
                count += batch.num_rows() as u64;
                writer.rows(&batch)?;
                if reservation.try_resize(writer.memory()).is_err() {
                    writer.release()?;
                    reservation.try_resize(writer.memory())?;
                }
            }
            Some(Told::End) => break,
            None => {
                return Err(DataFusionError::Execution(format!(
                    "the rows of '{}' did not come to an end",
                    place.name
                )));
            }
        }
    }
    writer.finish()?.finish(place, options.overwrite)?;
    Ok(count)
}
