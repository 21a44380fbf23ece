//! One connection's state: its database, and how its statements are planned.

use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::UInt64Type};
use datafusion::{
    arrow::array::AsArray as _,
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder},
    logical_expr::{LogicalPlan, WriteOp},
    physical_plan::execute_stream,
    prelude::SessionContext,
    scalar::ScalarValue,
    sql::parser::Statement,
};
use futures_util::TryStreamExt as _;
use timberline::Database;
use tokio::time::Instant;

use crate::{
    Answer, Prepared, Rows, SqlEngine, SqlError,
    catalog::{Catalogs, PUBLIC, missing_table, similar_names},
    dialect::{check_calls, check_operators, level_chains, name_casts},
    is_subscribe,
    prepared::Work,
    statements::{
        AboutDatabases, CopyTarget, DatabaseStatement, InsertTarget, SHOW, check_allowed,
        check_asks, copy_of, delete,
    },
    stops::{Awaited, WhileAwaited},
    system::Running,
    watched::{Watched, on_own_task, timed_out},
};

/// Of a continuous query, where only answers that end are given.
const SUBSCRIBE_ELSEWHERE: &str = "SUBSCRIBE is not supported here, as its answer has no end: ask it \
    over HTTP (/sql/subscribe, or /sql), or by `timberline subscribe`";

/// Runs statements in one database.
pub struct Session {
    context: SessionContext,
    database: Arc<Database>,
    /// Of the database.
    name: String,
    engine: SqlEngine,
}

impl Session {
    pub(crate) fn new(engine: &SqlEngine, name: &str, database: Arc<Database>) -> Self {
        let mut state = engine.template().clone();
        let defaults = &mut state.config_mut().options_mut().catalog;
        (defaults.default_catalog, defaults.default_schema) = (name.to_owned(), PUBLIC.to_owned());
        let catalogs = Catalogs::new(
            Arc::clone(engine.databases()),
            Arc::clone(engine.queries()),
            Arc::clone(engine.files()),
        );
        state.register_catalog_list(Arc::new(catalogs));
        let context = SessionContext::new_with_state(state);
        crate::functions::register_promql(&context, &database);
        crate::files::register_files(&context, engine.files());
        Self { context, database, name: name.to_owned(), engine: engine.clone() }
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
        if is_subscribe(sql) {
            return Err(SqlError::Statement {
                message: SUBSCRIBE_ELSEWHERE.to_owned(),
                position: None,
            });
        }
        self.check_there()?;
        let text: Arc<str> = Arc::from(sql);
        let planned = match AboutDatabases::of(sql)? {
            Some(AboutDatabases::Change(statement)) => {
                return Ok(Prepared { text, work: Work::Databases(statement) });
            }
            Some(AboutDatabases::Show) => SHOW,
            None => sql,
        };
        match self.plan(planned).await {
            Ok(work) => Ok(Prepared { text, work }),
            Err(error) => Err(self.explained(&error).await.in_statement(sql)),
        }
    }

    /// Whether the session's database is still what its name means: it may have been dropped.
    fn check_there(&self) -> Result<(), SqlError> {
        match self.engine.databases().get(&self.name)? {
            found if Arc::ptr_eq(&found, &self.database) => Ok(()),
            _ => Err(SqlError::NoDatabase { name: self.name.clone() }),
        }
    }

    /// Carries out a statement about databases.
    async fn change_databases(
        &self,
        statement: Arc<DatabaseStatement>,
    ) -> Result<Answer, SqlError> {
        let (databases, current) = (Arc::clone(self.engine.databases()), self.name.clone());
        let command = statement.tag();
        // It goes on when nobody waits for it any more: half a change would be none.
        let work = move || statement.run(databases.as_ref(), &current);
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| SqlError::Storage { message: error.to_string() })??;
        Ok(Answer::Done { command, rows: None })
    }

    /// The plan of a statement that is about no databases.
    async fn plan(&self, sql: &str) -> Result<Work> {
        check_operators(sql)?;
        let state = self.context.state();
        if let Some((question, target)) = copy_of(sql)? {
            let plan = self.plan_of(question, state).await?;
            check_asks(&plan)?;
            return Ok(Work::Copy(plan, Arc::new(target)));
        }
        let dialect = state.config_options().sql_parser.dialect;
        let statement = state.sql_to_statement(sql, &dialect)?;
        let plan = self.plan_of(statement, state).await?;
        check_allowed(&plan)?;
        Ok(Work::Plan(plan))
    }

    async fn plan_of(
        &self,
        mut statement: Statement,
        mut state: SessionState,
    ) -> Result<LogicalPlan> {
        check_calls(&statement, &state)?;
        name_casts(&mut statement);
        level_chains(&mut statement);
        if let Some(target) = InsertTarget::of(&statement, &self.name) {
            let catalogs = state.catalog_list();
            let catalogs = match self.engine.databases().get(target.database()) {
                Ok(database) => target.catalogs(&database, catalogs).await?,
                Err(_) => None,
            };
            if let Some(catalogs) = catalogs {
                let builder = SessionStateBuilder::new_from_existing(state);
                state = builder.with_catalog_list(catalogs).build();
            }
        }
        state.statement_to_plan(statement).await
    }

    /// An error, with the names that may have been meant where a table is not there.
    async fn explained(&self, error: &DataFusionError) -> SqlError {
        let told = SqlError::from_datafusion(error);
        let SqlError::Statement { message, position } = told else { return told };
        let message = match missing_table(&message) {
            Some(name) => {
                let (name, database) = (name.to_owned(), Arc::clone(&self.database));
                let near = tokio::task::spawn_blocking(move || similar_names(&database, &name));
                let near = near.await.unwrap_or_default();
                if near.is_empty() { message } else { format!("{message}; did you mean {near}?") }
            }
            None => message,
        };
        SqlError::Statement { message, position }
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
        self.check_there()?;
        let running = self.engine.queries().begin(&self.name, &prepared.text);
        let work = match parameters.is_empty() {
            true => prepared.work.clone(),
            false => prepared.bound(parameters).map_err(|it| it.in_statement(&prepared.text))?.work,
        };
        let (plan, copy) = match work {
            Work::Plan(plan) => (plan, None),
            Work::Copy(plan, target) => (plan, Some(target)),
            Work::Databases(statement) => return self.change_databases(statement).await,
        };
        let timeout = self.engine.options().timeout;
        let deadline = (!timeout.is_zero()).then(|| Instant::now() + timeout);
        let begun = self.begin(plan, copy.as_deref(), running, deadline);
        let answer = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, begun)
                .await
                .unwrap_or_else(|_| Err(timed_out(timeout))),
            None => begun.await,
        };
        answer.map_err(|error| SqlError::from_datafusion(&error).in_statement(&prepared.text))
    }

    /// Carries out what writes, and begins to answer what asks.
    async fn begin(
        &self,
        plan: LogicalPlan,
        copy: Option<&CopyTarget>,
        running: Running,
        deadline: Option<Instant>,
    ) -> Result<Answer> {
        let writes = match &plan {
            LogicalPlan::Dml(statement) => Some(statement.op.clone()),
            _ => None,
        };
        if let (LogicalPlan::Dml(statement), Some(WriteOp::Delete)) = (&plan, &writes) {
            delete(&self.context.state(), statement).await?;
            return Ok(Answer::Done { command: "DELETE", rows: None });
        }
        let frame = self.context.execute_logical_plan(plan).await?;
        let task = Arc::new(frame.task_ctx());
        let awaited = Awaited::default();
        let plan = awaited.in_joins(frame.create_physical_plan().await?)?;
        let batches = on_own_task(execute_stream(plan, task)?);
        let stream: SendableRecordBatchStream = Box::pin(WhileAwaited::new(batches, awaited));
        if let Some(CopyTarget { file, options }) = copy {
            let memory = &self.context.runtime_env().memory_pool;
            let rows =
                crate::files::copy(self.engine.files(), file, options, stream, memory).await?;
            return Ok(Answer::Done { command: "COPY", rows: Some(rows) });
        }
        if writes.is_some() {
            let counts: Vec<RecordBatch> = stream.try_collect().await?;
            let rows = counts.iter().filter_map(written).sum();
            return Ok(Answer::Done { command: "INSERT", rows: Some(rows) });
        }
        let options = self.engine.options();
        let rows_max = if options.rows_max == 0 { u64::MAX } else { options.rows_max };
        let watched = Watched::new(stream, running, deadline, options.timeout, rows_max);
        Ok(Answer::Rows(Rows::new(Box::pin(watched))))
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
        self.check_there()?;
        crate::Subscription::begin(&self.database, sql, resume)
    }

    /// Plans and runs one statement.
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare) and [`execute`](Self::execute).
    pub async fn run(&self, sql: &str, parameters: Vec<ScalarValue>) -> Result<Answer, SqlError> {
        let prepared = self.prepare(sql).await?;
        self.execute(&prepared, parameters).await
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("database", &self.database.dir()).finish_non_exhaustive()
    }
}

/// The count that a plan which writes answers.
fn written(batch: &RecordBatch) -> Option<u64> {
    let counts = batch.columns().first()?.as_primitive_opt::<UInt64Type>()?;
    Some(counts.values().iter().sum())
}
