//! The databases of this server, by the names that SQL has for them.

use std::sync::Arc;

use timberline::Database;
use timberline_sql::Databases;

/// The name of the server's database.
pub(crate) const DEFAULT: &str = "default";

/// One database, named `default`.
#[derive(Debug)]
pub(super) struct OneDatabase(Arc<Database>);

impl OneDatabase {
    /// That of the server.
    pub(super) fn new(database: &Database) -> Self {
        Self(Arc::new(database.clone()))
    }
}

impl Databases for OneDatabase {
    fn get(&self, name: &str) -> Option<Arc<Database>> {
        (name == DEFAULT).then(|| Arc::clone(&self.0))
    }

    fn names(&self) -> Vec<String> {
        vec![DEFAULT.to_owned()]
    }
}
