//! The writer of a block: a directory that takes its final name when everything in it is on the disk.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use timberline_io::Disk;
use timberline_model::{Exemplar, Labels, SeriesColumns, UnknownPolicy};
use ulid::Ulid;

use super::{index::IndexWriter, series::SeriesEncoder, sink::Sink, timelines::Timelines};
use crate::{
    BlockError, BlockMeta,
    format::{
        Header, INDEX_FILE, LEVEL_FLUSHED, META_FILE, PAGES_MAGIC, TEMPORARY_SUFFIX, VERSION,
        data_file,
    },
};

/// How floats are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FloatCodec {
    /// Page by page whatever takes the fewest bytes; times once for all series that share them.
    #[default]
    Smallest,
    /// Gorilla chunks with their own times, as Prometheus has them, which remote read can hand out as
    /// they are.
    Gorilla,
}

impl FromStr for FloatCodec {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "smallest" => Ok(Self::Smallest),
            "gorilla" => Ok(Self::Gorilla),
            _ => Err(UnknownPolicy {
                what: "codec",
                name: name.to_owned(),
                expected: "smallest, gorilla",
            }),
        }
    }
}

impl fmt::Display for FloatCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smallest => "smallest",
            Self::Gorilla => "gorilla",
        })
    }
}

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
    codec: FloatCodec,
    pages: Sink,
    index: IndexWriter,
    timelines: Timelines,
    encoder: SeriesEncoder,
    /// The series being written, and what it was given so far.
    labels: Option<Labels>,
    columns: SeriesColumns,
    exemplars: Vec<Exemplar>,
    totals: Totals,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    pages: u64,
    samples: u64,
    histograms: u64,
    exemplars: u64,
    /// First and last instant.
    span: Option<(i64, i64)>,
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
        let mut pages = Sink::create(disk.as_ref(), &temporary.join(data_file(VERSION)))?;
        pages.push(&Header { magic: PAGES_MAGIC, version: VERSION, ulid }.encode())?;
        let index = Sink::create(disk.as_ref(), &temporary.join(INDEX_FILE))?;
        Ok(Self {
            disk: Arc::clone(disk),
            blocks_dir: blocks_dir.to_owned(),
            temporary,
            ulid,
            sequence,
            level: LEVEL_FLUSHED,
            codec: FloatCodec::default(),
            pages,
            index: IndexWriter::create(ulid, index)?,
            timelines: Timelines::new(),
            encoder: SeriesEncoder::default(),
            labels: None,
            columns: SeriesColumns::default(),
            exemplars: Vec::new(),
            totals: Totals::default(),
        })
    }

    /// Says that the block is made from others, for a window of this level.
    pub fn set_level(&mut self, level: u8) {
        self.level = level;
    }

    /// How floats of the series started from now on are encoded.
    pub fn set_codec(&mut self, codec: FloatCodec) {
        self.codec = codec;
    }

    /// How many series were started.
    #[must_use]
    pub fn series_count(&self) -> u64 {
        self.index.series_count() as u64 + u64::from(self.labels.is_some())
    }

    /// Starts the next series. Samples and exemplars pushed next are its own; it needs at least one.
    ///
    /// # Errors
    /// Labels that do not sort after those of the series before, a series before without anything, or
    /// a disk that fails or is full.
    pub fn start_series(&mut self, labels: &Labels) -> Result<(), BlockError> {
        if let Some(previous) = self.labels.as_ref().filter(|previous| *previous >= labels) {
            let (labels, previous) = (labels.clone(), previous.clone());
            return Err(BlockError::SeriesOrder { labels, previous });
        }
        self.end_series()?;
        self.labels = Some(labels.clone());
        Ok(())
    }

    /// Moves samples to the series started last: floats and histograms, each ascending by time and not
    /// before what was pushed before. `columns` is empty afterwards and keeps its memory.
    ///
    /// # Errors
    /// Columns out of order or of unequal lengths, a histogram that does not pass its check, or no
    /// series. Nothing is moved then.
    pub fn push(&mut self, columns: &mut SeriesColumns) -> Result<(), BlockError> {
        let labels = self.labels()?;
        if let Err(reason) = check(&self.columns, columns) {
            return Err(BlockError::ColumnsRefused { labels: labels.clone(), reason });
        }
        if self.columns.is_empty() {
            std::mem::swap(&mut self.columns, columns);
        } else {
            self.columns.append(columns);
        }
        Ok(())
    }

    /// Adds exemplars to the series started last, ascending by time and not before those pushed before.
    ///
    /// # Errors
    /// Exemplars out of order, or with labels beyond
    /// [`EXEMPLAR_LABELS_CHARS_MAX`](timberline_model::limits::EXEMPLAR_LABELS_CHARS_MAX), or no series.
    pub fn push_exemplars(&mut self, exemplars: &[Exemplar]) -> Result<(), BlockError> {
        let labels = self.labels()?;
        let last = self.exemplars.last().map(|exemplar| exemplar.ts);
        let times = last.into_iter().chain(exemplars.iter().map(|exemplar| exemplar.ts));
        let refused = |reason| BlockError::ColumnsRefused { labels: labels.clone(), reason };
        if !times.is_sorted() {
            return Err(refused("exemplars do not ascend"));
        }
        if !exemplars.iter().all(Exemplar::labels_fit) {
            return Err(refused("an exemplar's labels are too long"));
        }
        self.exemplars.extend_from_slice(exemplars);
        Ok(())
    }

    fn labels(&self) -> Result<&Labels, BlockError> {
        self.labels.as_ref().ok_or(BlockError::SamplesWithoutSeries { ulid: self.ulid })
    }

    /// Completes the block: everything is on the disk and the directory has its final name when this
    /// returns.
    ///
    /// # Errors
    /// A block without series, a last series without anything, or a disk that fails or is full. The
    /// final name then exists only if all but the last step, making it durable, was done.
    pub fn finish(mut self) -> Result<BlockMeta, BlockError> {
        self.end_series()?;
        let series = self.index.series_count() as u64;
        if series == 0 {
            return Err(BlockError::Empty { ulid: self.ulid });
        }
        let granules = self.pages.end_granules()?;
        let pages = self.pages.finish(data_file(VERSION))?;
        let index = self.index.finish(&self.timelines.finish(), pages.bytes, &granules)?;
        let files = vec![pages, index];
        let (min_ts, max_ts) = self.totals.span.expect("every series has a sample or an exemplar");
        self.disk.reach("block.written");
        let mut meta = BlockMeta {
            ulid: self.ulid,
            version: VERSION,
            level: self.level,
            sequence: self.sequence,
            min_ts,
            max_ts,
            series,
            pages: self.totals.pages,
            samples: self.totals.samples,
            histograms: self.totals.histograms,
            exemplars: self.totals.exemplars,
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

    /// Encodes the series being written, if there is one, and hands it to the files. A series that
    /// cannot be handed over stays, so that the block cannot be finished without it.
    fn end_series(&mut self) -> Result<(), BlockError> {
        let Some(labels) = &self.labels else { return Ok(()) };
        if self.columns.is_empty() && self.exemplars.is_empty() {
            return Err(BlockError::SeriesWithoutSamples { labels: labels.clone() });
        }
        let position = self.pages.position();
        let hash = label_hash(labels);
        let (columns, exemplars) = (&self.columns, &self.exemplars);
        self.encoder
            .encode(hash, columns, exemplars, self.codec, &mut self.timelines, position)
            .ok_or(BlockError::TooMany {
                ulid: self.ulid,
                what: "timelines",
                max: u64::from(u32::MAX),
            })?;
        self.pages.push(&self.encoder.run)?;
        self.index.push(labels, position, &self.encoder.body)?;
        self.totals.add(columns, exemplars, self.encoder.pages);
        self.labels = None;
        self.columns.clear();
        self.exemplars.clear();
        Ok(())
    }
}

impl Totals {
    fn add(&mut self, columns: &SeriesColumns, exemplars: &[Exemplar], pages: u64) {
        self.pages += pages;
        self.samples += columns.sample_count() as u64;
        self.histograms += columns.histograms.len() as u64;
        self.exemplars += exemplars.len() as u64;
        let ends = [&columns.timestamps, &columns.histograms.timestamps]
            .into_iter()
            .flat_map(|timestamps| [timestamps.first(), timestamps.last()])
            .flatten();
        let exemplars = [exemplars.first(), exemplars.last()].into_iter().flatten();
        for ts in ends.copied().chain(exemplars.map(|exemplar| exemplar.ts)) {
            let (min, max) = self.span.unwrap_or((ts, ts));
            self.span = Some((min.min(ts), max.max(ts)));
        }
    }
}

/// The part of a series' hash that blocks keep.
pub(crate) fn label_hash(labels: &Labels) -> u32 {
    labels.hash() as u32
}

/// Whether columns can follow others of the same series.
fn check(known: &SeriesColumns, new: &SeriesColumns) -> Result<(), &'static str> {
    let histograms = &new.histograms;
    let fits = |starts: &[i64], len: usize| starts.is_empty() || starts.len() == len;
    if new.values.len() != new.timestamps.len()
        || histograms.values.len() != histograms.timestamps.len()
        || !fits(&new.starts, new.timestamps.len())
        || !fits(&histograms.starts, histograms.timestamps.len())
    {
        return Err("they are of unequal lengths");
    }
    let follows = |known: &[i64], new: &[i64]| {
        let joins = known.last().zip(new.first()).is_none_or(|(last, first)| last <= first);
        joins && new.is_sorted()
    };
    if !follows(&known.timestamps, &new.timestamps)
        || !follows(&known.histograms.timestamps, &histograms.timestamps)
    {
        return Err("they do not ascend");
    }
    if known.sample_count() + new.sample_count() > u32::MAX as usize {
        return Err("they are too many");
    }
    if histograms.values.iter().any(|histogram| histogram.check().is_err()) {
        return Err("a histogram is none");
    }
    Ok(())
}
