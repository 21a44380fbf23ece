//! The schema of the tables of series.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    catalog::{SchemaProvider, TableProvider},
    datasource::TableType,
    error::{DataFusionError, Result},
};
use timberline::Database;

use crate::{
    files::{FileFormat, Files, ReadOptions, file_table},
    system::SystemSchema,
    tables::{WHOLE, exists, metric_names, series_table},
};

/// `metrics`, and a table for each metric; and files, by names that end as those of files do.
#[derive(Debug)]
pub(crate) struct PublicSchema {
    database: Arc<Database>,
    /// What names mean that no metric has.
    system: Arc<SystemSchema>,
    files: Arc<Files>,
}

impl PublicSchema {
    pub(crate) fn new(
        database: Arc<Database>,
        system: Arc<SystemSchema>,
        files: Arc<Files>,
    ) -> Self {
        Self { database, system, files }
    }

    /// The file of a name that ends as those of files do.
    async fn file(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(format) = FileFormat::of_name(name) else { return Ok(None) };
        let (files, name) = (Arc::clone(&self.files), name.to_owned());
        let work = move || file_table(&files, &name, format, &ReadOptions::of_name(&name));
        let table = tokio::task::spawn_blocking(work).await;
        let table = table.map_err(|error| DataFusionError::External(Box::new(error)))??;
        Ok(Some(Arc::new(table)))
    }
}

#[async_trait]
impl SchemaProvider for PublicSchema {
    /// Storage that cannot be read has no names here; whoever reads a table is told why.
    fn table_names(&self) -> Vec<String> {
        let mut names = metric_names(&self.database).unwrap_or_default();
        names.retain(|name| name != WHOLE);
        names.push(WHOLE.to_owned());
        names.sort_unstable();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match series_table(&self.database, name).await? {
            Some(table) => Ok(Some(table)),
            None => match self.system.table(name).await? {
                Some(table) => Ok(Some(table)),
                None => self.file(name).await,
            },
        }
    }

    /// All are of one type: nothing is looked up to list them.
    async fn table_type(&self, _: &str) -> Result<Option<TableType>> {
        Ok(Some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        exists(&self.database, name) || self.system.table_exist(name)
    }
}
