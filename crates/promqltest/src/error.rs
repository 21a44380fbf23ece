//! Why a script cannot be read or run.

use timberline_model::ErrorKind;

/// A script that is none, or that cannot be run. A statement whose answer is wrong is no error: see
/// [`Verdict`](crate::Verdict).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// A line that does not follow the format.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Which line, from one.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Series that cannot be loaded.
    #[error("line {line}: cannot load: {reason}")]
    Load {
        /// The line of the `load` statement, from one.
        line: usize,
        /// What is wrong with them.
        reason: String,
    },
    /// A list of what is left out that does not follow its format.
    #[error("skip list, line {line}: {reason}")]
    Skips {
        /// Which line, from one.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The database to load into failed.
    #[error(transparent)]
    Database(#[from] timberline::Error),
    /// A script that cannot be read, or no directory for the database.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ScriptError {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Syntax { .. } | Self::Load { .. } | Self::Skips { .. } => ErrorKind::Invalid,
            Self::Database(error) => error.kind(),
            Self::Io(_) => ErrorKind::Unavailable,
        }
    }
}
