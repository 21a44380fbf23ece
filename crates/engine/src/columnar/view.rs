//! What a read sees: the blocks of one manifest, and how much of the head they already hold.
//!
//! Publishing a flush replaces the view in one step. A read keeps the view with which it began, and
//! for as long as any read holds an old view, the head keeps the chunks which that view expects of it.

use std::sync::Arc;

use timberline_block::Block;
use timberline_model::TimeRange;

use super::{head::Epoch, manifest::{BlockEntry, Manifest}};
use crate::EngineError;

/// One state of the database, as reads see it.
#[derive(Debug)]
pub(crate) struct View {
    /// What the blocks were built from.
    pub(crate) manifest: Manifest,
    /// The blocks that can be read, oldest first.
    pub(crate) blocks: Vec<Arc<Block>>,
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
    pub(crate) fn blocks_in(&self, range: TimeRange) -> Result<Vec<&Arc<Block>>, EngineError> {
        let hit = |entry: &BlockEntry| range.overlaps(&TimeRange::new(entry.min_ts, entry.max_ts));
        if let Some((entry, reason)) = self.set_aside.iter().find(|(entry, _)| hit(entry)) {
            return Err(EngineError::BlockSetAside {
                block: entry.ulid.clone(),
                reason: reason.clone(),
            });
        }
        let overlaps = |block: &&Arc<Block>| {
            range.overlaps(&TimeRange::new(block.meta().min_ts, block.meta().max_ts))
        };
        Ok(self.blocks.iter().filter(overlaps).collect())
    }
}
