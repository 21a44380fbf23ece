//! Errors of SQL.

use datafusion::error::DataFusionError;
use timberline::ErrorKind;

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
            Self::NoDatabase { .. } => ErrorKind::NotFound,
            Self::Limit { .. } => ErrorKind::Limit,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Canceled => ErrorKind::Canceled,
            Self::Storage { .. } => ErrorKind::Unavailable,
        }
    }

    pub(crate) fn from_datafusion(error: &DataFusionError) -> Self {
        let message = error.strip_backtrace();
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::Limit { message },
            DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => {
                Self::Storage { message }
            }
            _ => Self::Statement { position: place(&message), message },
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
