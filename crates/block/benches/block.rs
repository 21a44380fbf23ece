//! Opening, selecting from and reading a block on the real disk.
//!
//! `cargo bench -p timberline-block`. `TIMBERLINE_BENCH_SERIES` sets the number of series (a
//! million), each with 10 labels and, unless `TIMBERLINE_BENCH_SAMPLES` says otherwise, 120 samples at
//! 15 s.

use std::{hint::black_box, path::Path, sync::Arc, time::Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use timberline_block::{Block, BlockMeta, BlockWriter};
use timberline_io::{Disk, RealDisk};
use timberline_model::{Labels, LabelsBuilder, MatchOp, Matcher, SeriesColumns, TimeRange};
use ulid::Ulid;

const METRICS: usize = 100;
const STEP_MS: i64 = 15_000;
const START_MS: i64 = 1_700_000_000_000;

fn series_count() -> usize {
    std::env::var("TIMBERLINE_BENCH_SERIES")
        .map_or(1_000_000, |count| count.parse().expect("a number of series"))
}

/// Hosts with the same metrics each, as a fleet of machines has them.
fn label_sets(count: usize) -> Vec<Labels> {
    let mut builder = LabelsBuilder::default();
    let mut sets: Vec<Labels> = (0..count)
        .map(|number| {
            let host = number / METRICS;
            builder.push("__name__", &format!("node_metric_{:03}_total", number % METRICS));
            builder.push("instance", &format!("10.{}.{}.7:9100", host / 250, host % 250));
            builder.push("hostname", &format!("host-{host:06}.example.net"));
            builder.push("region", ["eu-west-1", "us-east-1", "ap-south-1"][host % 3]);
            builder.push("datacenter", &format!("dc-{}", host % 17));
            builder.push("rack", &format!("{}", host % 101));
            builder.push("os", "Debian13");
            builder.push("service", &format!("service-{}", host % 29));
            builder.push("job", "node");
            builder.push("team", ["red", "green", "blue"][host % 3]);
            builder.build().expect("a label set")
        })
        .collect();
    sets.sort_unstable();
    sets
}

fn sample_count() -> usize {
    std::env::var("TIMBERLINE_BENCH_SAMPLES")
        .map_or(120, |count| count.parse().expect("a number of samples"))
}

/// A counter; each host is scraped at times of its own.
fn fill(number: usize, host: usize, columns: &mut SeriesColumns) {
    let mut value = number as f64;
    for index in 0..sample_count() as i64 {
        value += ((number as i64 * 31 + index * 7) % 13) as f64;
        let late = (host as i64 * 37 + index * 11) % 17;
        let ts = START_MS + host as i64 % STEP_MS + index * STEP_MS + late;
        columns.push(ts * 1_000_000, 0, value);
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    4_096 * pages.expect("a number of pages")
}

fn write(disk: &Arc<dyn Disk>, dir: &Path, sets: &[Labels]) -> BlockMeta {
    let before = resident_bytes();
    let started = Instant::now();
    let ulid = Ulid::from_parts(1, 1);
    let mut writer = BlockWriter::create(disk, dir, ulid, 1).expect("a writable directory");
    let mut columns = SeriesColumns::default();
    for (number, labels) in sets.iter().enumerate() {
        // Sorted by metric, then by instance, of which each has a place of its own.
        let host = number % sets.len().div_ceil(METRICS);
        writer.start_series(labels).expect("sorted series");
        columns.clear();
        fill(number, host, &mut columns);
        writer.push(&mut columns).expect("ascending columns");
    }
    let held = resident_bytes().saturating_sub(before);
    let meta = writer.finish().expect("a whole block");
    let seconds = started.elapsed().as_secs_f64();
    println!("wrote {} series in {seconds:.2} s; {} MiB held", meta.series, held >> 20);
    let block = Block::open(disk.as_ref(), &dir.join(ulid.to_string())).expect("the block opens");
    for section in block.sections().expect("sections") {
        let per_series = section.bytes as f64 / meta.series as f64;
        println!("{}: {} bytes, {per_series:.2} per series", section.name, section.bytes);
    }
    meta
}

fn bench_block(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let count = series_count();
    let meta = write(&disk, dir.path(), &label_sets(count));
    let place = dir.path().join(meta.ulid.to_string());
    let open = || Block::open(disk.as_ref(), &place).expect("the block opens");

    let mut group = criterion.benchmark_group(format!("block of {count} series"));
    group.sample_size(20);
    group.bench_function("open", |bencher| bencher.iter(open));

    let block = open();
    let matcher = |name: &str, op, value: &str| Matcher::new(name, op, value).expect("a matcher");
    let metric = || matcher("__name__", MatchOp::Equal, "node_metric_042_total");
    let selectors = [
        ("one metric", vec![metric()]),
        (
            "one series",
            vec![metric(), matcher("hostname", MatchOp::Equal, "host-000042.example.net")],
        ),
        ("metric and prefix", vec![metric(), matcher("hostname", MatchOp::Regex, "host-0000.*")]),
        (
            "metric and expression",
            vec![metric(), matcher("hostname", MatchOp::Regex, ".*7.example.*")],
        ),
        ("metric and not", vec![metric(), matcher("region", MatchOp::NotEqual, "eu-west-1")]),
        ("expression alone", vec![matcher("instance", MatchOp::Regex, ".*[05].7:9100")]),
    ];
    for (name, matchers) in &selectors {
        let found = block.select(matchers).expect("an answer").len();
        group.bench_function(BenchmarkId::new("select", format!("{name} ({found})")), |bencher| {
            bencher.iter(|| black_box(block.select(matchers).expect("an answer")));
        });
    }

    let found = block.select(&[metric()]).expect("an answer");
    group.throughput(Throughput::Elements(found.len() as u64));
    group.bench_function("labels of one metric", |bencher| {
        bencher.iter(|| {
            let mut reader = block.label_reader();
            for &series in &found {
                black_box(reader.labels(series).expect("labels"));
            }
        });
    });
    group.throughput(Throughput::Elements((found.len() * sample_count()) as u64));
    let mut columns = SeriesColumns::default();
    group.bench_function("read one metric", |bencher| {
        bencher.iter(|| {
            for &series in &found {
                columns.clear();
                block.read(series, TimeRange::ALL, &mut columns).expect("samples");
                black_box(&columns);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench_block);
criterion_main!(benches);
