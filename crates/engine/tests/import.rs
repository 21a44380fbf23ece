//! Bulk imports: everything of one becomes visible at once, or nothing does, and it takes its place
//! among what was written before and after.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use timberline_engine::{
    Engine, EngineError, EngineOptions, ImportOptions, ImportOutcome, Retention,
};
use timberline_io::{Disk, Fault, SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    DuplicatePolicy, Durability, ErrorKind, Labels, RejectReason, Selector, SeriesColumns,
    SeriesSource, TimeRange, WriteBatch,
};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
const NOW: i64 = 1_700_092_800 * SECOND;
const SMALL: ImportOptions = ImportOptions { buffer_bytes: 64 << 10 };

type Samples = BTreeMap<String, Vec<(i64, f64)>>;

fn options(policy: DuplicatePolicy) -> EngineOptions {
    EngineOptions {
        duplicates: Some(policy),
        background: false,
        log: LogOptions { segment_bytes: 64 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    }
}

fn open_with(disk: &SimDisk, options: EngineOptions) -> Result<Engine, EngineError> {
    let clock = Arc::new(SimClock::new(NOW));
    Engine::open(Arc::new(disk.as_process()), clock, Path::new("/db"), options)
}

fn open(disk: &SimDisk) -> Engine {
    open_with(disk, options(DuplicatePolicy::Last)).unwrap()
}

fn labels(host: &str) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("host", host)]).unwrap()
}

fn columns(samples: &[(i64, f64)]) -> SeriesColumns {
    let mut columns = SeriesColumns::default();
    samples.iter().for_each(|(ts, value)| columns.push(*ts, 0, *value));
    columns
}

fn write(engine: &Engine, host: &str, samples: &[(i64, f64)]) {
    let mut batch = WriteBatch::default();
    batch.push_labels(labels(host));
    samples.iter().for_each(|(ts, value)| batch.push_sample(*ts, *value));
    engine.write(&batch, Durability::Synced).unwrap();
}

fn import(engine: &Engine, host: &str, samples: &[(i64, f64)]) -> ImportOutcome {
    let mut import = engine.begin_import(SMALL).unwrap();
    import.push(&labels(host), &mut columns(samples)).unwrap();
    import.finish().unwrap()
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

fn block_names(disk: &SimDisk) -> Vec<String> {
    let entries = disk.list(Path::new("/db/blocks")).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// Series of thirty days in small pieces, in an order that is not that of time, with repeats.
fn pieces(count: i64) -> Vec<(String, Vec<(i64, f64)>)> {
    let mut pieces = Vec::new();
    for step in 0..count {
        let host = format!("h{}", step % 7);
        let day = (step * 11) % 30;
        let first = NOW - 30 * 24 * HOUR + day * 24 * HOUR;
        let samples = (0..120).map(|n| (first + n * 600 * SECOND, (step * 1_000 + n) as f64));
        pieces.push((host, samples.collect()));
    }
    pieces
}

#[test]
fn series_in_any_order_become_one_block_for_each_window() {
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    let mut expected: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    let mut import = engine.begin_import(SMALL).unwrap();
    let mut taken = 0;
    for (host, samples) in pieces(400) {
        taken += samples.len() as u64;
        import.push(&labels(&host), &mut columns(&samples)).unwrap();
        expected.entry(labels(&host).to_string()).or_default().extend(samples);
    }
    assert!(all(&engine).is_empty(), "nothing is visible before the end");
    let outcome = import.finish().unwrap();
    let expected: Samples =
        expected.into_iter().map(|(k, v)| (k, v.into_iter().collect())).collect();
    assert_eq!(all(&engine), expected);
    assert_eq!(outcome.samples_taken, taken);
    assert_eq!(outcome.samples_written, expected.values().map(|s| s.len() as u64).sum::<u64>());
    let (mut names, mut blocks) = (block_names(&disk), outcome.blocks.clone());
    names.sort();
    blocks.sort();
    assert_eq!(names, blocks, "what was merged on the way is gone");
    assert!(blocks.len() < 30, "{} blocks", blocks.len());
    drop(engine);
    assert_eq!(all(&open(&disk)), expected, "and after a restart");
}

#[test]
fn an_import_comes_after_what_was_written_before_it_and_before_what_comes_later() {
    for (policy, expected) in [
        (DuplicatePolicy::Last, vec![(1, 2.0), (2, 3.0), (3, 3.0)]),
        (DuplicatePolicy::First, vec![(1, 1.0), (2, 2.0), (3, 3.0)]),
        (DuplicatePolicy::All, vec![(1, 1.0), (1, 2.0), (2, 2.0), (2, 3.0), (3, 3.0)]),
    ] {
        let disk = SimDisk::new(2);
        let engine = open_with(&disk, options(policy)).unwrap();
        write(&engine, "a", &[(NOW + 1, 1.0)]);
        let mut import = engine.begin_import(SMALL).unwrap();
        // Written and flushed while the import runs, so with a higher sequence than the import.
        write(&engine, "a", &[(NOW + 2, 3.0), (NOW + 3, 3.0)]);
        engine.flush().unwrap();
        import.push(&labels("a"), &mut columns(&[(NOW + 2, 2.0), (NOW + 1, 2.0)])).unwrap();
        assert_eq!(engine.compact().unwrap(), None, "compaction waits");
        import.finish().unwrap();
        let expected: Vec<(i64, f64)> = expected.iter().map(|(n, v)| (NOW + n, *v)).collect();
        assert_eq!(all(&engine)[&labels("a").to_string()], expected, "{policy}");
        drop(engine);
        let engine = open_with(&disk, options(policy)).unwrap();
        assert_eq!(all(&engine)[&labels("a").to_string()], expected, "{policy}, reopened");
    }
}

#[test]
fn a_deletion_before_the_end_does_not_concern_an_import_and_one_after_it_does() {
    let disk = SimDisk::new(3);
    let engine = open(&disk);
    write(&engine, "a", &[(NOW, 1.0)]);
    let mut import = engine.begin_import(SMALL).unwrap();
    import.push(&labels("a"), &mut columns(&[(NOW - HOUR, 2.0)])).unwrap();
    engine.delete(&[Vec::new()], TimeRange::ALL).unwrap();
    import.finish().unwrap();
    assert_eq!(all(&engine)[&labels("a").to_string()], [(NOW - HOUR, 2.0)]);
    engine.delete(&[Vec::new()], TimeRange::ALL).unwrap();
    assert!(all(&engine).is_empty());
}

#[test]
fn an_import_that_is_given_up_leaves_nothing() {
    let disk = SimDisk::new(4);
    let engine = open(&disk);
    let mut import = engine.begin_import(SMALL).unwrap();
    for (host, samples) in pieces(400) {
        import.push(&labels(&host), &mut columns(&samples)).unwrap();
    }
    assert!(!block_names(&disk).is_empty(), "some of it was written");
    drop(import);
    assert!(block_names(&disk).is_empty());
    assert!(all(&engine).is_empty());
    write(&engine, "a", &[(NOW, 1.0)]);
    engine.flush().unwrap();
    assert_eq!(block_names(&disk).len(), 1);
}

#[test]
fn what_a_write_refuses_an_import_refuses() {
    let disk = SimDisk::new(5);
    let retention = Retention { age: Some(Duration::from_secs(3_600)), bytes: None };
    let options = EngineOptions { retention, ..options(DuplicatePolicy::Last) };
    let engine = open_with(&disk, options).unwrap();
    let samples = [(NOW - 2 * HOUR, 1.0), (NOW, 2.0), (NOW + HOUR, 3.0), (NOW + 2 * HOUR, 4.0)];
    let outcome = import(&engine, "a", &samples);
    assert_eq!((outcome.samples_taken, outcome.samples_rejected), (1, 3));
    assert!(matches!(outcome.rejections[0].reason, RejectReason::TooOld { .. }));
    assert_eq!(all(&engine)[&labels("a").to_string()], [(NOW, 2.0)]);
}

#[test]
fn closing_ends_an_import() {
    let disk = SimDisk::new(6);
    let engine = open(&disk);
    let mut import = engine.begin_import(SMALL).unwrap();
    import.push(&labels("a"), &mut columns(&[(NOW, 1.0)])).unwrap();
    engine.close().unwrap();
    assert!(matches!(
        import.push(&labels("a"), &mut columns(&[(NOW, 1.0)])),
        Err(EngineError::Closed)
    ));
    assert!(matches!(import.finish(), Err(EngineError::Closed)));
}

/// One import into a database that has data already, which is there whatever happens.
fn import_pieces(disk: &SimDisk) -> Result<Engine, EngineError> {
    let engine = open_with(disk, options(DuplicatePolicy::Last))?;
    let mut import = engine.begin_import(SMALL)?;
    for (host, samples) in pieces(90) {
        import.push(&labels(&host), &mut columns(&samples))?;
    }
    import.finish()?;
    Ok(engine)
}

#[test]
fn a_fault_at_any_operation_leaves_all_of_an_import_or_nothing() {
    let every = std::env::var("TIMBERLINE_FAULT_EVERY").ok().and_then(|n| n.parse().ok());
    let every: usize = every.unwrap_or(61);
    let pristine = SimDisk::new(8);
    let engine = open(&pristine);
    write(&engine, "z", &[(NOW, 1.0)]);
    drop(engine);
    let before = all(&open(&pristine.fork(1)));
    let complete = pristine.fork(2);
    let first = complete.operation_count();
    let after = all(&import_pieces(&complete).unwrap());
    let operations = complete.operation_count() - first;
    assert!(operations > 60, "{operations}");
    let faults = [Fault::Crash, Fault::Eio, Fault::EioOnSync, Fault::NoSpace];
    for (turn, fault) in faults.into_iter().enumerate() {
        // The last operations, which publish, are all taken.
        let late = operations.saturating_sub(24)..operations;
        for at in (turn as u64..operations).step_by(every).chain(late) {
            let disk = pristine.fork(at);
            disk.fail_after(at, fault);
            let case = format!("{fault:?} at {at} of {operations}");
            let acknowledged = match import_pieces(&disk) {
                Ok(engine) => {
                    drop(engine);
                    true
                }
                Err(error) => {
                    assert_ne!(error.kind(), ErrorKind::Corrupt, "{case}: {error}");
                    false
                }
            };
            disk.crash();
            let engine = open(&disk);
            let found = all(&engine);
            assert!(engine.damage().is_empty(), "{case}: {:?}", engine.damage());
            assert!(found == after || (!acknowledged && found == before), "{case}");
            let listed = engine.stats().blocks as usize;
            assert_eq!(block_names(&disk).len(), listed, "{case}: litter is swept");
        }
    }
}
