//! A naive block in memory, and how to write it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_block::{BlockError, BlockMeta, BlockWriter, FloatCodec};
use timberline_io::{Disk, SimDisk};
use timberline_model::{
    BucketCounts, BucketSpan, Exemplar, Histogram, Labels, ResetHint, SeriesColumns,
};
use ulid::Ulid;

/// Floats with their times.
pub(crate) type Samples = Vec<(i64, f64)>;

/// What one series has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) columns: SeriesColumns,
    pub(crate) exemplars: Vec<Exemplar>,
}

impl From<Samples> for Content {
    fn from(samples: Samples) -> Self {
        let mut content = Self::default();
        for (ts, value) in samples {
            content.columns.push(ts, 0, value);
        }
        content
    }
}

/// Series in the order of their labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) series: Vec<(Labels, Content)>,
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

pub(crate) fn push_samples(
    writer: &mut BlockWriter,
    samples: &[(i64, f64)],
) -> Result<(), BlockError> {
    writer.push(&mut Content::from(samples.to_vec()).columns)
}

pub(crate) fn write(
    disk: &Arc<dyn Disk>,
    ulid: Ulid,
    model: &Model,
) -> Result<BlockMeta, BlockError> {
    write_as(disk, ulid, model, FloatCodec::Smallest)
}

/// Writes each series in two pushes, cut in the middle.
pub(crate) fn write_as(
    disk: &Arc<dyn Disk>,
    ulid: Ulid,
    model: &Model,
    codec: FloatCodec,
) -> Result<BlockMeta, BlockError> {
    let mut writer = BlockWriter::create(disk, Path::new(BLOCKS), ulid, 7)?;
    writer.set_codec(codec);
    for (labels, content) in &model.series {
        writer.start_series(labels)?;
        let mut first = content.columns.clone();
        let mut mark = first.mark();
        (mark.floats, mark.histograms) = (mark.floats / 2, mark.histograms / 2);
        let mut second = first.split_off(mark);
        writer.push(&mut first)?;
        writer.push(&mut second)?;
        writer.push_exemplars(&content.exemplars)?;
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

const SECOND: i64 = 1_000_000_000;
const BASE: i64 = 1_700_000_000 * SECOND;

/// The floats of the golden block of version 1: labels present and absent, values in more than one
/// dictionary block, times in several units, odd floats, extreme times.
pub(crate) fn example_of_floats() -> Model {
    let odd = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 1e300];
    let mut model = Model::default();
    for number in 0..40_i64 {
        let host = format!("host-{number:03}");
        let mut pairs = vec![("__name__", "cpu_usage"), ("host", host.as_str())];
        if number % 3 == 0 {
            pairs.push(("zone", if number % 2 == 0 { "a" } else { "b" }));
        }
        let step = if number % 5 == 0 { SECOND + 1 } else { 15 * SECOND };
        let chunk = |from: i64, count: i64| -> Samples {
            let at = |index: i64| BASE + (from + index) * step;
            (0..count).map(|i| (at(i), odd[(i + number) as usize % odd.len()])).collect()
        };
        let samples =
            if number == 7 { [chunk(0, 120), chunk(120, 3)].concat() } else { chunk(0, 4) };
        model.series.push((labels(&pairs), samples.into()));
    }
    let extremes = vec![(i64::MIN, 1.0), (0, 2.0), (i64::MAX, 3.0)];
    model.series.push((labels(&[("__name__", "extremes"), ("ünï", "çödé")]), extremes.into()));
    let stale = f64::from_bits(timberline_model::STALE_NAN_BITS);
    let shared = vec![(BASE, 1.0), (BASE, 2.0), (BASE, stale), (BASE + SECOND, 4.0)];
    model.series.push((labels(&[("__name__", "up")]), shared.into()));
    model.series.push((Labels::empty(), vec![(BASE, 5.0)].into()));
    model.series.sort_by(|a, b| a.0.cmp(&b.0));
    model
}

/// A small model with everything that a block can hold: besides the above histograms, start
/// timestamps, exemplars, pages with figures, and times that are a part of another series'.
pub(crate) fn example() -> Model {
    let mut model = example_of_floats();
    let at = |n: i64| BASE + 15 * SECOND * n + n % 3 * 1_000_000;
    let floats = |range: std::ops::Range<i64>, start: i64| {
        let mut content = Content::default();
        for n in range {
            content.columns.push(at(n), start, (n * n % 40) as f64 / 4.0);
        }
        content
    };
    let mut both = floats(0..70, BASE - 5);
    for n in 70..76 {
        both.columns.histograms.push(at(n), if n > 72 { BASE } else { 0 }, histogram(n));
    }
    both.exemplars = exemplars(5, at(2));
    let mut distribution = Content::default();
    for n in 0..5 {
        distribution.columns.histograms.push(at(n), 0, histogram(n));
    }
    let lone = Content { exemplars: exemplars(1, at(1)), ..Content::default() };
    let named = |name: &str| labels(&[("__name__", name), ("zone", "c")]);
    model.series.extend([
        (named("kinds_both"), both),
        (named("kinds_distribution"), distribution),
        (named("kinds_exemplars"), lone),
        (named("kinds_later"), floats(30..70, 0)),
        (named("kinds_sooner"), floats(0..66, 0)),
    ]);
    model.series.sort_by(|a, b| a.0.cmp(&b.0));
    model
}

/// A histogram of integers, of floats, with custom buckets, or a stale marker, in turn.
pub(crate) fn histogram(n: i64) -> Histogram {
    let spans = vec![BucketSpan { offset: -2, length: 2 }, BucketSpan { offset: 1, length: 1 }];
    let (positive, zero_count) = (vec![n as u64, 2, 3 * n as u64], 1);
    let count = positive.iter().sum::<u64>() + zero_count;
    let integers = Histogram {
        reset_hint: ResetHint::NotReset,
        schema: 3,
        zero_threshold: 1e-128,
        sum: n as f64 * 1.5,
        positive_spans: spans.clone(),
        negative_spans: Vec::new(),
        custom_values: Vec::new(),
        counts: BucketCounts::Integer { count, zero_count, positive, negative: Vec::new() },
    };
    match n % 4 {
        0 | 1 => integers,
        2 => Histogram {
            schema: timberline_model::CUSTOM_BUCKETS_SCHEMA,
            zero_threshold: 0.0,
            positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
            custom_values: vec![0.5, 2.5],
            counts: BucketCounts::Float {
                count: 3.25,
                zero_count: 0.0,
                positive: vec![1.0, 2.25],
                negative: Vec::new(),
            },
            ..integers
        },
        _ => Histogram::stale(),
    }
}

pub(crate) fn exemplars(count: i64, from: i64) -> Vec<Exemplar> {
    let trace = |n: i64| format!("{:032x}", (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let labels = |n| match n % 3 {
        0 => Labels::empty(),
        1 => labels(&[("trace_id", &trace(n))]),
        _ => labels(&[("span_id", "é"), ("trace_id", &trace(n))]),
    };
    let exemplar = |n: i64| Exemplar {
        labels: labels(n),
        value: if n == 4 { f64::NAN } else { n as f64 / 8.0 },
        ts: from + n / 2 * 1_000,
    };
    (0..count).map(exemplar).collect()
}

/// Samples as bits, so that NaNs compare.
pub(crate) fn bits(timestamps: &[i64], values: &[f64]) -> Vec<(i64, u64)> {
    timestamps.iter().copied().zip(values.iter().map(|value| value.to_bits())).collect()
}
