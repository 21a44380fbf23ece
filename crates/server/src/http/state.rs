//! What all handlers share.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use timberline::{Database, Retention};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    body_memory::BodyMemory,
    fair_queue::{FairQueue, NoPlace, Place},
};
use crate::{
    clock,
    config::{Config, ConfigError, Reloaded, Sources, StorageSettings},
    error::ApiError,
    net::Client,
    telemetry::Metrics,
};

/// Continuous queries at a time.
const SUBSCRIPTIONS_MAX: usize = 1_000;

/// The server's state; clones are handles to the same one.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What the server runs with.
    config: RwLock<Arc<Config>>,
    /// When the process began, in nanoseconds.
    started: i64,
    /// When the configuration was last read and taken, in nanoseconds.
    configured: AtomicI64,
    /// Whether it was taken the last time it was read.
    reloaded_well: AtomicBool,
    /// Where that came from. Held while it is read again.
    sources: Mutex<Sources>,
    metrics: Arc<Metrics>,
    /// Empty while the database is being opened.
    database: OnceLock<Database>,
    stopping: AtomicBool,
    body_memory: BodyMemory,
    writes: Arc<Semaphore>,
    queries: FairQueue,
    subscriptions: Arc<Semaphore>,
}

impl App {
    /// A server whose database is not open yet.
    pub(crate) fn new(config: Config, sources: Sources, metrics: Arc<Metrics>) -> Self {
        let now = clock::now_millis();
        let body_memory = BodyMemory::new(&config, Arc::clone(&metrics));
        let writes = Arc::new(Semaphore::new(config.write.concurrent_max.get()));
        let queries =
            FairQueue::new(config.query.concurrent_max.get(), config.query.waiting_max.get());
        Self(Arc::new(Shared {
            config: RwLock::new(Arc::new(config)),
            started: now,
            configured: AtomicI64::new(now),
            reloaded_well: AtomicBool::new(true),
            sources: Mutex::new(sources),
            metrics,
            database: OnceLock::new(),
            stopping: AtomicBool::new(false),
            body_memory,
            writes,
            queries,
            subscriptions: Arc::new(Semaphore::new(SUBSCRIPTIONS_MAX)),
        }))
    }

    /// The configuration at this moment.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.0.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the configuration again, and lets what is live hold from now on.
    ///
    /// # Errors
    /// Sources that cannot be read, or are refused; nothing changes then.
    pub(crate) fn reload(&self) -> Result<Reloaded, ConfigError> {
        let sources = self.0.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = sources.reload(&self.config());
        self.0.reloaded_well.store(outcome.is_ok(), Ordering::Relaxed);
        let reloaded = outcome?;
        self.0.configured.store(clock::now_millis(), Ordering::Relaxed);
        let config = Arc::new(reloaded.config.clone());
        *self.0.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        if let Some(database) = self.0.database.get() {
            apply(&reloaded.config.storage, database);
        }
        for change in &reloaded.changed {
            tracing::info!(key = change.key, from = change.from, to = change.to, "changed");
        }
        for change in &reloaded.waiting {
            let (key, from, to) = (change.key, &change.from, &change.to);
            tracing::warn!(key, from, to, "needs a restart to change");
        }
        Ok(reloaded)
    }

    /// When the process began, in nanoseconds.
    pub(super) fn started(&self) -> i64 {
        self.0.started
    }

    /// When the configuration was last taken, in nanoseconds, and whether it was the last time it was read.
    pub(super) fn configured(&self) -> (i64, bool) {
        let at = self.0.configured.load(Ordering::Relaxed);
        (at, self.0.reloaded_well.load(Ordering::Relaxed))
    }

    /// The server's own counts.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// The database is open: requests that need it are served from now on.
    pub(crate) fn set_database(&self, database: Database) {
        let opened = database.clone();
        // It is opened once; a second one would be a programming error and is dropped.
        let _ = self.0.database.set(database);
        // The configuration may have been read again meanwhile.
        apply(&self.config().storage, &opened);
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

    /// Takes a place among the subscriptions.
    ///
    /// # Errors
    /// When there are too many.
    #[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "only SQL has subscriptions"))]
    pub(super) fn admit_subscription(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.0.subscriptions).try_acquire_owned().map_err(|_| {
            ApiError::busy(format!(
                "there are {SUBSCRIPTIONS_MAX} subscriptions, the most there may be"
            ))
        })
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
    /// When none becomes free in time, or too many wait already.
    pub(crate) async fn admit_query(&self, client: Client) -> Result<Place, ApiError> {
        let config = self.config();
        let settings = &config.query;
        let waiting = self.metrics().waiting_query();
        let entered = self.0.queries.enter(client, settings.queue_timeout.as_std()).await;
        drop(waiting);
        entered.map_err(|no_place| {
            self.metrics().queries_overloaded.add(1);
            ApiError::busy(match no_place {
                NoPlace::Late => format!(
                    "too many queries: {} are under way (query.concurrent_max) and no place became \
                     free within {}",
                    settings.concurrent_max, settings.queue_timeout
                ),
                NoPlace::Crowded => format!(
                    "too many queries: {} wait for their turn (query.waiting_max)",
                    settings.waiting_max
                ),
            })
        })
    }
}

/// How much a database is to keep.
pub(crate) fn retention_of(storage: &StorageSettings) -> Retention {
    Retention {
        age: Some(storage.retention.as_std()).filter(|span| !span.is_zero()),
        bytes: Some(storage.retention_size.0).filter(|bytes| *bytes > 0),
    }
}

/// The rate at which a database is to compact.
pub(crate) fn compaction_rate_of(storage: &StorageSettings) -> Option<u64> {
    Some(storage.compaction_rate.0).filter(|rate| *rate > 0)
}

/// Lets an open database have what is live.
fn apply(storage: &StorageSettings, database: &Database) {
    database.set_retention(retention_of(storage));
    database.set_compaction_rate(compaction_rate_of(storage));
}

async fn admit(places: &Arc<Semaphore>, wait: Duration) -> Option<OwnedSemaphorePermit> {
    let place = Arc::clone(places).acquire_owned();
    tokio::time::timeout(wait, place).await.ok()?.ok()
}
