//! What an engine is told when it opens.

use std::time::Duration;

use timberline_log::LogOptions;
use timberline_model::{DuplicatePolicy, Durability, limits};

/// Settings of one database's engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// When a write is acknowledged, unless the write says otherwise.
    pub durability: Durability,
    /// What becomes of a second sample at one instant. `None` keeps what the directory has, which is
    /// [`DuplicatePolicy::Last`] for a new one. Another policy than the directory has holds for what
    /// is written from then on, and for samples of one instant that lie in different blocks.
    pub duplicates: Option<DuplicatePolicy>,
    /// Series that the database may hold, up to [`limits::SERIES_COUNT_MAX`].
    pub series_max: u64,
    /// The log's own settings.
    pub log: LogOptions,
    /// Bytes of samples in the head that make it flush.
    pub flush_bytes: u64,
    /// Bytes of log since the last flush that make it flush, so that a restart stays short.
    pub flush_log_bytes: u64,
    /// The span of time that one block covers, and how often a head that takes writes is flushed.
    pub block_window: Duration,
    /// Whether a thread of the engine flushes by itself. Without it, only [`flush`] does.
    ///
    /// [`flush`]: super::Engine::flush
    pub background: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            duplicates: None,
            series_max: limits::SERIES_COUNT_MAX,
            log: LogOptions::default(),
            flush_bytes: 512 << 20,
            flush_log_bytes: 2 << 30,
            block_window: Duration::from_secs(2 * 60 * 60),
            background: true,
        }
    }
}

impl EngineOptions {
    /// The block window in nanoseconds, at least one second.
    pub(crate) fn window_nanos(&self) -> i64 {
        i64::try_from(self.block_window.as_nanos()).unwrap_or(i64::MAX).max(1_000_000_000)
    }
}
