//! A naive block in memory, and how to write it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_block::{BlockError, BlockMeta, BlockWriter};
use timberline_codec::{chunk, xor::XorEncoder};
use timberline_io::{Disk, SimDisk};
use timberline_model::{Labels, TimeUnit};
use ulid::Ulid;

/// Samples of one chunk.
pub(crate) type Samples = Vec<(i64, f64)>;

/// Series in the order of their labels, each with its chunks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) series: Vec<(Labels, Vec<Samples>)>,
}

impl Model {
    /// A series' samples, all chunks together.
    pub(crate) fn samples(&self, series: usize) -> Samples {
        self.series[series].1.concat()
    }
}

pub(crate) const BLOCKS: &str = "/db/blocks";

pub(crate) fn ulid(number: u128) -> Ulid {
    Ulid::from_parts(1_700_000_000_000, number)
}

pub(crate) fn block_dir(ulid: Ulid) -> PathBuf {
    Path::new(BLOCKS).join(ulid.to_string())
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

/// The chunk of some samples, in the coarsest unit that holds their times.
pub(crate) fn encode(samples: &[(i64, f64)]) -> Vec<u8> {
    let unit = samples.iter().map(|(ts, _)| TimeUnit::of(*ts)).max().unwrap();
    let mut encoder = XorEncoder::new();
    for (ts, value) in samples {
        encoder.append(ts / unit.nanos(), *value);
    }
    chunk::seal(unit as u8, &encoder)
}

pub(crate) fn push_samples(
    writer: &mut BlockWriter,
    samples: &[(i64, f64)],
) -> Result<(), BlockError> {
    let (first, last) = (samples[0].0, samples[samples.len() - 1].0);
    writer.push_chunk(&encode(samples), samples.len() as u32, first, last)
}

pub(crate) fn write(
    disk: &Arc<dyn Disk>,
    ulid: Ulid,
    model: &Model,
) -> Result<BlockMeta, BlockError> {
    let mut writer = BlockWriter::create(disk, Path::new(BLOCKS), ulid, 7)?;
    for (labels, chunks) in &model.series {
        writer.start_series(labels)?;
        for samples in chunks {
            push_samples(&mut writer, samples)?;
        }
    }
    writer.finish()
}

pub(crate) fn new_disk(seed: u64) -> (SimDisk, Arc<dyn Disk>) {
    let disk = SimDisk::new(seed);
    disk.create_dir_all(Path::new(BLOCKS)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk.sync_dir(Path::new("/db")).unwrap();
    (disk.clone(), Arc::new(disk))
}

/// A small model with everything that a block can hold: labels present and absent, values in more
/// than one dictionary block, chunks in several units, odd floats, extreme times.
pub(crate) fn example() -> Model {
    let second = 1_000_000_000;
    let base = 1_700_000_000 * second;
    let odd = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 1e300];
    let mut model = Model::default();
    for number in 0..40_i64 {
        let host = format!("host-{number:03}");
        let mut pairs = vec![("__name__", "cpu_usage"), ("host", host.as_str())];
        if number % 3 == 0 {
            pairs.push(("zone", if number % 2 == 0 { "a" } else { "b" }));
        }
        let step = if number % 5 == 0 { second + 1 } else { 15 * second };
        let chunk = |from: i64, count: i64| -> Samples {
            let at = |index: i64| base + (from + index) * step;
            (0..count).map(|i| (at(i), odd[(i + number) as usize % odd.len()])).collect()
        };
        let chunks =
            if number == 7 { vec![chunk(0, 120), chunk(120, 3)] } else { vec![chunk(0, 4)] };
        model.series.push((labels(&pairs), chunks));
    }
    let extremes = vec![vec![(i64::MIN, 1.0)], vec![(0, 2.0)], vec![(i64::MAX, 3.0)]];
    model.series.push((labels(&[("__name__", "extremes"), ("ünï", "çödé")]), extremes));
    let stale = f64::from_bits(timberline_model::STALE_NAN_BITS);
    let shared = vec![vec![(base, 1.0), (base, 2.0)], vec![(base, stale), (base + second, 4.0)]];
    model.series.push((labels(&[("__name__", "up")]), shared));
    model.series.push((Labels::empty(), vec![vec![(base, 5.0)]]));
    model.series.sort_by(|a, b| a.0.cmp(&b.0));
    model
}

/// Samples as bits, so that NaNs compare.
pub(crate) fn bits(timestamps: &[i64], values: &[f64]) -> Vec<(i64, u64)> {
    timestamps.iter().copied().zip(values.iter().map(|value| value.to_bits())).collect()
}

pub(crate) fn sample_bits(samples: &[(i64, f64)]) -> Vec<(i64, u64)> {
    samples.iter().map(|(ts, value)| (*ts, value.to_bits())).collect()
}
