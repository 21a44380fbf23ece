//! What can go wrong with a backup.

use std::{error::Error, io, path::PathBuf};

use timberline_model::ErrorKind;

/// Why a backup, a restore, or a look at backups could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A place for backups that cannot be one.
    #[error("{text:?} is no place for backups: {reason}")]
    Location {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The machine's disk said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Disk {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// The disk's error.
        source: io::Error,
    },
    /// The object store said no.
    #[error("cannot {action} {object}: {source}")]
    Store {
        /// What was being done.
        action: &'static str,
        /// To what.
        object: String,
        /// The store's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Threads for the network could not be started.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
    /// A backup's manifest that is not what was written.
    #[error("the manifest {object} is damaged: {reason}")]
    Manifest {
        /// Its object.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An object that is not what its backup's manifest says.
    #[error("{object} is damaged: {reason}")]
    Damaged {
        /// The object.
        object: String,
        /// In what it differs.
        reason: String,
    },
    /// No such backup.
    #[error("{location} has no backup{}", number.map_or(String::new(), |number| format!(" {number}")))]
    NoBackup {
        /// The place.
        location: String,
        /// The number asked for; any, if none.
        number: Option<u64>,
    },
    /// A directory that a restore may not fill.
    #[error("{} cannot be restored into: {reason}", dir.display())]
    Target {
        /// The directory.
        dir: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Something else is at work at the same place.
    #[error("{location} is in use: {reason}")]
    InUse {
        /// The place.
        location: String,
        /// By what, and what to do.
        reason: String,
    },
    /// Objects that the new backup needs are gone, so it was not completed.
    #[error("{object} has gone while the backup ran, which was not completed: run it again")]
    Gone {
        /// The object.
        object: String,
    },
}

impl BackupError {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Location { .. } | Self::Target { .. } => ErrorKind::Invalid,
            Self::Disk { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => ErrorKind::StorageFull,
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                _ => ErrorKind::Unavailable,
            },
            Self::Store { .. } | Self::Threads(_) => ErrorKind::Unavailable,
            Self::Manifest { .. } | Self::Damaged { .. } => ErrorKind::Corrupt,
            Self::NoBackup { .. } => ErrorKind::NotFound,
            Self::InUse { .. } | Self::Gone { .. } => ErrorKind::Busy,
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
