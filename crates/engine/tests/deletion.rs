//! Deletion: invisible at once, through restarts and compactions, and nothing else with it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path, sync::Arc};

use timberline_engine::{Engine, EngineError, EngineOptions};
use timberline_io::{Disk, Fault, SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    Durability, Labels, MatchOp, Matcher, Selector, SeriesColumns, SeriesSource, TimeRange,
    WriteBatch,
};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_092_800 * SECOND;

type Times = BTreeMap<String, Vec<i64>>;

fn open(disk: &SimDisk) -> Result<Engine, EngineError> {
    let options = EngineOptions {
        background: false,
        log: LogOptions { segment_bytes: 64 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    };
    let clock = SimClock::new(START + 1_000_000 * SECOND);
    Engine::open(Arc::new(disk.as_process()), Arc::new(clock), Path::new("/db"), options)
}

fn write(engine: &Engine, host: &str, seconds: std::ops::Range<i64>) {
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("host", host)]).unwrap());
    seconds.for_each(|second| batch.push_sample(START + second * SECOND, second as f64));
    engine.write(&batch, Durability::Synced).unwrap();
}

/// The seconds at which each host has samples.
fn all(engine: &Engine) -> Times {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut all = Times::new();
    let mut columns = SeriesColumns::default();
    for mut stream in engine.scan(&selector, NonZeroUsize::MIN).unwrap() {
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            let seconds = columns.timestamps.iter().map(|ts| (ts - START) / SECOND);
            all.insert(labels.get("host").unwrap().to_owned(), seconds.collect());
        }
    }
    all
}

fn host(op: MatchOp, value: &str) -> Vec<Vec<Matcher>> {
    vec![vec![Matcher::new("host", op, value).unwrap()]]
}

fn seconds(range: std::ops::RangeInclusive<i64>) -> TimeRange {
    TimeRange::new(START + range.start() * SECOND, START + range.end() * SECOND)
}

fn compact_all(engine: &Engine) {
    while engine.compact().unwrap().is_some() {}
}

fn manifest(disk: &SimDisk) -> String {
    let dir = Path::new("/db/manifest");
    let newest = disk.list(dir).unwrap().pop().unwrap().name;
    String::from_utf8(disk.read(&dir.join(newest)).unwrap()).unwrap()
}

#[test]
fn what_is_deleted_is_gone_wherever_it_was_and_nothing_else_is() {
    let disk = SimDisk::new(1);
    let engine = open(&disk).unwrap();
    write(&engine, "a", 0..10);
    write(&engine, "b", 0..10);
    engine.flush().unwrap();
    write(&engine, "a", 10..20);
    write(&engine, "b", 10..20);
    engine.delete(&host(MatchOp::Equal, "a"), seconds(5..=12)).unwrap();
    let expected: Times =
        [("a".to_owned(), (0..5).chain(13..20).collect()), ("b".to_owned(), (0..20).collect())]
            .into();
    assert_eq!(all(&engine), expected);

    drop(engine);
    let engine = open(&disk).unwrap();
    assert_eq!(all(&engine), expected, "after a restart");
    assert!(manifest(&disk).contains("\"op\": \"=\""));
    compact_all(&engine);
    assert_eq!(all(&engine), expected, "after a compaction");
    assert!(manifest(&disk).contains("\"tombstones\": []"), "the tombstone is not needed any more");
    drop(engine);
    assert_eq!(all(&open(&disk).unwrap()), expected);
}

#[test]
fn what_is_written_after_a_deletion_stays() {
    let disk = SimDisk::new(2);
    let engine = open(&disk).unwrap();
    write(&engine, "a", 0..10);
    engine.delete(&host(MatchOp::Regex, ".*"), TimeRange::ALL).unwrap();
    assert_eq!(all(&engine), Times::new());
    write(&engine, "a", 3..6);
    assert_eq!(all(&engine)["a"], [3, 4, 5]);
    engine.flush().unwrap();
    assert_eq!(all(&engine)["a"], [3, 4, 5], "flushed");
    compact_all(&engine);
    assert_eq!(all(&engine)["a"], [3, 4, 5], "compacted");
    drop(engine);
    assert_eq!(all(&open(&disk).unwrap())["a"], [3, 4, 5], "restarted");
}

#[test]
fn a_block_of_which_nothing_is_left_goes() {
    let disk = SimDisk::new(3);
    let engine = open(&disk).unwrap();
    write(&engine, "a", 0..10);
    engine.delete(&host(MatchOp::Equal, "a"), TimeRange::ALL).unwrap();
    compact_all(&engine);
    assert_eq!(disk.list(Path::new("/db/blocks")).unwrap(), []);
    assert_eq!(engine.stats().blocks, 0);
}

#[test]
fn a_deletion_of_nothing_leaves_no_trace() {
    let disk = SimDisk::new(4);
    let engine = open(&disk).unwrap();
    write(&engine, "a", 0..10);
    engine.flush().unwrap();
    let before = manifest(&disk);
    engine.delete(&host(MatchOp::Equal, "nobody"), TimeRange::ALL).unwrap();
    engine.delete(&host(MatchOp::Equal, "a"), seconds(100..=200)).unwrap();
    assert_eq!(manifest(&disk), before);
}

#[test]
fn a_deletion_that_fails_anywhere_happens_as_a_whole_or_not_at_all() {
    let disk = SimDisk::new(5);
    let engine = open(&disk).unwrap();
    write(&engine, "a", 0..10);
    engine.flush().unwrap();
    write(&engine, "a", 10..20);
    engine.close().unwrap();
    drop(engine);
    let (whole, rest): (Vec<i64>, Vec<i64>) = ((0..20).collect(), (0..5).chain(15..20).collect());
    for fault in [Fault::Crash, Fault::Eio, Fault::EioOnSync, Fault::NoSpace] {
        for operations in 0..80 {
            let copy = disk.fork(operations);
            let engine = open(&copy).unwrap();
            copy.fail_after(operations, fault);
            let deleted = engine.delete(&host(MatchOp::Equal, "a"), seconds(5..=14));
            drop(engine);
            copy.clear_faults();
            copy.reboot();
            let engine = open(&copy).unwrap();
            let found = all(&engine).remove("a").unwrap();
            let case = format!("{fault:?} after {operations} operations: {deleted:?}");
            match deleted {
                Ok(()) => assert_eq!(found, rest, "{case}"),
                Err(_) => assert!(found == rest || found == whole, "{case}: {found:?}"),
            }
        }
    }
}
