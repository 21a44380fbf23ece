//! What can go wrong in the log.

use std::{io, path::PathBuf, sync::Arc};

use timberline_model::{ErrorKind, LogOffset};

/// Why the log could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
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
    /// No space for another segment. Nothing was appended; later appends succeed once space returns.
    #[error(
        "no space for the log in {}: a segment takes {needed} bytes, {free} are free, {reserve} stay in reserve",
        dir.display()
    )]
    StorageFull {
        /// The log's directory.
        dir: PathBuf,
        /// Bytes that were needed.
        needed: u64,
        /// Bytes that were free.
        free: u64,
        /// Bytes that must stay free.
        reserve: u64,
    },
    /// A payload larger than a frame may be.
    #[error("payload of {len} bytes exceeds the limit of {max} bytes a frame")]
    FrameTooLarge {
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A write or sync failed before, and the log takes nothing more until it is opened again.
    #[error("the log takes no more writes until it is opened again: {reason}")]
    Poisoned {
        /// What failed.
        reason: Arc<str>,
    },
    /// The offset lies before what the log still has.
    #[error("log offset {offset} was truncated away; the log starts at {start}")]
    Truncated {
        /// The offset asked for.
        offset: LogOffset,
        /// Where the log starts.
        start: LogOffset,
    },
    /// A part of a dictionary that no writer can have written.
    #[error("a part of the dictionary is malformed: {reason}")]
    MalformedPart {
        /// What is wrong.
        reason: &'static str,
    },
    /// Bytes that are not what was written.
    #[error("{} is damaged at byte {position}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// A file of a format version that this program does not know.
    #[error("{} has format version {found}; this program reads version {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it has.
        found: u8,
        /// The version that can be read.
        known: u8,
    },
    /// A record of a format version that this program does not know.
    #[error("log record has version {found}; this program reads version {known}")]
    RecordVersion {
        /// The version it has.
        found: u8,
        /// The version that can be read.
        known: u8,
    },
    /// A record with a section that this program cannot read.
    #[error("log record has a section of kind {kind} ({name}), which this program does not read")]
    UnknownSection {
        /// The section's kind byte.
        kind: u8,
        /// What it is reserved for, or `unknown`.
        name: &'static str,
    },
    /// A record whose bytes contradict themselves.
    #[error("malformed log record: {reason}")]
    MalformedRecord {
        /// What was wrong.
        reason: &'static str,
    },
}

impl LogError {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Disk { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => ErrorKind::StorageFull,
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                _ => ErrorKind::Unavailable,
            },
            Self::StorageFull { .. } => ErrorKind::StorageFull,
            Self::FrameTooLarge { .. } => ErrorKind::Limit,
            Self::Poisoned { .. } => ErrorKind::Unavailable,
            Self::Truncated { .. } => ErrorKind::NotFound,
            Self::Damaged { .. } | Self::MalformedRecord { .. } | Self::MalformedPart { .. } => {
                ErrorKind::Corrupt
            }
            Self::Version { .. } | Self::RecordVersion { .. } | Self::UnknownSection { .. } => {
                ErrorKind::Unsupported
            }
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
