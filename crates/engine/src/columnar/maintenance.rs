//! The maintenance thread: it flushes when it is time, and syncs what was only logged.
//!
//! Invariant: it owns nothing of the engine, so an engine that is dropped ends it.

use std::{
    io,
    sync::{Arc, Weak},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::engine::Inner;

/// After a flush that failed, the next one by itself comes this much later.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// How long after the end of a window its samples may still be on their way, in nanoseconds.
pub(super) const WINDOW_GRACE: i64 = 60 * 1_000_000_000;

/// The running thread. Dropping this ends it, after the round that it is in.
#[derive(Debug)]
pub(super) struct Maintenance {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Maintenance {
    pub(super) fn spawn(inner: &Arc<Inner>) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let (weak, seen) = (Arc::downgrade(inner), Arc::clone(&stop));
        let rounds = Rounds { window: window_at(inner), retry: None };
        let thread = thread::Builder::new()
            .name("timberline-maintenance".to_owned())
            .spawn(move || run(&weak, &seen, rounds))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        *self.stop.asked.lock() = true;
        self.stop.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the maintenance thread panicked");
        }
    }
}

fn run(inner: &Weak<Inner>, stop: &Stop, mut rounds: Rounds) {
    loop {
        {
            let mut asked = stop.asked.lock();
            if !*asked {
                stop.changed.wait_for(&mut asked, Inner::tick());
            }
            if *asked {
                return;
            }
        }
        let Some(inner) = inner.upgrade() else { return };
        rounds.round(&inner);
    }
}

/// What one round tells the next.
#[derive(Debug)]
struct Rounds {
    /// Number of the window in which the last look at the clock fell.
    window: i64,
    /// When the flush that failed last is to be tried again.
    retry: Option<Instant>,
}

impl Rounds {
    fn round(&mut self, inner: &Inner) {
        inner.release_retired();
        if let Err(error) = inner.sync() {
            tracing::error!(%error, "the log cannot be synced");
        }
        let window_ended = self.window_ended(inner);
        let reason = match self.retry {
            Some(at) if Instant::now() < at => None,
            Some(_) => Some("the last flush failed"),
            None => due(inner, window_ended),
        };
        let Some(reason) = reason else { return };
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

/// Why a flush is due, if it is.
fn due(inner: &Inner, window_ended: bool) -> Option<&'static str> {
    if inner.head.epoch_bytes() >= inner.options.flush_bytes {
        return Some("the head is large");
    }
    let behind = inner.log.end().0.saturating_sub(inner.view().manifest.flushed_to);
    if behind >= inner.options.flush_log_bytes {
        return Some("the log is long");
    }
    let samples = inner.head.unflushed_range().is_some();
    (window_ended && samples).then_some("a window of time has ended")
}
