//! All databases that a session may name.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use datafusion::catalog::{CatalogProvider, CatalogProviderList};
use timberline::Databases;

use super::database::DatabaseCatalog;
use crate::{files::Files, system::Queries};

/// Databases, each as a catalog that is made when it is named first.
#[derive(Debug)]
pub(crate) struct Catalogs {
    databases: Arc<Databases>,
    queries: Arc<Queries>,
    files: Arc<Files>,
    made: Mutex<HashMap<String, Arc<DatabaseCatalog>>>,
}

impl Catalogs {
    pub(crate) fn new(databases: Arc<Databases>, queries: Arc<Queries>, files: Arc<Files>) -> Self {
        Self { databases, queries, files, made: Mutex::new(HashMap::new()) }
    }
}

impl CatalogProviderList for Catalogs {
    /// Catalogs are databases and nothing else: this one is not taken.
    fn register_catalog(
        &self,
        _: String,
        _: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        self.databases.names()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(database) = self.databases.get(name) else {
            made.remove(name);
            return None;
        };
        if let Some(catalog) = made.get(name).filter(|catalog| catalog.is_of(&database)) {
            return Some(Arc::clone(catalog) as _);
        }
        let catalog = Arc::new(DatabaseCatalog::new(
            name,
            database,
            &self.databases,
            &self.queries,
            &self.files,
        ));
        made.insert(name.to_owned(), Arc::clone(&catalog));
        Some(catalog)
    }
}
