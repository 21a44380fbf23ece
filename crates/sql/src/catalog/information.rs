//! `information_schema` of one database.
//!
//! DataFusion's own asks every schema for every table, whatever a statement wants to know. Here, a condition
//! on the table's name decides which tables are looked up at all, and there are no views to look for: it
//! takes no longer with 100,000 metrics.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{
        CatalogProvider, CatalogProviderList, SchemaProvider, Session, TableProvider,
        information_schema::{
            INFORMATION_SCHEMA, INFORMATION_SCHEMA_TABLES, InformationSchemaProvider,
        },
    },
    datasource::TableType,
    error::Result,
    logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, expr::InList},
    physical_plan::ExecutionPlan,
};

/// The schemas of a database, by name.
pub(super) type Schemas = BTreeMap<String, Arc<dyn SchemaProvider>>;

/// `information_schema`.
#[derive(Debug)]
pub(super) struct InformationSchema {
    view: View,
}

impl InformationSchema {
    pub(super) fn new(database: &str, schemas: Schemas) -> Self {
        Self { view: View { database: database.to_owned(), schemas, only: None } }
    }
}

#[async_trait]
impl SchemaProvider for InformationSchema {
    fn table_names(&self) -> Vec<String> {
        INFORMATION_SCHEMA_TABLES.iter().map(ToString::to_string).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let name = name.to_ascii_lowercase();
        if name == "columns" {
            return Ok(Some(Arc::new(Columns::new(self.view.clone()).await?)));
        }
        // There are no views.
        let only = (name == "views").then(Vec::new);
        View { only, ..self.view.clone() }.table(&name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        INFORMATION_SCHEMA_TABLES.contains(&name.to_ascii_lowercase().as_str())
    }
}

/// `information_schema.columns`.
#[derive(Debug)]
struct Columns {
    view: View,
    schema: SchemaRef,
}

impl Columns {
    async fn new(view: View) -> Result<Self> {
        let nothing = View { only: Some(Vec::new()), ..view.clone() };
        let table = nothing.table("columns").await?;
        let schema =
            table.map_or_else(|| Arc::new(arrow::datatypes::Schema::empty()), |of| of.schema());
        Ok(Self { view, schema })
    }
}

#[async_trait]
impl TableProvider for Columns {
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
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let only = filters.iter().find_map(table_names_of);
        let table = View { only, ..self.view.clone() }.table("columns").await?;
        match table {
            Some(table) => table.scan(state, projection, &[], None).await,
            None => datafusion::common::internal_err!("there is no table of columns"),
        }
    }
}

/// The names that a condition leaves of `table_name`.
fn table_names_of(condition: &Expr) -> Option<Vec<String>> {
    let is_name = |of: &Expr| matches!(of, Expr::Column(column) if column.name == "table_name");
    let text = |of: &Expr| match of {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    };
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_name(left) => {
            Some(vec![text(right)?])
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_name(right) => {
            Some(vec![text(left)?])
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            table_names_of(left).or_else(|| table_names_of(right))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let mut names = table_names_of(left)?;
            names.extend(table_names_of(right)?);
            Some(names)
        }
        Expr::InList(InList { expr, list, negated: false }) if is_name(expr) => {
            list.iter().map(text).collect()
        }
        _ => None,
    }
}

/// One database, or some tables of it, as a list of catalogs.
#[derive(Clone, Debug)]
struct View {
    database: String,
    schemas: Schemas,
    /// Only tables of these names, wherever they are.
    only: Option<Vec<String>>,
}

impl View {
    async fn table(self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        InformationSchemaProvider::new(Arc::new(self)).table(name).await
    }
}

impl CatalogProviderList for View {
    fn register_catalog(
        &self,
        _: String,
        _: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![self.database.clone()]
    }

    fn catalog(&self, _: &str) -> Option<Arc<dyn CatalogProvider>> {
        Some(Arc::new(self.clone()))
    }
}

impl CatalogProvider for View {
    fn schema_names(&self) -> Vec<String> {
        self.schemas.keys().filter(|name| *name != INFORMATION_SCHEMA).cloned().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let schema = self.schemas.get(name)?;
        match &self.only {
            None => Some(Arc::clone(schema)),
            Some(names) => {
                Some(Arc::new(SomeTables { schema: Arc::clone(schema), names: names.clone() }))
            }
        }
    }
}

/// Some tables of a schema.
#[derive(Debug)]
struct SomeTables {
    schema: Arc<dyn SchemaProvider>,
    names: Vec<String>,
}

#[async_trait]
impl SchemaProvider for SomeTables {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.names.clone();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| self.schema.table_exist(name));
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.schema.table(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name) && self.schema.table_exist(name)
    }
}
