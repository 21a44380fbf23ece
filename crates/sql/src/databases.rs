//! The databases that statements may name.

use std::sync::Arc;

use timberline::Database;

use crate::SqlError;

/// Where a session finds its database.
pub trait Databases: Send + Sync + std::fmt::Debug {
    /// The database of this name, if there is one.
    fn get(&self, name: &str) -> Option<Arc<Database>>;

    /// The names of all, sorted.
    fn names(&self) -> Vec<String>;

    /// What creates, changes and drops them; `None` if they are fixed.
    fn registry(&self) -> Option<&timberline::Databases> {
        None
    }
}

impl Databases for timberline::Databases {
    fn get(&self, name: &str) -> Option<Arc<Database>> {
        Self::get(self, name).ok()
    }

    fn names(&self) -> Vec<String> {
        Self::names(self)
    }

    fn registry(&self) -> Option<&timberline::Databases> {
        Some(self)
    }
}

/// The database of this name.
///
/// # Errors
/// There is none, or it did not open.
pub(crate) fn find(databases: &dyn Databases, name: &str) -> Result<Arc<Database>, SqlError> {
    if let Some(found) = databases.get(name) {
        return Ok(found);
    }
    let why = databases.registry().map(|registry| registry.get(name));
    match why {
        Some(Err(error @ timberline::Error::DatabaseNotOpen { .. })) => {
            Err(SqlError::Storage { message: error.to_string() })
        }
        _ => Err(SqlError::NoDatabase { name: name.to_owned() }),
    }
}
