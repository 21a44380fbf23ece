//! The feed: one thread that decodes what becomes durable, and the batches that it keeps for all tails.
//!
//! The thread lives while there are tails. It holds no part of the database but the log and the head.

use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    sync::Arc,
    task::Waker,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use timberline_log::{Log, LogError, LogReader};
use timberline_model::{Durability, Labels, LogOffset, SeriesRef};

use super::{BatchDecoder, TailBatch};
use crate::{EngineError, columnar::head::Head};

/// Bytes of decoded batches that are kept for tails; a tail that is further behind reads the log itself.
const KEPT_BYTES_MAX: usize = 32 << 20;
/// Tails are woken at most this often, so that many small writes do not wake a thousand tails each.
const WAKE_EVERY: Duration = Duration::from_millis(2);
/// How often the thread looks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What the tails of one database share.
pub(in crate::columnar) struct Feed {
    log: Arc<Log>,
    head: Arc<Head>,
    state: Mutex<State>,
    /// Signals that `ring.end`, `closed` or `failed` changed.
    grown: Condvar,
    wakers: Mutex<HashMap<u64, Waker>>,
}

#[derive(Default)]
struct State {
    /// Batches without gaps between `start` and `end`.
    batches: VecDeque<Arc<TailBatch>>,
    start: LogOffset,
    end: LogOffset,
    bytes: usize,
    /// Tails that there are.
    tails: usize,
    tails_ever: u64,
    running: bool,
    closed: bool,
    failed: Option<Arc<str>>,
}

/// What the feed has for a tail.
pub(super) enum Shared {
    Batch(Arc<TailBatch>),
    /// Nothing beyond what the tail has, up to here.
    Nothing {
        end: LogOffset,
    },
    /// The tail is behind: what comes before `start` is in the log alone.
    Older {
        start: LogOffset,
    },
}

impl Feed {
    pub(in crate::columnar) fn new(log: Arc<Log>, head: Arc<Head>) -> Self {
        Self { log, head, state: Mutex::default(), grown: Condvar::new(), wakers: Mutex::default() }
    }

    /// Ends all tails.
    pub(in crate::columnar) fn close(&self) {
        self.state.lock().closed = true;
        self.wake();
    }

    /// Adds a tail and returns its number; starts the thread if it does not run. The first tail decides how
    /// durable batches are that all tails get.
    pub(super) fn join(feed: &Arc<Self>, durability: Durability) -> io::Result<u64> {
        let mut state = feed.state.lock();
        if !state.running {
            let reached = feed.log.reached(durability);
            (state.start, state.end) = (reached, reached);
            let feed = Arc::clone(feed);
            thread::Builder::new()
                .name("timberline-tail".to_owned())
                .spawn(move || feed.run(durability))?;
            state.running = true;
        }
        state.tails += 1;
        state.tails_ever += 1;
        Ok(state.tails_ever)
    }

    pub(super) fn leave(&self, id: u64) {
        self.wakers.lock().remove(&id);
        self.state.lock().tails -= 1;
    }

    pub(super) fn labels(&self, series: SeriesRef) -> Option<Labels> {
        self.head.labels(series)
    }

    pub(super) fn reader(&self, from: LogOffset) -> Result<LogReader, EngineError> {
        self.log.reader(from).map_err(behind)
    }

    /// What there is for a tail that has come to an offset.
    pub(super) fn after(&self, at: LogOffset) -> Result<Shared, EngineError> {
        let state = self.state.lock();
        if state.closed {
            return Err(EngineError::Closed);
        }
        if at < state.start {
            return Ok(Shared::Older { start: state.start });
        }
        let index = state.batches.partition_point(|batch| batch.offset < at);
        match (state.batches.get(index), &state.failed) {
            (Some(batch), _) => Ok(Shared::Batch(Arc::clone(batch))),
            (None, Some(reason)) => Err(LogError::Poisoned { reason: Arc::clone(reason) }.into()),
            (None, None) => Ok(Shared::Nothing { end: state.end }),
        }
    }

    /// Wakes a tail when there is more.
    pub(super) fn wake_later(&self, id: u64, waker: &Waker) {
        let mut wakers = self.wakers.lock();
        match wakers.get_mut(&id) {
            Some(known) => known.clone_from(waker),
            None => {
                wakers.insert(id, waker.clone());
            }
        }
    }

    /// Returns when there is something beyond an offset, or the time is up.
    pub(super) fn wait_beyond(&self, at: LogOffset, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut state = self.state.lock();
        while state.end <= at && !state.closed && state.failed.is_none() {
            if self.grown.wait_until(&mut state, deadline).timed_out() {
                return;
            }
        }
    }

    fn wake(&self) {
        self.grown.notify_all();
        let wakers = std::mem::take(&mut *self.wakers.lock());
        wakers.into_values().for_each(Waker::wake);
    }

    /// The thread.
    fn run(&self, durability: Durability) {
        let mut at = self.state.lock().end;
        let mut decoder = BatchDecoder::default();
        let mut reader = None;
        while self.is_wanted() {
            let reached = match self.log.wait_reached(at, durability, LOOK_EVERY) {
                Ok(reached) if reached > at => reached,
                Ok(_) => continue,
                Err(error) => return self.fail(&error),
            };
            match self.take_in(at, reached, &mut reader, &mut decoder) {
                Ok(()) => at = reached,
                Err(LogError::Truncated { .. }) => {
                    // A flush went past this thread. Tails find out when they look for what is missing.
                    at = self.log.start().max(at);
                    reader = None;
                    self.skip_to(at);
                }
                Err(error) => return self.fail(&error),
            }
            self.wake();
            thread::sleep(WAKE_EVERY);
        }
    }

    /// Decodes the frames between two offsets.
    fn take_in(
        &self,
        from: LogOffset,
        to: LogOffset,
        reader: &mut Option<LogReader>,
        decoder: &mut BatchDecoder,
    ) -> Result<(), LogError> {
        let reader = match reader {
            Some(reader) => reader,
            None => reader.insert(self.log.reader(from)?),
        };
        while let Some(batch) = decoder.next(reader, to)? {
            self.keep(batch);
        }
        self.state.lock().end = to;
        Ok(())
    }

    fn keep(&self, batch: TailBatch) {
        let mut state = self.state.lock();
        state.bytes += batch.bytes();
        state.end = batch.end;
        state.batches.push_back(Arc::new(batch));
        while state.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = state.batches.pop_front() else { break };
            state.bytes -= oldest.bytes();
            state.start = oldest.end;
        }
    }

    fn skip_to(&self, at: LogOffset) {
        let mut state = self.state.lock();
        state.batches.clear();
        (state.start, state.end, state.bytes) = (at, at, 0);
    }

    /// Whether there are tails. If not, the thread has to end: the next tail starts another.
    fn is_wanted(&self) -> bool {
        let mut state = self.state.lock();
        let wanted = state.tails > 0 && !state.closed && state.failed.is_none();
        if !wanted {
            state.running = false;
            state.batches.clear();
            state.bytes = 0;
        }
        wanted
    }

    fn fail(&self, error: &LogError) {
        tracing::error!(%error, "the tail of the log cannot be read");
        {
            let mut state = self.state.lock();
            state.running = false;
            state.failed = Some(error.to_string().into());
        }
        self.wake();
    }
}

/// What a reader of the log says to one of its tail.
pub(super) fn behind(error: LogError) -> EngineError {
    match error {
        LogError::Truncated { offset, start } => EngineError::Behind { offset, start },
        other => other.into(),
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Feed")
            .field("start", &state.start)
            .field("end", &state.end)
            .field("tails", &state.tails)
            .finish_non_exhaustive()
    }
}
