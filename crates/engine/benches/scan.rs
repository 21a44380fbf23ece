//! What reading costs: figures of whole series, floats by hour, floats alone.
//!
//! `cargo bench -p timberline-engine --bench scan -- [HOSTS [STEPS]]`. Data: ten metrics of each host (1,000
//! unless said otherwise), walks between 0 and 100 with two decimals, a sample every 10 s (2,160, which is
//! six hours), flushed and merged into one block. One thread; the best of several passes, a series and a
//! sample.

use std::{
    env,
    num::NonZeroUsize,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use timberline_engine::{Engine, EngineOptions};
use timberline_io::{RealDisk, SystemClock};
use timberline_model::{
    Cuts, Durability, Labels, Matcher, PageUse, Selector, SeriesColumns, SeriesSource, TimeRange,
    WriteBatch,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const METRICS: usize = 10;
const STEP_NANOS: i64 = 10_000_000_000;
const HOUR_NANOS: i64 = 3_600_000_000_000;
/// A whole hour.
const START_NANOS: i64 = 1_700_002_800_000_000_000;
const PASSES: usize = 15;

fn labels(series: usize) -> Labels {
    let (host, metric) = (series / METRICS, series % METRICS);
    Labels::from_pairs([
        ("__name__", format!("cpu_usage_{metric}")),
        ("hostname", format!("host_{host}")),
        ("region", ["eu-central-1", "us-west-2", "ap-southeast-1"][host % 3].to_owned()),
        ("rack", (host % 97).to_string()),
    ])
    .expect("valid labels")
}

/// A step of a walk, of two decimals.
fn walk(value: &mut f64, seed: &mut u64) -> f64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    let step = (*seed % 401) as f64 / 100.0 - 2.0;
    *value = (*value + step).clamp(0.0, 100.0);
    (*value * 100.0).round() / 100.0
}

fn load(engine: &Engine, hosts: usize, steps: usize) {
    let series = hosts * METRICS;
    let keys: Vec<Labels> = (0..series).map(labels).collect();
    let mut walks: Vec<(f64, u64)> =
        (0..series).map(|of| (50.0, (of as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let mut batch = WriteBatch::default();
    for step in 0..steps {
        batch.clear();
        let ts = START_NANOS + step as i64 * STEP_NANOS;
        for (key, (value, seed)) in keys.iter().zip(&mut walks) {
            batch.push_labels(key.clone());
            batch.push_sample(ts, walk(value, seed));
        }
        engine.write(&batch, Durability::Logged).expect("written");
    }
    engine.flush().expect("flushed");
    while engine.compact().expect("compacted").is_some() {}
}

/// A question: what of each series is taken.
#[derive(Default)]
struct Reading {
    what: &'static str,
    metric: Option<&'static str>,
    figures: Option<Cuts>,
    buckets: Option<i64>,
    labels: bool,
}

/// Reads everything once, and returns series and samples with what was found, so that nothing is left out.
fn read(engine: &Engine, reading: &Reading) -> (usize, usize, f64) {
    let matchers =
        reading.metric.map(|name| Matcher::equal("__name__", name)).into_iter().collect();
    let selector = Selector { matchers, range: TimeRange::ALL };
    let (mut series, mut samples, mut most) = (0, 0, 0.0_f64);
    let mut columns = SeriesColumns::default();
    for mut scan in engine.scan(&selector, NonZeroUsize::MIN).expect("opened") {
        if let Some(cuts) = &reading.figures {
            scan.take_figures(&PageUse { cuts: cuts.clone(), ..PageUse::default() });
        }
        if !reading.labels {
            scan.leave_labels_out();
        }
        while scan.next(&mut columns).expect("read").is_some() {
            series += 1;
            samples += columns.timestamps.len();
            for page in &columns.pages {
                samples += page.count;
                most = most.max(page.max);
            }
            let Some(width) = reading.buckets else {
                most = columns.values.iter().fold(most, |most, value| most.max(*value));
                continue;
            };
            let mut start = 0;
            while let Some(first) = columns.timestamps.get(start) {
                let last = first - first.rem_euclid(width) + width - 1;
                let end = start + columns.timestamps[start..].partition_point(|ts| *ts <= last);
                let sum: f64 = columns.values[start..end].iter().sum();
                most = most.max(sum / (end - start) as f64);
                start = end;
            }
        }
    }
    (series, samples, most)
}

fn main() {
    let mut sizes = env::args().skip(1).filter_map(|size| size.parse().ok());
    let (hosts, steps) = (sizes.next().unwrap_or(1_000), sizes.next().unwrap_or(2_160));
    let dir = env::var("BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let path = Path::new(&dir).join("scan");
    let _ = std::fs::remove_dir_all(&path);
    let options = EngineOptions { background: false, ..EngineOptions::default() };
    let engine = Engine::open(Arc::new(RealDisk), Arc::new(SystemClock), &path, options);
    let engine = engine.expect("opened");
    load(&engine, hosts, steps);
    let one = Some("cpu_usage_0");
    let readings = [
        Reading {
            what: "figures, one metric",
            metric: one,
            figures: Some(Cuts::none()),
            ..Reading::default()
        },
        Reading { what: "figures", figures: Some(Cuts::none()), ..Reading::default() },
        Reading {
            what: "figures with labels",
            figures: Some(Cuts::none()),
            labels: true,
            ..Reading::default()
        },
        Reading { what: "floats, one metric", metric: one, ..Reading::default() },
        Reading { what: "floats", ..Reading::default() },
        Reading { what: "floats by hour", buckets: Some(HOUR_NANOS), ..Reading::default() },
        Reading {
            what: "floats by hour, figures where they fit",
            figures: Some(Cuts::buckets(0, HOUR_NANOS)),
            buckets: Some(HOUR_NANOS),
            labels: true,
            ..Reading::default()
        },
    ];
    for reading in &readings {
        let mut best = Duration::MAX;
        let mut found = (0, 0, 0.0);
        for _ in 0..PASSES {
            let start = Instant::now();
            found = read(&engine, reading);
            best = best.min(start.elapsed());
        }
        let (series, samples, most) = found;
        let each = best.as_nanos() as f64;
        println!(
            "{:<40} {:>8.2} ms  {:>8.0} ns/series {:>7.2} ns/sample  {samples} samples, most {most:.2}",
            reading.what,
            each / 1e6,
            each / series as f64,
            each / samples as f64,
        );
    }
    engine.close().expect("closed");
    let _ = std::fs::remove_dir_all(&path);
}
