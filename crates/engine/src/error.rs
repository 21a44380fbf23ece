//! What can go wrong in an engine.

use std::{io, path::PathBuf};

use timberline_block::BlockError;
use timberline_log::LogError;
use timberline_model::{ErrorKind, LogOffset, ScanError, Stopped};

/// Why the engine could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Another process, or another handle in this one, has the directory open.
    #[error(
        "database {} is already open, here or in another process (its LOCK file is held)",
        dir.display()
    )]
    Locked {
        /// The database's directory.
        dir: PathBuf,
    },
    /// A directory whose restoring from a backup has not ended.
    #[error(
        "{} is not whole: a restore into it was interrupted. Run the same `timberline restore` again \
         to finish it, or remove the directory",
        dir.display()
    )]
    Restoring {
        /// The directory.
        dir: PathBuf,
    },
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
    /// A manifest that is not what was written.
    #[error("manifest {} is damaged: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The dictionary of series is missing or damaged.
    #[error("the series dictionary at offset {offset} is missing: no file in {}", dir.display())]
    DictionaryMissing {
        /// The directory of dictionaries.
        dir: PathBuf,
        /// The offset that the manifest names.
        offset: u64,
    },
    /// The dictionary of series contradicts itself.
    #[error("the series dictionary {} is damaged: {reason}", path.display())]
    Dictionary {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A query touches a block that cannot be read.
    #[error("block {block} cannot be read, and the query needs it: {reason}")]
    BlockSetAside {
        /// The block's name.
        block: String,
        /// Why it was set aside.
        reason: String,
    },
    /// A manifest could not be put in place, and whether the disk has it is unknown.
    #[error(
        "publishing in {} failed half-way; nothing is lost, and flushing resumes after a restart",
        dir.display()
    )]
    ManifestInDoubt {
        /// The directory of manifests.
        dir: PathBuf,
    },
    /// A deletion that cannot be understood.
    #[error("tombstone {number} of the manifest is damaged: {reason}")]
    Tombstone {
        /// Its number.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Settings that do not go together.
    #[error("the setting {setting:?} cannot be used: {reason}")]
    Options {
        /// Which one.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A question was told to end before it was answered.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The engine was closed.
    #[error("the database is closed")]
    Closed,
    /// A reader of the log's tail was too slow: what it had not read yet is in blocks by now, and no
    /// longer in the log.
    #[error(
        "the log begins at offset {start}: what followed offset {offset} is in blocks by now and cannot be \
         read in its order any more"
    )]
    Behind {
        /// What was to be read next.
        offset: LogOffset,
        /// The first that the log still has.
        start: LogOffset,
    },
    /// An offset that this database's log has not come to.
    #[error("log offset {offset} lies beyond the end of this database's log, {end}")]
    BeyondLog {
        /// What was asked for.
        offset: LogOffset,
        /// Where the log ends.
        end: LogOffset,
    },
    /// The log's own error.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A block's own error.
    #[error(transparent)]
    Block(#[from] BlockError),
}

impl EngineError {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Locked { .. } | Self::Restoring { .. } => ErrorKind::Conflict,
            Self::Disk { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => ErrorKind::StorageFull,
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                _ => ErrorKind::Unavailable,
            },
            Self::Manifest { .. }
            | Self::DictionaryMissing { .. }
            | Self::Dictionary { .. }
            | Self::Tombstone { .. }
            | Self::BlockSetAside { .. } => ErrorKind::Corrupt,
            Self::Options { .. } | Self::BeyondLog { .. } => ErrorKind::Invalid,
            Self::Behind { .. } => ErrorKind::NotFound,
            Self::Stopped(stopped) => stopped.kind,
            Self::ManifestInDoubt { .. } | Self::Closed => ErrorKind::Unavailable,
            Self::Log(error) => error.kind(),
            Self::Block(error) => error.kind(),
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

impl From<EngineError> for ScanError {
    fn from(error: EngineError) -> Self {
        Self::new(error.kind(), error)
    }
}
