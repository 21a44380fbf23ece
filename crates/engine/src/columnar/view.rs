//! What a read sees: the blocks of one manifest, and how much of the head they already hold.
//!
//! Publishing a flush replaces the view in one step. A read keeps the view with which it began, and
//! for as long as any read holds an old view, the head keeps the chunks which that view expects of it.

use timberline_block::Block;
use timberline_model::{Labels, MatchOp, Matcher, SeriesColumns, TimeRange};

use super::{
    head::{Epoch, SampleValue},
    live_block::LiveBlock,
    manifest::{BlockEntry, Manifest},
};
use crate::EngineError;

/// One state of the database, as reads see it.
#[derive(Debug)]
pub(crate) struct View {
    /// What the blocks were built from.
    pub(crate) manifest: Manifest,
    /// The blocks that can be read, oldest first.
    pub(crate) blocks: Vec<LiveBlock>,
    /// The blocks that cannot be read, each with the reason.
    pub(crate) set_aside: Vec<(BlockEntry, String)>,
    /// Chunks of this epoch and older ones are in the blocks.
    pub(crate) flushed: Epoch,
}

impl View {
    /// The blocks that may have samples in a span of time.
    ///
    /// # Errors
    /// When one of them cannot be read: an answer without it would be wrong.
    pub(crate) fn blocks_in(&self, range: TimeRange) -> Result<Vec<&LiveBlock>, EngineError> {
        let hit = |entry: &BlockEntry| range.overlaps(&TimeRange::new(entry.min_ts, entry.max_ts));
        if let Some((entry, reason)) = self.set_aside.iter().find(|(entry, _)| hit(entry)) {
            return Err(EngineError::BlockSetAside {
                block: entry.ulid.clone(),
                reason: reason.clone(),
            });
        }
        Ok(self.blocks.iter().filter(|block| range.overlaps(&block.range())).collect())
    }

    /// The value that the blocks hold for a series at an instant: of several, that which came first, as
    /// reads under [`DuplicatePolicy::Reject`](timberline_model::DuplicatePolicy::Reject) show it.
    /// Blocks that cannot be read count as not having it.
    pub(crate) fn value_at(&self, labels: &Labels, ts: i64) -> Option<SampleValue> {
        let range = TimeRange::new(ts, ts);
        let mut columns = SeriesColumns::default();
        for block in self.blocks.iter().filter(|block| range.overlaps(&block.range())) {
            let Some(ordinal) = find(block.block(), labels) else { continue };
            columns.clear();
            if block.read(ordinal, range, &mut columns).is_ok()
                && let Some(value) = SampleValue::first_of(&columns)
            {
                return Some(value);
            }
        }
        None
    }
}

/// The series of a block with exactly these labels.
fn find(block: &Block, labels: &Labels) -> Option<u32> {
    let matchers: Vec<Matcher> = labels
        .iter()
        .filter_map(|(name, value)| Matcher::new(name, MatchOp::Equal, value).ok())
        .collect();
    let found = block.select(&matchers).ok()?;
    found.into_iter().find(|ordinal| block.labels(*ordinal).is_ok_and(|other| other == *labels))
}
