//! One database's schemas.

use std::sync::{Arc, PoisonError, RwLock};

use datafusion::{
    catalog::{CatalogProvider, SchemaProvider, information_schema::INFORMATION_SCHEMA},
    error::{DataFusionError, Result},
};
use timberline::{Database, Databases};

use super::{
    PUBLIC,
    information::{InformationSchema, Schemas},
    public::PublicSchema,
};
use crate::{
    files::Files,
    system::{Queries, SYSTEM, SystemSchema},
};

/// The schemas of a database: its own, and those that a wire adds for its clients (`pg_catalog`).
#[derive(Debug)]
pub(crate) struct DatabaseCatalog {
    name: String,
    database: Arc<Database>,
    public: Arc<PublicSchema>,
    system: Arc<SystemSchema>,
    added: RwLock<Schemas>,
}

impl DatabaseCatalog {
    pub(crate) fn new(
        name: &str,
        database: Arc<Database>,
        databases: &Arc<Databases>,
        queries: &Arc<Queries>,
        files: &Arc<Files>,
    ) -> Self {
        let system = Arc::new(SystemSchema::new(
            name,
            Arc::clone(&database),
            Arc::clone(databases),
            Arc::clone(queries),
        ));
        Self {
            name: name.to_owned(),
            public: Arc::new(PublicSchema::new(
                Arc::clone(&database),
                Arc::clone(&system),
                Arc::clone(files),
            )),
            system,
            database,
            added: RwLock::default(),
        }
    }

    /// Whether it is this very database's.
    pub(crate) fn is_of(&self, database: &Arc<Database>) -> bool {
        Arc::ptr_eq(&self.database, database)
    }

    /// All but `information_schema`, which is about them.
    fn schemas(&self) -> Schemas {
        let mut schemas = self.added.read().unwrap_or_else(PoisonError::into_inner).clone();
        schemas.insert(PUBLIC.to_owned(), Arc::clone(&self.public) as _);
        schemas.insert(SYSTEM.to_owned(), Arc::clone(&self.system) as _);
        schemas
    }
}

impl CatalogProvider for DatabaseCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.schemas().into_keys().chain([INFORMATION_SCHEMA.to_owned()]).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name == INFORMATION_SCHEMA {
            return Some(Arc::new(InformationSchema::new(&self.name, self.schemas())));
        }
        self.schemas().remove(name)
    }

    fn register_schema(
        &self,
        name: &str,
        schema: Arc<dyn SchemaProvider>,
    ) -> Result<Option<Arc<dyn SchemaProvider>>> {
        if [PUBLIC, SYSTEM, INFORMATION_SCHEMA].contains(&name) {
            let message = format!("schema {name} of database {} cannot be replaced", self.name);
            return Err(DataFusionError::Plan(message));
        }
        let mut added = self.added.write().unwrap_or_else(PoisonError::into_inner);
        Ok(added.insert(name.to_owned(), schema))
    }
}
