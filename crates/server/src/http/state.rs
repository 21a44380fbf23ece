//! What all handlers share.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use timberline::Database;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::body_memory::BodyMemory;
use crate::{config::Config, error::ApiError, telemetry::Metrics};

/// The server's state; clones are handles to the same one.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Config,
    metrics: Arc<Metrics>,
    /// Empty while the database is being opened.
    database: OnceLock<Database>,
    stopping: AtomicBool,
    body_memory: BodyMemory,
    writes: Arc<Semaphore>,
    queries: Arc<Semaphore>,
}

impl App {
    /// A server whose database is not open yet.
    pub(crate) fn new(config: Config, metrics: Arc<Metrics>) -> Self {
        let body_memory = BodyMemory::new(&config, Arc::clone(&metrics));
        let writes = Arc::new(Semaphore::new(config.write.concurrent_max.get()));
        let queries = Arc::new(Semaphore::new(config.query.concurrent_max.get()));
        Self(Arc::new(Shared {
            config,
            metrics,
            database: OnceLock::new(),
            stopping: AtomicBool::new(false),
            body_memory,
            writes,
            queries,
        }))
    }

    /// The configuration.
    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// The server's own counts.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// The database is open: requests that need it are served from now on.
    pub(crate) fn set_database(&self, database: Database) {
        // It is opened once; a second one would be a programming error and is dropped.
        let _ = self.0.database.set(database);
    }

    /// The database.
    ///
    /// # Errors
    /// While it is being opened.
    pub(crate) fn database(&self) -> Result<&Database, ApiError> {
        self.0.database.get().ok_or_else(|| {
            ApiError::busy("the database is being opened: its log is read back; retry in a moment")
        })
    }

    /// The server stops: it is no longer ready, and finishes what it has.
    pub(crate) fn set_stopping(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }

    /// The memory that the bodies of writes share.
    pub(super) fn body_memory(&self) -> &BodyMemory {
        &self.0.body_memory
    }

    /// Waits for a place among the writes.
    ///
    /// # Errors
    /// When none becomes free in time.
    pub(crate) async fn admit_write(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let wait = self.config().write.queue_timeout.as_std();
        admit(&self.0.writes, wait).await.ok_or_else(|| {
            self.metrics().writes_overloaded.add(1);
            ApiError::busy(format!(
                "too many writes: {} are under way (write.concurrent_max) and none ended within {}",
                self.config().write.concurrent_max,
                self.config().write.queue_timeout
            ))
        })
    }

    /// Waits for a place among the queries.
    ///
    /// # Errors
    /// When none becomes free in time.
    pub(crate) async fn admit_query(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let wait = self.config().query.queue_timeout.as_std();
        admit(&self.0.queries, wait).await.ok_or_else(|| {
            self.metrics().queries_overloaded.add(1);
            ApiError::busy(format!(
                "too many queries: {} are under way (query.concurrent_max) and none ended within {}",
                self.config().query.concurrent_max,
                self.config().query.queue_timeout
            ))
        })
    }
}

async fn admit(places: &Arc<Semaphore>, wait: Duration) -> Option<OwnedSemaphorePermit> {
    let place = Arc::clone(places).acquire_owned();
    tokio::time::timeout(wait, place).await.ok()?.ok()
}
