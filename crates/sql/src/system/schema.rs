//! The schema `system`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{SchemaProvider, Session, TableProvider},
    datasource::{MemTable, TableType},
    error::{DataFusionError, Result},
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::ExecutionPlan,
};
use timberline::{Database, Databases};
use timberline_model::TimeRange;

use super::{Queries, tables::SystemTable};
use crate::{pushdown::time_range_of, tables::Layout};

/// The name of the schema.
pub(crate) const SYSTEM: &str = "system";

/// What the tables are made of.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) name: String,
    pub(super) database: Arc<Database>,
    pub(super) databases: Arc<Databases>,
    pub(super) queries: Arc<Queries>,
}

/// Tables about one database and its engine.
#[derive(Debug)]
pub(crate) struct SystemSchema {
    origin: Origin,
}

impl SystemSchema {
    pub(crate) fn new(
        name: &str,
        database: Arc<Database>,
        databases: Arc<Databases>,
        queries: Arc<Queries>,
    ) -> Self {
        Self { origin: Origin { name: name.to_owned(), database, databases, queries } }
    }
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        SystemTable::ALL.iter().map(|table| table.name().to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let table = SystemTable::ALL.into_iter().find(|table| table.name() == name);
        Ok(table.map(|table| {
            let schema = table.schema();
            Arc::new(Provider { table, schema, origin: self.origin.clone() }) as _
        }))
    }

    async fn table_type(&self, _: &str) -> Result<Option<TableType>> {
        Ok(Some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        SystemTable::ALL.iter().any(|table| table.name() == name)
    }
}

/// One of the tables.
#[derive(Debug)]
struct Provider {
    table: SystemTable,
    schema: SchemaRef,
    origin: Origin,
}

#[async_trait]
impl TableProvider for Provider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let timed = self.table == SystemTable::Exemplars;
        let support = |filter: &&Expr| {
            if timed && time_range_of(&Layout::whole(), filter).is_some() {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    /// The table of this moment.
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (table, origin) = (self.table, self.origin.clone());
        let spans = filters.iter().filter_map(|filter| time_range_of(&Layout::whole(), filter));
        let range = spans.fold(TimeRange::ALL, |range, span| {
            TimeRange::new(range.start.max(span.start), range.end.min(span.end))
        });
        let work = tokio::task::spawn_blocking(move || table.read(&origin, range));
        let batch = work.await.map_err(|error| DataFusionError::External(Box::new(error)))??;
        let table = MemTable::try_new(Arc::clone(&self.schema), vec![vec![batch]])?;
        table.scan(state, projection, &[], None).await
    }
}
