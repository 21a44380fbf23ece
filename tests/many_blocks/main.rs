//! A database of a thousand blocks: what it holds open, what it maps, how long it takes to open, and what
//! a query about two of them touches.
//!
//! `TIMBERLINE_MANY_BLOCKS` says how many blocks there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use timberline::{Database, Labels, Options, Retention, Value, WriteBatch};
use timberline_io::{RealDisk, SimClock};
use timberline_tests::count_from_env;

const SECOND: i64 = 1_000_000_000;
const WINDOW: i64 = 7_200 * SECOND;
const START: i64 = 1_700_092_800 * SECOND;
/// Windows that one flush gives a block each.
const WINDOWS_PER_FLUSH: i64 = 40;
const SERIES: i64 = 50;
/// Files that a block keeps mapped at most.
const MAPPINGS_PER_BLOCK: usize = 3;

fn open(dir: &Path) -> Database {
    let options = Options {
        background: false,
        compaction: Vec::new(),
        retention: Retention::default(),
        ..Options::default()
    };
    let clock = Arc::new(SimClock::new(START + 10_000 * WINDOW));
    Database::open_on(Arc::new(RealDisk), clock, dir, options).expect("it opens")
}

fn fill(database: &Database, blocks: i64) {
    for first in (0..blocks).step_by(WINDOWS_PER_FLUSH as usize) {
        let mut batch = WriteBatch::default();
        for series in 0..SERIES {
            let pairs = [("__name__", "m".to_owned()), ("host", format!("host-{series}"))];
            batch.push_labels(Labels::from_pairs(pairs).expect("these are labels"));
            for window in first..blocks.min(first + WINDOWS_PER_FLUSH) {
                for minute in 0..120 {
                    let ts = START + window * WINDOW + minute * 60 * SECOND;
                    batch.push_sample(ts, (minute * series % 97) as f64 * 1.1);
                }
            }
        }
        database.write(&batch).expect("there is room");
        database.flush().expect("there is room");
    }
}

/// How a file of the database is mapped.
#[derive(Clone, Copy, Debug, Default)]
struct Mapping {
    count: usize,
    bytes: u64,
    /// Bytes of pages that were looked at since the kernel was told to forget that.
    referenced: u64,
}

/// Lets the kernel forget which pages were looked at.
fn forget_references() {
    fs::write("/proc/self/clear_refs", "1").expect("a process may tell the kernel so of itself");
}

/// By file of the database.
fn mapped(dir: &Path) -> BTreeMap<String, Mapping> {
    let smaps = fs::read_to_string("/proc/self/smaps").expect("Linux has it");
    let mut files: BTreeMap<String, Mapping> = BTreeMap::new();
    let mut current = None;
    let prefix = dir.join("blocks").display().to_string();
    for line in smaps.lines() {
        if let Some(at) = line.find(&prefix) {
            let name = line[at + prefix.len()..].trim_start_matches('/').to_owned();
            files.entry(name.clone()).or_default().count += 1;
            current = Some(name);
        } else if let (Some(name), Some((key, rest))) = (&current, line.split_once(':')) {
            let kib = rest.trim().trim_end_matches(" kB").parse().unwrap_or(0_u64);
            let file = files.entry(name.clone()).or_default();
            match key {
                "Size" => file.bytes += kib << 10,
                "Referenced" => file.referenced += kib << 10,
                "VmFlags" => current = None,
                _ => {}
            }
        }
    }
    files
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux has it").count()
}

/// Bytes of memory that are this process's own.
fn own_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.expect("the kernel tells it") << 10
}

#[test]
fn a_thousand_blocks_cost_little() {
    let blocks = count_from_env("TIMBERLINE_MANY_BLOCKS", 1_000) as i64;
    let dir = tempfile::tempdir().expect("a directory can be made");
    fill(&open(dir.path()), blocks);
    let (files_before, bytes_before) = (open_files(), own_bytes());
    let begun = Instant::now();
    let database = open(dir.path());
    let opened_in = begun.elapsed();
    assert_eq!(database.stats().blocks, blocks as u64);
    let files = open_files().saturating_sub(files_before);
    let bytes = own_bytes().saturating_sub(bytes_before);
    let before = mapped(dir.path());
    let mappings: usize = before.values().map(|file| file.count).sum();
    let mapped_bytes: u64 = before.values().map(|file| file.bytes).sum();
    println!(
        "{blocks} blocks: opened in {opened_in:.1?}, {files} files open, {mappings} mappings of \
         {mapped_bytes} bytes, {bytes} bytes of its own"
    );
    assert!(files < 16, "{files} files are open: blocks must not keep theirs");
    assert!(mappings <= MAPPINGS_PER_BLOCK * blocks as usize, "{mappings} mappings");
    assert!(bytes < 32 << 20, "{bytes} bytes for {blocks} blocks");
    assert!(opened_in < Duration::from_secs(20), "opening took {opened_in:?}");

    // Within two windows in the middle.
    let from = START + blocks / 2 * WINDOW + WINDOW / 2;
    forget_references();
    let begun = Instant::now();
    let result =
        database.query_range("sum(count_over_time(m[10m]))", from, from + WINDOW, WINDOW / 4);
    let asked_for = begun.elapsed();
    let Value::Matrix(found) = result.expect("it can be asked").value else { panic!("a matrix") };
    assert_eq!(found.len(), 1);
    let after = mapped(dir.path());
    let touched: BTreeSet<&str> = after
        .iter()
        .filter(|(_, file)| file.referenced > 0)
        .filter_map(|(name, _)| name.split('/').next())
        .collect();
    println!("a query about two blocks touched {} in {asked_for:.1?}", touched.len());
    assert!((1..=2).contains(&touched.len()), "{touched:?}");
}
