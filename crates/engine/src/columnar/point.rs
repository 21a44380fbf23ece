//! Points: reads of a database exactly as the log had it at one offset.
//!
//! A point ends the head's epoch in a moment of rest, so that what is written later can be left out by
//! reads until a flush turns both into one block. Whoever reads at a point and then follows the log's
//! [tail](super::Tail) from its offset has every sample once.

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use timberline_model::{Durability, Labels, LogOffset, ScanError, Selector, SeriesScan};

use super::{
    engine::{Engine, Inner},
    head::Epoch,
    scan::{scan_settled, scan_upto},
};
use crate::EngineError;

/// A point is given to all who ask within this time of its making: each one cuts the head's chunks short.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// A moment of a database.
#[derive(Clone, Copy, Debug)]
pub struct ReadPoint {
    offset: LogOffset,
    epoch: Epoch,
}

impl ReadPoint {
    /// Where the frames begin that reads at the point leave out.
    #[must_use]
    pub const fn offset(&self) -> LogOffset {
        self.offset
    }
}

/// The newest point and when it was made.
#[derive(Debug, Default)]
pub(super) struct Points {
    newest: Mutex<Option<(ReadPoint, Instant)>>,
}

impl Engine {
    /// A point not more than a second old, and not before an offset. Everything in the log before the point
    /// is as durable as asked.
    ///
    /// # Errors
    /// [`EngineError::BeyondLog`] for an offset that the log has not come to, [`EngineError::Closed`], or a
    /// disk that fails.
    pub fn read_point(
        &self,
        not_before: LogOffset,
        durability: Durability,
    ) -> Result<ReadPoint, EngineError> {
        let inner = &self.inner;
        let _open = inner.gate.read();
        if inner.is_closed() {
            return Err(EngineError::Closed);
        }
        let end = inner.log.end();
        if not_before > end {
            return Err(EngineError::BeyondLog { offset: not_before, end });
        }
        let point = inner.point(not_before);
        inner.log.commit(point.offset, durability)?;
        Ok(point)
    }

    /// As [`scan`](timberline_model::SeriesSource::scan), exactly as the log had it at a point; `None`
    /// when a flush has passed the point, and another has to be taken. Bulk imports do not go through
    /// the log, and are seen or not as they are in a scan.
    ///
    /// # Errors
    /// Storage that cannot be read.
    pub fn scan_at(
        &self,
        point: ReadPoint,
        selector: &Selector,
        partitions: NonZeroUsize,
    ) -> Result<Option<Vec<Box<dyn SeriesScan>>>, ScanError> {
        Ok(scan_upto(&self.inner, selector, point.epoch, partitions)?)
    }

    /// As [`scan`](timberline_model::SeriesSource::scan), with everything that is in the log by now: also
    /// what is durable there and on its way to its writer's acknowledgement.
    ///
    /// # Errors
    /// Storage that cannot be read.
    pub fn scan_settled(
        &self,
        selector: &Selector,
        partitions: NonZeroUsize,
    ) -> Result<Vec<Box<dyn SeriesScan>>, ScanError> {
        Ok(scan_settled(&self.inner, selector, partitions)?)
    }
}

impl Inner {
    fn point(&self, not_before: LogOffset) -> ReadPoint {
        let mut newest = self.points.newest.lock();
        let flushed = self.view().flushed;
        if let Some((point, made)) = *newest
            && point.epoch >= flushed
            && point.offset >= not_before
            && (made.elapsed() < SHARED_FOR || point.offset == self.log.end())
        {
            return point;
        }
        let older = |labels: &Labels, ts: i64| self.view().value_at(labels, ts);
        let point = self
            .committer
            .at_rest(&older, |offset| ReadPoint { offset, epoch: self.head.rotate_unflushed() });
        *newest = Some((point, Instant::now()));
        point
    }
}
