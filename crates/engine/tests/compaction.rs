//! Compaction and retention: the same answers from fewer files, and old data gone when it is to go.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use timberline_engine::{Engine, EngineOptions, Retention};
use timberline_io::{Disk, Fault, SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    DuplicatePolicy, Durability, ErrorKind, Labels, RejectReason, Selector, SeriesColumns,
    SeriesSource, TimeRange, WriteBatch,
};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
const ONE_HOUR: Duration = Duration::from_secs(3_600);
/// A Thursday at midnight, where windows of all levels begin.
const START: i64 = 1_700_092_800 * SECOND;

type Samples = BTreeMap<String, Vec<(i64, f64)>>;

fn options(policy: DuplicatePolicy) -> EngineOptions {
    EngineOptions {
        duplicates: Some(policy),
        background: false,
        log: LogOptions { segment_bytes: 64 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    }
}

fn open(disk: &SimDisk, clock: &SimClock, options: EngineOptions) -> Engine {
    let disk = Arc::new(disk.as_process());
    Engine::open(disk, Arc::new(clock.clone()), Path::new("/db"), options).unwrap()
}

fn write(engine: &Engine, host: &str, samples: impl IntoIterator<Item = (i64, f64)>) {
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("host", host)]).unwrap());
    samples.into_iter().for_each(|(ts, value)| batch.push_sample(ts, value));
    engine.write(&batch, Durability::Synced).unwrap();
}

fn all(engine: &Engine) -> Samples {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut all = Samples::new();
    let mut columns = SeriesColumns::default();
    for mut stream in engine.scan(&selector, NonZeroUsize::MIN).unwrap() {
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            let samples = columns.timestamps.iter().copied().zip(columns.values.iter().copied());
            all.insert(labels.to_string(), samples.collect());
        }
    }
    all
}

fn compact_all(engine: &Engine) -> usize {
    let mut count = 0;
    while let Some(outcome) = engine.compact().unwrap() {
        assert!(outcome.merged.len() > 1, "{outcome:?}");
        count += 1;
        assert!(count < 1_000, "compaction goes on for ever");
    }
    count
}

fn block_dirs(disk: &SimDisk) -> usize {
    disk.list(Path::new("/db/blocks")).unwrap().len()
}

/// Two days of samples, flushed at odd times, some of them late and some twice.
fn fill(engine: &Engine) {
    for hour in 0..48 {
        for host in ["a", "b", "c"] {
            let at = |minute: i64| START + hour * HOUR + minute * 60 * SECOND;
            write(engine, host, (0..60).map(|minute| (at(minute), (hour * 60 + minute) as f64)));
            if hour % 5 == 3 {
                let late = (0..60).step_by(7).map(|minute| (at(minute) - 3 * HOUR, -1.0));
                write(engine, host, late);
            }
        }
        if hour % 2 == 1 || hour % 7 == 0 {
            engine.flush().unwrap();
        }
    }
}

#[test]
fn answers_stay_the_same_while_blocks_become_fewer() {
    use DuplicatePolicy::{All, First, Last};
    for policy in [Last, First, All] {
        let disk = SimDisk::new(1);
        let clock = SimClock::new(START + 30 * 24 * HOUR);
        let engine = open(&disk, &clock, options(policy));
        fill(&engine);
        engine.flush().unwrap();
        let (before, blocks) = (all(&engine), block_dirs(&disk));
        assert!(blocks > 24, "{blocks} blocks");
        assert!(compact_all(&engine) > 0);
        assert_eq!(all(&engine), before, "{policy}");
        // The week that holds the two days has ended.
        assert_eq!(block_dirs(&disk), 1, "{policy}: all of it fits a week");
        drop(engine);
        let engine = open(&disk, &clock, options(policy));
        assert!(engine.damage().is_empty(), "{:?}", engine.damage());
        assert_eq!(all(&engine), before, "{policy}, after a restart");
    }
}

#[test]
fn windows_that_still_fill_are_left_alone() {
    let disk = SimDisk::new(2);
    let clock = SimClock::new(START + HOUR);
    let engine = open(&disk, &clock, options(DuplicatePolicy::Last));
    for minute in 0..3 {
        write(&engine, "a", [(START + minute * 60 * SECOND, 1.0)]);
        engine.flush().unwrap();
    }
    assert_eq!(engine.compact().unwrap(), None);
    clock.set(START + 2 * HOUR + 120 * SECOND);
    assert_eq!(engine.compact().unwrap().unwrap().merged.len(), 3);
    assert_eq!(engine.compact().unwrap(), None);
}

#[test]
fn a_flush_in_the_middle_of_things_and_an_open_scan_do_not_disturb_each_other() {
    let disk = SimDisk::new(3);
    let clock = SimClock::new(START + 30 * 24 * HOUR);
    let engine = open(&disk, &clock, options(DuplicatePolicy::Last));
    fill(&engine);
    let before = all(&engine);
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut streams = engine.scan(&selector, NonZeroUsize::MIN).unwrap();
    engine.flush().unwrap();
    compact_all(&engine);
    let mut columns = SeriesColumns::default();
    let mut seen = Samples::new();
    while let Some(labels) = streams[0].next(&mut columns).unwrap() {
        let samples = columns.timestamps.iter().copied().zip(columns.values.iter().copied());
        seen.insert(labels.to_string(), samples.collect());
    }
    assert_eq!(seen, before, "a scan keeps the blocks with which it began");
}

#[test]
fn a_compaction_that_fails_anywhere_leaves_everything_as_it_was() {
    let disk = SimDisk::new(4);
    let clock = SimClock::new(START + 30 * 24 * HOUR);
    let engine = open(&disk, &clock, options(DuplicatePolicy::Last));
    for part in 0..4 {
        write(&engine, "a", (0..30).map(|n| (START + (part * 30 + n) * SECOND, n as f64)));
        engine.flush().unwrap();
    }
    let before = all(&engine);
    engine.close().unwrap();
    drop(engine);
    for fault in [Fault::Crash, Fault::Eio, Fault::EioOnSync, Fault::NoSpace] {
        for operations in 0..60 {
            let copy = disk.fork(operations);
            let engine = open(&copy, &clock, options(DuplicatePolicy::Last));
            copy.fail_after(operations, fault);
            let result = engine.compact();
            let failed = result.is_err();
            drop(engine);
            copy.clear_faults();
            copy.reboot();
            let engine = open(&copy, &clock, options(DuplicatePolicy::Last));
            let case = format!("{fault:?} after {operations} operations");
            assert!(engine.damage().is_empty(), "{case}: {:?}", engine.damage());
            assert_eq!(all(&engine), before, "{case}");
            compact_all(&engine);
            assert_eq!(all(&engine), before, "{case}, compacted");
            assert_eq!(block_dirs(&copy), 1, "{case}");
            if operations == 59 {
                assert!(!failed, "a compaction takes more operations than were tried");
            }
        }
    }
}

#[test]
fn damage_stops_the_compaction_of_its_window_and_no_other() {
    let disk = SimDisk::new(7);
    let clock = SimClock::new(START + 30 * 24 * HOUR);
    let only_windows =
        || EngineOptions { compaction: vec![2 * ONE_HOUR], ..options(DuplicatePolicy::Last) };
    let engine = open(&disk, &clock, only_windows());
    for hour in [0, 10] {
        for part in 0..3 {
            write(&engine, "a", [(START + hour * HOUR + part * SECOND, 1.0)]);
            engine.flush().unwrap();
        }
    }
    engine.close().unwrap();
    drop(engine);
    let first = disk.list(Path::new("/db/blocks")).unwrap().remove(0).name;
    let pages = Path::new("/db/blocks").join(first).join("pages");
    let len = disk.read(&pages).unwrap().len() as u64;
    disk.flip_bit(&pages, len - 1, 2).unwrap();

    let engine = open(&disk, &clock, only_windows());
    let error = engine.compact().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(
        compact_all(&engine),
        1,
        "the other window is merged, and the first not tried again"
    );
    assert_eq!(block_dirs(&disk), 4);
}

#[test]
fn blocks_beyond_the_retention_go() {
    let disk = SimDisk::new(5);
    let clock = SimClock::new(START + 48 * HOUR);
    let limits = EngineOptions {
        retention: Retention { age: Some(Duration::from_secs(24 * 3_600)), bytes: None },
        ..options(DuplicatePolicy::Last)
    };
    let unlimited = open(&disk, &clock, options(DuplicatePolicy::Last));
    fill(&unlimited);
    unlimited.flush().unwrap();
    drop(unlimited);
    let engine = open(&disk, &clock, limits);
    let blocks = block_dirs(&disk);
    assert!(!engine.retain().unwrap().is_empty());
    assert!(block_dirs(&disk) < blocks, "their space is given back");
    for (labels, samples) in all(&engine) {
        assert!(samples[0].0 >= START + 21 * HOUR, "{labels} begins at {}", samples[0].0);
        assert!(samples[0].0 <= START + 24 * HOUR, "{labels} has lost what it was to keep");
    }
    assert!(engine.retain().unwrap().is_empty());

    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("host", "late")]).unwrap());
    batch.push_sample(START + 23 * HOUR, 1.0);
    batch.push_sample(START + 25 * HOUR, 2.0);
    let outcome = engine.write(&batch, Durability::Synced).unwrap();
    assert_eq!((outcome.samples_written, outcome.samples_rejected), (1, 1));
    let ts_ms = (START + 23 * HOUR) / 1_000_000;
    assert_eq!(outcome.rejections[0].reason, RejectReason::TooOld { ts_ms });
}

#[test]
fn the_oldest_blocks_go_when_there_are_too_many_bytes() {
    let disk = SimDisk::new(6);
    let clock = SimClock::new(START + 48 * HOUR);
    let unlimited = open(&disk, &clock, options(DuplicatePolicy::Last));
    fill(&unlimited);
    unlimited.flush().unwrap();
    let bytes = unlimited.stats().block_bytes;
    drop(unlimited);
    let retention = Retention { age: None, bytes: Some(bytes / 2) };
    let limits = EngineOptions { retention, ..options(DuplicatePolicy::Last) };
    let engine = open(&disk, &clock, limits);
    engine.retain().unwrap();
    let stats = engine.stats();
    assert!(stats.block_bytes <= bytes / 2 && stats.block_bytes > bytes / 4, "{stats:?}");
    assert!(stats.min_ts.unwrap() > START, "the oldest went");
}
