//! A table of series as DataFusion sees it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    datasource::TableType,
    error::Result,
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::ExecutionPlan,
};
use timberline::Database;

use super::Layout;
use crate::scan::{Opened, SeriesScanPlan, Wanted};

/// The series of a database, or those of one metric, as rows.
#[derive(Debug)]
pub(crate) struct SeriesTable {
    database: Arc<Database>,
    layout: Arc<Layout>,
}

impl SeriesTable {
    pub(crate) fn new(database: Arc<Database>, layout: Layout) -> Self {
        Self { database, layout: Arc::new(layout) }
    }
}

#[async_trait]
impl TableProvider for SeriesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.layout.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let exact = |filter: &&Expr| {
            if Wanted::takes(&self.layout, filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(exact).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = Wanted::of(&self.layout, filters, state)?;
        let partitions = state.config().target_partitions();
        let opened = Opened::open(&self.database, wanted, partitions).await?;
        let plan = SeriesScanPlan::new(&self.layout, opened, projection, limit)?;
        Ok(Arc::new(plan))
    }
}
