//! What all sessions of a process share.

use std::{num::NonZeroUsize, sync::Arc};

use datafusion::execution::{
    memory_pool::FairSpillPool,
    runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
};

use crate::{Databases, Session, SqlError};

/// Limits of all queries of a process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqlOptions {
    /// Bytes that all running queries may hold together; sorts and groups beyond it spill to files.
    pub memory_max: usize,
    /// On how many threads a query runs.
    pub partitions: NonZeroUsize,
}

/// 512 MiB, two threads.
impl Default for SqlOptions {
    fn default() -> Self {
        Self { memory_max: 512 << 20, partitions: NonZeroUsize::MIN.saturating_add(1) }
    }
}

/// Runs SQL over databases; one for a process.
#[derive(Clone, Debug)]
pub struct SqlEngine {
    databases: Arc<dyn Databases>,
    runtime: Arc<RuntimeEnv>,
    options: SqlOptions,
}

impl SqlEngine {
    /// An engine over these databases.
    ///
    /// # Errors
    /// No place for files that queries spill.
    pub fn new(databases: Arc<dyn Databases>, options: SqlOptions) -> Result<Self, SqlError> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_max)))
            .build_arc()
            .map_err(|error| SqlError::from_datafusion(&error))?;
        Ok(Self { databases, runtime, options })
    }

    /// A session in the database of this name.
    ///
    /// # Errors
    /// There is no such database.
    pub fn session(&self, database: &str) -> Result<Session, SqlError> {
        let found = self
            .databases
            .get(database)
            .ok_or_else(|| SqlError::NoDatabase { name: database.to_owned() })?;
        Ok(Session::new(self, database, found))
    }

    pub(crate) fn databases(&self) -> &Arc<dyn Databases> {
        &self.databases
    }

    pub(crate) fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }

    pub(crate) fn options(&self) -> &SqlOptions {
        &self.options
    }
}
