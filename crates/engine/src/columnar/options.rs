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
    /// Spans of the windows into which blocks are merged, by level, ascending; each a multiple of the
    /// one before, the first the block window's. Empty means no compaction.
    pub compaction: Vec<Duration>,
    /// How long samples are kept after their time, if not for ever.
    pub retention: Option<Duration>,
    /// How many bytes of blocks are kept, if not all. The oldest go first.
    pub retention_bytes: Option<u64>,
    /// Whether a thread of the engine flushes by itself. Without it, only [`flush`] does.
    ///
    /// [`flush`]: super::Engine::flush
    pub background: bool,
}

const HOUR: Duration = Duration::from_secs(60 * 60);

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            duplicates: None,
            series_max: limits::SERIES_COUNT_MAX,
            log: LogOptions::default(),
            flush_bytes: 512 << 20,
            flush_log_bytes: 2 << 30,
            block_window: 2 * HOUR,
            compaction: vec![2 * HOUR, 12 * HOUR, 7 * 24 * HOUR],
            retention: None,
            retention_bytes: None,
            background: true,
        }
    }
}

impl EngineOptions {
    /// The compaction windows' spans in nanoseconds, each at least one second.
    pub(crate) fn compaction_nanos(&self) -> Vec<i64> {
        self.compaction.iter().map(|span| nanos(*span)).collect()
    }

    /// The oldest instant of which samples are kept at a time, if there is one.
    pub(crate) fn oldest_kept(&self, now: i64) -> Option<i64> {
        self.retention.map(|span| now.saturating_sub(nanos(span)))
    }

    /// The block window in nanoseconds, at least one second.
    pub(crate) fn window_nanos(&self) -> i64 {
        nanos(self.block_window)
    }
}

fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX).max(1_000_000_000)
}
