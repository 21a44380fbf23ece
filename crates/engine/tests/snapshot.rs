//! Snapshots: complete, independent of what the database does next, and whole or not there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_engine::{Engine, EngineError, EngineOptions};
use timberline_io::{Disk, Fault, SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    Durability, Labels, MatchOp, Matcher, Selector, SeriesColumns, SeriesSource, TimeRange,
    WriteBatch,
};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_092_800 * SECOND;

fn open(disk: &SimDisk, dir: &Path) -> Result<Engine, EngineError> {
    let options = EngineOptions {
        background: false,
        log: LogOptions { segment_bytes: 16 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    };
    let clock = SimClock::new(START + 1_000_000 * SECOND);
    Engine::open(Arc::new(disk.as_process()), Arc::new(clock), dir, options)
}

fn database(disk: &SimDisk) -> Engine {
    open(disk, Path::new("/db")).unwrap()
}

fn write(engine: &Engine, host: &str, seconds: std::ops::Range<i64>) {
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("host", host)]).unwrap());
    seconds.for_each(|second| batch.push_sample(START + second * SECOND, second as f64));
    engine.write(&batch, Durability::Synced).unwrap();
}

fn all(engine: &Engine) -> Vec<(String, Vec<i64>)> {
    assert_eq!(engine.damage(), []);
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut all = Vec::new();
    let mut columns = SeriesColumns::default();
    for mut stream in engine.scan(&selector, NonZeroUsize::MIN).unwrap() {
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            all.push((labels.to_string(), columns.timestamps.clone()));
        }
    }
    all.sort();
    all
}

fn snapshots(disk: &SimDisk) -> Vec<PathBuf> {
    let dir = Path::new("/db/snapshots");
    let entries = disk.list(dir).unwrap_or_default();
    let whole = entries.into_iter().filter(|entry| !entry.name.ends_with(".tmp"));
    whole.map(|entry| dir.join(entry.name)).collect()
}

#[test]
fn a_snapshot_is_the_database_of_its_moment() {
    let disk = SimDisk::new(1);
    let engine = database(&disk);
    write(&engine, "a", 0..10);
    engine.flush().unwrap();
    write(&engine, "b", 0..10);
    let before = all(&engine);
    let first = engine.snapshot(false).unwrap();
    assert_eq!((first.samples, first.blocks), (20, 2));
    write(&engine, "c", 0..10);
    let second = engine.snapshot(true).unwrap();
    assert_ne!(first.name, second.name);
    // Everything that takes blocks away.
    let selectors = [vec![Matcher::new("host", MatchOp::Equal, "a").unwrap()]];
    engine.delete(&selectors, TimeRange::ALL).unwrap();
    while engine.compact().unwrap().is_some() {}
    drop(engine);

    for snapshot in [first, second] {
        let copy = open(&disk, &snapshot.dir).unwrap();
        assert_eq!(all(&copy), before, "{}", snapshot.name);
        // It goes on as a database of its own.
        write(&copy, "d", 0..5);
        copy.flush().unwrap();
        drop(copy);
        assert_eq!(all(&open(&disk, &snapshot.dir).unwrap()).len(), 3);
    }
    assert_eq!(all(&database(&disk)).len(), 2, "the database has b and c");
}

#[test]
fn a_snapshot_of_an_empty_database_opens() {
    let disk = SimDisk::new(2);
    let taken = database(&disk).snapshot(false).unwrap();
    assert_eq!(all(&open(&disk, &taken.dir).unwrap()), []);
}

#[test]
fn a_snapshot_is_whole_or_not_there_wherever_the_power_is_cut() {
    let pristine = SimDisk::new(3);
    let engine = database(&pristine);
    write(&engine, "a", 0..10);
    engine.flush().unwrap();
    write(&engine, "b", 0..10);
    let expected = all(&engine);
    drop(engine);
    let mut whole = 0;
    for operation in 0.. {
        let disk = pristine.fork(operation);
        let engine = database(&disk);
        disk.fail_after(operation, Fault::Crash);
        let taken = engine.snapshot(false);
        drop(engine);
        disk.clear_faults();
        disk.crash();
        for dir in snapshots(&disk) {
            assert_eq!(all(&open(&disk, &dir).unwrap()), expected, "operation {operation}");
            whole += 1;
        }
        assert!(taken.is_err() || !snapshots(&disk).is_empty(), "operation {operation}");
        let engine = database(&disk);
        assert_eq!(all(&engine), expected, "operation {operation}");
        engine.snapshot(false).unwrap();
        let names = disk.list(Path::new("/db/snapshots")).unwrap();
        assert!(names.iter().all(|entry| !entry.name.ends_with(".tmp")), "leftovers are swept");
        if taken.is_ok() {
            assert!(operation > 20 && whole > 0);
            return;
        }
    }
}

#[test]
fn a_directory_that_is_being_restored_does_not_open() {
    let disk = SimDisk::new(4);
    disk.create_dir_all(Path::new("/db")).unwrap();
    disk.create(&Path::new("/db").join(timberline_engine::RESTORING_FILE), 0).unwrap();
    let error = open(&disk, Path::new("/db")).unwrap_err();
    assert!(error.to_string().contains("timberline restore"), "{error}");
}
