//! One connection's state: its database, and how its statements are planned.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::{
    common::ParamValues,
    execution::SessionStateBuilder,
    logical_expr::LogicalPlan,
    physical_optimizer::optimizer::PhysicalOptimizer,
    prelude::{SQLOptions, SessionConfig, SessionContext},
    scalar::ScalarValue,
};
use timberline::Database;

use crate::{
    Answer, Rows, SqlEngine, SqlError,
    catalog::{Catalogs, PUBLIC},
    figures::FigureRule,
};

/// Runs statements in one database.
pub struct Session {
    context: SessionContext,
    database: Arc<Database>,
}

/// A statement that was planned, and may be run with parameters any number of times.
#[derive(Clone, Debug)]
pub struct Prepared {
    plan: LogicalPlan,
}

impl Prepared {
    /// Names and types of the columns that it answers; no columns if it answers no rows.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    /// The statement with values for its parameters: its columns may have other types with them.
    ///
    /// # Errors
    /// Parameters that do not fit.
    pub fn bound(&self, parameters: Vec<ScalarValue>) -> Result<Self, SqlError> {
        let plan = self.plan.clone().with_param_values(ParamValues::from(parameters));
        Ok(Self { plan: plan.map_err(|error| SqlError::from_datafusion(&error))? })
    }

    /// The types of the parameters `$1`, `$2`, ... in order; `None` where any will do.
    ///
    /// # Errors
    /// Parameters whose types contradict each other.
    pub fn parameters(&self) -> Result<Vec<Option<DataType>>, SqlError> {
        let types =
            self.plan.get_parameter_types().map_err(|error| SqlError::from_datafusion(&error))?;
        let number = |name: &str| name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
        let count = types.keys().filter_map(|name| number(name)).max().unwrap_or(0);
        let mut found = vec![None; count];
        // What `$1::bigint` says of its parameter, which DataFusion leaves open.
        let casts = crate::parameters::cast(&self.plan)
            .map_err(|error| SqlError::from_datafusion(&error))?;
        for (name, kind) in types {
            if let Some(place) = number(&name).and_then(|n| found.get_mut(n.wrapping_sub(1))) {
                *place = kind.or_else(|| casts.get(&name).cloned());
            }
        }
        Ok(found)
    }
}

impl Session {
    pub(crate) fn new(engine: &SqlEngine, name: &str, database: Arc<Database>) -> Self {
        let mut config = SessionConfig::new()
            .with_target_partitions(engine.options().partitions.get())
            .with_information_schema(false)
            .with_create_default_catalog_and_schema(false)
            .with_default_catalog_and_schema(name, PUBLIC);
        // What `now()` and casts of texts give is then of the type of the time column.
        config.options_mut().execution.time_zone = Some("UTC".to_owned());
        let mut rules = PhysicalOptimizer::new().rules;
        rules.insert(0, Arc::new(FigureRule));
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(engine.runtime()))
            .with_catalog_list(Arc::new(Catalogs::new(Arc::clone(engine.databases()))))
            .with_default_features()
            .with_physical_optimizer_rules(rules)
            .with_query_planner(Arc::new(crate::functions::Planner))
            .build();
        let context = SessionContext::new_with_state(state);
        crate::functions::register(&context);
        crate::functions::register_promql(&context, &database);
        crate::dialect::register(&context);
        Self { context, database }
    }

    /// The database that statements run in.
    #[must_use]
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// What DataFusion knows of this session: for the catalog of PostgreSQL, which is made for it.
    #[must_use]
    pub const fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Plans one statement.
    ///
    /// # Errors
    /// It is wrong, or names what is not there.
    pub async fn prepare(&self, sql: &str) -> Result<Prepared, SqlError> {
        let plan = self
            .context
            .state()
            .create_logical_plan(sql)
            .await
            .map_err(|error| SqlError::from_datafusion(&error).in_statement(sql))?;
        // What writes, and what changes the session or the process, is not DataFusion's to do.
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(|error| SqlError::from_datafusion(&error))?;
        Ok(Prepared { plan })
    }

    /// Runs a prepared statement with values for `$1`, `$2`, ...
    ///
    /// # Errors
    /// Parameters that do not fit, and whatever running it runs into.
    pub async fn execute(
        &self,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
    ) -> Result<Answer, SqlError> {
        let work = async {
            let mut plan = prepared.plan.clone();
            if !parameters.is_empty() {
                plan = plan.with_param_values(ParamValues::from(parameters))?;
            }
            self.context.execute_logical_plan(plan).await?.execute_stream().await
        };
        let stream = work.await.map_err(|error| SqlError::from_datafusion(&error))?;
        Ok(Answer::Rows(Rows::new(stream)))
    }

    /// Begins a continuous query, `SUBSCRIBE TO SELECT ...`; with the id of an event, behind that one.
    /// [`Subscription::into_stream`](crate::Subscription::into_stream) makes a stream of it.
    ///
    /// # Errors
    /// A statement that no subscription can have, with its place; an id that does not belong to it.
    pub fn subscribe(
        &self,
        sql: &str,
        resume: Option<&str>,
    ) -> Result<crate::Subscription, SqlError> {
        crate::Subscription::begin(&self.database, sql, resume)
    }

    /// Plans and runs one statement.
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare) and [`execute`](Self::execute).
    pub async fn run(&self, sql: &str, parameters: Vec<ScalarValue>) -> Result<Answer, SqlError> {
        let placed = |error: SqlError| error.in_statement(sql);
        let prepared = self.prepare(sql).await?;
        self.execute(&prepared, parameters).await.map_err(placed)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("database", &self.database.dir()).finish_non_exhaustive()
    }
}
