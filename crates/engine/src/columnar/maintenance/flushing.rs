//! When to flush without being asked.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use timberline_model::limits;

use super::WINDOW_GRACE;
use crate::columnar::engine::Inner;

/// After a flush that failed, the next one by itself comes this much later.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// New series below which there is no hurry to let others go.
const CHURNED_SERIES_MIN: u64 = 100_000;

/// What one round tells the next.
#[derive(Debug)]
pub(super) struct FlushRounds {
    /// Number of the window in which the last look at the clock fell.
    window: i64,
    /// When the flush that failed last is to be tried again.
    retry: Option<Instant>,
}

impl FlushRounds {
    pub(super) fn new(inner: &Inner) -> Self {
        Self { window: window_at(inner), retry: None }
    }

    pub(super) fn round(&mut self, inner: &Inner) {
        inner.release_retired();
        inner.head.count_pairs();
        if let Err(error) = inner.sync() {
            tracing::error!(%error, "the log cannot be synced");
        }
        let window_ended = self.window_ended(inner);
        let reason = match self.retry {
            Some(at) if Instant::now() < at => None,
            Some(_) => Some("the last flush failed"),
            None => due(inner, window_ended),
        };
        let Some(reason) = reason else { return self.between_flushes(inner) };
        match inner.flush() {
            Ok(outcome) => {
                self.retry = None;
                tracing::info!(reason, samples = outcome.samples, "flushed the head");
            }
            Err(error) => {
                self.retry = Some(Instant::now() + RETRY_AFTER);
                tracing::error!(reason, %error, "a flush failed; it will be tried again");
            }
        }
    }

    /// What can be done where no flush is due.
    fn between_flushes(&mut self, inner: &Inner) {
        // Recovery leaves this to us, so that the first query need not wait for it.
        inner.head.index();
        if self.retry.is_some() || !inner.is_checkpoint_due() {
            return;
        }
        if let Err(error) = inner.checkpoint_series() {
            self.retry = Some(Instant::now() + RETRY_AFTER);
            tracing::error!(%error, "the series dictionary cannot be written; a flush will");
        }
    }

    /// Whether a block window has ended since the last round.
    fn window_ended(&mut self, inner: &Inner) -> bool {
        let window = window_at(inner);
        std::mem::replace(&mut self.window, window) < window
    }
}

/// The number of the block window whose samples are due by now.
fn window_at(inner: &Inner) -> i64 {
    let now = inner.clock.now().saturating_sub(WINDOW_GRACE);
    now.div_euclid(inner.options.window_nanos())
}

/// Whether so many series are new since the last flush, over so long a time, that it is likely that many
/// others are written no more.
fn is_churned(inner: &Inner) -> bool {
    let kept = inner.series_kept.load(Ordering::Relaxed);
    if inner.head.series_count() < kept + kept / 2 + CHURNED_SERIES_MIN {
        return false;
    }
    let range = inner.head.unflushed_range();
    range.is_some_and(|range| {
        range.end.saturating_sub(range.start) >= inner.options.series_idle_nanos()
    })
}

/// Why a flush is due, if it is.
fn due(inner: &Inner, window_ended: bool) -> Option<&'static str> {
    if inner.head.epoch_bytes() >= inner.options.flush_bytes {
        return Some("the head is large");
    }
    if inner.head.exemplar_bytes() >= limits::EXEMPLAR_BYTES_MAX / 2 {
        return Some("there are many exemplars");
    }
    let behind = inner.log.end().0.saturating_sub(inner.view().manifest.flushed_to);
    if behind >= inner.options.flush_log_bytes {
        return Some("the log is long");
    }
    if is_churned(inner) {
        return Some("many series are new, and some may leave");
    }
    let samples = inner.head.unflushed_range().is_some();
    (window_ended && samples).then_some("a window of time has ended")
}
