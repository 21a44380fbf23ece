//! Reading what can be read of a damaged block.
//!
//! What it is not: a way around checksums. Only what has its checksum is given out; the rest is counted.

use std::path::Path;

use timberline_io::Disk;
use timberline_model::{Exemplar, Labels, SeriesColumns, TimeRange};
use ulid::Ulid;

use super::{
    Block,
    bodies::{Floats, Histograms},
    data::DataFile,
    index::Index,
    reading::Reading,
    samples::Reader,
};
use crate::{
    BlockError, BlockMeta, exemplars,
    format::{INDEX_FILE, META_FILE, data_file},
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
    /// Pages, or chunks, that could not be read: of floats, histograms or exemplars, or of their times.
    pub pages_lost: u64,
    /// Samples in them.
    pub samples_lost: u64,
    /// Exemplars in them.
    pub exemplars_lost: u64,
}

impl Block {
    /// Opens a block whose `meta.json` or `pages` may be damaged, missing or cut, for
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
        let index_path = dir.join(INDEX_FILE);
        let index_bytes = map(INDEX_FILE)?;
        let index_len = index_bytes.len();
        let index = Index::open(&index_path, index_bytes, ulid)?;
        let version = index.version;
        let data_name = data_file(version);
        let data = map(data_name).unwrap_or_else(|_| timberline_io::Mapped::new(Vec::new()));
        let unknown = |name: &str, bytes: usize| FileMeta {
            name: name.to_owned(),
            bytes: bytes as u64,
            crc32c: 0,
        };
        let files = vec![unknown(data_name, data.len()), unknown(INDEX_FILE, index_len)];
        let data = DataFile::new(dir.join(data_name), data, index.page_granules()?);
        let is_its_own = |meta: &BlockMeta| meta.ulid == ulid && meta.version == version;
        let meta = meta.ok().filter(is_its_own).unwrap_or(BlockMeta {
            ulid,
            version,
            level,
            sequence,
            min_ts: 0,
            max_ts: 0,
            series: u64::from(index.series_count()),
            pages: 0,
            samples: 0,
            histograms: 0,
            exemplars: 0,
            bytes: 0,
            files,
        });
        Ok(Self::from_parts(meta, dir, index, data))
    }

    /// Appends every sample and exemplar of a series that can be read, and counts the rest. `None` when
    /// not even its labels or the list of its pages can be; how many samples that had, nobody knows.
    pub fn salvage(
        &self,
        series: u32,
        columns: &mut SeriesColumns,
        exemplars: &mut Vec<Exemplar>,
    ) -> Option<SalvagedSeries> {
        let labels = self.labels(series).ok()?;
        let body = self.index().body(series).ok()?;
        if body.hash != labels.hash() as u32 {
            return None;
        }
        let mut found =
            SalvagedSeries { labels, pages_lost: 0, samples_lost: 0, exemplars_lost: 0 };
        let reader = Reader { block: self, series };
        reader.salvage_floats(&body.floats, columns, &mut found);
        if let Some(histograms) = &body.histograms {
            reader.salvage_histograms(histograms, columns, &mut found);
        }
        for (extent, count) in &body.exemplars.pages {
            let bytes = self.data().bytes(extent.position, extent.bytes).ok();
            let read = bytes.and_then(|bytes| {
                exemplars::decode(bytes, *count as usize, body.exemplars.unit, exemplars)
            });
            if read.is_none() {
                found.pages_lost += 1;
                found.exemplars_lost += u64::from(*count);
            }
        }
        Some(found)
    }
}

impl Reader<'_> {
    fn salvage_floats(
        &self,
        floats: &Floats,
        columns: &mut SeriesColumns,
        found: &mut SalvagedSeries,
    ) {
        let mut reading = Reading::default();
        // Reads one page, or counts it.
        let mut take =
            |count: u32, read: &mut dyn FnMut(&mut SeriesColumns) -> Result<(), BlockError>| {
                let mark = columns.mark();
                if read(columns).is_err() {
                    columns.truncate(mark);
                    found.pages_lost += 1;
                    found.samples_lost += u64::from(count);
                }
            };
        match floats {
            Floats::None => {}
            Floats::Pages { unit, pages, starts, .. } => {
                for (number, page) in pages.iter().enumerate() {
                    take(page.count, &mut |columns| {
                        self.whole_page(*unit, page, (starts, number), columns, &mut reading)
                    });
                }
            }
            Floats::Chunks { chunks, starts } if starts.pages.is_empty() => {
                for entry in chunks {
                    take(entry.count, &mut |columns| self.chunk(entry, columns));
                }
            }
            // Starts are paged over all chunks: one cannot be read without the others.
            Floats::Chunks { chunks, starts } => {
                let count = chunks.iter().map(|entry| u64::from(entry.count)).sum::<u64>();
                take(u32::try_from(count).unwrap_or(u32::MAX), &mut |columns| {
                    self.chunked_floats(chunks, starts, TimeRange::ALL, columns).map(|_| ())
                });
            }
        }
    }

    fn salvage_histograms(
        &self,
        column: &Histograms,
        columns: &mut SeriesColumns,
        found: &mut SalvagedSeries,
    ) {
        let Ok(times) = self.column_times(column) else {
            found.pages_lost += column.pages.len() as u64;
            found.samples_lost += u64::from(column.count);
            return;
        };
        let mut rest = times.as_slice();
        for (number, (_, count)) in column.pages.iter().enumerate() {
            let (times, later) = rest.split_at(*count as usize);
            rest = later;
            let mark = columns.mark();
            if self.histogram_page(column, number, times, &mut columns.histograms).is_err() {
                columns.truncate(mark);
                found.pages_lost += 1;
                found.samples_lost += u64::from(*count);
            }
        }
    }
}
