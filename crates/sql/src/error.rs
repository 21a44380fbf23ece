//! Errors of SQL.

use std::error::Error;

use datafusion::error::DataFusionError;
use timberline::{EngineError, ErrorKind, ScanError};

use crate::dialect;

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The statement is wrong, or names what is not there.
    #[error("{message}")]
    Statement {
        /// What is wrong with it.
        message: String,
        /// Line and column of the place, both from 1, where it is known.
        position: Option<(u64, u64)>,
    },
    /// It ran into a limit of memory, rows or time.
    #[error("{message}")]
    Limit {
        /// Which limit, and how to get below it.
        message: String,
    },
    /// There is no database of this name.
    #[error("there is no database {name:?}")]
    NoDatabase {
        /// The name that was asked for.
        name: String,
    },
    /// There is too much to do; the same statement may succeed in a moment.
    #[error("{message}")]
    Busy {
        /// What there is too much of.
        message: String,
    },
    /// It took longer than it might.
    #[error("{message}")]
    Timeout {
        /// How long that is, and which setting says so.
        message: String,
    },
    /// Its client did not want it any more.
    #[error("the statement was canceled")]
    Canceled,
    /// A subscription is so far behind that the log no longer has what comes next for it.
    #[error("{message}")]
    Behind {
        /// What is missing, and what to do.
        message: String,
    },
    /// Storage could not be read or written.
    #[error("{message}")]
    Storage {
        /// What happened, with the place.
        message: String,
    },
}

impl SqlError {
    /// How a surface should report it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Statement { .. } => ErrorKind::Invalid,
            Self::NoDatabase { .. } | Self::Behind { .. } => ErrorKind::NotFound,
            Self::Limit { .. } => ErrorKind::Limit,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Canceled => ErrorKind::Canceled,
            Self::Storage { .. } => ErrorKind::Unavailable,
        }
    }

    /// The same error with its place in the statement, if it can be found and is not known yet.
    #[must_use]
    pub fn in_statement(self, sql: &str) -> Self {
        match self {
            Self::Statement { message, position: None } => {
                let position = dialect::find_place(sql, &message);
                Self::Statement { message, position }
            }
            other => other,
        }
    }

    pub(crate) fn from_datafusion(error: &DataFusionError) -> Self {
        let message = dialect::plain(error);
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::Limit { message },
            DataFusionError::External(cause) => Self::from_cause(cause.as_ref(), message),
            DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => {
                Self::Storage { message }
            }
            _ => {
                let position = dialect::known_place(error).or_else(|| place(&message));
                Self::Statement { message, position }
            }
        }
    }

    /// What storage says of itself.
    fn from_cause(cause: &(dyn Error + 'static), message: String) -> Self {
        let scan = cause.downcast_ref::<ScanError>().map(ScanError::kind);
        let kind =
            scan.or_else(|| cause.downcast_ref::<timberline::Error>().map(timberline::Error::kind));
        match kind {
            Some(ErrorKind::Limit | ErrorKind::Timeout) => Self::Limit { message },
            Some(ErrorKind::Invalid) => Self::Statement { message, position: None },
            _ => Self::Storage { message },
        }
    }
}

/// The place that the parser of SQL names in its messages.
fn place(message: &str) -> Option<(u64, u64)> {
    let (_, after) = message.rsplit_once("at Line: ")?;
    let (line, after) = after.split_once(", Column: ")?;
    let column: String = after.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, column.parse().ok()?))
}

impl From<timberline::Error> for SqlError {
    fn from(error: timberline::Error) -> Self {
        match error {
            timberline::Error::Engine(error) => error.into(),
            timberline::Error::NoDatabase { name } => Self::NoDatabase { name },
            timberline::Error::TooManyDatabases { .. } => {
                Self::Limit { message: error.to_string() }
            }
            other => Self::Storage { message: other.to_string() },
        }
    }
}

impl From<EngineError> for SqlError {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        match error {
            EngineError::Behind { .. } => Self::Behind { message },
            EngineError::BeyondLog { .. } => Self::Statement { message, position: None },
            _ => Self::Storage { message },
        }
    }
}

impl From<ScanError> for SqlError {
    fn from(error: ScanError) -> Self {
        Self::Storage { message: error.to_string() }
    }
}
