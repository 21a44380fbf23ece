//! Figures about a log, for status pages and metrics.

/// What a log has done since it was opened, and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStats {
    /// Bytes of all segment files, allocated space included.
    pub bytes: u64,
    /// Segment files.
    pub segments: u64,
    /// Frames appended.
    pub appended_frames: u64,
    /// Bytes of those frames.
    pub appended_bytes: u64,
    /// Times that buffered frames were written to a file.
    pub writes: u64,
    /// Times that the files were made durable.
    pub syncs: u64,
    /// Nanoseconds that took, all together.
    pub sync_nanos_total: u64,
    /// Whether the log's last need of space was refused.
    pub storage_full: bool,
    /// Times that preparing a segment ahead of need failed.
    pub spare_failures: u64,
    /// What failed, when the log takes no more writes.
    pub poisoned: Option<String>,
}
