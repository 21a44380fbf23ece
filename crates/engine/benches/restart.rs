//! What writing costs an engine, and how long it takes to come back when its process was killed.
//!
//! `cargo bench -p timberline-engine --bench restart -- [SERIES [STEPS [FLUSHED_STEPS]]]`. Data: series
//! of ten labels, 10,000 to a batch, all series at each step of 10 s. After `FLUSHED_STEPS` steps the
//! head is flushed, so that the rest of a start is dictionary and log. The writing process ends by
//! `abort`, as a kill would end it: what the start reads is in the page cache. `BENCH_DIR` says where the
//! files lie; `RESTART_LOAD` and `RESTART_OPEN` name a directory to do one half only.

use std::{
    env,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use timberline_engine::{Engine, EngineOptions};
use timberline_io::{RealDisk, SystemClock};
use timberline_model::{
    Durability, Labels, Matcher, Selector, SeriesColumns, SeriesKey, SeriesRef, SeriesSource,
    TimeRange, WriteBatch,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const METRICS: usize = 10;
const BATCH_SERIES: usize = 10_000;
const STEP_NANOS: i64 = 10_000_000_000;
const START_NANOS: i64 = 1_700_000_000_000_000_000;

struct Size {
    series: usize,
    steps: usize,
    flushed_steps: usize,
}

fn labels(series: usize) -> Labels {
    let (host, metric) = (series / METRICS, series % METRICS);
    let pick = |names: &[&str], shift: usize| names[(host >> shift) % names.len()].to_owned();
    Labels::from_pairs([
        ("__name__", format!("cpu_usage_number_{metric}")),
        ("hostname", format!("host_{host}")),
        ("region", pick(&["eu-central-1", "us-west-2", "ap-southeast-1"], 0)),
        ("datacenter", pick(&["dc-a", "dc-b", "dc-c", "dc-d"], 1)),
        ("rack", format!("{}", host % 97)),
        ("os", pick(&["Ubuntu16.04LTS", "Ubuntu15.10"], 2)),
        ("arch", pick(&["x64", "x86"], 3)),
        ("team", pick(&["LON", "NYC", "SFO", "CHI"], 4)),
        ("service", format!("{}", host % 20)),
        ("service_environment", pick(&["production", "staging", "test"], 5)),
    ])
    .expect("valid labels")
}

fn value(series: usize, step: usize) -> f64 {
    let x = (series as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (step as u64 * 0x2545_f491);
    let noise = (x.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 40) as f64 / f64::from(1_u32 << 24);
    let walk = 50.0 + noise * 4.0 + (series % 40) as f64;
    if series.is_multiple_of(2) { walk.round() } else { (walk * 100.0).round() / 100.0 }
}

/// Time that all threads of this process have spent on processors.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<u64> =
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Duration::from_millis(fields.iter().sum::<u64>() * 10)
}

/// Resident memory of this process in MiB: now, and at its peak.
fn resident() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
        kib.unwrap_or(0) / 1_024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

fn report(what: &str, wall: Instant, cpu_before: Duration, items: usize) {
    let (wall, cpu) = (wall.elapsed(), cpu().saturating_sub(cpu_before));
    let (rss, peak) = resident();
    println!(
        "{what:<34} {:>7.3} s wall {:>7.2} s cpu {:>8.1} ns cpu/item, RSS {rss} MiB, peak {peak}",
        wall.as_secs_f64(),
        cpu.as_secs_f64(),
        cpu.as_nanos() as f64 / items.max(1) as f64,
    );
}

fn open(dir: &Path, background: bool) -> Engine {
    let options = EngineOptions { background, ..EngineOptions::default() };
    Engine::open(Arc::new(RealDisk), Arc::new(SystemClock), dir, options).expect("opens")
}

fn write_step(
    engine: &Engine,
    sets: &[Labels],
    refs: Option<&[SeriesRef]>,
    step: usize,
    durability: Durability,
) {
    let ts = START_NANOS + step as i64 * STEP_NANOS;
    for (number, sets) in sets.chunks(BATCH_SERIES).enumerate() {
        let first = number * BATCH_SERIES;
        let mut batch = WriteBatch::with_capacity(sets.len(), sets.len());
        for (index, set) in sets.iter().enumerate() {
            let key = match refs {
                Some(refs) => SeriesKey::Ref(refs[first + index]),
                None => {
                    SeriesKey::Raw { bytes: set.as_bytes(), decode: Labels::decode_canonical as _ }
                }
            };
            batch.push_series(key);
            batch.push_sample(ts, value(first + index, step));
        }
        let outcome = engine.write(&batch, durability).expect("writes");
        assert_eq!(outcome.samples_written, sets.len() as u64, "everything is taken in");
    }
}

fn load(dir: &Path, size: &Size) {
    let sets: Vec<Labels> = (0..size.series).map(labels).collect();
    let engine = open(dir, true);
    let (rss, _) = resident();
    println!("RSS of the data before the load: {rss} MiB");
    for step in 0..size.steps {
        let (wall, cpu_before) = (Instant::now(), cpu());
        write_step(&engine, &sets, None, step, Durability::Synced);
        if step < 2 || step + 1 == size.steps {
            report(&format!("write, step {step}"), wall, cpu_before, size.series);
        }
        if step + 1 == size.flushed_steps {
            let (wall, cpu_before) = (Instant::now(), cpu());
            engine.flush().expect("flushes");
            report("flush", wall, cpu_before, size.series);
        }
    }
    println!("{:?}", engine.stats());
    std::process::abort();
}

fn count(engine: &Engine, matcher: Matcher) -> usize {
    let selector = Selector { matchers: vec![matcher], range: TimeRange::ALL };
    let scans = engine.scan(&selector, NonZeroUsize::MIN).expect("scans");
    let mut columns = SeriesColumns::default();
    let mut samples = 0;
    for mut scan in scans {
        while scan.next(&mut columns).expect("reads").is_some() {
            samples += columns.len();
        }
    }
    samples
}

fn restart(dir: &Path, size: &Size) {
    let before = (Instant::now(), cpu());
    let engine = open(dir, false);
    report("open", before.0, before.1, size.series * size.steps);
    let (wall, cpu_before) = (Instant::now(), cpu());
    let found = count(&engine, Matcher::equal("hostname", "host_7"));
    report("first query, one host", wall, cpu_before, found);
    println!("{:?}", engine.damage());
    assert_eq!(found, METRICS * size.steps);
    report("open and first query", before.0, before.1, size.series * size.steps);
    if env::var_os("RESTART_ONLY").is_some() {
        std::process::abort();
    }
    let (wall, cpu_before) = (Instant::now(), cpu());
    let found = count(
        &engine,
        Matcher::new("__name__", timberline_model::MatchOp::Regex, ".+").expect("valid"),
    );
    report("all samples of all series", wall, cpu_before, found);
    assert_eq!(found, size.series * size.steps);
    println!("{:?}", engine.stats());
    let sets: Vec<Labels> = (0..size.series).map(labels).collect();
    let (wall, cpu_before) = (Instant::now(), cpu());
    write_step(&engine, &sets, None, size.steps, Durability::Logged);
    report("write after the start", wall, cpu_before, size.series);
    let refs = refs_of(&engine, &sets);
    for (name, durability) in [("logged", Durability::Logged), ("synced", Durability::Synced)] {
        for round in 1..4 {
            let (wall, cpu_before) = (Instant::now(), cpu());
            let step = size.steps + round + 10 * usize::from(durability == Durability::Synced);
            write_step(&engine, &sets, Some(&refs), step, durability);
            report(&format!("write of resolved series, {name}"), wall, cpu_before, size.series);
        }
    }
}

/// The numbers of the series.
fn refs_of(engine: &Engine, sets: &[Labels]) -> Vec<SeriesRef> {
    let resolved = engine.resolve(sets).expect("resolves");
    resolved.into_iter().map(|series| series.expect("known")).collect()
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let number = |index: usize, or: usize| {
        arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or(or)
    };
    let size =
        Size { series: number(0, 1_000_000), steps: number(1, 20), flushed_steps: number(2, 0) };
    if let Some(dir) = env::var_os("RESTART_LOAD") {
        load(Path::new(&dir), &size);
        return;
    }
    if let Some(dir) = env::var_os("RESTART_OPEN") {
        restart(Path::new(&dir), &size);
        return;
    }
    let root = env::var_os("BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let dir = root.join(format!("timberline-restart-{}", std::process::id()));
    let status = Command::new(env::current_exe().expect("known"))
        .args(&arguments)
        .env("RESTART_LOAD", &dir)
        .status()
        .expect("starts");
    assert!(!status.success(), "the writing process aborts");
    restart(&dir, &size);
    std::fs::remove_dir_all(&dir).expect("removes");
}
