//! What all handlers share.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use timberline::{DEFAULT_DATABASE, Database, Databases, Error, Retention};
use timberline_model::ErrorKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    body_memory::BodyMemory,
    fair_queue::{FairQueue, NoPlace, Place},
};
use crate::{
    clock,
    config::{Config, ConfigError, Reloaded, Sources, StorageSettings},
    error::{ApiError, Subject},
    net::Client,
    sql::Sql,
    telemetry::Metrics,
};

/// Continuous queries at a time.
const SUBSCRIPTIONS_MAX: usize = 1_000;

/// What comes before the paths of one database.
const DATABASE_PREFIX: &str = "/db/";

/// The server's state, and the database that a request is about; clones are handles to the same ones.
#[derive(Clone, Debug)]
pub(crate) struct App {
    shared: Arc<Shared>,
    /// `None` for the one that requests are about which name none.
    chosen: Option<Chosen>,
}

/// A database that a request names.
#[derive(Clone, Debug)]
struct Chosen {
    name: Arc<str>,
    database: Arc<Database>,
}

/// All databases, once they are open.
#[derive(Debug)]
struct Opened {
    all: Arc<Databases>,
    default: Arc<Database>,
}

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
    /// Empty while the databases are being opened.
    databases: OnceLock<Opened>,
    /// Empty until somebody asks in SQL.
    sql: OnceLock<Result<Sql, ApiError>>,
    stopping: AtomicBool,
    body_memory: BodyMemory,
    writes: Arc<Semaphore>,
    queries: FairQueue,
    subscriptions: Arc<Semaphore>,
}

impl App {
    /// A server whose databases are not open yet.
    pub(crate) fn new(config: Config, sources: Sources, metrics: Arc<Metrics>) -> Self {
        let now = clock::now_millis();
        let body_memory = BodyMemory::new(&config, Arc::clone(&metrics));
        let writes = Arc::new(Semaphore::new(config.write.concurrent_max.get()));
        let queries =
            FairQueue::new(config.query.concurrent_max.get(), config.query.waiting_max.get());
        let shared = Arc::new(Shared {
            config: RwLock::new(Arc::new(config)),
            started: now,
            configured: AtomicI64::new(now),
            reloaded_well: AtomicBool::new(true),
            sources: Mutex::new(sources),
            metrics,
            databases: OnceLock::new(),
            sql: OnceLock::new(),
            stopping: AtomicBool::new(false),
            body_memory,
            writes,
            queries,
            subscriptions: Arc::new(Semaphore::new(SUBSCRIPTIONS_MAX)),
        });
        Self { shared, chosen: None }
    }

    /// The configuration at this moment.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.shared.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the configuration again, and lets what is live hold from now on.
    ///
    /// # Errors
    /// Sources that cannot be read, or are refused; nothing changes then.
    pub(crate) fn reload(&self) -> Result<Reloaded, ConfigError> {
        let sources = self.shared.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = sources.reload(&self.config());
        self.shared.reloaded_well.store(outcome.is_ok(), Ordering::Relaxed);
        let reloaded = outcome?;
        self.shared.configured.store(clock::now_millis(), Ordering::Relaxed);
        let config = Arc::new(reloaded.config.clone());
        *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        if let Some(opened) = self.shared.databases.get() {
            apply(&reloaded.config.storage, &opened.all);
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
        self.shared.started
    }

    /// When the configuration was last taken, in nanoseconds, and whether it was the last time it was read.
    pub(super) fn configured(&self) -> (i64, bool) {
        let at = self.shared.configured.load(Ordering::Relaxed);
        (at, self.shared.reloaded_well.load(Ordering::Relaxed))
    }

    /// The server's own counts.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// The databases are open: requests that need one are served from now on.
    ///
    /// # Errors
    /// There is no `default` among them.
    pub(crate) fn set_databases(&self, databases: Databases) -> Result<(), Error> {
        let default = databases.get(DEFAULT_DATABASE)?;
        let all = Arc::new(databases);
        // They are opened once; others would be a programming error and are dropped.
        let _ = self.shared.databases.set(Opened { all: Arc::clone(&all), default });
        // The configuration may have been read again meanwhile.
        apply(&self.config().storage, &all);
        Ok(())
    }

    /// All databases.
    ///
    /// # Errors
    /// While they are being opened.
    pub(crate) fn databases(&self) -> Result<&Arc<Databases>, ApiError> {
        Ok(&self.opened()?.all)
    }

    fn opened(&self) -> Result<&Opened, ApiError> {
        self.shared.databases.get().ok_or_else(|| {
            ApiError::busy("the database is being opened: its log is read back; retry in a moment")
        })
    }

    /// The database that the request is about.
    ///
    /// # Errors
    /// While it is being opened.
    pub(crate) fn database(&self) -> Result<Arc<Database>, ApiError> {
        match &self.chosen {
            Some(chosen) => Ok(Arc::clone(&chosen.database)),
            None => Ok(Arc::clone(&self.opened()?.default)),
        }
    }

    /// Its name.
    #[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "only statements name databases"))]
    pub(crate) fn database_name(&self) -> &str {
        self.chosen.as_ref().map_or(DEFAULT_DATABASE, |chosen| &chosen.name)
    }

    /// The same server, for a request about another database.
    ///
    /// # Errors
    /// There is no such database, or it did not open; while they are being opened.
    pub(crate) fn within(&self, name: &str) -> Result<Self, ApiError> {
        let found = self.databases()?.get(name).map_err(|error| {
            let kind = match &error {
                Error::NoDatabase { .. } => ErrorKind::NotFound,
                _ => ErrorKind::Unavailable,
            };
            ApiError::new(Subject::Request, kind, error)
        });
        let chosen = Chosen { name: name.into(), database: found? };
        Ok(Self { shared: Arc::clone(&self.shared), chosen: Some(chosen) })
    }

    /// What runs SQL.
    ///
    /// # Errors
    /// While the databases are being opened; a server without SQL.
    pub(crate) fn sql(&self) -> Result<&Sql, ApiError> {
        let databases = self.databases()?;
        let opened = self.shared.sql.get_or_init(|| Sql::open(databases, &self.config()));
        opened.as_ref().map_err(Clone::clone)
    }

    /// The server stops: it is no longer ready, and finishes what it has.
    pub(crate) fn set_stopping(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// The memory that the bodies of writes share.
    pub(super) fn body_memory(&self) -> &BodyMemory {
        &self.shared.body_memory
    }

    /// Takes a place among the subscriptions.
    ///
    /// # Errors
    /// When there are too many.
    #[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "only SQL has subscriptions"))]
    pub(super) fn admit_subscription(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.shared.subscriptions).try_acquire_owned().map_err(|_| {
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
        admit(&self.shared.writes, wait).await.ok_or_else(|| {
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
        let entered = self.shared.queries.enter(client, settings.queue_timeout.as_std()).await;
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

/// Lets open databases have what is live.
fn apply(storage: &StorageSettings, databases: &Databases) {
    databases.set_common(retention_of(storage), compaction_rate_of(storage));
}

/// Handlers take it as an argument: of a path below `/db/NAME`, it is about that database.
impl FromRequestParts<App> for App {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if !parts.uri.path().starts_with(DATABASE_PREFIX) {
            return Ok(app.clone());
        }
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|_| ApiError::invalid("the database's name is not UTF-8"))?;
        match params.iter().find(|(name, _)| *name == "database") {
            Some((_, database)) => app.within(database),
            None => Ok(app.clone()),
        }
    }
}

async fn admit(places: &Arc<Semaphore>, wait: Duration) -> Option<OwnedSemaphorePermit> {
    let place = Arc::clone(places).acquire_owned();
    tokio::time::timeout(wait, place).await.ok()?.ok()
}
