//! Doubt about the newest instants that the head remembers.
//!
//! The head remembers the newest sample of a series longer than it has the sample, so that a sender's
//! repeat of it is recognized. When something else changes the blocks (a deletion, an import), what they
//! hold at that instant may be another sample, or none: a repeat is then as good as any other sample.

use std::sync::atomic::Ordering;

use timberline_model::TimeRange;

use super::{root::Head, shard::Shard};

/// Pages of series that are gone through before the lock is given up.
const PAGES_PER_SLICE: usize = 16;

impl Head {
    /// Says that the blocks may have other samples in a range than the head saw go there, or none any
    /// more. To be called before reads see it.
    pub fn doubt_newest(&self, range: TimeRange) {
        for (_, shard) in self.shards() {
            shard.doubt_newest(range);
        }
    }

    /// Says that blocks which the head has not written, and which end at an instant, may have samples of
    /// any series. To be called before reads see them.
    pub fn note_foreign_blocks(&self, range: TimeRange) {
        self.note_blocks_end(range.end);
        for (_, shard) in self.shards() {
            shard.recovered_end.store(u32::MAX, Ordering::Relaxed);
        }
        self.doubt_newest(range);
    }
}

impl Shard {
    fn doubt_newest(&self, range: TimeRange) {
        let mut next = 0;
        loop {
            let mut samples = self.samples.write();
            let end = samples.table.page_count().min(next + PAGES_PER_SLICE);
            for page in next..end {
                samples.table.page_mut(page).for_each(|series| series.doubt_newest(range));
            }
            if end == samples.table.page_count() {
                return;
            }
            next = end;
        }
    }
}
