//! What all sessions of a process share.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use datafusion::execution::{
    SessionState, memory_pool::FairSpillPool, runtime_env::RuntimeEnvBuilder,
};
use timberline::Databases;

use crate::{Session, SqlError, files::Files, system::Queries, template::template};

/// Limits of all queries of a process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqlOptions {
    /// Bytes that all running queries may hold together; sorts and groups beyond it spill to files.
    pub memory_max: usize,
    /// Bytes of files that all running queries may spill together.
    pub spill_max: u64,
    /// On how many threads a query runs.
    pub partitions: NonZeroUsize,
    /// How long a statement may take, its answer read to the end. Zero sets no limit.
    pub timeout: Duration,
    /// Rows that one statement may answer. Zero sets no limit.
    pub rows_max: u64,
    /// The directory whose files statements may read, and where `COPY` writes; it is made if it is not
    /// there. Without one, there are no files.
    pub files: Option<PathBuf>,
}

/// 512 MiB of memory, 8 GiB of spilled files, two threads, five minutes, as many rows as there are, and no
/// files to read or write.
impl Default for SqlOptions {
    fn default() -> Self {
        Self {
            memory_max: 512 << 20,
            spill_max: 8 << 30,
            partitions: NonZeroUsize::MIN.saturating_add(1),
            timeout: Duration::from_secs(300),
            rows_max: 0,
            files: None,
        }
    }
}

/// Runs SQL over databases; one for a process.
#[derive(Clone, Debug)]
pub struct SqlEngine {
    databases: Arc<Databases>,
    options: SqlOptions,
    queries: Arc<Queries>,
    files: Arc<Files>,
    template: Arc<SessionState>,
}

impl SqlEngine {
    /// An engine over these databases. A directory with a single one is [`Databases`], too: it is `default`.
    ///
    /// # Errors
    /// No place for files that queries spill, or no directory of files where one is to be.
    pub fn new(databases: Arc<Databases>, options: SqlOptions) -> Result<Self, SqlError> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_max)))
            .with_max_temp_directory_size(options.spill_max)
            .build_arc()
            .map_err(|error| SqlError::from_datafusion(&error))?;
        let files = Arc::new(Files::open(options.files.as_deref())?);
        let template = Arc::new(template(&options, &runtime));
        Ok(Self { databases, options, queries: Arc::default(), files, template })
    }

    /// A session in the database of this name.
    ///
    /// # Errors
    /// There is no such database, or it did not open.
    pub fn session(&self, database: &str) -> Result<Session, SqlError> {
        Ok(Session::new(self, database, self.databases.get(database)?))
    }

    pub(crate) fn databases(&self) -> &Arc<Databases> {
        &self.databases
    }

    /// The statements that run at the moment.
    pub(crate) fn queries(&self) -> &Arc<Queries> {
        &self.queries
    }

    /// The files that statements may name.
    pub(crate) fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// What sessions begin with.
    pub(crate) fn template(&self) -> &SessionState {
        &self.template
    }

    pub(crate) fn options(&self) -> &SqlOptions {
        &self.options
    }
}
