//! How a database is opened.

use std::{num::NonZeroUsize, thread, time::Duration};

use timberline_engine::{EngineOptions, FloatCodec, Retention};
use timberline_log::LogOptions;
use timberline_model::{DuplicatePolicy, Durability, limits};
use timberline_promql::Features;

/// How long samples are kept unless the options say otherwise.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Settings of one database. The defaults suit a server on one machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// When [`write`](super::Database::write) returns. Default: synced.
    pub durability: Durability,
    /// What becomes of a second sample at one instant. `None`, the default, keeps what the directory
    /// has; a new directory has [`DuplicatePolicy::Last`].
    pub duplicates: Option<DuplicatePolicy>,
    /// Series that the database may hold, at most [`limits::SERIES_COUNT_MAX`], the default.
    pub series_max: u64,
    /// Bytes of a log segment, allocated in advance. 1 MiB to 1 GiB, 128 MiB by default.
    pub segment_bytes: u64,
    /// Bytes of the disk that writes leave free; with less, they are refused. Default 64 MiB.
    pub reserve_bytes: u64,
    /// Bytes of samples in memory that make the database flush them into blocks. Default 512 MiB.
    pub flush_bytes: u64,
    /// Bytes of log that make it flush, so that a restart stays short. Default 2 GiB.
    pub flush_log_bytes: u64,
    /// How long after its last sample, in the time of the samples, a series leaves memory. It goes at a
    /// flush; one that ended with a stale marker goes at once. A series that comes back costs as much
    /// as a new one. Default 10 minutes.
    pub series_idle: Duration,
    /// The span of time that one block covers, and how often a database that is written to flushes.
    /// At least a second; 2 hours by default.
    pub flush_window: Duration,
    /// How floats are encoded in the blocks that are written from now on. Default: page by page
    /// whatever is smallest. What other blocks have stays readable.
    pub codec: FloatCodec,
    /// Spans of the windows into which blocks are merged, ascending: whole seconds, each a multiple of
    /// the one before and the first of `flush_window`. Default 2 hours, 12 hours, 7 days; empty for
    /// no compaction.
    pub compaction: Vec<Duration>,
    /// Bytes a second that compactions write at most. Default 64 MiB; `None` sets no limit.
    pub compaction_rate: Option<u64>,
    /// How much is kept, until [`set_retention`](super::Database::set_retention) says otherwise.
    /// Default: 30 days, of any size. Older samples are refused.
    pub retention: Retention,
    /// Whether threads of the database's own flush, sync, compact and enforce the retention. Without
    /// them only [`flush`](super::Database::flush), [`compact`](super::Database::compact) and
    /// [`retain`](super::Database::retain) do. Default true.
    pub background: bool,
    /// Defaults of queries.
    pub query: QueryOptions,
}

/// What a query may cost that does not bring limits of its own.
#[derive(Clone, Debug)]
pub struct QueryOptions {
    /// Samples read and made. Default 50 M.
    pub samples_max: u64,
    /// Series read. Default 10 M.
    pub series_max: u64,
    /// Steps of a range query. Default 11,000, as Prometheus has it.
    pub steps_max: u64,
    /// Time. Default 2 minutes.
    pub timeout: Duration,
    /// How far back a selector looks for a series' newest sample. Default 5 minutes.
    pub lookback: Duration,
    /// Threads. Default: one per core.
    pub parallelism: NonZeroUsize,
    /// Parts of the language that are switched on. Default: as in Prometheus without flags.
    pub features: Features,
}

impl Default for Options {
    fn default() -> Self {
        let engine = EngineOptions::default();
        Self {
            durability: engine.durability,
            duplicates: engine.duplicates,
            series_max: limits::SERIES_COUNT_MAX,
            segment_bytes: engine.log.segment_bytes,
            reserve_bytes: engine.log.reserve_bytes,
            flush_bytes: engine.flush_bytes,
            flush_log_bytes: engine.flush_log_bytes,
            series_idle: engine.series_idle,
            flush_window: engine.block_window,
            codec: engine.codec,
            compaction: engine.compaction,
            compaction_rate: engine.compaction_rate,
            retention: Retention { age: Some(RETENTION), bytes: None },
            background: engine.background,
            query: QueryOptions::default(),
        }
    }
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            samples_max: 50_000_000,
            series_max: 10_000_000,
            steps_max: 11_000,
            timeout: Duration::from_secs(120),
            lookback: Duration::from_secs(300),
            parallelism: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            features: Features::default(),
        }
    }
}

impl Options {
    /// The engine's share of the settings.
    pub(crate) fn engine(&self) -> EngineOptions {
        EngineOptions {
            durability: self.durability,
            duplicates: self.duplicates,
            series_max: self.series_max,
            log: LogOptions {
                segment_bytes: self.segment_bytes,
                reserve_bytes: self.reserve_bytes,
                ..LogOptions::default()
            },
            flush_bytes: self.flush_bytes,
            flush_log_bytes: self.flush_log_bytes,
            series_idle: self.series_idle,
            block_window: self.flush_window,
            codec: self.codec,
            compaction: self.compaction.clone(),
            compaction_rate: self.compaction_rate,
            retention: self.retention,
            background: self.background,
        }
    }
}
