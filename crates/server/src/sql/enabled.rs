//! The engine that runs SQL, and the threads that it runs on.
//!
//! Statements compute in the midst of their asynchronous work. On the threads that serve HTTP they would
//! hold up all requests, so they have threads of their own.

use std::{sync::Arc, time::Duration};

use timberline::Databases;
use timberline_model::ErrorKind;
use timberline_sql::{Session, SqlEngine, SqlError, SqlOptions};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{
    config::Config,
    error::{ApiError, Subject},
};

/// Threads that statements run on, at most.
const THREADS_MAX: usize = 64;
/// Of each of these threads, and of those that read storage: statements of many operators are deep trees. Memory
/// is taken as it is used.
const STACK_BYTES: usize = 64 << 20;

/// The engine and its threads.
#[derive(Debug)]
pub(crate) struct Sql {
    engine: SqlEngine,
    /// Taken when this is dropped, and never before.
    runtime: Option<Runtime>,
}

impl Sql {
    /// SQL over the server's databases.
    ///
    /// # Errors
    /// No threads, or no place for files that queries spill.
    pub(crate) fn open(databases: &Arc<Databases>, config: &Config) -> Result<Self, ApiError> {
        let partitions = config.query.threads_max;
        let mut options = SqlOptions::default();
        options.memory_max = config.sql.memory_max.as_usize();
        options.partitions = partitions;
        // Every wire ends statements after query.timeout, which may change while the server runs.
        options.timeout = Duration::ZERO;
        options.files = config.sql.files_dir.0.clone();
        let engine = SqlEngine::new(Arc::clone(databases), options);
        let engine = engine.map_err(|error| api_error(&error))?;
        // A statement that computes without a pause holds its threads, and must not hold up the others.
        let threads = partitions.get().saturating_mul(config.query.concurrent_max.get());
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.min(THREADS_MAX))
            .thread_stack_size(STACK_BYTES)
            .thread_name("timberline-sql")
            .enable_all()
            .build()
            .map_err(|error| ApiError::internal(format!("cannot start threads: {error}")))?;
        Ok(Self { engine, runtime: Some(runtime) })
    }

    /// The engine.
    pub(crate) const fn engine(&self) -> &SqlEngine {
        &self.engine
    }

    /// A session in a database.
    ///
    /// # Errors
    /// As the engine has them.
    pub(crate) fn session(&self, database: &str) -> Result<Session, SqlError> {
        self.engine.session(database)
    }

    /// The threads that statements run on.
    pub(crate) fn threads(&self) -> Handle {
        match &self.runtime {
            Some(runtime) => runtime.handle().clone(),
            None => Handle::current(),
        }
    }
}

impl Drop for Sql {
    fn drop(&mut self) {
        // Waiting for the threads would block whoever drops this, which may be one of them.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A statement's error as HTTP has it.
pub(crate) fn api_error(error: &SqlError) -> ApiError {
    let subject = match error.kind() {
        ErrorKind::Limit => Subject::Evaluation,
        _ => Subject::Request,
    };
    let position = match error {
        SqlError::Statement { position, .. } => *position,
        _ => None,
    };
    ApiError::new(subject, error.kind(), error).at(position)
}
