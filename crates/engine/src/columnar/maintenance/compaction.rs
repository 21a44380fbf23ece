//! When to merge blocks and to let old ones go, without being asked.

use std::time::{Duration, Instant};

use crate::columnar::engine::Inner;

/// How often to look, when no block has come or gone since.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What one round tells the next.
#[derive(Debug, Default)]
pub(super) struct CompactionRounds {
    /// The manifest seen last, and when.
    seen: Option<(u64, Instant)>,
}

impl CompactionRounds {
    pub(super) fn round(&mut self, inner: &Inner) {
        let number = inner.view().manifest.number;
        if self.seen.is_some_and(|(seen, at)| seen == number && at.elapsed() < LOOK_EVERY) {
            return;
        }
        match inner.retain() {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => tracing::info!(blocks = gone.len(), "removed blocks beyond the retention"),
            Err(error) => tracing::error!(%error, "old blocks cannot be removed"),
        }
        self.compact_all(inner);
        self.seen = Some((inner.view().manifest.number, Instant::now()));
    }

    fn compact_all(&self, inner: &Inner) {
        while !inner.is_closing() {
            match inner.compact() {
                Ok(None) => return,
                Ok(Some(outcome)) => tracing::info!(
                    blocks = outcome.merged.len(),
                    bytes_before = outcome.bytes_before,
                    bytes_after = outcome.bytes_after,
                    "merged blocks"
                ),
                Err(error) => {
                    if !inner.is_closing() {
                        tracing::error!(%error, "a compaction failed; it will be tried again");
                    }
                    return;
                }
            }
        }
    }
}
