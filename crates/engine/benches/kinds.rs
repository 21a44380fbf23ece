//! What histograms and start timestamps cost on the way into the head, beside floats.
//!
//! `cargo bench -p timberline-engine --bench kinds`. 10,000 series, 64 rounds of a batch with a sample
//! each, every 15 s; histograms of 20 buckets whose counts rise. Single-threaded; times are the
//! thread's own on the processor, where Linux tells them.

use std::{
    hint::black_box,
    path::Path,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use timberline_codec::histogram;
use timberline_engine::{
    Engine, EngineOptions,
    columnar::head::{
        Epoch, Head, HeadHistogram, HeadOptions, HeadSample, SHARD_COUNT, SeriesPlace, ShardBatch,
        ShardIndex,
    },
};
use timberline_io::{RealDisk, SystemClock};
use timberline_model::{
    BucketCounts, BucketSpan, Durability, Histogram, HistogramSample, Labels, SeriesColumns,
    SeriesKey, SeriesRef, TimeRange, WriteBatch,
};

const SERIES: usize = 10_000;
const ROUNDS: i64 = 64;
const BUCKETS: u64 = 20;
const STEP_NANOS: i64 = 15_000_000_000;
const FIRST: i64 = 1_700_000_000_000_000_000;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Time that this thread has spent on a processor, or on the clock where that is not known.
fn now() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent.and_then(|text| text.split_whitespace().next()?.parse().ok());
    spent.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn report(what: &str, took: Duration) {
    let each = took.as_nanos() as f64 / (SERIES as f64 * ROUNDS as f64);
    println!("{what:<52} {each:>9.1} ns");
}

fn labels(series: usize) -> Labels {
    let pairs = [("__name__", "request_seconds".to_owned()), ("host", format!("h{series}"))];
    Labels::from_pairs(pairs).expect("valid labels")
}

fn histogram_of(series: usize, round: i64) -> Histogram {
    let count = |bucket: u64| (series as u64 % 97 + bucket * 13) * (round as u64 + 1);
    let positive: Vec<u64> = (0..BUCKETS).map(count).collect();
    let total = positive.iter().sum();
    let counts =
        BucketCounts::Integer { count: total, zero_count: 0, positive, negative: Vec::new() };
    let positive_spans = vec![BucketSpan { offset: -3, length: BUCKETS as u32 }];
    Histogram { sum: total as f64 * 0.37, positive_spans, counts, schema: 3, ..Histogram::stale() }
}

fn refs(head: &Head) -> Vec<SeriesRef> {
    let mut batch = WriteBatch::default();
    for series in 0..SERIES {
        batch.push_labels(labels(series));
        batch.push_sample(0, 0.0);
    }
    head.resolve(&batch).series.into_iter().map(|series| series.expect("resolvable")).collect()
}

/// Floats into the head, with starts or without.
fn floats(what: &str, start: Option<fn(i64) -> i64>) {
    let head = Head::new(HeadOptions::default());
    let refs = refs(&head);
    let mut took = Duration::ZERO;
    for round in 0..ROUNDS {
        let ts = FIRST + round * STEP_NANOS;
        let mut shards: [Vec<HeadSample>; SHARD_COUNT] = Default::default();
        for (index, series) in (0..).zip(&refs) {
            let place = SeriesPlace::of(*series);
            let value = f64::from(index) + round as f64;
            shards[place.shard().get()].push(HeadSample { slot: place.slot(), index, ts, value });
        }
        for (shard, samples) in shards.iter().enumerate() {
            let starts: Vec<i64> =
                start.map_or_else(Vec::new, |start| vec![start(ts); samples.len()]);
            let batch = ShardBatch { samples, starts: &starts, ..ShardBatch::default() };
            let begin = now();
            black_box(head.apply_batch(ShardIndex::new(shard), batch, &|_, _| None));
            took += now() - begin;
        }
    }
    report(what, took);
    println!("{:<52} {:>9}", "  bytes of samples", head.stats().sample_bytes);
}

fn histograms() {
    let head = Head::new(HeadOptions::default());
    let refs = refs(&head);
    let (mut encode, mut apply) = (Duration::ZERO, Duration::ZERO);
    let mut encoded = 0;
    for round in 0..ROUNDS {
        let ts = FIRST + round * STEP_NANOS;
        let all: Vec<Histogram> = (0..SERIES).map(|series| histogram_of(series, round)).collect();
        let mut shards: [Vec<HeadHistogram>; SHARD_COUNT] = Default::default();
        let mut bytes = Vec::new();
        let begin = now();
        for (histogram, (index, series)) in all.iter().zip((0..).zip(&refs)) {
            let place = SeriesPlace::of(*series);
            let from = bytes.len();
            histogram::put(histogram, &mut bytes);
            let of = from..bytes.len();
            let of = HeadHistogram { slot: place.slot(), index, ts, start: FIRST, bytes: of };
            shards[place.shard().get()].push(of);
        }
        encode += now() - begin;
        encoded += bytes.len();
        let begin = now();
        for (shard, histograms) in shards.iter().enumerate() {
            let histogram_bytes = &bytes;
            let batch = ShardBatch { histograms, histogram_bytes, ..ShardBatch::default() };
            black_box(head.apply_batch(ShardIndex::new(shard), batch, &|_, _| None));
        }
        apply += now() - begin;
    }
    report("histograms of 20 buckets: encode", encode);
    report("histograms: apply", apply);
    let stats = head.stats();
    let each = |bytes: usize| bytes as f64 / (SERIES as f64 * ROUNDS as f64);
    println!("{:<52} {:>9.1}", "  bytes of each, encoded", each(encoded));
    println!("{:<52} {:>9.1}", "  bytes of each in the head", each(stats.sample_bytes as usize));
    let mut columns = SeriesColumns::default();
    let begin = now();
    for series in &refs {
        columns.clear();
        head.read(*series, TimeRange::ALL, Epoch::default(), &mut columns);
        black_box(&columns);
    }
    report("histograms: read", now() - begin);
}

/// Whole writes, logged: floats, then histograms.
fn writes(dir: &Path) {
    for (what, kind) in [("floats: whole write, logged", 0), ("histograms: whole write, logged", 1)]
    {
        let options = EngineOptions { background: false, ..EngineOptions::default() };
        let dir = dir.join(kind.to_string());
        let engine = Engine::open(Arc::new(RealDisk), Arc::new(SystemClock), &dir, options)
            .expect("an empty directory takes a database");
        let sets: Vec<Labels> = (0..SERIES).map(labels).collect();
        let mut took = Duration::ZERO;
        for round in -1..ROUNDS {
            let ts = FIRST + round * STEP_NANOS;
            let mut batch = WriteBatch::default();
            for (series, set) in sets.iter().enumerate() {
                let (bytes, decode) = (set.as_bytes(), Labels::decode_canonical as _);
                batch.push_series(SeriesKey::Raw { bytes, decode });
                if kind == 0 {
                    batch.push_sample(ts, series as f64);
                } else {
                    let histogram = histogram_of(series, round.max(0));
                    batch.push_histogram(HistogramSample { ts, start: 0, histogram });
                }
            }
            let begin = now();
            let outcome = engine.write(&batch, Durability::Logged).expect("a working disk");
            // The round before the first creates the series.
            took += if round < 0 { Duration::ZERO } else { now() - begin };
            assert_eq!(outcome.rejections.len(), 0, "{:?}", outcome.rejections);
        }
        report(what, took);
    }
}

fn main() {
    println!("{SERIES} series, {ROUNDS} rounds");
    floats("floats: apply", None);
    floats("floats with one start: apply", Some(|_| FIRST));
    floats("floats with a start each: apply", Some(|ts| ts - STEP_NANOS));
    histograms();
    let dir = tempfile::tempdir().expect("a directory can be made");
    writes(dir.path());
}
