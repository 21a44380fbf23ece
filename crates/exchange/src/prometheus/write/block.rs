//! One block, series after series in any order.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use timberline_codec::{
    crc::{crc32c, crc32c_append},
    prometheus::{Chunk, encode_floats, encode_histograms},
    varint::put_uvarint,
};
use timberline_model::{Labels, NANOS_PER_MILLI, SeriesColumns};
use ulid::Ulid;

use super::index::write_index;
use crate::{
    ExchangeError,
    prometheus::{
        chunks::{HEADER_BYTES, MAGIC, VERSION},
        index::ChunkPlace,
        meta::{self, Compaction, Meta, Stats},
        tombstones,
    },
};

/// A segment that has as many bytes is followed by another, as in Prometheus.
const SEGMENT_BYTES: u64 = 512 << 20;
const SUFFIX: &str = ".tmp-for-creation";

/// A block being written. It gets its name once all of it is on the disk.
pub(super) struct BlockExport {
    dir: PathBuf,
    temporary: PathBuf,
    ulid: Ulid,
    segment: Option<Segment>,
    segment_count: u64,
    series: Vec<(Labels, Vec<ChunkPlace>)>,
    /// Samples in it, and samples that share a millisecond with a later one and are left out.
    pub(super) samples: u64,
    pub(super) dropped: u64,
    chunk_count: u64,
    min_ms: i64,
    max_ms: i64,
    milliseconds: Vec<i64>,
    chunks: Vec<Chunk>,
}

struct Segment {
    file: BufWriter<File>,
    path: PathBuf,
    position: u64,
}

impl BlockExport {
    pub(super) fn create(dir: &Path, ulid: Ulid) -> Result<Self, ExchangeError> {
        let temporary = dir.join(format!("{ulid}{SUFFIX}"));
        let chunks = temporary.join("chunks");
        fs::create_dir_all(&chunks).map_err(ExchangeError::io("create", &chunks))?;
        Ok(Self {
            dir: dir.to_owned(),
            temporary,
            ulid,
            segment: None,
            segment_count: 0,
            series: Vec::new(),
            samples: 0,
            dropped: 0,
            chunk_count: 0,
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            milliseconds: Vec::new(),
            chunks: Vec::new(),
        })
    }

    pub(super) fn series_count(&self) -> usize {
        self.series.len()
    }

    /// Adds a series.
    pub(super) fn push(
        &mut self,
        labels: &Labels,
        columns: &mut SeriesColumns,
    ) -> Result<(), ExchangeError> {
        self.chunks.clear();
        self.encode(columns);
        let mut places = Vec::with_capacity(self.chunks.len());
        for chunk in std::mem::take(&mut self.chunks) {
            let reference = self.write_chunk(&chunk)?;
            places.push(ChunkPlace { reference, min_ms: chunk.min_ts, max_ms: chunk.max_ts });
            self.samples += chunk.count as u64;
            self.min_ms = self.min_ms.min(chunk.min_ts);
            self.max_ms = self.max_ms.max(chunk.max_ts);
        }
        self.chunk_count += places.len() as u64;
        if !places.is_empty() {
            self.series.push((labels.clone(), places));
        }
        Ok(())
    }

    /// Cuts the samples into chunks: runs of floats and of histograms as they follow each other.
    fn encode(&mut self, columns: &mut SeriesColumns) {
        let before = columns.sample_count();
        keep_last_of_millisecond(columns);
        self.dropped += (before - columns.sample_count()) as u64;
        let floats = &columns.timestamps;
        let histograms = &columns.histograms.timestamps;
        let (mut float, mut histogram) = (0, 0);
        while float < floats.len() || histogram < histograms.len() {
            let until = histograms.get(histogram).copied().unwrap_or(i64::MAX);
            let end = float + run(&floats[float..], until);
            if end > float {
                to_millis(&floats[float..end], &mut self.milliseconds);
                let values = &columns.values[float..end];
                encode_floats(&self.milliseconds, values, &mut self.chunks);
                float = end;
                continue;
            }
            let until = floats.get(float).copied().unwrap_or(i64::MAX);
            let end = histogram + run(&histograms[histogram..], until).max(1);
            to_millis(&histograms[histogram..end], &mut self.milliseconds);
            let values = &columns.histograms.values[histogram..end];
            encode_histograms(&self.milliseconds, values, &mut self.chunks);
            histogram = end;
        }
    }

    fn write_chunk(&mut self, chunk: &Chunk) -> Result<u64, ExchangeError> {
        if self.segment.as_ref().is_some_and(|segment| segment.position >= SEGMENT_BYTES) {
            self.end_segment()?;
        }
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => {
                self.segment_count += 1;
                none.insert(Segment::create(&self.temporary, self.segment_count)?)
            }
        };
        let reference = (self.segment_count - 1) << 32 | segment.position;
        let mut head = Vec::with_capacity(6);
        put_uvarint(&mut head, chunk.bytes.len() as u64);
        let encoding = [chunk.encoding.code()];
        head.extend_from_slice(&encoding);
        let crc = crc32c_append(crc32c(&encoding), &chunk.bytes);
        for bytes in [&head, &chunk.bytes, &crc.to_be_bytes().to_vec()] {
            segment.put(bytes)?;
        }
        Ok(reference)
    }

    fn end_segment(&mut self) -> Result<(), ExchangeError> {
        let Some(Segment { file, path, .. }) = self.segment.take() else { return Ok(()) };
        finish_file(file, &path)
    }

    /// Completes the block. One without samples is removed; its answer is `false`.
    pub(super) fn finish(mut self) -> Result<bool, ExchangeError> {
        if self.series.is_empty() {
            fs::remove_dir_all(&self.temporary)
                .map_err(ExchangeError::io("remove", &self.temporary))?;
            return Ok(false);
        }
        self.end_segment()?;
        self.series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let path = self.temporary.join("index");
        let file = File::create(&path).map_err(ExchangeError::io("create", &path))?;
        let file = write_index(BufWriter::new(file), &self.series)
            .map_err(ExchangeError::io("write", &path))?;
        finish_file(file, &path)?;
        self.write_file("tombstones", &tombstones::empty_file())?;
        let meta = Meta {
            ulid: self.ulid.to_string(),
            min_time: self.min_ms,
            max_time: self.max_ms + 1,
            stats: Stats {
                num_samples: self.samples,
                num_series: self.series.len() as u64,
                num_chunks: self.chunk_count,
            },
            compaction: Compaction {
                level: 1,
                sources: vec![self.ulid.to_string()],
                ..Compaction::default()
            },
            version: meta::VERSION,
        };
        let text = serde_json::to_string_pretty(&meta).expect("a block's meta is plain data");
        self.write_file("meta.json", text.as_bytes())?;
        sync_dir(&self.temporary.join("chunks"))?;
        sync_dir(&self.temporary)?;
        let place = self.dir.join(self.ulid.to_string());
        fs::rename(&self.temporary, &place).map_err(ExchangeError::io("rename", &place))?;
        sync_dir(&self.dir)?;
        Ok(true)
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), ExchangeError> {
        let path = self.temporary.join(name);
        let file = File::create(&path).map_err(ExchangeError::io("create", &path))?;
        let mut file = BufWriter::new(file);
        file.write_all(bytes).map_err(ExchangeError::io("write", &path))?;
        finish_file(file, &path)
    }
}

impl Segment {
    fn create(block: &Path, number: u64) -> Result<Self, ExchangeError> {
        let path = block.join("chunks").join(format!("{number:06}"));
        let file = File::create(&path).map_err(ExchangeError::io("create", &path))?;
        let mut segment = Self { file: BufWriter::with_capacity(1 << 20, file), path, position: 0 };
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&MAGIC.to_be_bytes());
        header[4] = VERSION;
        segment.put(&header)?;
        Ok(segment)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), ExchangeError> {
        self.position += bytes.len() as u64;
        self.file.write_all(bytes).map_err(ExchangeError::io("write", &self.path))
    }
}

/// How many of ascending times come before an instant.
fn run(times: &[i64], until: i64) -> usize {
    if until == i64::MAX { times.len() } else { times.partition_point(|ts| *ts < until) }
}

fn to_millis(times: &[i64], milliseconds: &mut Vec<i64>) {
    milliseconds.clear();
    milliseconds.extend(times.iter().map(|ts| ts.div_euclid(NANOS_PER_MILLI)));
}

/// Leaves one sample for each millisecond, as Prometheus has no finer times.
fn keep_last_of_millisecond(columns: &mut SeriesColumns) {
    let millis = |ts: i64| ts.div_euclid(NANOS_PER_MILLI);
    let mut times: Vec<i64> =
        columns.timestamps.iter().chain(&columns.histograms.timestamps).copied().collect();
    if !columns.histograms.is_empty() {
        times.sort_unstable();
    }
    if times.is_sorted_by(|a, b| millis(*a) < millis(*b)) {
        return;
    }
    let last: std::collections::HashMap<i64, i64> =
        times.iter().map(|ts| (millis(*ts), *ts)).collect();
    columns.retain(timberline_model::ColumnsMark::default(), |ts| last[&millis(ts)] == ts);
    // Where all samples of an instant are kept, several are left: floats, histograms, or of both.
    let SeriesColumns { timestamps, values, starts, histograms, .. } = columns;
    keep_last_of_instant(timestamps, values, |ts| {
        histograms.timestamps.binary_search(&ts).is_err()
    });
    keep_last_of_instant(&mut histograms.timestamps, &mut histograms.values, |_| true);
    starts.clear();
    histograms.starts.clear();
}

/// Leaves the last value of each instant, of those that are wanted.
fn keep_last_of_instant<T>(
    timestamps: &mut Vec<i64>,
    values: &mut Vec<T>,
    is_wanted: impl Fn(i64) -> bool,
) {
    let (times, all) = (std::mem::take(timestamps), std::mem::take(values));
    for (ts, value) in times.into_iter().zip(all) {
        if timestamps.last() == Some(&ts) {
            timestamps.pop();
            values.pop();
        }
        if is_wanted(ts) {
            timestamps.push(ts);
            values.push(value);
        }
    }
}

fn finish_file(file: BufWriter<File>, path: &Path) -> Result<(), ExchangeError> {
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error);
    let file = file.map_err(ExchangeError::io("write", path))?;
    file.sync_all().map_err(ExchangeError::io("sync", path))
}

pub(super) fn sync_dir(path: &Path) -> Result<(), ExchangeError> {
    let dir = File::open(path).map_err(ExchangeError::io("open", path))?;
    dir.sync_all().map_err(ExchangeError::io("sync", path))
}

#[cfg(test)]
mod tests {
    use timberline_model::Histogram;

    use super::*;

    #[test]
    fn one_sample_of_each_millisecond_is_left_whatever_its_kind() {
        let mut columns = SeriesColumns::default();
        let at = |ms: i64| ms * NANOS_PER_MILLI;
        for (ts, value) in
            [(at(1), 1.0), (at(1) + 5, 2.0), (at(2), 3.0), (at(2), 4.0), (at(3), 5.0)]
        {
            columns.push(ts, 7, value);
        }
        for (ts, sum) in [(at(3), 1.0), (at(4), 2.0), (at(4), 3.0)] {
            columns.histograms.push(ts, 7, Histogram { sum, ..Histogram::stale() });
        }
        keep_last_of_millisecond(&mut columns);
        assert_eq!((columns.timestamps, columns.values), (vec![at(1) + 5, at(2)], vec![2.0, 4.0]));
        let sums: Vec<f64> = columns.histograms.values.iter().map(|one| one.sum).collect();
        assert_eq!((columns.histograms.timestamps, sums), (vec![at(3), at(4)], vec![1.0, 3.0]));
    }
}
