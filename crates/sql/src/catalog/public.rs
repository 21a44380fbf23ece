//! The schema of the tables of series.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    catalog::{SchemaProvider, TableProvider},
    datasource::TableType,
    error::Result,
};
use timberline::Database;

use crate::system::SystemSchema;
use crate::tables::{WHOLE, exists, metric_names, series_table};

/// `metrics`, and a table for each metric.
#[derive(Debug)]
pub(crate) struct PublicSchema {
    database: Arc<Database>,
    /// What names mean that no metric has.
    system: Arc<SystemSchema>,
}

impl PublicSchema {
    pub(crate) fn new(database: Arc<Database>, system: Arc<SystemSchema>) -> Self {
        Self { database, system }
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
            None => self.system.table(name).await,
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
