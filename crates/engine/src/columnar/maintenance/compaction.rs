//! When to merge blocks and to let old ones go, without being asked.

use std::time::{Duration, Instant};

use crate::{
    EngineError,
    columnar::{Retention, engine::Inner},
};

/// How often to look, when no block has come or gone since.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What one round tells the next.
#[derive(Debug, Default)]
pub(super) struct CompactionRounds {
    /// What was seen last, and when.
    seen: Option<(Seen, Instant)>,
}

/// What decides whether there may be something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    manifest: u64,
    retention: Retention,
}

impl Seen {
    fn of(inner: &Inner) -> Self {
        Self { manifest: inner.view().manifest.number, retention: *inner.retention.read() }
    }
}

impl CompactionRounds {
    pub(super) fn round(&mut self, inner: &Inner) {
        let now = Seen::of(inner);
        if self.seen.is_some_and(|(seen, at)| seen == now && at.elapsed() < LOOK_EVERY) {
            return;
        }
        let result = retain(inner).and_then(|()| compact_all(inner));
        match result {
            // What closing interrupted has not failed.
            Err(_) if inner.is_closing() => return,
            Err(error) => {
                tracing::error!(%error, "blocks cannot be merged or removed; it will be tried again");
                inner.counters.note_maintenance(Some(error.to_string()));
            }
            // Damage that a compaction has found does not go away by being avoided.
            Ok(()) if inner.compacting.lock().is_empty() => inner.counters.note_maintenance(None),
            Ok(()) => {}
        }
        // A retention that was changed meanwhile is seen by the next round.
        let seen = Seen { retention: now.retention, ..Seen::of(inner) };
        self.seen = Some((seen, Instant::now()));
    }
}

fn retain(inner: &Inner) -> Result<(), EngineError> {
    let gone = inner.retain()?;
    if !gone.is_empty() {
        tracing::info!(blocks = gone.len(), "removed blocks beyond the retention");
    }
    Ok(())
}

fn compact_all(inner: &Inner) -> Result<(), EngineError> {
    while let Some(outcome) = inner.compact()? {
        tracing::info!(
            blocks = outcome.merged.len(),
            bytes_before = outcome.bytes_before,
            bytes_after = outcome.bytes_after,
            "merged blocks"
        );
    }
    Ok(())
}
