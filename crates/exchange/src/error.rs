//! What can go wrong in an import or an export.

use std::{io, path::PathBuf};

use timberline::{EngineError, ErrorKind, ScanError};

/// Why an import or an export could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// A foreign file or directory cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file is not what its name or format says.
    #[error("{}, {place}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in it, in words.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A file of a kind or version that is not read.
    #[error("{}: {reason}", path.display())]
    Unsupported {
        /// The file or directory.
        path: PathBuf,
        /// What it is, and what is read instead.
        reason: String,
    },
    /// A path that is not of the format, or already there.
    #[error("{}: {reason}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The database's error.
    #[error(transparent)]
    Database(#[from] timberline::Error),
    /// The engine's error.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A failed scan.
    #[error(transparent)]
    Scan(#[from] ScanError),
}

impl ExchangeError {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                io::ErrorKind::StorageFull => ErrorKind::StorageFull,
                _ => ErrorKind::Unavailable,
            },
            Self::Malformed { .. } | Self::Path { .. } => ErrorKind::Invalid,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::Database(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Scan(error) => error.kind(),
        }
    }

    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn malformed(
        path: impl Into<PathBuf>,
        place: impl Into<String>,
        reason: impl std::fmt::Display,
    ) -> Self {
        Self::Malformed { path: path.into(), place: place.into(), reason: reason.to_string() }
    }
}
