//! An answer under the limits of its engine.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    error::{DataFusionError, Result},
    execution::{RecordBatchStream, SendableRecordBatchStream},
    physical_plan::stream::RecordBatchReceiverStreamBuilder,
};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Sleep};

use crate::system::Running;

/// Batches that wait for whoever reads an answer.
const BATCHES_AHEAD: usize = 2;

/// Batches that end with an error when they take too long or are too many.
pub(crate) struct Watched {
    /// `None` once it has ended.
    batches: Option<SendableRecordBatchStream>,
    schema: SchemaRef,
    running: Running,
    deadline: Option<Pin<Box<Sleep>>>,
    timeout: Duration,
    rows_max: u64,
}

impl Watched {
    /// Batches of a statement that began `timeout` before the deadline.
    pub(crate) fn new(
        batches: SendableRecordBatchStream,
        running: Running,
        deadline: Option<Instant>,
        timeout: Duration,
        rows_max: u64,
    ) -> Self {
        Self {
            schema: batches.schema(),
            batches: Some(batches),
            running,
            deadline: deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline))),
            timeout,
            rows_max,
        }
    }

    fn fail(&mut self, error: DataFusionError) -> Poll<Option<Result<RecordBatch>>> {
        self.batches = None;
        Poll::Ready(Some(Err(error)))
    }
}

/// Runs a stream on a task of its own, a batch or two ahead. Some operators compute for seconds without a
/// pause; whoever waits for their batches still notices that the time is up. The task ends at its next pause
/// once nobody waits.
pub(crate) fn on_own_task(mut batches: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut builder = RecordBatchReceiverStreamBuilder::new(batches.schema(), BATCHES_AHEAD);
    let sender = builder.tx();
    builder.spawn(async move {
        while let Some(batch) = batches.next().await {
            if sender.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    builder.build()
}

/// The error of a statement that takes too long.
pub(crate) fn timed_out(timeout: Duration) -> DataFusionError {
    DataFusionError::ResourcesExhausted(format!(
        "the statement did not end within {} s, the limit of this server; narrow the time or the series",
        timeout.as_secs_f64()
    ))
}

impl Stream for Watched {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        use std::future::Future as _;
        let this = &mut *self;
        let Some(batches) = &mut this.batches else { return Poll::Ready(None) };
        if this.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(context).is_ready())
        {
            let timeout = this.timeout;
            return this.fail(timed_out(timeout));
        }
        match batches.as_mut().poll_next(context) {
            Poll::Ready(Some(Ok(batch))) => {
                let rows = this.running.add_rows(batch.num_rows());
                if rows > this.rows_max {
                    let message = format!(
                        "the answer has more than {} rows, the limit of this server; use LIMIT, or \
                         aggregate",
                        this.rows_max
                    );
                    return this.fail(DataFusionError::ResourcesExhausted(message));
                }
                Poll::Ready(Some(Ok(batch)))
            }
            Poll::Ready(Some(Err(error))) => this.fail(error),
            Poll::Ready(None) => {
                this.batches = None;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl RecordBatchStream for Watched {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}
