//! The table that an `INSERT` writes to, which need not be there yet.
//!
//! `INSERT INTO cpu(time, host, value)` names the labels of what it writes. A metric without series, or
//! without a label of such a name, has a table with these columns for this one statement.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider},
    error::Result,
    sql::{
        parser::Statement,
        sqlparser::ast::{Ident, ObjectName, Statement as Sql, TableObject},
    },
};
use timberline::Database;

use crate::{
    catalog::PUBLIC,
    tables::{Layout, SeriesTable, WHOLE, series_table},
};

/// The metric and the columns that an `INSERT` names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InsertTarget {
    database: String,
    metric: String,
    columns: Vec<String>,
}

impl InsertTarget {
    /// Of a statement that names columns of a table of series, from a session in a database.
    pub(crate) fn of(statement: &Statement, database: &str) -> Option<Self> {
        let Statement::Statement(statement) = statement else { return None };
        let Sql::Insert(insert) = statement.as_ref() else { return None };
        let TableObject::TableName(name) = &insert.table else { return None };
        let (database, metric) = match parts(name)?.as_slice() {
            [table] => (database.to_owned(), table.clone()),
            [schema, table] if schema == PUBLIC => (database.to_owned(), table.clone()),
            [catalog, schema, table] if schema == PUBLIC => (catalog.clone(), table.clone()),
            _ => return None,
        };
        let columns: Option<Vec<String>> =
            insert.columns.iter().map(|column| parts(column)?.pop()).collect();
        let columns = columns.filter(|columns| !columns.is_empty())?;
        (metric != WHOLE && !metric.is_empty()).then_some(Self { database, metric, columns })
    }

    /// The name of the database that it is in.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Catalogs in which the table has all of the columns; `None` where it has them anyway.
    pub(crate) async fn catalogs(
        self,
        database: &Arc<Database>,
        others: &Arc<dyn CatalogProviderList>,
    ) -> Result<Option<Arc<dyn CatalogProviderList>>> {
        let known = series_table(database, &self.metric).await?;
        let mut labels: Vec<String> = Vec::new();
        if let Some(table) = &known {
            let of_table = table.layout().sources().iter();
            labels.extend(of_table.filter_map(|source| source.label().map(str::to_owned)));
        }
        let is_known = |column: &String| match &known {
            Some(table) => table.layout().source(column).is_some(),
            None => matches!(column.as_str(), "time" | "value"),
        };
        let new: Vec<String> = self.columns.into_iter().filter(|of| !is_known(of)).collect();
        if new.is_empty() && known.is_some() {
            return Ok(None);
        }
        labels.extend(new);
        labels.sort_unstable();
        labels.dedup();
        let layout = Layout::of_metric(&self.metric, &labels, false);
        let table = Arc::new(SeriesTable::new(Arc::clone(database), layout));
        Ok(Some(Arc::new(WithTable {
            others: Arc::clone(others),
            database: self.database,
            metric: self.metric,
            table,
        })))
    }
}

/// The parts of a name, as the session reads them: what is not quoted is in small letters.
fn parts(name: &ObjectName) -> Option<Vec<String>> {
    let text = |ident: &Ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    name.0.iter().map(|part| part.as_ident().map(text)).collect()
}

/// Catalogs with one table more, or another in the place of one.
#[derive(Clone, Debug)]
struct WithTable {
    others: Arc<dyn CatalogProviderList>,
    database: String,
    metric: String,
    table: Arc<SeriesTable>,
}

impl WithTable {
    fn public(&self) -> Option<Arc<dyn SchemaProvider>> {
        self.others.catalog(&self.database)?.schema(PUBLIC)
    }
}

impl CatalogProviderList for WithTable {
    fn register_catalog(
        &self,
        _: String,
        _: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        self.others.catalog_names()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        if name == self.database { Some(Arc::new(self.clone())) } else { self.others.catalog(name) }
    }
}

impl CatalogProvider for WithTable {
    fn schema_names(&self) -> Vec<String> {
        self.others.catalog(&self.database).map_or_else(Vec::new, |of| of.schema_names())
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name == PUBLIC {
            return Some(Arc::new(self.clone()));
        }
        self.others.catalog(&self.database)?.schema(name)
    }
}

#[async_trait]
impl SchemaProvider for WithTable {
    fn table_names(&self) -> Vec<String> {
        self.public().map_or_else(Vec::new, |schema| schema.table_names())
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if name == self.metric {
            return Ok(Some(Arc::clone(&self.table) as _));
        }
        match self.public() {
            Some(schema) => schema.table(name).await,
            None => Ok(None),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        name == self.metric || self.public().is_some_and(|schema| schema.table_exist(name))
    }
}
