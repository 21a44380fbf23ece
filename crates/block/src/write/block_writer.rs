//! The writer of a block: a directory that takes its final name when everything in it is on the disk.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_codec::{
    chunk,
    varint::{put_ivarint, put_uvarint},
    xor,
};
use timberline_io::Disk;
use timberline_model::{Labels, TimeUnit};
use ulid::Ulid;

use super::{index::IndexWriter, sink::Sink};
use crate::{
    BlockError, BlockMeta, ChunkMeta,
    format::{
        CHUNKS_FILE, CHUNKS_MAGIC, Header, INDEX_FILE, LEVEL_FLUSHED, META_FILE, TEMPORARY_SUFFIX,
        VERSION,
    },
};

/// Writes a block, series after series.
///
/// The block is made in `<ulid>.tmp` beside its final place. A writer that is dropped, or fails,
/// leaves that directory behind for whoever sweeps the blocks' directory.
#[derive(Debug)]
pub struct BlockWriter {
    disk: Arc<dyn Disk>,
    blocks_dir: PathBuf,
    temporary: PathBuf,
    ulid: Ulid,
    sequence: u64,
    level: u8,
    chunks: Sink,
    index: IndexWriter,
    /// The series being written.
    labels: Option<Labels>,
    /// Its chunks.
    entries: Vec<ChunkMeta>,
    body: Vec<u8>,
    totals: Totals,
}

#[derive(Clone, Copy, Debug)]
struct Totals {
    chunks: u64,
    samples: u64,
    min_ts: i64,
    max_ts: i64,
}

impl BlockWriter {
    /// Starts a block in `blocks_dir`, which is created if need be (its own name is the caller's to
    /// make durable). A leftover of an unfinished writer of the same name is removed.
    ///
    /// `sequence` orders blocks by age: of two samples at one instant, that of the block with the
    /// higher one came later.
    ///
    /// # Errors
    /// A disk that fails or is full.
    pub fn create(
        disk: &Arc<dyn Disk>,
        blocks_dir: &Path,
        ulid: Ulid,
        sequence: u64,
    ) -> Result<Self, BlockError> {
        let temporary = blocks_dir.join(format!("{ulid}{TEMPORARY_SUFFIX}"));
        match disk.remove_dir_all(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(BlockError::disk("remove", temporary)(error));
            }
            _ => {}
        }
        disk.create_dir_all(&temporary).map_err(BlockError::disk("create", &temporary))?;
        let mut chunks = Sink::create(disk.as_ref(), &temporary.join(CHUNKS_FILE), false)?;
        chunks.push(&Header { magic: CHUNKS_MAGIC, ulid }.encode())?;
        let index = Sink::create(disk.as_ref(), &temporary.join(INDEX_FILE), true)?;
        Ok(Self {
            disk: Arc::clone(disk),
            blocks_dir: blocks_dir.to_owned(),
            temporary,
            ulid,
            sequence,
            level: LEVEL_FLUSHED,
            chunks,
            index: IndexWriter::create(ulid, index)?,
            labels: None,
            entries: Vec::new(),
            body: Vec::new(),
            totals: Totals { chunks: 0, samples: 0, min_ts: i64::MAX, max_ts: i64::MIN },
        })
    }

    /// Says that the block is made from others, for a window of this level.
    pub fn set_level(&mut self, level: u8) {
        self.level = level;
    }

    /// How many series were started.
    #[must_use]
    pub fn series_count(&self) -> u64 {
        self.index.series_count() as u64 + u64::from(self.labels.is_some())
    }

    /// Starts the next series. Chunks pushed next are its own; it needs at least one.
    ///
    /// # Errors
    /// Labels that do not sort after those of the series before, a series before without chunks, or a
    /// disk that fails or is full.
    pub fn start_series(&mut self, labels: &Labels) -> Result<(), BlockError> {
        if let Some(previous) = self.labels.as_ref().filter(|previous| *previous >= labels) {
            let (labels, previous) = (labels.clone(), previous.clone());
            return Err(BlockError::SeriesOrder { labels, previous });
        }
        self.end_series()?;
        self.labels = Some(labels.clone());
        Ok(())
    }

    /// Adds an encoded chunk ([`timberline_codec::chunk`]) of `count` samples, from `min_ts` to
    /// `max_ts` in nanoseconds, to the series started last. Chunks come in order of time; one may
    /// begin at the instant with which the one before ended.
    ///
    /// # Errors
    /// A chunk that is damaged, has another count, or does not come after the one before; no series;
    /// or a disk that fails or is full.
    pub fn push_chunk(
        &mut self,
        bytes: &[u8],
        count: u32,
        min_ts: i64,
        max_ts: i64,
    ) -> Result<(), BlockError> {
        let Some(labels) = &self.labels else {
            return Err(BlockError::ChunkWithoutSeries { ulid: self.ulid });
        };
        let refused = |reason| BlockError::ChunkRefused { labels: labels.clone(), reason };
        if min_ts > max_ts {
            return Err(refused("it ends before it begins"));
        }
        if self.entries.last().is_some_and(|last| last.max_ts > min_ts) {
            return Err(refused("it begins before the chunk before it ends"));
        }
        let (_, payload) = chunk::open(bytes).map_err(|_| refused("it is damaged"))?;
        let stored = xor::sample_count(payload).map_err(|_| refused("it is damaged"))?;
        if stored == 0 || u32::try_from(stored) != Ok(count) {
            return Err(refused("it has another number of samples"));
        }
        let len = u32::try_from(bytes.len()).map_err(|_| refused("it is too long"))?;
        let position = self.chunks.position();
        self.chunks.push(bytes)?;
        self.entries.push(ChunkMeta { position, bytes: len, count, min_ts, max_ts });
        self.totals.chunks += 1;
        self.totals.samples += u64::from(count);
        self.totals.min_ts = self.totals.min_ts.min(min_ts);
        self.totals.max_ts = self.totals.max_ts.max(max_ts);
        Ok(())
    }

    /// Completes the block: everything is on the disk and the directory has its final name when this
    /// returns.
    ///
    /// # Errors
    /// A block without series, a last series without chunks, or a disk that fails or is full. The
    /// final name then exists only if all but the last step, making it durable, was done.
    pub fn finish(mut self) -> Result<BlockMeta, BlockError> {
        self.end_series()?;
        let series = self.index.series_count() as u64;
        if series == 0 {
            return Err(BlockError::Empty { ulid: self.ulid });
        }
        let files = vec![self.chunks.finish(CHUNKS_FILE)?, self.index.finish()?];
        self.disk.reach("block.written");
        let mut meta = BlockMeta {
            ulid: self.ulid,
            version: VERSION,
            level: self.level,
            sequence: self.sequence,
            min_ts: self.totals.min_ts,
            max_ts: self.totals.max_ts,
            series,
            chunks: self.totals.chunks,
            samples: self.totals.samples,
            bytes: 0,
            files,
        };
        let disk = self.disk.as_ref();
        let path = self.temporary.join(META_FILE);
        let bytes = meta.encode();
        let file = disk.create(&path, 0).map_err(BlockError::disk("create", &path))?;
        file.write_all_at(&bytes, 0).map_err(BlockError::disk("write", &path))?;
        file.sync_data().map_err(BlockError::disk("sync", &path))?;
        drop(file);
        disk.sync_dir(&self.temporary).map_err(BlockError::disk("sync", &self.temporary))?;
        disk.reach("block.described");
        let place = self.blocks_dir.join(self.ulid.to_string());
        disk.rename(&self.temporary, &place)
            .map_err(BlockError::disk("rename", &self.temporary))?;
        disk.reach("block.renamed");
        disk.sync_dir(&self.blocks_dir).map_err(BlockError::disk("sync", &self.blocks_dir))?;
        disk.reach("block.durable");
        Ok(meta)
    }

    /// Hands the series being written, if there is one, to the index. A series that cannot be handed
    /// over stays, so that the block cannot be finished without it.
    fn end_series(&mut self) -> Result<(), BlockError> {
        let Some(labels) = &self.labels else { return Ok(()) };
        if self.entries.is_empty() {
            return Err(BlockError::SeriesWithoutChunks { labels: labels.clone() });
        }
        self.body.clear();
        encode_body(labels.hash(), &self.entries, &mut self.body);
        self.index.push(labels, &self.body)?;
        self.labels = None;
        self.entries.clear();
        Ok(())
    }
}

/// Appends what the index holds about a series' chunks. Times are in the coarsest unit that holds
/// them all exactly.
fn encode_body(hash: u64, entries: &[ChunkMeta], bytes: &mut Vec<u8>) {
    let ends = entries.iter().flat_map(|entry| [entry.min_ts, entry.max_ts]);
    let unit = ends.map(TimeUnit::of).max().unwrap_or(TimeUnit::Milli);
    bytes.extend_from_slice(&hash.to_le_bytes());
    bytes.push(unit as u8);
    put_uvarint(bytes, entries.len() as u64);
    put_uvarint(bytes, entries.first().map_or(0, |entry| entry.position));
    let mut previous = None;
    for entry in entries {
        let (min, max) = (entry.min_ts / unit.nanos(), entry.max_ts / unit.nanos());
        put_uvarint(bytes, u64::from(entry.bytes));
        put_uvarint(bytes, u64::from(entry.count));
        match previous {
            None => put_ivarint(bytes, min),
            // Chunks ascend, so the difference is not negative; it may need all 64 bits.
            Some(previous) => put_uvarint(bytes, min.wrapping_sub(previous).cast_unsigned()),
        }
        put_uvarint(bytes, max.wrapping_sub(min).cast_unsigned());
        previous = Some(max);
    }
}
