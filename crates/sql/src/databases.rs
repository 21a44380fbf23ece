//! The databases that statements may name.

use std::sync::Arc;

use timberline::Database;

/// Where a session finds its database.
pub trait Databases: Send + Sync + std::fmt::Debug {
    /// The database of this name, if there is one.
    fn get(&self, name: &str) -> Option<Arc<Database>>;

    /// The names of all, sorted.
    fn names(&self) -> Vec<String>;
}
