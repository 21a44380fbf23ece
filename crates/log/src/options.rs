//! What a log is told when it opens.

/// Settings of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Bytes of a segment file, allocated when it is made. A frame that needs more gets a segment of
    /// its own size.
    pub segment_bytes: u64,
    /// Bytes of the largest payload, at most [`LogOptions::FRAME_BYTES_LIMIT`].
    pub frame_bytes_max: usize,
    /// Bytes of the disk that stay free for flushing and deleting: no segment is made that would
    /// leave less.
    pub reserve_bytes: u64,
}

impl LogOptions {
    /// The most that `frame_bytes_max` may be: 1 GiB. Larger settings count as this.
    pub const FRAME_BYTES_LIMIT: usize = 1 << 30;

    pub(crate) fn payload_bytes_max(&self) -> usize {
        self.frame_bytes_max.min(Self::FRAME_BYTES_LIMIT)
    }
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { segment_bytes: 128 << 20, frame_bytes_max: 64 << 20, reserve_bytes: 64 << 20 }
    }
}
