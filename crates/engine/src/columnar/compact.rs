//! Compaction: small blocks become large ones.
//!
//! A compaction reads the blocks of one window of time and writes one block in their stead: series
//! by series, merged and de-duplicated. It works beside writers and readers; only putting the result
//! in force takes a moment of the flush's lock. What fails leaves everything as it was.

use std::sync::Arc;

use timberline_block::{BlockMeta, BlockWriter, FloatCodec, LabelReader, Reading};
use timberline_io::Disk;
use timberline_model::{DuplicatePolicy, Exemplar, Labels, SeriesColumns, TimeRange};
use ulid::Ulid;

use super::{
    layout::Layout,
    live_block::LiveBlock,
    merge::{merge_columns, merge_exemplars},
};
use crate::EngineError;

mod plan;

pub(crate) use plan::{plan, plan_cleaning};

/// What a compaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactionOutcome {
    /// Names of the blocks that were merged.
    pub merged: Vec<String>,
    /// Name of the block that they became; `None` when nothing was left of them.
    pub block: Option<String>,
    /// Samples in it.
    pub samples: u64,
    /// Bytes of the merged blocks.
    pub bytes_before: u64,
    /// Bytes of the block that they became.
    pub bytes_after: u64,
}

/// One compaction at work.
pub(crate) struct Compaction<'a> {
    pub(crate) disk: &'a Arc<dyn Disk>,
    pub(crate) layout: &'a Layout,
    pub(crate) policy: DuplicatePolicy,
    pub(crate) ulid: Ulid,
    pub(crate) level: u8,
    /// How floats are encoded.
    pub(crate) codec: FloatCodec,
    /// Asked now and then; `true` ends the work with [`EngineError::Closed`].
    pub(crate) is_canceled: &'a dyn Fn() -> bool,
}

/// Series written between two looks at whether to go on.
const SERIES_PER_LOOK: u64 = 256;

impl Compaction<'_> {
    /// Writes the union of `inputs`, which are ordered by age, oldest first. The block gets the age
    /// of the newest of them. `None` when all that they hold is deleted.
    pub(crate) fn run(&self, inputs: &[LiveBlock]) -> Result<Option<BlockMeta>, EngineError> {
        let sequence = inputs.last().map_or(0, |block| block.meta().sequence);
        let blocks = self.layout.blocks();
        let mut writer = BlockWriter::create(self.disk, &blocks, self.ulid, sequence)?;
        writer.set_level(self.level);
        writer.set_codec(self.codec);
        let mut cursors = inputs.iter().map(Cursor::new).collect::<Result<Vec<_>, _>>()?;
        let mut parts: Vec<SeriesColumns> =
            inputs.iter().map(|_| SeriesColumns::default()).collect();
        let (mut merged, mut exemplars) = (SeriesColumns::default(), Vec::new());
        while let Some(labels) = cursors.iter().filter_map(|c| c.labels.as_ref()).min().cloned() {
            if writer.series_count().is_multiple_of(SERIES_PER_LOOK) && (self.is_canceled)() {
                return Err(EngineError::Closed);
            }
            let mut used = 0;
            exemplars.clear();
            for cursor in cursors.iter_mut().filter(|c| c.labels.as_ref() == Some(&labels)) {
                parts[used].clear();
                cursor.take(&mut parts[used], &mut exemplars)?;
                used += 1;
            }
            merged.clear();
            merge_columns(&mut parts[..used], self.policy, &mut merged);
            merge_exemplars(&mut exemplars);
            if !merged.is_empty() || !exemplars.is_empty() {
                writer.start_series(&labels)?;
                writer.push(&mut merged)?;
                writer.push_exemplars(&exemplars)?;
            }
        }
        if writer.series_count() == 0 {
            return Ok(None);
        }
        Ok(Some(writer.finish()?))
    }
}

/// A walk through one block, series by series.
struct Cursor<'a> {
    block: &'a LiveBlock,
    reader: LabelReader<'a>,
    reading: Reading,
    next: u32,
    /// Labels of the series at `next`; `None` behind the last.
    labels: Option<Labels>,
}

impl<'a> Cursor<'a> {
    fn new(block: &'a LiveBlock) -> Result<Self, EngineError> {
        let (reader, reading) = (block.block().label_reader(), Reading::default());
        let mut cursor = Self { block, reader, reading, next: 0, labels: None };
        cursor.look()?;
        Ok(cursor)
    }

    fn look(&mut self) -> Result<(), EngineError> {
        let more = self.next < self.block.block().series_count();
        self.labels = if more { Some(self.reader.labels(self.next)?) } else { None };
        Ok(())
    }

    /// Reads the series, appends its exemplars, and goes to the next.
    fn take(
        &mut self,
        columns: &mut SeriesColumns,
        exemplars: &mut Vec<Exemplar>,
    ) -> Result<(), EngineError> {
        self.block.series(self.next)?.read(TimeRange::ALL, columns, &mut self.reading)?;
        self.block.exemplars(self.next, TimeRange::ALL, exemplars)?;
        self.next += 1;
        self.look()
    }
}
