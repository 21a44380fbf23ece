//! The tail: what is written to a database, in the order of its log, as it becomes durable.
//!
//! All tails of a database share one feed: a thread decodes each frame once, and the tails take it from
//! there. One that is slower reads the log itself until it has caught up.
//!
//! Invariant: a tail hands out every frame with floats once, in order, or fails. It holds nothing back:
//! the log is truncated under it, and it then says so.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use timberline_log::LogReader;
use timberline_model::{Durability, Labels, LogOffset, SeriesRef};

use super::engine::Engine;
use crate::EngineError;

mod decoder;
mod feed;

use decoder::BatchDecoder;
pub(super) use feed::Feed;
use feed::{Shared, behind};

/// Where a tail begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailFrom {
    /// With what becomes durable from now on.
    End,
    /// With the frame that begins at an offset: one that a batch or a [`ReadPoint`](super::ReadPoint)
    /// gave.
    Offset(LogOffset),
}

/// The floats of one frame, in columns: those that one write had, in its order within each series. Those
/// that the database refuses as duplicates are among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TailBatch {
    /// Where the frame begins.
    pub offset: LogOffset,
    /// Where it ends: a tail that begins here goes on behind it.
    pub end: LogOffset,
    /// The series of each sample, ascending.
    pub series: Vec<SeriesRef>,
    /// Nanoseconds since the Unix epoch.
    pub timestamps: Vec<i64>,
    /// The values.
    pub values: Vec<f64>,
}

impl TailBatch {
    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there are none, which no tail hands out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.len() * (size_of::<SeriesRef>() + size_of::<(i64, f64)>())
    }
}

/// A reader of a log's tail. Dropping it ends it.
pub struct Tail {
    feed: Arc<Feed>,
    id: u64,
    at: LogOffset,
    /// While it is behind the feed.
    own: Option<(LogReader, BatchDecoder)>,
}

impl Engine {
    /// Follows the log, in step with what is as durable as asked.
    ///
    /// # Errors
    /// [`EngineError::Behind`] for an offset that the log has no longer, [`EngineError::BeyondLog`] for one
    /// that it does not have yet, [`EngineError::Closed`], or no thread to be had.
    pub fn tail(&self, from: TailFrom, durability: Durability) -> Result<Tail, EngineError> {
        let inner = &self.inner;
        let _open = inner.gate.read();
        if inner.is_closed() {
            return Err(EngineError::Closed);
        }
        let at = match from {
            TailFrom::End => inner.log.reached(durability),
            TailFrom::Offset(offset) => {
                let (start, end) = (inner.log.start(), inner.log.end());
                if offset < start {
                    return Err(EngineError::Behind { offset, start });
                }
                if offset > end {
                    return Err(EngineError::BeyondLog { offset, end });
                }
                offset
            }
        };
        let id = Feed::join(&inner.feed, durability)
            .map_err(EngineError::disk("start a thread for the tail of", inner.layout.dir()))?;
        Ok(Tail { feed: Arc::clone(&inner.feed), id, at, own: None })
    }

    /// The labels of a series that a tail has handed out; `None` when it has left memory since, as those
    /// do that are written no more.
    #[must_use]
    pub fn labels(&self, series: SeriesRef) -> Option<Labels> {
        self.inner.head.labels(series)
    }
}

impl Tail {
    /// Where what comes next begins, at the earliest.
    #[must_use]
    pub const fn position(&self) -> LogOffset {
        self.at
    }

    /// The labels of a series that the tail has handed out; `None` when it has left memory since.
    #[must_use]
    pub fn labels(&self, series: SeriesRef) -> Option<Labels> {
        self.feed.labels(series)
    }

    /// The next batch; `None` when there is none yet. Does not wait, but may read from the disk.
    ///
    /// # Errors
    /// [`EngineError::Behind`] when the log was truncated before this tail had read it;
    /// [`EngineError::Closed`] at the end of the database; a disk that fails.
    pub fn try_next(&mut self) -> Result<Option<Arc<TailBatch>>, EngineError> {
        loop {
            let limit = match self.feed.after(self.at)? {
                Shared::Batch(batch) => {
                    (self.at, self.own) = (batch.end, None);
                    return Ok(Some(batch));
                }
                Shared::Nothing { end } => {
                    (self.at, self.own) = (end.max(self.at), None);
                    return Ok(None);
                }
                Shared::Older { start } => start,
            };
            let (reader, decoder) = match &mut self.own {
                Some(own) => own,
                None => {
                    let reader = self.feed.reader(self.at)?;
                    self.own.insert((reader, BatchDecoder::default()))
                }
            };
            let batch = decoder.next(reader, limit).map_err(behind)?;
            self.at = batch.as_ref().map_or(limit, |batch| batch.end);
            if batch.is_some() {
                return Ok(batch.map(Arc::new));
            }
        }
    }

    /// As [`try_next`](Self::try_next) for asynchronous callers, who are woken when there is more.
    pub fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Arc<TailBatch>, EngineError>> {
        match self.try_next() {
            Ok(None) => {}
            Ok(Some(batch)) => return Poll::Ready(Ok(batch)),
            Err(error) => return Poll::Ready(Err(error)),
        }
        self.feed.wake_later(self.id, context.waker());
        // What came in between has woken nobody.
        match self.try_next() {
            Ok(None) => Poll::Pending,
            Ok(Some(batch)) => Poll::Ready(Ok(batch)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// The next batch, waiting for it at most so long.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn next_within(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<Arc<TailBatch>>, EngineError> {
        match self.try_next()? {
            Some(batch) => Ok(Some(batch)),
            None => {
                self.feed.wait_beyond(self.at, timeout);
                self.try_next()
            }
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.feed.leave(self.id);
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("at", &self.at).finish_non_exhaustive()
    }
}
