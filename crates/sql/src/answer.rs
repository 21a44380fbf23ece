//! What a statement answers.

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use futures_util::{Stream, StreamExt as _};

use crate::SqlError;

/// The answer to one statement.
#[derive(Debug)]
pub enum Answer {
    /// A question's rows.
    Rows(Rows),
    /// A statement was carried out.
    Done {
        /// What it was, as PostgreSQL's command tags say it: `INSERT`, `DELETE`, `CREATE DATABASE`.
        command: &'static str,
        /// How many rows it wrote or deleted, where it counts them.
        rows: Option<u64>,
    },
}

/// Rows as a stream of batches. Dropping it ends the query.
pub struct Rows {
    stream: SendableRecordBatchStream,
}

impl Rows {
    pub(crate) fn new(stream: SendableRecordBatchStream) -> Self {
        Self { stream }
    }

    /// Names and types of the columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The batches, none of them empty of columns, in order.
    pub fn into_stream(self) -> impl Stream<Item = Result<RecordBatch, SqlError>> + Send + Unpin {
        self.stream.map(|batch| batch.map_err(|error| SqlError::from_datafusion(&error)))
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("schema", &self.stream.schema()).finish_non_exhaustive()
    }
}
