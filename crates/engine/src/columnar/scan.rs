//! The scan: series of the head and the blocks, joined by their labels and merged by time.
//!
//! Each place is asked for the series that match; then the answers are joined: few series by their labels,
//! which a cache remembers, many by hashes of these. A scan of many series goes through them in the order in
//! which the blocks have them, so that reading a block goes forward.
//!
//! Invariant: a series is in exactly one stream, with all its places. The blocks and the set of
//! series are those of the moment when the scan began.

use std::{num::NonZeroUsize, sync::Arc};

use timberline_model::{
    DuplicatePolicy, Exemplar, Labels, Matcher, ScanError, Selector, SeriesRef, SeriesScan,
    Streams, TimeRange,
};

use self::{
    by_labels::ByLabels,
    picked::{Joined, Picked},
    stream::Stream,
};
use super::{
    engine::Inner,
    head::{Epoch, Head},
    label_cache::LabelCache,
    live_block::LiveBlock,
    view::View,
};
use crate::EngineError;

mod by_hash;
mod by_labels;
mod labels_ahead;
mod picked;
mod stream;
mod totals;

pub(super) use totals::{TotalsMemo, totals};

/// Scans of up to so many series go by their labels, whatever lies where: sums of floats then come out
/// the same to the last bit before and after a flush or a compaction, and for any order of writing. More
/// series are read in the order that costs least.
const ORDERED_SERIES_MAX: usize = 10_000;

/// The places of one database in which series may lie, in the order of their age.
#[derive(Clone)]
pub(super) struct Places {
    blocks: Vec<LiveBlock>,
    head: Arc<Head>,
    /// Whether the head has samples of the range at all.
    in_head: bool,
    /// Keeps the head's chunks that these blocks do not have yet.
    view: Arc<View>,
    /// Chunks of the head that were begun in a later epoch are left out.
    upto: Epoch,
    policy: DuplicatePolicy,
    range: TimeRange,
    /// Spans that the reader knows all of already: what the head gets there meanwhile is left out, as it may
    /// be written anew.
    known: Vec<TimeRange>,
}

/// A series at one place.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// The lower half of the labels' hash, which is what blocks have. Zero where there is only one
    /// place, and nothing to join.
    hash: u32,
    /// Index of the block, or the number of blocks for the head.
    place: u32,
    /// The block's ordinal, or the head's series number.
    id: u64,
}

impl Places {
    pub(super) fn of(inner: &Inner, range: TimeRange) -> Result<Self, EngineError> {
        // The head is asked before the view is taken: a flush in between then shows its samples
        // twice, which merging undoes, instead of hiding them.
        let in_head = inner.head.unflushed_range().is_some_and(|head| head.overlaps(&range));
        let view = inner.view();
        let blocks = view.blocks_in(range)?.into_iter().cloned().collect();
        let head = Arc::clone(&inner.head);
        let policy = inner.policy;
        let (upto, known) = (Epoch::LAST, Vec::new());
        Ok(Self { blocks, head, in_head, view, upto, policy, range, known })
    }

    /// The places as they were when an epoch of the head ended; `None` when the blocks have more.
    fn at_end_of(
        inner: &Inner,
        epoch: Epoch,
        range: TimeRange,
    ) -> Result<Option<Self>, EngineError> {
        let places = Self::of(inner, range)?;
        Ok((places.view.flushed <= epoch).then_some(Self { upto: epoch, ..places }))
    }

    pub(super) fn blocks(&self) -> &[LiveBlock] {
        &self.blocks
    }

    /// The head, if it has samples of the range.
    pub(super) fn head(&self) -> Option<&Head> {
        self.in_head.then_some(&*self.head)
    }

    /// Whether the head has samples of a series that lie in the range and are not in the blocks.
    pub(super) fn in_head(&self, series: SeriesRef) -> bool {
        self.head.has_samples(series, self.range, self.view.flushed)
    }

    /// The exemplars that the head has of a series, in the range and not in the blocks.
    pub(super) fn exemplars_in_head(&self, series: SeriesRef) -> Vec<Exemplar> {
        self.head.exemplars(series, self.range, self.view.flushed)
    }

    /// The series that match, place by place, ascending.
    fn find(&self, matchers: &[Matcher]) -> Result<Vec<Vec<Found>>, EngineError> {
        let mut found = Vec::with_capacity(self.blocks.len() + 1);
        for (place, block) in self.blocks.iter().enumerate() {
            let entry = |ordinal| Found { hash: 0, place: place as u32, id: u64::from(ordinal) };
            found.push(block.block().select(matchers)?.into_iter().map(entry).collect());
        }
        let place = self.blocks.len() as u32;
        let head = self.head().map_or_else(Vec::new, |head| head.select(matchers));
        found.push(head.into_iter().map(|of| Found { hash: 0, place, id: of.0 }).collect());
        found.retain(|place: &Vec<Found>| !place.is_empty());
        Ok(found)
    }

    /// The series joined, with their labels and in the order of these where they are not too many.
    fn join(
        self,
        found: Vec<Vec<Found>>,
        labels: &LabelCache,
        ordered_max: usize,
    ) -> Result<Joined, EngineError> {
        if found.iter().all(|place| place.len() <= ORDERED_SERIES_MAX) {
            let by_labels = self.join_by_labels(&found, labels)?;
            if by_labels.groups.len() <= ORDERED_SERIES_MAX {
                let ByLabels { labels, found, groups } = by_labels;
                return Ok(Joined { places: self, found, groups, labels });
            }
        }
        let (found, mut groups) = self.join_by_hash(self.hashed(found)?)?;
        if groups.len() <= ordered_max {
            self.sort(&found, &mut groups)?;
        }
        Ok(Joined { places: self, found, groups, labels: Vec::new() })
    }

    /// All places' entries, with their hashes where there is something to join.
    fn hashed(&self, found: Vec<Vec<Found>>) -> Result<Vec<Found>, EngineError> {
        if found.len() <= 1 {
            return Ok(found.into_iter().flatten().collect());
        }
        let mut hashed = Vec::with_capacity(found.iter().map(Vec::len).sum());
        for entry in found.into_iter().flatten() {
            let hash = match self.blocks.get(entry.place as usize) {
                Some(block) => Some(block.block().label_hash(entry.id as u32)?),
                // A series that leaves the head meanwhile has nothing there that the blocks have not.
                None => self.head.label_hash(SeriesRef(entry.id)).map(|hash| hash as u32),
            };
            hashed.extend(hash.map(|hash| Found { hash, ..entry }));
        }
        Ok(hashed)
    }

    /// The labels of a series; `None` when it has left the head, where it has had no samples then.
    fn labels(&self, found: Found) -> Result<Option<Labels>, EngineError> {
        match self.blocks.get(found.place as usize) {
            Some(block) => Ok(Some(block.block().labels(found.id as u32)?)),
            None => Ok(self.head.labels(SeriesRef(found.id))),
        }
    }
}

/// The series that a selector picks, in at most `partitions` streams.
pub(super) fn scan(
    inner: &Inner,
    selector: &Selector,
    partitions: NonZeroUsize,
) -> Result<Streams, EngineError> {
    let places = Places::of(inner, selector.range)?;
    streams(places, inner, selector, partitions)
}

/// As [`scan`], without what came after the end of an epoch of the head; `None` when that can no longer
/// be told, because a flush has passed it.
pub(super) fn scan_upto(
    inner: &Inner,
    selector: &Selector,
    epoch: Epoch,
    partitions: NonZeroUsize,
) -> Result<Option<Streams>, EngineError> {
    let Some(places) = Places::at_end_of(inner, epoch, selector.range)? else { return Ok(None) };
    streams(places, inner, selector, partitions).map(Some)
}

/// As [`scan`], with everything that is in the log by now, whether it was applied to the head or not.
pub(super) fn scan_settled(
    inner: &Inner,
    selector: &Selector,
    partitions: NonZeroUsize,
) -> Result<Streams, EngineError> {
    let older = |labels: &Labels, ts: i64| inner.view().value_at(labels, ts);
    inner.committer.settle(&older);
    scan(inner, selector, partitions)
}

fn streams(
    places: Places,
    inner: &Inner,
    selector: &Selector,
    partitions: NonZeroUsize,
) -> Result<Streams, EngineError> {
    let found = Picked::find(places, selector, &inner.labels, partitions)?;
    Ok(found.map_or_else(Vec::new, Picked::streams))
}

/// The series that a selector picks, in one stream and in the order of their labels.
pub(super) fn scan_sorted(
    inner: &Inner,
    selector: &Selector,
    series_max: usize,
) -> Result<Box<dyn SeriesScan>, ScanError> {
    let places = Places::of(inner, selector.range)?;
    let found = places.find(&selector.matchers)?;
    let joined = places.join(found, &inner.labels, series_max)?;
    if joined.groups.len() > series_max {
        return Err(ScanError::too_many_series(series_max));
    }
    Ok(Box::new(Stream::new(Arc::new(Picked::joined(joined)), 0)))
}
