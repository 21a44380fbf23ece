//! A table of series as DataFusion sees it.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{MapBuilder, StringBuilder},
    datatypes::SchemaRef,
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::ScalarValue,
    datasource::{TableType, sink::DataSinkExec},
    error::Result,
    logical_expr::{Expr, TableProviderFilterPushDown, dml::InsertOp, lit},
    physical_plan::ExecutionPlan,
};
use timberline::Database;

use super::{Layout, Source};
use crate::{
    scan::{Opened, SeriesScanPlan, Wanted},
    statements::SeriesSink,
};

/// The series of a database, or those of one metric, as rows.
#[derive(Debug)]
pub(crate) struct SeriesTable {
    database: Arc<Database>,
    layout: Arc<Layout>,
    /// What an `INSERT` puts into columns that it does not name.
    defaults: HashMap<String, Expr>,
}

/// Columns that are never NULL: now, no labels, and a number that the labels say.
fn defaults_of(layout: &Layout) -> HashMap<String, Expr> {
    let of = |source: &Source| match source {
        Source::Time => Some(datafusion::functions::expr_fn::now()),
        Source::SeriesId => Some(lit(0_u64)),
        Source::Tags => {
            let mut none = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
            none.append(true).ok()?;
            Some(lit(ScalarValue::Map(Arc::new(none.finish()))))
        }
        _ => None,
    };
    let fields = layout.schema().fields().iter().zip(layout.sources());
    fields.filter_map(|(field, source)| Some((field.name().clone(), of(source)?))).collect()
}

impl SeriesTable {
    pub(crate) fn new(database: Arc<Database>, layout: Layout) -> Self {
        let defaults = defaults_of(&layout);
        Self { database, layout: Arc::new(layout), defaults }
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    pub(crate) fn layout(&self) -> &Arc<Layout> {
        &self.layout
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

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.defaults.get(column)
    }

    async fn insert_into(
        &self,
        _state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        _op: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let sink = Arc::new(SeriesSink::new(&self.database, &self.layout));
        Ok(Arc::new(DataSinkExec::new(input, sink, None)))
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
