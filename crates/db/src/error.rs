//! What can go wrong in a database.

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
        }
    }
}
