//! An open block.

use std::path::{Path, PathBuf};

use timberline_io::Disk;
use timberline_model::{Labels, Matcher, TimeRange};

use super::{
    bodies::{ChunkMeta, Floats},
    data::DataFile,
    index::{Index, check_header},
    label_lists::LabelReader,
    strict::StrictTimelines,
};
use crate::{
    BlockError, BlockMeta,
    format::{INDEX_FILE, INDEX_MAGIC, META_FILE, VERSION_MIN, data_file, data_magic},
};

/// An open block. Its files stay mapped; series are numbers from 0, in the order of their labels.
///
/// Everything may be called from many threads at once.
#[derive(Debug)]
pub struct Block {
    meta: BlockMeta,
    dir: PathBuf,
    index: Index,
    data: DataFile,
    strict: StrictTimelines,
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
        let data_name = data_file(meta.version);
        let (data_path, data) = map(data_name)?;
        let (index_path, index) = map(INDEX_FILE)?;
        // Versions and owners before lengths: they explain more.
        let headers = [
            check_header(&data_path, &data, data_magic(meta.version), meta.ulid)?,
            check_header(&index_path, &index, INDEX_MAGIC, meta.ulid)?,
        ];
        check_length(&data_path, &data, meta.file(data_name).bytes)?;
        check_length(&index_path, &index, meta.file(INDEX_FILE).bytes)?;
        let index = Index::open(&index_path, index, meta.ulid)?;
        let data = DataFile::new(data_path, data, index.page_granules()?);
        let block = Self::from_parts(meta, dir, index, data);
        if headers != [block.meta.version; 2] {
            return Err(block.contradiction("the versions of meta.json, its data and index"));
        }
        if block.index.version > VERSION_MIN
            && block.index.footer.pages_bytes != block.data.raw().len() as u64
        {
            return Err(block.contradiction("the sizes of pages in meta.json and index"));
        }
        if u64::from(block.index.series_count()) != block.meta.series {
            return Err(block.contradiction("the series counts of meta.json and index"));
        }
        Ok(block)
    }

    /// A block of parts that may not agree.
    pub(super) fn from_parts(meta: BlockMeta, dir: &Path, index: Index, data: DataFile) -> Self {
        let strict = StrictTimelines::default();
        Self { meta, dir: dir.to_owned(), index, data, strict }
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

    /// The lower half of [`Labels::hash`] of a series' labels, which costs less than they do.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn label_hash(&self, series: u32) -> Result<u32, BlockError> {
        self.index.check_series(series)?;
        self.index.label_hash(series)
    }

    /// The Gorilla chunks of a series, in order of time; none where its floats lie in pages.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn chunk_metas(&self, series: u32) -> Result<Vec<ChunkMeta>, BlockError> {
        self.index.check_series(series)?;
        match self.index.body(series)?.floats {
            Floats::Chunks { chunks, .. } => Ok(chunks),
            _ => Ok(Vec::new()),
        }
    }

    /// The bytes of a chunk, which has a checksum of its own.
    ///
    /// # Errors
    /// A chunk that is not within the file, or damage.
    pub fn chunk_bytes(&self, chunk: &ChunkMeta) -> Result<&[u8], BlockError> {
        self.data.bytes(chunk.position, chunk.bytes)
    }

    pub(crate) const fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) const fn data(&self) -> &DataFile {
        &self.data
    }

    pub(super) const fn strict(&self) -> &StrictTimelines {
        &self.strict
    }

    pub(crate) fn contradiction(&self, what: &'static str) -> BlockError {
        BlockError::Contradiction { path: self.dir.clone(), what }
    }

    pub(crate) fn malformed_body(&self) -> BlockError {
        self.index.malformed("the body of a series")
    }

    pub(crate) fn page_mismatch(&self, series: u32, position: u64) -> BlockError {
        BlockError::PageMismatch { path: self.data.path().to_owned(), series, position }
    }
}

fn check_length(path: &Path, file: &[u8], expected: u64) -> Result<(), BlockError> {
    let found = file.len() as u64;
    if found == expected {
        return Ok(());
    }
    Err(BlockError::Length { path: path.to_owned(), found, expected })
}
