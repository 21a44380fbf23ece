//! What can go wrong in a database, and with databases.

use std::{io, path::PathBuf};

use timberline_engine::EngineError;
use timberline_model::{ErrorKind, ScanError};
use timberline_promql::{ParseError, eval::EvalError};

/// Why a database could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The storage engine's error.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A query that is not PromQL.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A query that cannot be answered.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// A scan that failed.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// There is no database of this name.
    #[error("database {name:?} does not exist")]
    NoDatabase {
        /// The name.
        name: String,
    },
    /// There is a database of this name.
    #[error("database {name:?} already exists")]
    DatabaseExists {
        /// The name.
        name: String,
    },
    /// No database may have this name.
    #[error("a database cannot be named {name:?}: {reason}")]
    DatabaseName {
        /// The name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A database that did not open when the others did.
    #[error("database {name:?} could not be opened: {reason}")]
    DatabaseNotOpen {
        /// Its name.
        name: String,
        /// Why not.
        reason: String,
        /// What kind of error that was.
        kind: ErrorKind,
    },
    /// A setting that there is not, or that cannot have this value.
    #[error("setting {name:?}: {reason}")]
    Setting {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A file of settings that is not what was written.
    #[error("the settings in {} are damaged: {reason}", path.display())]
    DatabaseFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There are as many databases as there may be.
    #[error("there are {max} databases, the most there may be")]
    TooManyDatabases {
        /// How many.
        max: usize,
    },
    /// The database that every directory has cannot be dropped.
    #[error("database \"default\" cannot be dropped")]
    DefaultDatabase,
    /// They were closed.
    #[error("the databases are closed")]
    DatabasesClosed,
    /// The disk said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Disk {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// The disk's error.
        source: io::Error,
    },
}

impl Error {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Engine(error) => error.kind(),
            Self::Parse(_) => ErrorKind::Invalid,
            Self::Eval(error) => error.kind(),
            Self::Scan(error) => error.kind(),
            Self::NoDatabase { .. } => ErrorKind::NotFound,
            Self::DatabaseExists { .. }
            | Self::DatabaseName { .. }
            | Self::Setting { .. }
            | Self::DefaultDatabase => ErrorKind::Invalid,
            Self::DatabaseNotOpen { kind, .. } => *kind,
            Self::DatabaseFile { .. } => ErrorKind::Corrupt,
            Self::TooManyDatabases { .. } => ErrorKind::Limit,
            Self::DatabasesClosed => ErrorKind::Unavailable,
            Self::Disk { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => ErrorKind::StorageFull,
                _ => ErrorKind::Unavailable,
            },
        }
    }

    pub(crate) fn disk(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { action, path, source }
    }
}
