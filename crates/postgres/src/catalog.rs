//! The catalog of PostgreSQL: `pg_catalog`, its functions, and the questions that clients ask of it.
//!
//! It takes a moment to set up, and most connections never ask: it is set up by the first statement that
//! looks as if it needed it. Those statements alone are rewritten from PostgreSQL's dialect.

use std::sync::{Arc, RwLock};

use arrow::datatypes::{DataType, Field};
use datafusion::{
    catalog::{CatalogProvider, CatalogProviderList, SchemaProvider},
    common::ScalarValue,
    error::{DataFusionError, Result as DataFusionResult},
    execution::SessionStateBuilder,
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};
use datafusion_pg_catalog::{
    pg_catalog::context::{PgCatalogContextProvider, Role},
    setup_pg_catalog,
    sql::PostgresCompatibilityParser,
};
use timberline_sql::{Session, SqlError};

/// What a statement says that needs the catalog, or PostgreSQL's dialect.
const SIGNS: [&str; 23] = [
    "pg_",
    "current_database",
    "current_schema",
    "current_catalog",
    "current_user",
    "session_user",
    "regclass",
    "regtype",
    "regproc",
    "regnamespace",
    "::oid",
    "has_table_",
    "has_schema_",
    "has_database_",
    "format_type",
    "quote_ident",
    "obj_description",
    "col_description",
    "version()",
    "generate_subscripts",
    "quote_literal",
    "parse_ident",
    " user",
];

/// The catalog of one connection.
#[derive(Debug)]
pub(crate) struct Catalog {
    database: String,
    user: String,
    parser: Option<PostgresCompatibilityParser>,
}

impl Catalog {
    pub(crate) fn new(database: &str, user: &str) -> Self {
        Self { database: database.to_owned(), user: user.to_owned(), parser: None }
    }

    /// The statement as the engine should have it.
    ///
    /// # Errors
    /// The catalog cannot be set up.
    pub(crate) fn rewritten(&mut self, session: &Session, sql: &str) -> Result<String, SqlError> {
        let lower = sql.to_ascii_lowercase();
        if !SIGNS.iter().any(|sign| lower.contains(sign)) {
            return Ok(sql.to_owned());
        }
        if self.parser.is_none() {
            self.set_up(session).map_err(|error| SqlError::Statement {
                message: format!("pg_catalog cannot be set up: {error}"),
                position: None,
            })?;
            self.parser = Some(PostgresCompatibilityParser::new());
        }
        let parsed = self.parser.as_ref().map(|parser| parser.parse(sql));
        match parsed {
            Some(Ok(statements)) if statements.len() == 1 => Ok(statements[0].to_string()),
            // Whatever is wrong with it, the engine says it better.
            _ => Ok(sql.to_owned()),
        }
    }

    fn set_up(&self, session: &Session) -> DataFusionResult<()> {
        let context = session.context();
        let inner = Arc::clone(context.state().catalog_list());
        let named = inner.catalog(&self.database).ok_or_else(|| {
            DataFusionError::Configuration(format!("there is no database {:?}", self.database))
        })?;
        let catalog = Arc::new(WithPgCatalog { inner: named, added: RwLock::new(None) });
        let list = List { inner, name: self.database.clone(), catalog };
        let state = SessionStateBuilder::new_from_existing(context.state())
            .with_catalog_list(Arc::new(list))
            .build();
        *context.state_ref().write() = state;
        setup_pg_catalog(context, &self.database, Roles { user: self.user.clone() })
            .map_err(|error| *error)?;
        for (name, value) in self.constants() {
            context.register_udf(ScalarUDF::new_from_impl(Constant::new(name, value)));
        }
        Ok(())
    }

    /// Functions of which every answer is the same here.
    fn constants(&self) -> Vec<(&'static str, ScalarValue)> {
        let text = |value: &str| ScalarValue::Utf8(Some(value.to_owned()));
        let none = || ScalarValue::Utf8(None);
        let truth = |value| ScalarValue::Boolean(Some(value));
        let version = concat!("PostgreSQL 16.6 (Timberline ", env!("CARGO_PKG_VERSION"), ")");
        vec![
            ("version", text(version)),
            ("session_user", text(&self.user)),
            ("current_user", text(&self.user)),
            ("pg_function_is_visible", truth(true)),
            ("pg_type_is_visible", truth(true)),
            ("pg_operator_is_visible", truth(true)),
            ("pg_opclass_is_visible", truth(true)),
            ("pg_collation_is_visible", truth(true)),
            ("pg_is_in_recovery", truth(false)),
            ("pg_is_wal_replay_paused", truth(false)),
            ("pg_advisory_unlock_all", none()),
            ("pg_my_temp_schema", ScalarValue::Int64(Some(0))),
            ("txid_current", ScalarValue::Int64(Some(1))),
            ("obj_description", none()),
            ("col_description", none()),
            ("shobj_description", none()),
            ("pg_get_viewdef", none()),
            ("pg_get_indexdef", none()),
            ("pg_get_triggerdef", none()),
            ("pg_get_ruledef", none()),
            ("pg_get_serial_sequence", none()),
            ("pg_get_function_result", none()),
            ("pg_get_function_arguments", none()),
            ("pg_get_function_identity_arguments", none()),
            ("pg_get_function_sqlbody", none()),
            ("pg_tablespace_location", none()),
            ("inet_server_addr", none()),
            // Of the keys of an index, which there is none of.
            ("_pg_expandarray", key_columns()),
        ]
    }
}

/// No column of a key: NULL of the type that has a column and its place.
fn key_columns() -> ScalarValue {
    let fields = ["x", "n"].map(|name| Field::new(name, DataType::Int64, true));
    let kind = DataType::Struct(fields.to_vec().into());
    ScalarValue::try_from(&kind).unwrap_or(ScalarValue::Null)
}

/// A function whose answer does not depend on anything.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl Constant {
    fn new(name: &'static str, value: ScalarValue) -> Self {
        let signature = Signature::one_of(
            vec![
                datafusion::logical_expr::TypeSignature::Nullary,
                datafusion::logical_expr::TypeSignature::VariadicAny,
            ],
            Volatility::Stable,
        );
        Self { name, value, signature }
    }
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// The one role: that of the user.
#[derive(Clone, Debug)]
struct Roles {
    user: String,
}

#[async_trait::async_trait]
impl PgCatalogContextProvider for Roles {
    async fn roles(&self) -> Vec<String> {
        vec![self.user.clone()]
    }

    async fn role(&self, name: &str) -> Option<Role> {
        (name == self.user).then(|| Role {
            name: self.user.clone(),
            is_superuser: false,
            can_login: true,
            can_create_db: true,
            can_create_role: false,
            can_create_user: false,
            can_replication: false,
            grants: Vec::new(),
            inherited_roles: Vec::new(),
        })
    }
}

/// All databases, one of them with a `pg_catalog`.
#[derive(Debug)]
struct List {
    inner: Arc<dyn CatalogProviderList>,
    name: String,
    catalog: Arc<WithPgCatalog>,
}

impl CatalogProviderList for List {
    fn register_catalog(
        &self,
        name: String,
        catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        self.inner.register_catalog(name, catalog)
    }

    fn catalog_names(&self) -> Vec<String> {
        self.inner.catalog_names()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        if name == self.name {
            return Some(Arc::clone(&self.catalog) as Arc<dyn CatalogProvider>);
        }
        self.inner.catalog(name)
    }
}

/// A database and its `pg_catalog`.
#[derive(Debug)]
struct WithPgCatalog {
    inner: Arc<dyn CatalogProvider>,
    added: RwLock<Option<Arc<dyn SchemaProvider>>>,
}

const PG_CATALOG: &str = "pg_catalog";

impl WithPgCatalog {
    fn added(&self) -> Option<Arc<dyn SchemaProvider>> {
        self.added.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl CatalogProvider for WithPgCatalog {
    fn schema_names(&self) -> Vec<String> {
        let mut names = self.inner.schema_names();
        if self.added().is_some() {
            names.push(PG_CATALOG.to_owned());
        }
        names
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name == PG_CATALOG { self.added() } else { self.inner.schema(name) }
    }

    fn register_schema(
        &self,
        name: &str,
        schema: Arc<dyn SchemaProvider>,
    ) -> DataFusionResult<Option<Arc<dyn SchemaProvider>>> {
        if name != PG_CATALOG {
            return self.inner.register_schema(name, schema);
        }
        let mut added = self.added.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(added.replace(schema))
    }
}
