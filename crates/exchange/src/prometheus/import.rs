//! Reading a Prometheus data directory, or one block of it.

use std::path::{Path, PathBuf};

use timberline_io::{Disk, Mapped, RealDisk};
use timberline_model::SeriesColumns;
use ulid::Ulid;

use super::{
    chunks::{check_segment, read_chunk},
    index::IndexReader,
    meta::{self, Meta},
    tombstones::Tombstones,
    wal::{Replay, wal_files},
};
use crate::{ExchangeError, intake::Intake};

/// A directory, looked through and not yet read.
#[derive(Debug)]
pub(crate) struct Directory {
    blocks: Vec<(PathBuf, Meta)>,
    wal: Vec<PathBuf>,
    /// The log of samples that came out of order.
    wbl: Vec<PathBuf>,
    pub(crate) bytes: u64,
}

impl Directory {
    /// Looks at what there is.
    pub(crate) fn open(path: &Path) -> Result<Self, ExchangeError> {
        let mut directory = Self { blocks: Vec::new(), wal: Vec::new(), wbl: Vec::new(), bytes: 0 };
        if path.join("meta.json").exists() {
            directory.blocks.push((path.to_owned(), read_meta(path)?));
        } else {
            let list = RealDisk.list(path).map_err(ExchangeError::io("list", path))?;
            for entry in list.iter().filter(|entry| entry.is_dir) {
                let dir = path.join(&entry.name);
                match entry.name.as_str() {
                    "wal" => directory.wal = wal_files(&dir)?,
                    "wbl" => directory.wbl = wal_files(&dir)?,
                    name if Ulid::from_string(name).is_ok() => {
                        directory.blocks.push((dir.clone(), read_meta(&dir)?));
                    }
                    _ => {}
                }
            }
            directory.drop_superseded();
        }
        if directory.blocks.is_empty() && directory.wal.is_empty() {
            let reason = "neither a Prometheus block (no meta.json) nor a data directory (no \
                          blocks, no wal)";
            return Err(ExchangeError::Path { path: path.to_owned(), reason });
        }
        directory.blocks.sort_by_key(|(path, meta)| (meta.min_time, path.clone()));
        for (dir, _) in &directory.blocks {
            directory.bytes += bytes_of(&dir.join("index"))?;
            for segment in segment_files(dir)? {
                directory.bytes += bytes_of(&segment)?;
            }
        }
        for file in directory.wal.iter().chain(&directory.wbl) {
            directory.bytes += bytes_of(file)?;
        }
        Ok(directory)
    }

    /// Leaves out blocks that a compaction has merged and not yet removed.
    fn drop_superseded(&mut self) {
        let parents: Vec<String> = self
            .blocks
            .iter()
            .flat_map(|(_, meta)| meta.compaction.parents.iter().map(|parent| parent.ulid.clone()))
            .collect();
        self.blocks.retain(|(_, meta)| !parents.contains(&meta.ulid));
    }

    /// Reads all of it.
    pub(crate) fn import(&self, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
        for (dir, _) in &self.blocks {
            import_block(dir, intake)?;
        }
        // What the log has of a time that blocks cover is in them, or was deleted there.
        let in_order = self.blocks.iter().filter(|(_, meta)| !meta.is_out_of_order());
        let head_from = in_order.map(|(_, meta)| meta.max_time).max().unwrap_or(i64::MIN);
        let mut replay = Replay::default();
        replay.define(&self.wal, intake)?;
        for (files, min_ms) in [(&self.wal, head_from), (&self.wbl, i64::MIN)] {
            if !files.is_empty() {
                replay.replay(files, min_ms, intake)?;
                let bytes = files.iter().map(|file| bytes_of(file)).sum::<Result<u64, _>>()?;
                intake.end_file(bytes);
            }
        }
        replay.finish(intake)
    }
}

fn read_meta(dir: &Path) -> Result<Meta, ExchangeError> {
    let path = dir.join("meta.json");
    let bytes = RealDisk.read(&path).map_err(ExchangeError::io("read", &path))?;
    let meta: Meta = serde_json::from_slice(&bytes)
        .map_err(|error| ExchangeError::malformed(&path, "the whole file", error))?;
    if meta.version != meta::VERSION {
        let reason = format!("block version {}; version {} is read", meta.version, meta::VERSION);
        return Err(ExchangeError::Unsupported { path, reason });
    }
    Ok(meta)
}

/// The chunk segments of a block, in order.
fn segment_files(dir: &Path) -> Result<Vec<PathBuf>, ExchangeError> {
    let dir = dir.join("chunks");
    let entries = RealDisk.list(&dir).map_err(ExchangeError::io("list", &dir))?;
    let mut names: Vec<(u64, PathBuf)> = entries
        .into_iter()
        .filter_map(|entry| Some((entry.name.parse().ok()?, dir.join(entry.name))))
        .collect();
    names.sort();
    Ok(names.into_iter().map(|(_, path)| path).collect())
}

fn bytes_of(path: &Path) -> Result<u64, ExchangeError> {
    Ok(std::fs::metadata(path).map_err(ExchangeError::io("look at", path))?.len())
}

fn map(path: &Path) -> Result<Mapped, ExchangeError> {
    RealDisk.map(path).map_err(ExchangeError::io("read", path))
}

fn import_block(dir: &Path, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
    let index_path = dir.join("index");
    let index_bytes = map(&index_path)?;
    let index_failed = |error| ExchangeError::malformed(&index_path, "index", error);
    let mut index = IndexReader::open(&index_bytes).map_err(index_failed)?;
    let mut segments: Vec<(PathBuf, Mapped)> = Vec::new();
    for path in segment_files(dir)? {
        let bytes = map(&path)?;
        check_segment(&bytes)
            .map_err(|error| ExchangeError::malformed(&path, "the first 8 bytes", error))?;
        segments.push((path, bytes));
    }
    let tombstones = read_tombstones(dir)?;
    let total = segments.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
    let mut columns = SeriesColumns::default();
    while let Some(series) = index.next_series().map_err(index_failed)? {
        columns.clear();
        for chunk in &series.chunks {
            let number = usize::try_from(chunk.reference >> 32).unwrap_or(usize::MAX);
            let offset = (chunk.reference & 0xffff_ffff) as usize;
            let Some((path, segment)) = segments.get(number) else {
                let place = format!("series {}", series.labels);
                let reason = format!("a chunk in segment {number} of {}", segments.len());
                return Err(ExchangeError::malformed(&index_path, place, reason));
            };
            read_chunk(segment, offset, &mut columns).map_err(|error| {
                let place = format!("chunk at byte {offset} of series {}", series.labels);
                ExchangeError::malformed(path, place, error)
            })?;
        }
        tombstones.apply(series.reference, &mut columns);
        if !columns.is_empty() {
            intake.push(&series.labels, &mut columns)?;
        }
        // Chunks lie about as the series do.
        let share = index.position() as f64 / index_bytes.len().max(1) as f64;
        intake.advance_to((share * total as f64) as u64);
    }
    intake.end_file(total + index_bytes.len() as u64);
    Ok(())
}

fn read_tombstones(dir: &Path) -> Result<Tombstones, ExchangeError> {
    let path = dir.join("tombstones");
    match RealDisk.read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Tombstones::default()),
        Err(error) => Err(ExchangeError::io("read", path)(error)),
        Ok(bytes) => Tombstones::read(&bytes)
            .map_err(|reason| ExchangeError::malformed(path, "tombstones", reason)),
    }
}
