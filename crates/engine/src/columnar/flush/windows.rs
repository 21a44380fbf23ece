//! Blocks being written by a flush, one for each window of time.

use std::collections::{BTreeMap, btree_map::Entry};

use timberline_block::{BlockMeta, BlockWriter};
use timberline_model::{ColumnsMark, Exemplar, Labels, SeriesColumns};
use ulid::Ulid;

use super::Flush;
use crate::EngineError;

/// Windows that one flush gives a block each. Samples beyond them, which only a backfill scattered
/// over years has, share one further block.
const WINDOWS_PER_FLUSH_MAX: usize = 48;

/// The blocks being written, one for each window of time.
pub(super) struct Windows<'a> {
    flush: &'a Flush<'a>,
    next_sequence: u64,
    /// By window number; `None` is the block of all windows beyond the limit.
    writers: BTreeMap<Option<i64>, WindowWriter>,
}

struct WindowWriter {
    writer: BlockWriter,
    /// Whether the series at hand was started in this block.
    in_series: bool,
}

impl WindowWriter {
    fn create(flush: &Flush<'_>, sequence: u64) -> Result<Self, EngineError> {
        let ulid = Ulid::from_parts(flush.now_ms, u128::from(sequence));
        let mut writer = BlockWriter::create(flush.disk, &flush.layout.blocks(), ulid, sequence)?;
        writer.set_codec(flush.codec);
        Ok(Self { writer, in_series: false })
    }
}

impl<'a> Windows<'a> {
    pub(super) fn new(flush: &'a Flush<'a>, first_sequence: u64) -> Self {
        Self { flush, next_sequence: first_sequence, writers: BTreeMap::new() }
    }

    /// Adds one series: moves its samples, and copies its exemplars, all of which ascend by time. The
    /// caller goes through the series in the order of their labels.
    pub(super) fn push(
        &mut self,
        labels: &Labels,
        columns: &mut SeriesColumns,
        mut exemplars: &[Exemplar],
    ) -> Result<(), EngineError> {
        while let Some(first) = first_instant(columns, exemplars) {
            let window = self.flush.window;
            let number = first.div_euclid(window);
            let inside = |ts: i64| ts.div_euclid(window) == number;
            let mark = ColumnsMark {
                floats: columns.timestamps.partition_point(|ts| inside(*ts)),
                histograms: columns.histograms.timestamps.partition_point(|ts| inside(*ts)),
            };
            let mut later = columns.split_off(mark);
            let cut = exemplars.partition_point(|exemplar| inside(exemplar.ts));
            let writer = self.writer(number, labels)?;
            writer.push(columns)?;
            writer.push_exemplars(&exemplars[..cut])?;
            exemplars = &exemplars[cut..];
            columns.append(&mut later);
        }
        for window in self.writers.values_mut() {
            window.in_series = false;
        }
        Ok(())
    }

    /// The writer of a window's block, with a series started in it.
    fn writer(&mut self, number: i64, labels: &Labels) -> Result<&mut BlockWriter, EngineError> {
        let known = self.writers.contains_key(&Some(number));
        let key = (known || self.writers.len() < WINDOWS_PER_FLUSH_MAX).then_some(number);
        let window = match self.writers.entry(key) {
            Entry::Occupied(window) => window.into_mut(),
            Entry::Vacant(place) => {
                let sequence = self.next_sequence;
                self.next_sequence += 1;
                place.insert(WindowWriter::create(self.flush, sequence)?)
            }
        };
        if !window.in_series {
            window.writer.start_series(labels)?;
            window.in_series = true;
        }
        Ok(&mut window.writer)
    }

    pub(super) fn finish(self) -> Result<Vec<BlockMeta>, EngineError> {
        let mut metas = Vec::with_capacity(self.writers.len());
        for window in self.writers.into_values() {
            metas.push(window.writer.finish()?);
        }
        metas.sort_by_key(|meta| meta.sequence);
        Ok(metas)
    }
}

/// The first instant of anything that is left.
fn first_instant(columns: &SeriesColumns, exemplars: &[Exemplar]) -> Option<i64> {
    let times = [columns.timestamps.first(), columns.histograms.timestamps.first()];
    let exemplar = exemplars.first().map(|exemplar| exemplar.ts);
    times.into_iter().flatten().copied().chain(exemplar).min()
}
