//! A database in a directory of its own, and a session over it.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use timberline::{Database, Databases, Options, Retention};
use timberline_sql::{Answer, ScalarValue, Session, SqlEngine, SqlError, SqlOptions};

/// The name of the database of a [`House`].
pub(crate) const NAME: &str = "test";

/// A database, an engine over it, and a session.
pub(crate) struct House {
    pub(crate) database: Arc<Database>,
    pub(crate) engine: SqlEngine,
    pub(crate) session: Session,
    directory: tempfile::TempDir,
}

/// What a statement answered, in words.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Rows { types: Vec<arrow::datatypes::DataType>, rows: Vec<Vec<String>> },
    Done { command: &'static str, rows: Option<u64> },
}

impl House {
    /// With a directory of files.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = SqlOptions::default();
        options.files = Some(directory.path().join("files"));
        Self::within(directory, options)
    }

    pub(crate) fn with(options: SqlOptions) -> Self {
        Self::within(tempfile::tempdir().unwrap(), options)
    }

    /// The directory of files.
    pub(crate) fn files(&self) -> std::path::PathBuf {
        self.directory.path().join("files")
    }

    fn within(directory: tempfile::TempDir, options: SqlOptions) -> Self {
        let of_database =
            Options { retention: Retention::default(), background: false, ..Options::default() };
        let databases = Databases::open(directory.path().join("data"), of_database).unwrap();
        databases.create(NAME, &[], false).unwrap();
        let database = databases.get(NAME).unwrap();
        let engine = SqlEngine::new(Arc::new(databases), options).unwrap();
        let session = engine.session(NAME).unwrap();
        Self { database, engine, session, directory }
    }

    pub(crate) async fn run(&self, sql: &str) -> Result<Told, SqlError> {
        self.run_with(sql, Vec::new()).await
    }

    pub(crate) async fn run_with(
        &self,
        sql: &str,
        parameters: Vec<ScalarValue>,
    ) -> Result<Told, SqlError> {
        tell(self.session.run(sql, parameters).await?).await
    }

    /// The rows of a question, each joined by spaces.
    pub(crate) async fn lines(&self, sql: &str) -> Vec<String> {
        match self.run(sql).await {
            Ok(Told::Rows { rows, .. }) => rows.into_iter().map(|row| row.join(" ")).collect(),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

/// Reads an answer to its end.
pub(crate) async fn tell(answer: Answer) -> Result<Told, SqlError> {
    let rows = match answer {
        Answer::Done { command, rows } => return Ok(Told::Done { command, rows }),
        Answer::Rows(rows) => rows,
    };
    let types = rows.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    let batches: Vec<_> = rows.into_stream().try_collect().await?;
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| {
                arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options).unwrap()
            })
            .collect();
        for row in 0..batch.num_rows() {
            lines.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    Ok(Told::Rows { types, rows: lines })
}
