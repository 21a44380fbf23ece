//! The statements that run at the moment.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// All running statements of an engine.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    running: Mutex<BTreeMap<u64, Arc<Query>>>,
    next: AtomicU64,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Query {
    pub(super) id: u64,
    pub(super) database: String,
    pub(super) text: String,
    /// Nanoseconds since the epoch.
    pub(super) start: i64,
    begun: Instant,
    /// Rows answered so far.
    rows: AtomicU64,
}

impl Query {
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

impl Queries {
    /// Notes that a statement runs, until what is returned goes.
    pub(crate) fn begin(self: &Arc<Self>, database: &str, text: &str) -> Running {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let query = Arc::new(Query {
            id,
            database: database.to_owned(),
            text: text.to_owned(),
            start: i64::try_from(now.as_nanos()).unwrap_or(i64::MAX),
            begun: Instant::now(),
            rows: AtomicU64::new(0),
        });
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(id, Arc::clone(&query));
        Running { queries: Arc::clone(self), query }
    }

    /// Those that run now, the oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Query>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().cloned().collect()
    }
}

/// A statement that runs.
#[derive(Debug)]
pub(crate) struct Running {
    queries: Arc<Queries>,
    query: Arc<Query>,
}

impl Running {
    /// Counts rows, and tells how many there are by now.
    pub(crate) fn add_rows(&self, rows: usize) -> u64 {
        self.query.rows.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.queries.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.query.id);
    }
}
