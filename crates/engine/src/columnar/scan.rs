//! The scan: series of the head and the blocks, joined by their labels and merged by time.
//!
//! Each place is asked for the series that match; then the answers are joined: by half of the hash of
//! the labels first, and by the labels themselves where hashes agree. A scan of many
//! series goes through them in the order in which the blocks have them, so that reading a block goes
//! forward.
//!
//! Invariant: a series is in exactly one stream, with all its places. The blocks and the set of
//! series are those of the moment when the scan began.

use std::{num::NonZeroUsize, ops::Range, sync::Arc};

use timberline_model::{
    DuplicatePolicy, Exemplar, Labels, Matcher, PageUse, ScanError, Selector, SeriesRef,
    SeriesScan, TimeRange,
};

use self::stream::Stream;
use super::{engine::Inner, head::Head, live_block::LiveBlock, view::View};
use crate::EngineError;

mod stream;

/// Scans of up to so many series go by their labels, whatever lies where: sums of floats then come out
/// the same to the last bit before and after a flush or a compaction, and for any order of writing. More
/// series are read in the order that costs least.
const ORDERED_SERIES_MAX: usize = 10_000;

/// The places of one database in which series may lie, in the order of their age.
pub(super) struct Places {
    blocks: Vec<LiveBlock>,
    head: Arc<Head>,
    /// Whether the head has samples of the range at all.
    in_head: bool,
    /// Keeps the head's chunks that these blocks do not have yet.
    view: Arc<View>,
    policy: DuplicatePolicy,
    range: TimeRange,
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
        Ok(Self { blocks, head, in_head, view, policy: inner.policy, range })
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

    fn find(&self, matchers: &[Matcher]) -> Result<Vec<Found>, EngineError> {
        let head = self.head().map_or_else(Vec::new, |head| head.select(matchers));
        let places = self.blocks.len() + usize::from(!head.is_empty());
        let mut found = Vec::new();
        for (place, block) in self.blocks.iter().enumerate() {
            let block = block.block();
            for ordinal in block.select(matchers)? {
                let hash = if places > 1 { block.label_hash(ordinal)? } else { 0 };
                found.push(Found { hash, place: place as u32, id: u64::from(ordinal) });
            }
        }
        let place = self.blocks.len() as u32;
        for series in head {
            // A series that leaves the head meanwhile has nothing there that the blocks have not.
            let hash = if places > 1 { self.head.label_hash(series) } else { Some(0) };
            found.extend(hash.map(|hash| Found { hash: hash as u32, place, id: series.0 }));
        }
        Ok(found)
    }

    /// The labels of a series; `None` when it has left the head, where it has had no samples then.
    fn labels(&self, found: Found) -> Result<Option<Labels>, EngineError> {
        match self.blocks.get(found.place as usize) {
            Some(block) => Ok(Some(block.block().labels(found.id as u32)?)),
            None => Ok(self.head.labels(SeriesRef(found.id))),
        }
    }

    /// Puts the places of one series together, oldest first, and the series in reading order.
    fn join(&self, mut found: Vec<Found>) -> Result<(Vec<Found>, Vec<Range<u32>>), EngineError> {
        let joinable = found.iter().any(|entry| entry.place != found[0].place);
        if !joinable {
            let one_each = (0..found.len() as u32).map(|index| index..index + 1).collect();
            return Ok((found, one_each));
        }
        found.sort_unstable_by_key(|entry| (entry.hash, entry.place, entry.id));
        let mut groups = Vec::new();
        let mut start = 0;
        while start < found.len() {
            let hash = found[start].hash;
            let end = start + found[start..].partition_point(|entry| entry.hash == hash);
            self.split_by_labels(&mut found, start..end, &mut groups)?;
            start = end;
        }
        groups.sort_unstable_by_key(|group| {
            let first = found[group.start as usize];
            (first.place, first.id)
        });
        Ok((found, groups))
    }

    /// Puts joined series into the order of their labels.
    fn sort(&self, found: &[Found], groups: &mut Vec<Range<u32>>) -> Result<(), EngineError> {
        // A block has its series in this order, so that one alone needs no sorting.
        let head = self.blocks.len() as u32;
        let in_one_block =
            found.iter().all(|entry| entry.place == found[0].place && entry.place != head);
        if in_one_block {
            return Ok(());
        }
        let labels = |group: Range<u32>| {
            let labels = self.labels(found[group.start as usize]).transpose()?;
            Some(labels.map(|labels| (labels, group)))
        };
        let named: Result<Vec<(Labels, Range<u32>)>, EngineError> =
            groups.drain(..).filter_map(labels).collect();
        let mut named = named?;
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        *groups = named.into_iter().map(|(_, group)| group).collect();
        Ok(())
    }

    /// Entries of one hash are one series nearly always. Where they are not, they are put apart.
    fn split_by_labels(
        &self,
        found: &mut [Found],
        equal: Range<usize>,
        groups: &mut Vec<Range<u32>>,
    ) -> Result<(), EngineError> {
        if equal.len() == 1 {
            groups.push(equal.start as u32..equal.end as u32);
            return Ok(());
        }
        let mut named: Vec<(Labels, Found)> = Vec::with_capacity(equal.len());
        for entry in &found[equal.clone()] {
            named.extend(self.labels(*entry)?.map(|labels| (labels, *entry)));
        }
        named.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.place.cmp(&b.1.place)));
        let mut start = equal.start;
        for run in named.chunk_by(|a, b| a.0 == b.0) {
            for (index, (_, entry)) in run.iter().enumerate() {
                found[start + index] = *entry;
            }
            groups.push(start as u32..(start + run.len()) as u32);
            start += run.len();
        }
        Ok(())
    }
}

/// Series joined from all places, shared by the streams over them.
struct Joined {
    places: Places,
    found: Vec<Found>,
    groups: Vec<Range<u32>>,
}

/// The series that a selector picks, in at most `partitions` streams; with figures in place of pages that
/// are wanted so.
pub(super) fn scan(
    inner: &Inner,
    selector: &Selector,
    wanted: Option<&PageUse>,
    partitions: NonZeroUsize,
) -> Result<Vec<Box<dyn SeriesScan>>, EngineError> {
    let places = Places::of(inner, selector.range)?;
    let found = places.find(&selector.matchers)?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let (found, mut groups) = places.join(found)?;
    if groups.len() <= ORDERED_SERIES_MAX {
        places.sort(&found, &mut groups)?;
    }
    let count = groups.len();
    let streams = partitions.get().min(count);
    let joined = Arc::new(Joined { places, found, groups });
    let wanted = wanted.cloned().map(Arc::new);
    let stream = |index: usize| -> Box<dyn SeriesScan> {
        let rest = count * index / streams..count * (index + 1) / streams;
        Box::new(Stream::new(Arc::clone(&joined), rest, wanted.clone()))
    };
    Ok((0..streams).map(stream).collect())
}

/// The series that a selector picks, in one stream and in the order of their labels.
pub(super) fn scan_sorted(
    inner: &Inner,
    selector: &Selector,
    series_max: usize,
) -> Result<Box<dyn SeriesScan>, ScanError> {
    let places = Places::of(inner, selector.range)?;
    let found = places.find(&selector.matchers)?;
    let (found, mut groups) = places.join(found)?;
    if groups.len() > series_max {
        return Err(ScanError::too_many_series(series_max));
    }
    places.sort(&found, &mut groups)?;
    let rest = 0..groups.len();
    let joined = Arc::new(Joined { places, found, groups });
    Ok(Box::new(Stream::new(joined, rest, None)))
}
