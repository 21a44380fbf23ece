//! A block as reads see it: without the samples that were deleted after it was written.

use std::{collections::HashMap, sync::Arc};

use timberline_block::{Block, BlockMeta, BlockSeries, Reading};
use timberline_model::{ColumnsMark, Exemplar, PageFigures, SeriesColumns, TimeRange};

use super::{scan::TotalsMemo, tombstone::Tombstone};
use crate::EngineError;

/// A series of a block, without what is deleted of it.
#[derive(Debug)]
pub(crate) struct LiveSeries<'a> {
    series: BlockSeries<'a>,
    deleted: &'a [TimeRange],
}

impl LiveSeries<'_> {
    /// A span in which all floats of the series lie, if it has any.
    pub(crate) fn float_span(&self) -> Option<TimeRange> {
        self.series.float_span()
    }

    /// Whether the series has, or had, histograms.
    pub(crate) const fn has_histograms(&self) -> bool {
        self.series.has_histograms()
    }

    /// Appends the samples in a range.
    pub(crate) fn read(
        &self,
        range: TimeRange,
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), EngineError> {
        let mark = columns.mark();
        self.series.read(range, columns, reading)?;
        self.leave_out_deleted(mark, columns);
        Ok(())
    }

    /// The same, but with figures in place of pages that are `wanted` so and of which nothing is deleted.
    /// Where they would be in the columns ([`PageFigures::at`]) is not said.
    pub(crate) fn read_pages(
        &self,
        range: TimeRange,
        wanted: &mut dyn FnMut(&PageFigures) -> bool,
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), EngineError> {
        let mark = columns.mark();
        let whole =
            |page: &PageFigures| !self.deleted.iter().any(|deleted| deleted.overlaps(&page.range));
        let mut wanted = |page: &PageFigures| whole(page) && wanted(page);
        self.series.read_pages(range, &mut wanted, columns, reading)?;
        self.leave_out_deleted(mark, columns);
        Ok(())
    }

    fn leave_out_deleted(&self, mark: ColumnsMark, columns: &mut SeriesColumns) {
        if !self.deleted.is_empty() {
            columns.retain(mark, |ts| !self.deleted.iter().any(|range| range.contains(ts)));
        }
    }
}

/// A block and what is deleted of it.
#[derive(Clone, Debug)]
pub(crate) struct LiveBlock {
    block: Arc<Block>,
    /// By series ordinal: spans of time that are deleted.
    deleted: Arc<HashMap<u32, Vec<TimeRange>>>,
    /// Of what is not deleted: another deletion makes another one of these.
    totals: Arc<TotalsMemo>,
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
        Ok(Self { block, deleted: Arc::new(deleted), totals: Arc::default() })
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

    /// What is known of all of it.
    pub(crate) fn totals(&self) -> &TotalsMemo {
        &self.totals
    }

    /// Finds out where a series' samples are.
    pub(crate) fn series(&self, series: u32) -> Result<LiveSeries<'_>, EngineError> {
        let deleted = self.deleted.get(&series).map_or(&[][..], Vec::as_slice);
        Ok(LiveSeries { series: self.block.series(series)?, deleted })
    }

    /// Appends a series' samples in a range.
    pub(crate) fn read(
        &self,
        series: u32,
        range: TimeRange,
        columns: &mut SeriesColumns,
    ) -> Result<(), EngineError> {
        self.series(series)?.read(range, columns, &mut Reading::default())
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
