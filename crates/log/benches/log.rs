//! Encoding of records, and group commit on a real disk.
//!
//! Data: scrapes of 10,000 samples at one instant, and backfills of ten samples a series. Commits: each
//! thread appends a frame of 64 KiB (about 7,000 samples) and waits until it is synced; the throughput
//! is that of all threads. Command: `cargo bench -p timberline-log --bench log`; the log lies in the
//! directory for temporary files, or in `TIMBERLINE_BENCH_DIR`.

use std::{hint::black_box, sync::Arc, time::Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use timberline_io::RealDisk;
use timberline_log::{Log, LogOptions, Payload, Record, RecordEncoder};
use timberline_model::{Durability, LogOffset, SeriesRef};

const SAMPLES: usize = 10_000;
const FRAME_BYTES: usize = 64 << 10;

fn columns(kind: &str) -> (Vec<SeriesRef>, Vec<i64>, Vec<f64>) {
    let start = 1_700_000_000_123_000_000;
    let row = |index: usize| {
        let per_series = if kind == "scrape" { 1 } else { 10 };
        let series = (index / per_series) as u64;
        let series = SeriesRef((series * 16 / SAMPLES as u64) << 32 | series);
        let step = if kind == "scrape" { 0 } else { (index % 10) as i64 };
        (series, start + step * 15_000_000_000, index as f64 * 0.5)
    };
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for (series, ts, value) in (0..SAMPLES).map(row) {
        columns.0.push(series);
        columns.1.push(ts);
        columns.2.push(value);
    }
    columns
}

fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    for kind in ["scrape", "backfill"] {
        let (refs, timestamps, values) = columns(kind);
        let mut encoder = RecordEncoder::default();
        group.bench_function(format!("encode/{kind}"), |bencher| {
            bencher.iter(|| {
                encoder.clear();
                encoder.samples(black_box(&refs), &timestamps, &values);
                encoder.finish().len()
            });
        });
        let bytes = encoder.finish().to_vec();
        let (mut refs, mut timestamps, mut values) = (Vec::new(), Vec::new(), Vec::new());
        group.bench_function(format!("decode/{kind}"), |bencher| {
            bencher.iter(|| {
                refs.clear();
                timestamps.clear();
                values.clear();
                let record = Record::decode(black_box(&bytes)).expect("a sound record");
                record
                    .samples_into(&mut refs, &mut timestamps, &mut values)
                    .expect("sound columns");
                values.len()
            });
        });
    }
    group.finish();
}

fn commits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit");
    group.throughput(Throughput::Bytes(FRAME_BYTES as u64));
    group.sample_size(10);
    let payload = vec![7; FRAME_BYTES];
    for durability in [Durability::Synced, Durability::Logged] {
        for threads in [1_u64, 4, 16] {
            let parent = std::env::var_os("TIMBERLINE_BENCH_DIR")
                .map_or_else(std::env::temp_dir, std::path::PathBuf::from);
            let dir = tempfile::tempdir_in(parent).expect("a directory for the log");
            let disk = Arc::new(RealDisk);
            let (log, _) =
                Log::open(disk, dir.path(), LogOptions::default(), LogOffset(0), &mut |_, _| ())
                    .expect("a new log");
            group.bench_function(format!("{durability}/{threads} threads"), |bencher| {
                bencher.iter_custom(|frames| {
                    let begin = Instant::now();
                    std::thread::scope(|scope| {
                        for thread in 0..threads {
                            let share = frames / threads + u64::from(thread < frames % threads);
                            let (log, payload) = (&log, &payload);
                            scope.spawn(move || append(log, payload, share, durability));
                        }
                    });
                    let elapsed = begin.elapsed();
                    log.truncate_before(log.end()).expect("truncation");
                    elapsed
                });
            });
        }
    }
    group.finish();
}

fn append(log: &Log, payload: &[u8], frames: u64, durability: Durability) {
    for _ in 0..frames {
        let end = log.append_prepared(Payload::new(payload)).expect("space for a frame");
        log.commit(end, durability).expect("a working disk");
    }
}

criterion_group!(benches, records, commits);
criterion_main!(benches);
