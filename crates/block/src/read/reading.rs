//! What a reader of many series keeps from one to the next.
//!
//! Series that were scraped together share a timeline, and all of its pages would be decoded again for each
//! of them: half of what reading floats costs. The pages that were decoded last are remembered instead, and
//! with them whether their timestamps ascend, so that nobody has to look again.

use timberline_model::PageCounts;

use super::{samples::Reader, timelines::TimePage};
use crate::BlockError;

/// Pages of timestamps that are remembered: half a MiB of them, which stays in a processor's cache.
const PAGES_REMEMBERED: usize = 64;

/// What goes with reading series of any blocks.
#[derive(Debug, Default)]
pub struct Reading {
    /// The pages that were decoded, or left alone because their figures were enough.
    pub counts: PageCounts,
    times: Vec<Times>,
    /// Of the floats that were read since [`begin`](Self::begin).
    ascends: bool,
}

/// A page of timestamps, decoded.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// The block, the unit, and the page as the timeline describes it, which it was checked against; none to
    /// begin with.
    of: Option<(u128, i64, TimePage)>,
    /// Nanoseconds.
    pub(crate) instants: Vec<i64>,
    /// Whether each lies after the one before it.
    ascends: bool,
}

impl Reading {
    /// Says that what comes next is another series, in columns without floats.
    pub const fn begin(&mut self) {
        self.ascends = true;
    }

    /// Whether the floats that were appended since [`begin`](Self::begin) are known to ascend, no two at one
    /// instant. Cutting columns leaves that so.
    #[must_use]
    pub const fn ascends(&self) -> bool {
        self.ascends
    }

    /// Floats come into the columns whose order was not looked at.
    pub const fn append_unknown(&mut self) {
        self.ascends = false;
    }

    /// Appends some of the timestamps of a page: all but the first `skip`, and `count` at most.
    pub(crate) fn append_times(
        &mut self,
        reader: Reader<'_>,
        unit: i64,
        page: &TimePage,
        (skip, count): (usize, usize),
        timestamps: &mut Vec<i64>,
    ) -> Result<(), BlockError> {
        let times = self.times(reader, unit, page)?;
        let end = (skip + count).min(times.instants.len());
        let appended = &times.instants[skip.min(end)..end];
        let is_later = match (timestamps.last(), appended.first()) {
            (Some(last), Some(first)) => last < first,
            _ => true,
        };
        let ascends = times.ascends && is_later;
        timestamps.extend_from_slice(appended);
        self.ascends &= ascends;
        Ok(())
    }

    /// A page, from memory if it was read a short time ago.
    fn times(
        &mut self,
        reader: Reader<'_>,
        unit: i64,
        page: &TimePage,
    ) -> Result<&Times, BlockError> {
        let of = (reader.block.meta().ulid.0, unit, *page);
        if self.times.is_empty() {
            self.times.resize_with(PAGES_REMEMBERED, Times::default);
        }
        let times = &mut self.times[slot(of.0, page.position)];
        if times.of != Some(of) {
            times.of = None;
            times.instants.clear();
            reader.times(unit, page, &mut times.instants)?;
            times.ascends = times.instants.is_sorted_by(|before, after| before < after);
            times.of = Some(of);
        }
        Ok(times)
    }
}

/// Where a page is remembered: pages that lie near each other in different places (Fibonacci hashing, Knuth,
/// "The Art of Computer Programming", volume 3, section 6.4).
const fn slot(block: u128, position: u64) -> usize {
    let mixed = (position ^ block as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - PAGES_REMEMBERED.ilog2())) as usize
}
