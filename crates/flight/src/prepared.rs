//! Prepared statements, kept by their handles.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use timberline_sql::{Prepared, ScalarValue, Session};
use tonic::Status;

/// Statements of all clients; the one that was not used for longest is forgotten first.
const STATEMENTS_MAX: usize = 10_000;

/// A statement and the rows of parameters that are bound to it.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) session: Arc<Session>,
    pub(crate) prepared: Prepared,
    pub(crate) rows: Vec<Vec<ScalarValue>>,
}

/// All prepared statements.
#[derive(Default)]
pub(crate) struct Statements {
    used: AtomicU64,
    known: Mutex<HashMap<Vec<u8>, (u64, Bound)>>,
}

impl Statements {
    /// Keeps a statement under a handle that nobody can guess.
    pub(crate) fn keep(&self, handle: Vec<u8>, bound: Bound) {
        let mut known = self.lock();
        if known.len() >= STATEMENTS_MAX {
            let oldest = known.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(oldest) = oldest.map(|(handle, _)| handle.clone()) {
                known.remove(&oldest);
            }
        }
        known.insert(handle, (self.now(), bound));
    }

    /// The statement of a handle.
    ///
    /// # Errors
    /// There is none, or none any more.
    pub(crate) fn get(&self, handle: &[u8]) -> Result<Bound, Status> {
        let now = self.now();
        match self.lock().get_mut(handle) {
            Some((used, bound)) => {
                *used = now;
                Ok(bound.clone())
            }
            None => Err(Status::not_found("there is no such prepared statement, or no longer")),
        }
    }

    /// Binds rows of parameters to a statement.
    ///
    /// # Errors
    /// There is no such statement.
    pub(crate) fn bind(&self, handle: &[u8], rows: Vec<Vec<ScalarValue>>) -> Result<(), Status> {
        match self.lock().get_mut(handle) {
            Some((_, bound)) => {
                bound.rows = rows;
                Ok(())
            }
            None => Err(Status::not_found("there is no such prepared statement, or no longer")),
        }
    }

    /// Forgets a statement.
    pub(crate) fn forget(&self, handle: &[u8]) {
        self.lock().remove(handle);
    }

    fn now(&self) -> u64 {
        self.used.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, (u64, Bound)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
