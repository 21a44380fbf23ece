//! An open block.

use std::path::{Path, PathBuf};

use timberline_codec::chunk;
use timberline_io::{Disk, Mapped};
use timberline_model::{Labels, Matcher, SeriesColumns, TimeRange};

use super::{
    bodies::ChunkMeta,
    index::{Index, check_header},
    label_lists::LabelReader,
};
use crate::{
    BlockError, BlockMeta,
    format::{CHUNKS_FILE, CHUNKS_MAGIC, HEADER_BYTES, INDEX_FILE, INDEX_MAGIC, META_FILE},
};

/// An open block. Its files stay mapped; series are numbers from 0, in the order of their labels.
///
/// Everything may be called from many threads at once.
#[derive(Debug)]
pub struct Block {
    meta: BlockMeta,
    dir: PathBuf,
    index: Index,
    chunks_path: PathBuf,
    chunks: Mapped,
}

impl Block {
    /// Opens the block in a directory. Reads `meta.json`, the headers, and the end of the index:
    /// milliseconds, however many series there are.
    ///
    /// # Errors
    /// Missing, foreign or damaged files, another version, or a disk that fails.
    pub fn open(disk: &dyn Disk, dir: &Path) -> Result<Self, BlockError> {
        let map = |file: &str| {
            let path = dir.join(file);
            disk.map(&path).map_err(BlockError::disk("map", &path)).map(|map| (path, map))
        };
        let (path, bytes) = map(META_FILE)?;
        let meta = BlockMeta::decode(&path, &bytes)?;
        let (chunks_path, chunks) = map(CHUNKS_FILE)?;
        let (index_path, index) = map(INDEX_FILE)?;
        // Versions and owners before lengths: they explain more.
        check_header(&chunks_path, &chunks, CHUNKS_MAGIC, meta.ulid)?;
        check_header(&index_path, &index, INDEX_MAGIC, meta.ulid)?;
        check_length(&chunks_path, &chunks, meta.file(CHUNKS_FILE).bytes)?;
        check_length(&index_path, &index, meta.file(INDEX_FILE).bytes)?;
        let index = Index::open(&index_path, index, meta.ulid)?;
        let block = Self { meta, dir: dir.to_owned(), index, chunks_path, chunks };
        if u64::from(block.index.series_count()) != block.meta.series {
            return Err(block.contradiction("the series counts of meta.json and index"));
        }
        Ok(block)
    }

    /// A block of parts that may not agree: for what is damaged.
    pub(super) fn from_parts(
        meta: BlockMeta,
        dir: &Path,
        index: Index,
        chunks_path: PathBuf,
        chunks: Mapped,
    ) -> Self {
        Self { meta, dir: dir.to_owned(), index, chunks_path, chunks }
    }

    /// What the block is and holds.
    #[must_use]
    pub const fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// From its first instant to its last.
    #[must_use]
    pub const fn range(&self) -> TimeRange {
        TimeRange::new(self.meta.min_ts, self.meta.max_ts)
    }

    /// How many series there are, at least 1. Their numbers are all below.
    #[must_use]
    pub fn series_count(&self) -> u32 {
        self.index.series_count()
    }

    /// The series that pass all matchers, ascending, which is the order of their labels. An absent
    /// label counts as an empty value; no matchers select every series.
    ///
    /// # Errors
    /// Damage in what had to be read.
    pub fn select(&self, matchers: &[Matcher]) -> Result<Vec<u32>, BlockError> {
        self.index.select(matchers)
    }

    /// Reads the labels of many series for less than [`Block::labels`] does one by one.
    #[must_use]
    pub fn label_reader(&self) -> LabelReader<'_> {
        LabelReader::new(&self.index)
    }

    /// The labels of a series.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn labels(&self, series: u32) -> Result<Labels, BlockError> {
        self.label_reader().labels(series)
    }

    /// [`Labels::hash`] of a series' labels, which costs less than they do.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn label_hash(&self, series: u32) -> Result<u64, BlockError> {
        self.index.check_series(series)?;
        Ok(self.index.body(series)?.hash)
    }

    /// The chunks of a series, in order of time.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn chunk_metas(&self, series: u32) -> Result<Vec<ChunkMeta>, BlockError> {
        self.index.check_series(series)?;
        let body = self.index.body(series)?;
        // Bounded: a body does not say more chunks than its bytes have room for.
        let mut chunks = Vec::with_capacity(usize::try_from(body.left()).unwrap_or(0));
        for entry in body {
            chunks.push(entry.ok_or_else(|| self.malformed_body())?);
        }
        Ok(chunks)
    }

    /// The bytes of a chunk, which only decoding verifies.
    ///
    /// # Errors
    /// A chunk that is not within the file.
    pub fn chunk_bytes(&self, chunk: &ChunkMeta) -> Result<&[u8], BlockError> {
        let start = usize::try_from(chunk.position).ok().filter(|start| *start >= HEADER_BYTES);
        start
            .and_then(|start| self.chunks.get(start..)?.get(..chunk.bytes as usize))
            .ok_or_else(|| self.index.malformed("the position of a chunk"))
    }

    /// Appends the samples of a series within a span of time, ascending. Chunks outside the span are
    /// not decoded. After an error the columns are as they were.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn read(
        &self,
        series: u32,
        range: TimeRange,
        columns: &mut SeriesColumns,
    ) -> Result<(), BlockError> {
        self.index.check_series(series)?;
        let mark = columns.len();
        let result = self.read_chunks(series, range, columns);
        if result.is_err() {
            columns.timestamps.truncate(mark);
            columns.values.truncate(mark);
        }
        result
    }

    fn read_chunks(
        &self,
        series: u32,
        range: TimeRange,
        columns: &mut SeriesColumns,
    ) -> Result<(), BlockError> {
        for entry in self.index.body(series)? {
            let entry = entry.ok_or_else(|| self.malformed_body())?;
            if entry.min_ts > range.end {
                return Ok(());
            }
            if range.overlaps(&TimeRange::new(entry.min_ts, entry.max_ts)) {
                let mark = columns.len();
                self.decode(series, &entry, columns)?;
                cut(columns, mark, range);
            }
        }
        Ok(())
    }

    /// Decodes a chunk and checks that it is the one which the index describes.
    pub(crate) fn decode(
        &self,
        series: u32,
        entry: &ChunkMeta,
        columns: &mut SeriesColumns,
    ) -> Result<(), BlockError> {
        let mark = columns.len();
        let bytes = self.chunk_bytes(entry)?;
        let path = || self.chunks_path.clone();
        let position = entry.position;
        chunk::decode(bytes, &mut columns.timestamps, &mut columns.values)
            .map_err(|source| BlockError::Chunk { path: path(), series, position, source })?;
        let timestamps = &columns.timestamps[mark..];
        let expected = timestamps.len() == entry.count as usize
            && timestamps.first() == Some(&entry.min_ts)
            && timestamps.last() == Some(&entry.max_ts)
            && timestamps.is_sorted();
        if expected {
            Ok(())
        } else {
            Err(BlockError::ChunkMismatch { path: path(), series, position })
        }
    }

    pub(crate) const fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn chunks(&self) -> (&Path, &[u8]) {
        (&self.chunks_path, &self.chunks)
    }

    pub(crate) fn contradiction(&self, what: &'static str) -> BlockError {
        BlockError::Contradiction { path: self.dir.clone(), what }
    }

    pub(crate) fn malformed_body(&self) -> BlockError {
        self.index.malformed("the list of a series' chunks")
    }
}

/// Removes what was appended behind `mark` and lies outside the range.
fn cut(columns: &mut SeriesColumns, mark: usize, range: TimeRange) {
    let appended = &columns.timestamps[mark..];
    let end = mark + appended.partition_point(|ts| *ts <= range.end);
    let start = mark + appended.partition_point(|ts| *ts < range.start);
    columns.timestamps.truncate(end);
    columns.values.truncate(end);
    if start > mark {
        columns.timestamps.drain(mark..start.min(end));
        columns.values.drain(mark..start.min(end));
    }
}

fn check_length(path: &Path, file: &[u8], expected: u64) -> Result<(), BlockError> {
    let found = file.len() as u64;
    if found == expected {
        return Ok(());
    }
    Err(BlockError::Length { path: path.to_owned(), found, expected })
}
