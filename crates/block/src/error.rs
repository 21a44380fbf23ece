//! Why a block cannot be written or read.

use std::{io, path::PathBuf};

use timberline_codec::{CodecError, page::PageError};
use timberline_model::{ErrorKind, Labels};
use ulid::Ulid;

/// Why a block cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
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
    /// A `meta.json` that is not what was written.
    #[error("{} is damaged: {reason}", path.display())]
    Meta {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of a version that this release does not read.
    #[error("{} is of version {found}; this release reads versions 1 to {supported}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// As stored.
        found: u64,
        /// The newest that can be read.
        supported: u8,
    },
    /// A file that is shorter or longer than was written.
    #[error("{} has {found} bytes, and should have {expected}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes that it has.
        found: u64,
        /// Bytes that it should have.
        expected: u64,
    },
    /// A file of another block.
    #[error("{} belongs to block {found}, not to {expected}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The block that the file names.
        found: Ulid,
        /// The block that it lies in.
        expected: Ulid,
    },
    /// Bytes that do not have their checksum.
    #[error(
        "{}: bytes {start} to {end} have checksum {computed:08x}, and should have {stored:08x}",
        path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// First of the bytes.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// As stored.
        stored: u32,
        /// As computed.
        computed: u32,
    },
    /// Bytes that no writer of this version writes.
    #[error("{}: {what} is malformed", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        what: &'static str,
    },
    /// A chunk that cannot be decoded.
    #[error("{}: chunk of series {series} at byte {position}: {source}", path.display())]
    Chunk {
        /// The file.
        path: PathBuf,
        /// The series.
        series: u32,
        /// Where the chunk starts.
        position: u64,
        /// What the decoder found.
        source: CodecError,
    },
    /// A sound chunk that is not the one which the index describes.
    #[error(
        "{}: the chunk at byte {position} is not the one that the index gives series {series}",
        path.display()
    )]
    ChunkMismatch {
        /// The file.
        path: PathBuf,
        /// The series.
        series: u32,
        /// Where the chunk starts.
        position: u64,
    },
    /// A page that cannot be decoded.
    #[error("{}: page of series {series} at byte {position}: {source}", path.display())]
    Page {
        /// The file.
        path: PathBuf,
        /// The series.
        series: u32,
        /// Where the page starts.
        position: u64,
        /// What the decoder found.
        source: PageError,
    },
    /// A sound page that is not the one which the index describes.
    #[error(
        "{}: the page at byte {position} is not the one that the index gives series {series}",
        path.display()
    )]
    PageMismatch {
        /// The file.
        path: PathBuf,
        /// The series.
        series: u32,
        /// Where the page starts.
        position: u64,
    },
    /// Two parts of a block that contradict each other.
    #[error("block {}: {what} do not agree", path.display())]
    Contradiction {
        /// The block's directory.
        path: PathBuf,
        /// Which parts.
        what: &'static str,
    },
    /// A series number that the block does not have.
    #[error("block {ulid} has {count} series, and no series {series}")]
    NoSuchSeries {
        /// The block.
        ulid: Ulid,
        /// As asked.
        series: u32,
        /// How many there are.
        count: u32,
    },
    /// A series that a writer was given out of order.
    #[error("series {labels} was written after {previous}, and sorts before or with it")]
    SeriesOrder {
        /// The series.
        labels: Labels,
        /// The one before.
        previous: Labels,
    },
    /// A series that was started and got nothing.
    #[error("series {labels} was started and got neither samples nor exemplars")]
    SeriesWithoutSamples {
        /// The series.
        labels: Labels,
    },
    /// Columns that a writer cannot take.
    #[error("columns of series {labels} cannot be written: {reason}")]
    ColumnsRefused {
        /// The series.
        labels: Labels,
        /// Why.
        reason: &'static str,
    },
    /// Columns given to a writer before any series.
    #[error("block {ulid} was given samples before its first series")]
    SamplesWithoutSeries {
        /// The block.
        ulid: Ulid,
    },
    /// A block that would have no series.
    #[error("block {ulid} has no series, and cannot be written")]
    Empty {
        /// The block.
        ulid: Ulid,
    },
    /// More of something than the format can number.
    #[error("block {ulid} would have more than {max} {what}")]
    TooMany {
        /// The block.
        ulid: Ulid,
        /// Of what.
        what: &'static str,
        /// The most there can be.
        max: u64,
    },
    /// A writer that failed before and was used again.
    #[error("{} cannot be written on: an earlier write to it failed", path.display())]
    WriterFailed {
        /// The file.
        path: PathBuf,
    },
}

impl BlockError {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Disk { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => ErrorKind::StorageFull,
                // Whoever opens a block knows that it exists: a file gone is damage.
                io::ErrorKind::NotFound => ErrorKind::Corrupt,
                _ => ErrorKind::Unavailable,
            },
            Self::Version { .. } => ErrorKind::Unsupported,
            Self::Meta { .. }
            | Self::Length { .. }
            | Self::Foreign { .. }
            | Self::Checksum { .. }
            | Self::Malformed { .. }
            | Self::Chunk { .. }
            | Self::ChunkMismatch { .. }
            | Self::Page { .. }
            | Self::PageMismatch { .. }
            | Self::Contradiction { .. } => ErrorKind::Corrupt,
            Self::TooMany { .. } => ErrorKind::Limit,
            Self::WriterFailed { .. } => ErrorKind::Unavailable,
            Self::NoSuchSeries { .. }
            | Self::SeriesOrder { .. }
            | Self::SeriesWithoutSamples { .. }
            | Self::ColumnsRefused { .. }
            | Self::SamplesWithoutSeries { .. }
            | Self::Empty { .. } => ErrorKind::Internal,
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
