//! The flush: samples of the head become blocks, and the log before them becomes superfluous.
//!
//! Writers go on all the while: the head ends an epoch in a moment of rest, and only what that epoch
//! and older ones hold is written. A flush that fails leaves everything as it was; the next one
//! takes up what it left.

use std::sync::Arc;

use timberline_block::{Block, BlockMeta, FloatCodec};
use timberline_io::Disk;
use timberline_log::{Log, checkpoint, metadata};
use timberline_model::{Durability, Labels, LogOffset, SeriesColumns, SeriesRef};

use super::{
    families::FamilyMap,
    head::{Epoch, Head},
    layout::Layout,
    live_block::LiveBlock,
    manifest::BlockEntry,
    view::View,
};
use crate::EngineError;

mod windows;

use windows::Windows;

/// What a flush did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlushOutcome {
    /// Names of the blocks that were written.
    pub blocks: Vec<String>,
    /// Samples in them.
    pub samples: u64,
    /// Bytes of log that were given back.
    pub log_bytes_freed: u64,
}

/// One flush at work.
pub(crate) struct Flush<'a> {
    pub(crate) disk: &'a Arc<dyn Disk>,
    pub(crate) layout: &'a Layout,
    pub(crate) head: &'a Head,
    /// All metadata that the log has before the flush's offset.
    pub(crate) families: &'a FamilyMap,
    pub(crate) log: &'a Log,
    /// Nanoseconds that a block covers.
    pub(crate) window: i64,
    /// How floats are encoded.
    pub(crate) codec: FloatCodec,
    /// The wall clock in milliseconds, for the names of blocks.
    pub(crate) now_ms: u64,
}

/// A flush whose files are written and durable, and which nothing refers to yet.
pub(crate) struct Prepared {
    view: View,
    outcome: FlushOutcome,
}

impl Flush<'_> {
    /// Writes what the head holds of `epoch` and older ones and is not in `current`; the log holds
    /// all of it before `offset`. After an error `current` is in force as before.
    pub(crate) fn prepare(
        &self,
        current: &View,
        epoch: Epoch,
        offset: LogOffset,
    ) -> Result<Prepared, EngineError> {
        // The blocks must not know more than the log's durable part: a log that ended before
        // `flushed_to` would take appends which the next recovery skips. All of the log, so that the
        // segment which begins at `offset` is there, too, and the ones before it can go.
        self.log.commit(self.log.end(), Durability::Synced)?;
        self.disk.reach("flush.log_synced");
        let metas = self.write_blocks(epoch, current.manifest.next_sequence)?;
        self.disk.reach("flush.blocks_written");
        let dir = self.layout.dictionaries();
        checkpoint::write(self.disk.as_ref(), &dir, offset, self.head.dictionary())?;
        self.disk.reach("flush.dictionary_written");
        if !self.families.is_empty() {
            let families = self.families.iter().map(|(family, of)| (family.as_str(), of));
            metadata::write(self.disk.as_ref(), &dir, offset, families)?;
            self.disk.reach("flush.metadata_written");
        }
        let mut manifest = current.manifest.clone();
        manifest.number += 1;
        manifest.metadata = (!self.families.is_empty()).then_some(offset.0);
        manifest.flushed_to = offset.0;
        manifest.dictionary = Some(offset.0);
        manifest.next_sequence += metas.len() as u64;
        let clean_to = manifest.newest_tombstone();
        manifest.blocks.extend(metas.iter().map(|meta| BlockEntry::of(meta, clean_to)));
        let mut blocks = current.blocks.clone();
        for meta in &metas {
            let dir = self.layout.block(&meta.ulid.to_string());
            let block = Arc::new(Block::open(self.disk.as_ref(), &dir)?);
            blocks.push(LiveBlock::new(block, clean_to, &[])?);
        }
        manifest.prepare(self.disk.as_ref(), &self.layout.manifests())?;
        let outcome = FlushOutcome {
            blocks: metas.iter().map(|meta| meta.ulid.to_string()).collect(),
            samples: metas.iter().map(|meta| meta.samples).sum(),
            log_bytes_freed: 0,
        };
        let set_aside = current.set_aside.clone();
        Ok(Prepared { view: View { manifest, blocks, set_aside, flushed: epoch }, outcome })
    }

    /// Puts the prepared state in force.
    pub(crate) fn publish(&self, prepared: Prepared) -> Result<(View, FlushOutcome), EngineError> {
        prepared.view.manifest.promote(self.disk.as_ref(), &self.layout.manifests())?;
        Ok((prepared.view, prepared.outcome))
    }

    /// Gives back what is superfluous once the state is in force, and returns the bytes of log that
    /// this freed. What cannot be removed now is removed after the next flush.
    pub(crate) fn reclaim(&self, offset: LogOffset, metadata_kept: Option<LogOffset>) -> u64 {
        let dir = self.layout.dictionaries();
        if let Err(error) = metadata::remove_others(self.disk.as_ref(), &dir, metadata_kept) {
            tracing::warn!(%error, "an old file of metadata could not be removed");
        }
        if let Err(error) = checkpoint::remove_before(self.disk.as_ref(), &dir, offset) {
            tracing::warn!(%error, "an old series dictionary could not be removed");
        }
        self.disk.reach("flush.dictionaries_removed");
        let freed = self.log.truncate_before(offset).unwrap_or_else(|error| {
            tracing::warn!(%error, "the log could not be truncated");
            0
        });
        self.disk.reach("flush.log_truncated");
        freed
    }

    fn write_blocks(
        &self,
        epoch: Epoch,
        first_sequence: u64,
    ) -> Result<Vec<BlockMeta>, EngineError> {
        let mut series: Vec<(Labels, SeriesRef)> = self
            .head
            .series_in(epoch)
            .into_iter()
            .filter_map(|series| Some((self.head.labels(series)?, series)))
            .collect();
        series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut windows = Windows::new(self, first_sequence);
        let mut columns = SeriesColumns::default();
        for (labels, series) in series {
            columns.clear();
            self.head.read_flush(series, epoch, &mut columns);
            let exemplars = self.head.flush_exemplars(series, epoch);
            windows.push(&labels, &mut columns, &exemplars)?;
        }
        windows.finish()
    }
}
