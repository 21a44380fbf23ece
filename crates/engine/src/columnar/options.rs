//! What an engine is told when it opens.

use std::time::Duration;

use timberline_block::FloatCodec;
use timberline_log::LogOptions;
use timberline_model::{DuplicatePolicy, Durability, limits};

use super::Retention;
use crate::EngineError;

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
    /// How long after its last sample, in the time of the samples, a series leaves the head. It goes at a
    /// flush, when all of its samples are in blocks; one that ended with a stale marker goes at once. A
    /// series that comes back costs as much as a new one.
    pub series_idle: Duration,
    /// The span of time that one block covers, and how often a head that takes writes is flushed.
    pub block_window: Duration,
    /// Spans of the windows into which blocks are merged, by level, ascending: whole seconds, each a
    /// multiple of the one before and the first of the block window, at most [`LEVELS_MAX`]. Empty
    /// means no compaction.
    pub compaction: Vec<Duration>,
    /// Bytes a second that compactions write at most, if there is a limit.
    pub compaction_rate: Option<u64>,
    /// How floats are encoded in the blocks written from now on; older ones stay as they are until a
    /// compaction.
    pub codec: FloatCodec,
    /// How much is kept, until [`set_retention`](super::Engine::set_retention) says otherwise.
    pub retention: Retention,
    /// Whether a thread of the engine flushes by itself. Without it, only [`flush`] does.
    ///
    /// [`flush`]: super::Engine::flush
    pub background: bool,
}

/// Levels of compaction at most.
pub const LEVELS_MAX: usize = 16;

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
            series_idle: HOUR / 6,
            block_window: 2 * HOUR,
            compaction: vec![2 * HOUR, 12 * HOUR, 7 * 24 * HOUR],
            compaction_rate: Some(64 << 20),
            codec: FloatCodec::default(),
            retention: Retention::default(),
            background: true,
        }
    }
}

impl EngineOptions {
    /// The compaction windows' spans in nanoseconds, each at least one second.
    pub(crate) fn compaction_nanos(&self) -> Vec<i64> {
        self.compaction.iter().map(|span| nanos(*span)).collect()
    }

    /// Whether the settings go together.
    ///
    /// # Errors
    /// [`EngineError::Options`], with the reason.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        check_levels(self.block_window, &self.compaction)
            .map_err(|reason| EngineError::Options { setting: "compaction", reason })
    }

    /// How long a series may be idle, in nanoseconds.
    pub(crate) fn series_idle_nanos(&self) -> i64 {
        i64::try_from(self.series_idle.as_nanos()).unwrap_or(i64::MAX)
    }

    /// The block window in nanoseconds, at least one second.
    pub(crate) fn window_nanos(&self) -> i64 {
        nanos(self.block_window)
    }
}

/// Whether spans can be levels of compaction of blocks of a window.
///
/// # Errors
/// What is wrong with them, in words.
pub fn check_levels(window: Duration, levels: &[Duration]) -> Result<(), String> {
    if levels.len() > LEVELS_MAX {
        return Err(format!("{} levels are more than {LEVELS_MAX}", levels.len()));
    }
    let (mut before, mut what) = (window.max(SECOND), "a block's window");
    for span in levels {
        if span.subsec_nanos() != 0 || span.is_zero() {
            return Err(format!("{span:?} is not a whole number of seconds"));
        }
        if !span.as_nanos().is_multiple_of(before.as_nanos()) {
            return Err(format!("{span:?} is not a multiple of {before:?}, {what}"));
        }
        if *span == before && what != "a block's window" {
            return Err(format!("{span:?} is there twice"));
        }
        (before, what) = (*span, "the level before");
    }
    Ok(())
}

const SECOND: Duration = Duration::from_secs(1);

/// A span in nanoseconds, at least one second.
pub(super) fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX).max(1_000_000_000)
}

#[cfg(test)]
mod tests {
    //! Which levels of compaction are accepted.

    use super::*;

    fn check(window: u64, levels: &[u64]) -> Result<(), String> {
        let levels: Vec<Duration> = levels.iter().map(|s| Duration::from_secs(*s)).collect();
        check_levels(Duration::from_secs(window), &levels)
    }

    #[test]
    fn each_level_is_a_multiple_of_the_one_before() {
        assert_eq!(check(7_200, &[]), Ok(()));
        assert_eq!(check(7_200, &[7_200, 43_200, 604_800]), Ok(()));
        assert_eq!(check(1, &[7_200]), Ok(()));
        for (window, levels, said) in [
            (7_200, &[3_600][..], "multiple of 7200s, a block's window"),
            (7_200, &[7_200, 10_800], "10800s is not a multiple of 7200s, the level before"),
            (7_200, &[7_200, 7_200], "twice"),
            (7_200, &[14_400, 7_200], "multiple"),
            (7_200, &[0], "whole number of seconds"),
        ] {
            let error = check(window, levels).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        let many: Vec<u64> = (0..17).map(|n| 1 << n).collect();
        assert!(check(1, &many).unwrap_err().contains("more than 16"));
        let odd = [Duration::from_millis(1_500)];
        assert!(check_levels(SECOND, &odd).unwrap_err().contains("whole number"));
        assert_eq!(EngineOptions::default().check().map_err(|error| error.to_string()), Ok(()));
    }
}
