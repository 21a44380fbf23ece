//! Batches and series at the edges of what the engine takes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path, sync::Arc};

use timberline_engine::{Engine, EngineError, EngineOptions};
use timberline_io::{SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    DuplicatePolicy, Durability, ErrorKind, Labels, RejectReason, Selector, SeriesColumns,
    SeriesRef, SeriesSource, TimeRange, WriteBatch, limits,
};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;

fn options() -> EngineOptions {
    let log = LogOptions { segment_bytes: 64 << 10, frame_bytes_max: 256 << 10, reserve_bytes: 0 };
    EngineOptions { background: false, log, ..EngineOptions::default() }
}

fn open(disk: &SimDisk, options: EngineOptions) -> Engine {
    let disk = Arc::new(disk.as_process());
    Engine::open(disk, Arc::new(SimClock::new(NOW)), Path::new("/db"), options).unwrap()
}

fn labels(host: &str) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("host", host)]).unwrap()
}

fn read(engine: &Engine, range: TimeRange) -> BTreeMap<Labels, Vec<(i64, f64)>> {
    let selector = Selector { matchers: Vec::new(), range };
    let mut all = BTreeMap::new();
    let mut columns = SeriesColumns::default();
    for mut stream in engine.scan(&selector, NonZeroUsize::MIN).unwrap() {
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            let samples = columns.timestamps.iter().copied().zip(columns.values.iter().copied());
            all.insert(labels, samples.collect());
        }
    }
    all
}

/// Calls `check` with the engine as it is, after a flush, and after restarts before and behind it.
fn in_every_state(
    disk: &SimDisk,
    engine: Engine,
    options: &EngineOptions,
    check: impl Fn(&Engine),
) {
    check(&engine);
    drop(engine);
    let engine = open(disk, options.clone());
    check(&engine);
    engine.flush().unwrap();
    check(&engine);
    drop(engine);
    check(&open(disk, options.clone()));
}

#[test]
fn a_batch_larger_than_a_frame_is_refused_whole_and_the_next_one_is_taken() {
    let disk = SimDisk::new(1);
    let engine = open(&disk, options());
    let mut batch = WriteBatch::default();
    batch.push_labels(labels("large"));
    (0..40_000).for_each(|n| batch.push_sample(NOW - n * SECOND, n as f64 * 0.1));
    let error = engine.write(&batch, Durability::Synced).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(matches!(error, EngineError::Log(_)), "{error}");
    assert!(read(&engine, TimeRange::ALL).is_empty());
    let mut batch = WriteBatch::default();
    batch.push_labels(labels("large"));
    batch.push_sample(NOW, 1.0);
    engine.write(&batch, Durability::Synced).unwrap();
    in_every_state(&disk, engine, &options(), |engine| {
        assert_eq!(read(engine, TimeRange::ALL)[&labels("large")], [(NOW, 1.0)]);
    });
}

#[test]
fn of_a_batch_over_the_series_limit_the_known_series_are_kept() {
    let disk = SimDisk::new(2);
    let options = EngineOptions { series_max: 3, ..options() };
    let engine = open(&disk, options.clone());
    let mut batch = WriteBatch::default();
    for host in ["a", "b", "c", "d", "a", "e"] {
        batch.push_labels(labels(host));
        batch.push_sample(NOW - SECOND, 1.0);
        batch.push_sample(NOW, 2.0);
    }
    let outcome = engine.write(&batch, Durability::Synced).unwrap();
    assert_eq!((outcome.samples_written, outcome.samples_rejected), (8, 4));
    for rejection in &outcome.rejections {
        assert_eq!(rejection.reason, RejectReason::SeriesLimit { max: 3 });
    }
    in_every_state(&disk, engine, &options, |engine| {
        let all = read(engine, TimeRange::ALL);
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all.values().all(|samples| *samples == [(NOW - SECOND, 1.0), (NOW, 2.0)]));
        assert_eq!(engine.stats().series, 3);
    });
}

#[test]
fn a_series_named_twice_in_a_batch_keeps_the_order_of_the_batch() {
    let disk = SimDisk::new(3);
    let engine = open(&disk, options());
    let hosts: Vec<String> = (0..100).map(|n| format!("host-{n}")).collect();
    let mut batch = WriteBatch::default();
    // Backwards, and then forwards, so that the second mention meets every order of the first.
    for (host, value) in hosts.iter().rev().map(|h| (h, 1.0)).chain(hosts.iter().map(|h| (h, 2.0)))
    {
        batch.push_labels(labels(host));
        batch.push_sample(NOW, value);
        batch.push_sample(NOW - SECOND, -value);
    }
    engine.write(&batch, Durability::Synced).unwrap();
    in_every_state(&disk, engine, &options(), |engine| {
        let all = read(engine, TimeRange::ALL);
        assert_eq!(all.len(), hosts.len());
        assert!(all.values().all(|samples| *samples == [(NOW - SECOND, -2.0), (NOW, 2.0)]));
    });
}

#[test]
fn an_instant_kept_many_times_survives_chunk_borders_in_its_order() {
    let disk = SimDisk::new(4);
    let options = EngineOptions { duplicates: Some(DuplicatePolicy::All), ..options() };
    let engine = open(&disk, options.clone());
    let expected: Vec<(i64, f64)> = (0..500)
        .map(|n| (NOW - 2 * SECOND, f64::from(n)))
        .chain((0..130).map(|n| (NOW, f64::from(n))))
        .collect();
    for part in expected.chunks(77) {
        let mut batch = WriteBatch::default();
        batch.push_labels(labels("a"));
        part.iter().for_each(|(ts, value)| batch.push_sample(*ts, *value));
        engine.write(&batch, Durability::Logged).unwrap();
    }
    in_every_state(&disk, engine, &options, |engine| {
        assert_eq!(read(engine, TimeRange::ALL)[&labels("a")], expected);
        let instant = TimeRange::new(NOW - 2 * SECOND, NOW - 2 * SECOND);
        assert_eq!(read(engine, instant)[&labels("a")], expected[..500]);
    });
}

#[test]
fn samples_scattered_over_all_of_time_find_their_blocks() {
    let disk = SimDisk::new(5);
    let engine = open(&disk, options());
    let step = i64::MAX / 100;
    let mut expected: Vec<(i64, f64)> = (0..100).map(|n| (i64::MIN + n * step, n as f64)).collect();
    expected.retain(|(ts, _)| *ts <= NOW);
    expected.push((-1, -1.0));
    expected.push((NOW, 0.5));
    expected.sort_by_key(|(ts, _)| *ts);
    for host in ["a", "b"] {
        let mut batch = WriteBatch::default();
        batch.push_labels(labels(host));
        expected.iter().rev().for_each(|(ts, value)| batch.push_sample(*ts, *value));
        engine.write(&batch, Durability::Synced).unwrap();
    }
    in_every_state(&disk, engine, &options(), |engine| {
        let all = read(engine, TimeRange::ALL);
        assert_eq!(all[&labels("a")], expected);
        assert_eq!(all[&labels("b")], expected);
        for (ts, value) in &expected {
            let found = read(engine, TimeRange::new(*ts, *ts));
            assert_eq!(found[&labels("a")], [(*ts, *value)]);
        }
    });
}

#[test]
fn labels_at_their_limits_come_back_whole() {
    let disk = SimDisk::new(6);
    let options = EngineOptions {
        log: LogOptions { segment_bytes: 1 << 20, frame_bytes_max: 8 << 20, reserve_bytes: 0 },
        ..options()
    };
    let engine = open(&disk, options.clone());
    let value = "v".repeat(limits::LABEL_VALUE_BYTES_MAX);
    let name = "n".repeat(limits::LABEL_NAME_BYTES_MAX);
    let long = Labels::from_pairs([(name.as_str(), value.as_str())]).unwrap();
    let pairs = (0..limits::LABEL_COUNT_MAX).map(|n| (format!("l{n}"), format!("é{n}")));
    let many = Labels::from_pairs(pairs).unwrap();
    let mut batch = WriteBatch::default();
    for labels in [&long, &many] {
        batch.push_labels(labels.clone());
        batch.push_sample(NOW, 1.0);
    }
    engine.write(&batch, Durability::Synced).unwrap();
    in_every_state(&disk, engine, &options, |engine| {
        let all = read(engine, TimeRange::ALL);
        assert_eq!(all.len(), 2);
        assert!(all.contains_key(&long) && all.contains_key(&many));
    });
}

#[test]
fn numbers_that_name_no_series_are_rejected_one_by_one() {
    let disk = SimDisk::new(7);
    let engine = open(&disk, options());
    let mut batch = WriteBatch::default();
    for number in [0, 1 << 32, u64::MAX, 15 << 32 | u64::from(u32::MAX)] {
        batch.push_ref(SeriesRef(number));
        batch.push_sample(NOW, 1.0);
    }
    batch.push_labels(labels("a"));
    batch.push_sample(NOW, 1.0);
    let outcome = engine.write(&batch, Durability::Synced).unwrap();
    assert_eq!((outcome.samples_written, outcome.samples_rejected), (1, 4));
    in_every_state(&disk, engine, &options(), |engine| {
        assert_eq!(read(engine, TimeRange::ALL).len(), 1);
    });
}

#[test]
fn an_empty_batch_writes_nothing() {
    let disk = SimDisk::new(8);
    let engine = open(&disk, options());
    let end = engine.stats().log.appended_frames;
    engine.write(&WriteBatch::default(), Durability::Synced).unwrap();
    let mut nothing = WriteBatch::default();
    nothing.push_labels(labels("a"));
    engine.write(&nothing, Durability::Synced).unwrap();
    assert_eq!(engine.stats().log.appended_frames, end);
    assert_eq!(engine.stats().series, 0, "a series comes with its first sample");
}
