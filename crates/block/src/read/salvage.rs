//! Reading what can be read of a damaged block.
//!
//! What it is not: a way around checksums. Only what has its checksum is given out; the rest is counted.

use std::path::Path;

use timberline_io::Disk;
use timberline_model::{Labels, SeriesColumns};
use ulid::Ulid;

use super::{Block, index::Index};
use crate::{
    BlockError, BlockMeta,
    format::{CHUNKS_FILE, INDEX_FILE, META_FILE, VERSION},
    meta::FileMeta,
};

/// What is known of a block from elsewhere, for when it cannot say so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockOutline {
    /// Its name.
    pub ulid: Ulid,
    /// Its level.
    pub level: u8,
    /// Its age.
    pub sequence: u64,
}

/// A series of a damaged block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalvagedSeries {
    /// Its labels.
    pub labels: Labels,
    /// Chunks that could not be read.
    pub chunks_lost: u64,
    /// Samples in them.
    pub samples_lost: u64,
}

impl Block {
    /// Opens a block whose `meta.json` or `chunks` may be damaged, missing or cut, for
    /// [`salvage`](Self::salvage): all that has to be sound is the skeleton of its index. Where
    /// `meta.json` cannot be read, `outline` stands in for it, and the meta's counts are zero.
    ///
    /// # Errors
    /// An index without which nothing can be read, or a disk that fails.
    pub fn open_damaged(
        disk: &dyn Disk,
        dir: &Path,
        outline: BlockOutline,
    ) -> Result<Self, BlockError> {
        let map = |file: &str| {
            let path = dir.join(file);
            disk.map(&path).map_err(BlockError::disk("map", &path))
        };
        let BlockOutline { ulid, level, sequence } = outline;
        let meta = map(META_FILE).and_then(|bytes| BlockMeta::decode(&dir.join(META_FILE), &bytes));
        let (index_path, chunks_path) = (dir.join(INDEX_FILE), dir.join(CHUNKS_FILE));
        let index_bytes = map(INDEX_FILE)?;
        let chunks = map(CHUNKS_FILE).unwrap_or_else(|_| timberline_io::Mapped::new(Vec::new()));
        let unknown = |name: &str, bytes: usize| FileMeta {
            name: name.to_owned(),
            bytes: bytes as u64,
            crc32c: 0,
        };
        let files =
            vec![unknown(CHUNKS_FILE, chunks.len()), unknown(INDEX_FILE, index_bytes.len())];
        let index = Index::open(&index_path, index_bytes, ulid)?;
        let meta = meta.ok().filter(|meta| meta.ulid == ulid).unwrap_or(BlockMeta {
            ulid,
            version: VERSION,
            level,
            sequence,
            min_ts: 0,
            max_ts: 0,
            series: u64::from(index.series_count()),
            chunks: 0,
            samples: 0,
            bytes: 0,
            files,
        });
        Ok(Self::from_parts(meta, dir, index, chunks_path, chunks))
    }

    /// Appends every sample of a series that can be read, and counts the rest. `None` when not even its
    /// labels or the list of its chunks can be; how many samples that had, nobody knows.
    pub fn salvage(&self, series: u32, columns: &mut SeriesColumns) -> Option<SalvagedSeries> {
        let labels = self.labels(series).ok()?;
        let body = self.index().body(series).ok().filter(|body| body.hash == labels.hash())?;
        let mut found = SalvagedSeries { labels, chunks_lost: 0, samples_lost: 0 };
        for entry in body {
            let Some(entry) = entry else {
                // Where one entry is malformed, those behind it have no known place.
                found.chunks_lost += 1;
                break;
            };
            let mark = columns.mark();
            if self.decode(series, &entry, columns).is_err() {
                columns.truncate(mark);
                found.chunks_lost += 1;
                found.samples_lost += u64::from(entry.count);
            }
        }
        Some(found)
    }
}
