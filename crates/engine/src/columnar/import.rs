//! Bulk import: series from elsewhere become blocks without going through the log.
//!
//! ```text
//! begin    flush; reserve sequence numbers (a manifest); compaction pauses
//! push     series in any order, gathered in memory; a full buffer is spilled: one block a window
//! finish   blocks of one window are merged into one; one manifest publishes all of them
//! ```
//!
//! The sequence numbers are taken at the beginning, so an import arrives when it begins: after all
//! that was acknowledged before, and before all that is written while it runs. The duplicate policy
//! decides between them by that.
//!
//! What it is not: a way around the rules. What a write refuses because of its time or its form, an
//! import refuses too, and counts.
//!
//! Invariant: until the one manifest at the end nothing of an import is visible, and what it has
//! written so far is litter that the next start sweeps.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, atomic::Ordering},
};

use timberline_block::{Block, BlockMeta, BlockWriter, TEMPORARY_SUFFIX};
use timberline_model::{
    ColumnsMark, Labels, LabelsError, NANOS_PER_MILLI, RejectReason, Rejection, SeriesColumns,
    TimeRange, limits,
};
use ulid::Ulid;

use super::{
    compact::Compaction,
    engine::Inner,
    live_block::LiveBlock,
    manifest::{BlockEntry, Manifest},
    view::View,
};
use crate::EngineError;

mod buffer;
mod windows;

use buffer::Buffer;
use windows::{Window, Windows};

/// Bytes of samples that an import gathers before it writes them, unless told otherwise: 256 MiB.
const BUFFER_BYTES: usize = 256 << 20;
/// Sequence numbers that one import takes: more blocks than it can ever write.
const SEQUENCES: u64 = 1 << 32;
/// So many neighbours in age of one window are merged while the import still runs.
const MERGE_COUNT: usize = 8;
/// Set in the random part of the names of imported blocks, which flushes (sequence numbers) and
/// compactions (manifest numbers, 64 bits up) never set.
const NAME_MARK: u128 = 1 << 78;

/// How an import works.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// Bytes of samples gathered in memory before they are written. About as much again is needed
    /// while they are. At least 64 KiB; 256 MiB by default.
    pub buffer_bytes: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { buffer_bytes: BUFFER_BYTES }
    }
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOutcome {
    /// Names of the blocks that hold the samples.
    pub blocks: Vec<String>,
    /// Samples in them: those taken, without duplicates among themselves.
    pub samples_written: u64,
    /// Samples that were handed over and taken.
    pub samples_taken: u64,
    /// Samples that were not taken.
    pub samples_rejected: u64,
    /// The first [`limits::REJECTIONS_NAMED_MAX`] rejections. Their index counts pushes.
    pub rejections: Vec<Rejection>,
}

/// An import under way. Dropped before [`finish`](Self::finish), it leaves nothing behind.
pub struct BulkImport {
    inner: Arc<Inner>,
    /// Ends the pause of the compaction.
    _pause: Pause,
    sequence: u64,
    options: ImportOptions,
    accepted: TimeRange,
    windows: Windows,
    buffer: Buffer,
    /// Blocks that are written, by window, oldest first.
    written: BTreeMap<Window, Vec<Part>>,
    /// Directories that are this import's to remove.
    names: HashSet<String>,
    pushes: usize,
    outcome: ImportOutcome,
}

/// A block that is written and not published.
#[derive(Debug)]
struct Part {
    meta: BlockMeta,
    /// How often its samples were merged.
    merges: u32,
}

/// While it lives, no compaction begins: one that merged a block older than the import with a younger
/// one would put the import in the wrong order.
struct Pause(Arc<Inner>);

impl Drop for Pause {
    fn drop(&mut self) {
        self.0.imports.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Inner {
    /// Begins an import.
    pub(super) fn begin_import(
        self: &Arc<Self>,
        options: ImportOptions,
    ) -> Result<BulkImport, EngineError> {
        self.imports.fetch_add(1, Ordering::AcqRel);
        let pause = Pause(Arc::clone(self));
        let mut state = self.flushing.lock();
        self.check_publishable(&state)?;
        // What was acknowledged so far gets its sequence numbers before the import gets its own.
        self.flush_locked(&mut state)?;
        let current = self.view();
        let mut manifest: Manifest = current.manifest.clone();
        let sequence = manifest.next_sequence;
        manifest.number += 1;
        manifest.next_sequence += SEQUENCES;
        let (blocks, set_aside) = (current.blocks.clone(), current.set_aside.clone());
        let flushed = current.flushed;
        drop(current);
        self.publish(&mut state, View { manifest, blocks, set_aside, flushed }, flushed)?;
        drop(state);
        let closed = self.closed_before();
        let spans = self.options.compaction_nanos();
        Ok(BulkImport {
            inner: Arc::clone(self),
            _pause: pause,
            sequence,
            options: ImportOptions { buffer_bytes: options.buffer_bytes.max(64 << 10) },
            accepted: self.accepted(),
            windows: Windows::new(spans, self.options.window_nanos(), closed),
            buffer: Buffer::default(),
            written: BTreeMap::new(),
            names: HashSet::new(),
            pushes: 0,
            outcome: ImportOutcome::default(),
        })
    }
}

impl BulkImport {
    /// Takes samples of a series, and leaves the columns empty. A series may come again and again,
    /// and its samples in any order.
    ///
    /// Samples outside the time that the database keeps, or more than
    /// [`limits::FUTURE_NANOS_MAX`] ahead of the clock, and histograms that are none, are counted as
    /// rejected.
    ///
    /// # Errors
    /// A disk that is full or fails, or a database that was closed. The import cannot go on then.
    pub fn push(
        &mut self,
        labels: &Labels,
        columns: &mut SeriesColumns,
    ) -> Result<(), EngineError> {
        if self.inner.is_closing() || self.inner.is_closed() {
            return Err(EngineError::Closed);
        }
        self.pushes += 1;
        self.reject_unfit(labels, columns);
        self.outcome.samples_taken += columns.sample_count() as u64;
        self.buffer.push(labels, columns);
        if self.buffer.bytes() >= self.options.buffer_bytes {
            self.spill()?;
        }
        Ok(())
    }

    /// Publishes everything that was pushed, at once.
    ///
    /// # Errors
    /// A disk that is full or fails, or a database that was closed; nothing is imported then.
    pub fn finish(mut self) -> Result<ImportOutcome, EngineError> {
        self.spill()?;
        let windows: Vec<Window> = self.written.keys().copied().collect();
        for window in windows {
            self.merge(window, 0)?;
        }
        self.publish()?;
        Ok(std::mem::take(&mut self.outcome))
    }

    /// Takes out and counts what a write would refuse.
    fn reject_unfit(&mut self, labels: &Labels, columns: &mut SeriesColumns) {
        if labels.is_empty() {
            let count = columns.sample_count() as u64;
            columns.clear();
            self.reject(labels, count, RejectReason::Labels(LabelsError::Empty));
            return;
        }
        let accepted = self.accepted;
        let times = columns.timestamps.iter().chain(&columns.histograms.timestamps);
        let (min, max) = times.fold((i64::MAX, i64::MIN), |(a, b), ts| (a.min(*ts), b.max(*ts)));
        if min < accepted.start || max > accepted.end {
            let before = columns.sample_count();
            columns.retain(ColumnsMark::default(), |ts| accepted.contains(ts));
            let count = (before - columns.sample_count()) as u64;
            let reason = if min < accepted.start {
                RejectReason::TooOld { ts_ms: min.div_euclid(NANOS_PER_MILLI) }
            } else {
                RejectReason::TooFarAhead { ts_ms: max.div_euclid(NANOS_PER_MILLI) }
            };
            self.reject(labels, count, reason);
        }
        self.reject_histograms(labels, columns);
    }

    fn reject_histograms(&mut self, labels: &Labels, columns: &mut SeriesColumns) {
        let column = &mut columns.histograms;
        let mut index = 0;
        while index < column.values.len() {
            let Err(error) = column.values[index].check() else {
                index += 1;
                continue;
            };
            column.values.remove(index);
            column.timestamps.remove(index);
            if !column.starts.is_empty() {
                column.starts.remove(index);
            }
            self.reject(labels, 1, RejectReason::Histogram(error));
        }
    }

    fn reject(&mut self, labels: &Labels, samples: u64, reason: RejectReason) {
        self.outcome.samples_rejected += samples;
        if samples > 0 && self.outcome.rejections.len() < limits::REJECTIONS_NAMED_MAX {
            let (series_index, labels) = (self.pushes - 1, Some(labels.clone()));
            self.outcome.rejections.push(Rejection { series_index, labels, reason });
        }
    }

    /// Writes what the buffer holds as one block for each window.
    fn spill(&mut self) -> Result<(), EngineError> {
        let inner = Arc::clone(&self.inner);
        // Closing waits for this.
        let _open = inner.gate.read();
        if inner.is_closed() {
            return Err(EngineError::Closed);
        }
        let mut series = self.buffer.take(inner.policy);
        if self.windows.widen_for(&series) {
            self.rekey();
        }
        // From the last window back, so that what is written is split off the end of each series.
        for window in self.windows.of(&series).into_iter().rev() {
            let ulid = self.name();
            let sequence = self.sequence;
            let mut writer =
                BlockWriter::create(&inner.disk, &inner.layout.blocks(), ulid, sequence)?;
            writer.set_level(window.level);
            writer.set_codec(inner.options.codec);
            for (labels, columns) in &mut series {
                let mut part = window.split_off(columns);
                if !part.is_empty() {
                    write_series(&mut writer, labels, &mut part)?;
                }
                if inner.is_closing() {
                    return Err(EngineError::Closed);
                }
            }
            let meta = writer.finish()?;
            self.sequence += 1;
            self.written.entry(window).or_default().push(Part { meta, merges: 0 });
            self.merge_full(window)?;
        }
        Ok(())
    }

    /// Merges the youngest parts of a window while enough of them have been merged equally often, so
    /// that every sample is written a logarithmic number of times.
    fn merge_full(&mut self, window: Window) -> Result<(), EngineError> {
        loop {
            let parts = self.written.get(&window).map_or(&[][..], Vec::as_slice);
            let Some(merges) = parts.last().map(|part| part.merges) else { return Ok(()) };
            let equal = parts.iter().rev().take_while(|part| part.merges == merges).count();
            if equal < MERGE_COUNT {
                return Ok(());
            }
            let from = parts.len() - equal;
            self.merge(window, from)?;
        }
    }

    /// Merges the parts of a window from an index on into one.
    fn merge(&mut self, window: Window, from: usize) -> Result<(), EngineError> {
        let inner = Arc::clone(&self.inner);
        let count = self.written.get(&window).map_or(0, Vec::len).saturating_sub(from);
        if count < 2 {
            return Ok(());
        }
        let ulid = self.name();
        let parts = self.written.entry(window).or_default();
        let mut inputs = Vec::with_capacity(count);
        for part in &parts[from..] {
            let dir = inner.layout.block(&part.meta.ulid.to_string());
            let block = Arc::new(Block::open(inner.disk.as_ref(), &dir)?);
            inputs.push(LiveBlock::new(block, u64::MAX, &[])?);
        }
        let compaction = Compaction {
            disk: &inner.disk,
            layout: &inner.layout,
            policy: inner.policy,
            ulid,
            level: window.level,
            codec: inner.options.codec,
            is_canceled: &|| inner.is_closing(),
        };
        let merged = compaction.run(&inputs)?;
        drop(inputs);
        let merges = parts[from..].iter().map(|part| part.merges).max().unwrap_or(0) + 1;
        let gone: Vec<Part> = parts.drain(from..).collect();
        parts.extend(merged.map(|meta| Part { meta, merges }));
        for part in gone {
            self.remove(&part.meta.ulid.to_string());
        }
        Ok(())
    }

    /// Puts the blocks of windows that have grown into one another together.
    fn rekey(&mut self) {
        let mut keyed: BTreeMap<Window, Vec<Part>> = BTreeMap::new();
        for (window, parts) in std::mem::take(&mut self.written) {
            keyed.entry(self.windows.at(window.range.start)).or_default().extend(parts);
        }
        for parts in keyed.values_mut() {
            parts.sort_by_key(|part| part.meta.sequence);
        }
        self.written = keyed;
    }

    /// A name for the next block, which no sweep removes from now on.
    fn name(&mut self) -> Ulid {
        let now_ms = u64::try_from(self.inner.clock.now() / NANOS_PER_MILLI).unwrap_or(0);
        let mut in_work = self.inner.in_work.lock();
        let mut attempt = 0_u128;
        loop {
            // A merge takes its sequence number from its inputs, and needs a name of its own.
            let random = NAME_MARK | attempt << 64 | u128::from(self.sequence);
            let ulid = Ulid::from_parts(now_ms, random);
            if in_work.insert(ulid.to_string()) {
                self.names.insert(ulid.to_string());
                return ulid;
            }
            attempt += 1;
        }
    }

    /// Removes a block that was never published, and what was written of it. What stays is swept
    /// later.
    fn remove(&mut self, name: &str) {
        for suffix in ["", TEMPORARY_SUFFIX] {
            let dir = self.inner.layout.block(&format!("{name}{suffix}"));
            match self.inner.disk.remove_dir_all(&dir) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(block = name, %error, "what an import left cannot be removed");
                }
                _ => {}
            }
        }
        self.names.remove(name);
        self.inner.in_work.lock().remove(name);
    }

    fn publish(&mut self) -> Result<(), EngineError> {
        let inner = Arc::clone(&self.inner);
        let mut state = inner.flushing.lock();
        inner.check_publishable(&state)?;
        let metas: Vec<&BlockMeta> = self.written.values().flatten().map(|p| &p.meta).collect();
        if metas.is_empty() {
            return Ok(());
        }
        let current = inner.view();
        let mut manifest: Manifest = current.manifest.clone();
        manifest.number += 1;
        // It becomes visible now, so a deletion before now does not concern it.
        let clean_to = manifest.newest_tombstone();
        let mut blocks = current.blocks.clone();
        for meta in &metas {
            let dir = inner.layout.block(&meta.ulid.to_string());
            let block = Arc::new(Block::open(inner.disk.as_ref(), &dir)?);
            blocks.push(LiveBlock::new(block, clean_to, &[])?);
            manifest.blocks.push(BlockEntry::of(meta, clean_to));
        }
        manifest.blocks.sort_by_key(|block| block.sequence);
        blocks.sort_by_key(|block| block.meta().sequence);
        let (set_aside, flushed) = (current.set_aside.clone(), current.flushed);
        drop(current);
        let first = metas.iter().map(|meta| meta.min_ts).min().unwrap_or(i64::MIN);
        let last = metas.iter().map(|meta| meta.max_ts).max().unwrap_or(i64::MAX);
        inner.head.note_foreign_blocks(TimeRange::new(first, last));
        self.outcome.blocks = metas.iter().map(|meta| meta.ulid.to_string()).collect();
        self.outcome.samples_written = metas.iter().map(|meta| meta.samples).sum();
        let result =
            inner.publish(&mut state, View { manifest, blocks, set_aside, flushed }, flushed);
        // Published, or in doubt: either way they are not this import's to remove any more.
        if result.is_ok() || state.in_doubt {
            self.written.clear();
            let names = std::mem::take(&mut self.names);
            if result.is_ok() {
                inner.in_work.lock().retain(|name| !names.contains(name));
            }
        }
        result
    }
}

impl Drop for BulkImport {
    fn drop(&mut self) {
        for name in self.names.clone() {
            self.remove(&name);
        }
    }
}

impl std::fmt::Debug for BulkImport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BulkImport").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// Adds a series to a block: the one place that knows how a writer takes samples.
fn write_series(
    writer: &mut BlockWriter,
    labels: &Labels,
    columns: &mut SeriesColumns,
) -> Result<(), EngineError> {
    writer.start_series(labels)?;
    Ok(writer.push(columns)?)
}
