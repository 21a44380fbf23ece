//! The evaluation as a stream of rows.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arrow::datatypes::SchemaRef;
use datafusion::{
    common::exec_datafusion_err,
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryConsumer},
    physical_plan::{stream::RecordBatchStreamAdapter, streaming::PartitionStream},
};
use futures_util::{TryStreamExt as _, stream};
use timberline::{Database, Limits, Query};

use super::{
    NAME,
    answer::{self, Answer},
    call::Call,
};

/// A call with the database that answers it.
pub(super) struct Evaluation {
    database: Arc<Database>,
    call: Call,
    schema: SchemaRef,
}

impl Evaluation {
    pub(super) fn new(database: Arc<Database>, call: Call) -> Self {
        Self { database, call, schema: answer::schema() }
    }
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Evaluation").field(&self.call).finish()
    }
}

/// Ends an evaluation whose answer nobody waits for.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl PartitionStream for Evaluation {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (database, call) = (Arc::clone(&self.database), self.call.clone());
        let answering = async move {
            let answer = evaluate(database, call).await?;
            // The rows made of it are counted by whoever keeps them.
            let reservation = MemoryConsumer::new(NAME).register(context.memory_pool());
            reservation.try_grow(answer.bytes())?;
            Ok::<_, DataFusionError>(stream::try_unfold(
                (answer, reservation),
                async |(mut answer, reservation)| {
                    Ok(answer.next_batch()?.map(|batch| (batch, (answer, reservation))))
                },
            ))
        };
        let batches = stream::once(answering).try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

async fn evaluate(database: Arc<Database>, call: Call) -> Result<Answer> {
    let canceled = Arc::new(AtomicBool::new(false));
    let _caller = Caller(Arc::clone(&canceled));
    let work = tokio::task::spawn_blocking(move || {
        let limits = Limits { canceled, ..database.limits() };
        let expression = call.parse(&database)?;
        let options = &database.options().query;
        let query = Query {
            lookback: i64::try_from(options.lookback.as_nanos()).unwrap_or(i64::MAX),
            features: options.features,
            ..Query::range(&expression, call.start, call.end, call.step).with_text(&call.expression)
        };
        database.query_with(&query, &limits).map_err(|error| call.failed(&error))
    });
    let result = work.await.map_err(|error| exec_datafusion_err!("{NAME}: {error}"))??;
    Answer::new(result.value)
}
