//! A block as reads see it: without the samples that were deleted after it was written.

use std::{collections::HashMap, sync::Arc};

use timberline_block::{Block, BlockMeta};
use timberline_model::{Exemplar, SeriesColumns, TimeRange};

use super::tombstone::Tombstone;
use crate::EngineError;

/// A block and what is deleted of it.
#[derive(Clone, Debug)]
pub(crate) struct LiveBlock {
    block: Arc<Block>,
    /// By series ordinal: spans of time that are deleted.
    deleted: Arc<HashMap<u32, Vec<TimeRange>>>,
}

impl LiveBlock {
    /// A block to which those tombstones apply whose number is greater than `clean_to`.
    pub(crate) fn new(
        block: Arc<Block>,
        clean_to: u64,
        tombstones: &[Tombstone],
    ) -> Result<Self, EngineError> {
        let mut deleted: HashMap<u32, Vec<TimeRange>> = HashMap::new();
        for tombstone in tombstones.iter().filter(|tombstone| tombstone.number > clean_to) {
            let range = tombstone.range();
            if !range.overlaps(&block.range()) {
                continue;
            }
            let matchers = tombstone
                .matchers()
                .map_err(|reason| EngineError::Tombstone { number: tombstone.number, reason })?;
            for series in block.select(&matchers)? {
                deleted.entry(series).or_default().push(range);
            }
        }
        Ok(Self { block, deleted: Arc::new(deleted) })
    }

    /// The block, for everything but its samples.
    pub(crate) fn block(&self) -> &Arc<Block> {
        &self.block
    }

    pub(crate) fn meta(&self) -> &BlockMeta {
        self.block.meta()
    }

    pub(crate) fn range(&self) -> TimeRange {
        self.block.range()
    }

    /// Whether some of it is deleted.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.deleted.is_empty()
    }

    /// Appends a series' samples in a range.
    pub(crate) fn read(
        &self,
        series: u32,
        range: TimeRange,
        columns: &mut SeriesColumns,
    ) -> Result<(), EngineError> {
        let mark = columns.mark();
        self.block.read(series, range, columns)?;
        if let Some(deleted) = self.deleted.get(&series) {
            columns.retain(mark, |ts| !deleted.iter().any(|range| range.contains(ts)));
        }
        Ok(())
    }

    /// Appends a series' exemplars in a range.
    pub(crate) fn exemplars(
        &self,
        series: u32,
        range: TimeRange,
        exemplars: &mut Vec<Exemplar>,
    ) -> Result<(), EngineError> {
        let start = exemplars.len();
        self.block.exemplars(series, range, exemplars)?;
        if let Some(deleted) = self.deleted.get(&series) {
            let is_deleted = |ts: i64| deleted.iter().any(|range| range.contains(ts));
            let mut index = 0;
            exemplars.retain(|exemplar| {
                index += 1;
                index <= start || !is_deleted(exemplar.ts)
            });
        }
        Ok(())
    }
}
