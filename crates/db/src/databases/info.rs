//! What is known of a database beside what is in it.

use std::sync::Arc;

use super::{DatabaseSettings, Entry, State, settings::Effective};
use crate::{Database, Options};

/// One database of a directory.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DatabaseInfo {
    /// Its name.
    pub name: String,
    /// The settings that it has of its own.
    pub settings: DatabaseSettings,
    /// The database; `None` if it did not open.
    pub database: Option<Arc<Database>>,
    /// Why it did not open.
    pub error: Option<String>,
    effective: Effective,
}

impl DatabaseInfo {
    pub(super) fn new(name: &str, entry: &Entry, common: &Options) -> Self {
        let (database, error) = match &entry.state {
            State::Open(database) => (Some(Arc::clone(database)), None),
            State::Failed(error) => (None, Some(error.to_string())),
        };
        Self {
            name: name.to_owned(),
            settings: entry.settings.clone(),
            effective: entry.settings.effective(common, database.as_deref()),
            database,
            error,
        }
    }

    /// The value of a setting that holds, in the words that [`DatabaseSettings::set`] takes: its own, or what
    /// it follows; `None` if there is no such setting.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<String> {
        self.effective.get(name)
    }
}
