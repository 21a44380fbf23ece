//! Series that come and go: they leave the head, their samples stay, and writers notice nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use timberline_engine::{Engine, EngineOptions};
use timberline_io::{Disk, SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    DuplicatePolicy, Durability, LabelQuery, Labels, RejectReason, STALE_NAN, Selector,
    SeriesColumns, SeriesKey, SeriesRef, SeriesSource, TimeRange, WriteBatch, WriteOutcome,
};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;
const DIR: &str = "/db";

fn open_under(disk: &SimDisk, duplicates: DuplicatePolicy) -> Engine {
    let log = LogOptions { segment_bytes: 1 << 20, reserve_bytes: 0, ..LogOptions::default() };
    let options = EngineOptions {
        log,
        duplicates: Some(duplicates),
        series_idle: Duration::from_secs(60),
        background: false,
        ..EngineOptions::default()
    };
    let clock = SimClock::new(START + 1_000_000 * SECOND);
    Engine::open(Arc::new(disk.as_process()), Arc::new(clock), Path::new(DIR), options).unwrap()
}

fn open(disk: &SimDisk) -> Engine {
    open_under(disk, DuplicatePolicy::Last)
}

fn labels(series: usize) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("pod", &format!("p{series}"))]).unwrap()
}

/// Writes one sample to each series at a second after the start.
fn write(engine: &Engine, series: impl Iterator<Item = usize>, second: i64) -> WriteOutcome {
    let sets: Vec<(usize, Labels)> = series.map(|number| (number, labels(number))).collect();
    let mut batch = WriteBatch::default();
    for (number, set) in &sets {
        let (bytes, decode) = (set.as_bytes(), Labels::decode_canonical as _);
        batch.push_series(SeriesKey::Raw { bytes, decode });
        batch.push_sample(START + second * SECOND, (*number as i64 * 1_000 + second) as f64);
    }
    engine.write(&batch, Durability::Synced).unwrap()
}

/// All samples: by series, the seconds.
fn read(engine: &Engine) -> BTreeMap<Labels, Vec<i64>> {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut found = BTreeMap::new();
    let mut columns = SeriesColumns::default();
    for mut scan in engine.scan(&selector, NonZeroUsize::MIN).unwrap() {
        while let Some(labels) = scan.next(&mut columns).unwrap() {
            let seconds = columns.timestamps.iter().map(|ts| (ts - START) / SECOND).collect();
            assert!(found.insert(labels, seconds).is_none(), "a series came twice");
        }
    }
    found
}

#[test]
fn a_series_that_leaves_and_comes_back_is_one_series_to_readers() {
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    write(&engine, 0..100, 0);
    engine.flush().unwrap();
    assert_eq!(engine.stats().series, 100, "nothing is idle yet");
    // Twenty go on, the others are idle for longer than they may.
    write(&engine, 0..20, 100);
    engine.flush().unwrap();
    assert_eq!((engine.stats().series, engine.stats().series_retired), (20, 80));
    assert_eq!(read(&engine).len(), 100);
    write(&engine, 10..40, 120);
    assert_eq!(engine.stats().series, 40);
    let expected = |number: usize| match number {
        0..10 => vec![0, 100],
        10..20 => vec![0, 100, 120],
        20..40 => vec![0, 120],
        _ => vec![0],
    };
    let expected: BTreeMap<Labels, Vec<i64>> =
        (0..100).map(|number| (labels(number), expected(number))).collect();
    assert_eq!(read(&engine), expected);
    drop(engine);
    // The dictionary still has those that left, the log has those that came back.
    disk.crash();
    let engine = open(&disk);
    assert_eq!(engine.damage(), []);
    assert_eq!((engine.stats().series, read(&engine)), (100, expected.clone()));
    engine.flush().unwrap();
    write(&engine, 0..1, 300);
    engine.flush().unwrap();
    assert_eq!(engine.stats().series, 1);
    assert_eq!(read(&engine).len(), 100);
    let engine = {
        drop(engine);
        open(&disk)
    };
    assert_eq!(engine.damage(), []);
    write(&engine, 50..51, 310);
    assert_eq!(read(&engine)[&labels(50)], [0, 310]);
}

#[test]
fn a_number_of_a_series_that_left_is_unknown() {
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    let sets: Vec<Labels> = (0..10).map(labels).collect();
    let numbers = |engine: &Engine| -> Vec<SeriesRef> {
        engine.resolve(&sets).unwrap().into_iter().map(Result::unwrap).collect()
    };
    let before = numbers(&engine);
    assert_eq!(numbers(&engine), before);
    let write_by_number = |numbers: &[SeriesRef], second: i64| {
        let mut batch = WriteBatch::default();
        for number in numbers {
            batch.push_ref(*number);
            batch.push_sample(START + second * SECOND, 1.0);
        }
        engine.write(&batch, Durability::Synced).unwrap()
    };
    assert_eq!(write_by_number(&before, 0).samples_written, 10);
    engine.flush().unwrap();
    write(&engine, 100..101, 100);
    engine.flush().unwrap();
    assert_eq!(engine.stats().series, 1);
    let outcome = write_by_number(&before[..3], 110);
    assert_eq!((outcome.samples_written, outcome.samples_rejected), (0, 3));
    let reason = RejectReason::UnknownSeries { series: before[0] };
    assert_eq!(outcome.rejections[0].reason, reason);
    let after = numbers(&engine);
    assert!(after.iter().all(|number| !before.contains(number)));
    assert_eq!(write_by_number(&after, 120).samples_written, 10);
    assert_eq!(read(&engine)[&labels(7)], [0, 120]);
}

#[test]
fn a_stale_marker_lets_a_series_go_at_the_next_flush() {
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    let mut batch = WriteBatch::default();
    for number in 0..10 {
        batch.push_labels(labels(number));
        batch.push_sample(START, 1.0);
        batch.push_sample(START + SECOND, if number < 4 { STALE_NAN } else { 2.0 });
    }
    engine.write(&batch, Durability::Synced).unwrap();
    engine.flush().unwrap();
    assert_eq!(engine.stats().series, 6);
    assert_eq!(read(&engine).len(), 10);
}

#[test]
fn duplicates_of_a_series_that_left_are_still_refused() {
    let disk = SimDisk::new(1);
    let engine = open_under(&disk, DuplicatePolicy::Reject);
    write(&engine, 0..10, 5);
    engine.flush().unwrap();
    write(&engine, 10..11, 100);
    engine.flush().unwrap();
    assert_eq!(engine.stats().series, 1);
    let mut batch = WriteBatch::default();
    batch.push_labels(labels(3));
    batch.push_sample(START + 5 * SECOND, 77.0);
    let outcome = engine.write(&batch, Durability::Synced).unwrap();
    assert_eq!((outcome.samples_written, outcome.samples_rejected), (0, 1));
}

/// Tells the other threads to end, also when a check of this one fails: none may wait for what does not
/// come.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn writers_and_readers_do_not_notice_series_leaving() {
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    let done = &AtomicBool::new(false);
    let steps: Vec<usize> = thread::scope(|scope| {
        let _ending = Ending(done);
        let writers: Vec<_> = (0..3)
            .map(|writer: usize| {
                let engine = &engine;
                scope.spawn(move || {
                    // A series rests for longer than it may be idle, in which all but ten may go.
                    let mut steps = 0;
                    while steps < 60 || engine.stats().series_retired < 100 && steps < 600 {
                        let flushes = engine.stats().flushes;
                        let first = writer * 100 + steps % 4 * 10;
                        let outcome = write(engine, first..first + 10, steps as i64 * 50);
                        assert_eq!(outcome.samples_written, 10);
                        steps += 1;
                        // The flushes come one after another, as fast as they can.
                        while steps % 4 == 0 && engine.stats().flushes == flushes {
                            assert!(!done.load(Ordering::Relaxed), "there are no more flushes");
                            thread::yield_now();
                        }
                    }
                    steps
                })
            })
            .collect();
        scope.spawn(|| {
            let _ending = Ending(done);
            while !done.load(Ordering::Relaxed) {
                engine.flush().unwrap();
                engine.checkpoint().unwrap();
            }
        });
        scope.spawn(|| {
            let query = LabelQuery::default();
            while !done.load(Ordering::Relaxed) {
                read(&engine);
                engine.label_values("pod", &query).unwrap();
            }
        });
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert!(engine.stats().series_retired > 0);
    let expected: BTreeMap<Labels, Vec<i64>> = (0..3)
        .flat_map(|writer| (0..40).map(move |number| (writer, number)))
        .map(|(writer, number)| {
            let steps = (0..steps[writer]).filter(|step| step % 4 == number / 10);
            (labels(writer * 100 + number), steps.map(|step| step as i64 * 50).collect())
        })
        .collect();
    assert_eq!(read(&engine), expected);
    drop(engine);
    disk.crash();
    let engine = open(&disk);
    assert_eq!(engine.damage(), []);
    assert_eq!(read(&engine), expected);
}

#[test]
fn a_dictionary_between_flushes_stands_for_the_logs_definitions() {
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    write(&engine, 0..50, 0);
    engine.flush().unwrap();
    write(&engine, 25..75, 10);
    engine.checkpoint().unwrap();
    write(&engine, 50..100, 20);
    let expected = read(&engine);
    drop(engine);
    disk.crash();
    for _ in 0..2 {
        let engine = open(&disk);
        assert_eq!(engine.damage(), []);
        assert_eq!((engine.stats().series, read(&engine)), (100, expected.clone()));
    }
}

#[test]
fn a_log_that_was_lost_after_a_dictionary_takes_new_series() {
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    write(&engine, 0..10, 0);
    engine.flush().unwrap();
    write(&engine, 10..20, 10);
    engine.checkpoint().unwrap();
    drop(engine);
    let log = Path::new(DIR).join("log");
    for entry in disk.list(&log).unwrap() {
        disk.remove_file(&log.join(entry.name)).unwrap();
    }
    let engine = open(&disk);
    assert!(!engine.damage().is_empty(), "what was in the log only is lost");
    write(&engine, 20..30, 20);
    let expected = read(&engine);
    assert_eq!(expected.len(), 20);
    drop(engine);
    disk.crash();
    assert_eq!(read(&open(&disk)), expected);
}

#[test]
fn a_number_that_was_just_looked_up_holds_through_a_flush() {
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    for second in [0, 100, 200] {
        write(&engine, 0..1, second);
        engine.flush().unwrap();
    }
    let new: Vec<Labels> = (100..120).map(labels).collect();
    let refs: Vec<SeriesRef> =
        engine.resolve(&new).unwrap().into_iter().map(Result::unwrap).collect();
    write(&engine, 0..1, 201);
    engine.flush().unwrap();
    let mut batch = WriteBatch::default();
    for series in &refs {
        batch.push_series(SeriesKey::Ref(*series));
        batch.push_sample(START + 202 * SECOND, 1.0);
    }
    let outcome = engine.write(&batch, Durability::Synced).unwrap();
    assert_eq!(outcome.samples_rejected, 0, "{:?}", outcome.rejections);
    // Without a sample for as long as any other series, a number ends.
    let unused = engine.resolve(&[labels(500)]).unwrap().remove(0).unwrap();
    for second in [300, 400, 500] {
        write(&engine, 0..1, second);
        engine.flush().unwrap();
    }
    let mut batch = WriteBatch::default();
    batch.push_series(SeriesKey::Ref(unused));
    batch.push_sample(START + 501 * SECOND, 1.0);
    let outcome = engine.write(&batch, Durability::Synced).unwrap();
    assert_eq!(outcome.rejections[0].reason, RejectReason::UnknownSeries { series: unused });
}

/// Two label sets whose series live in one shard, which the first series of each says.
fn neighbours(engine: &Engine) -> (usize, usize) {
    let sets: Vec<Labels> = (0..40).map(labels).collect();
    let refs: Vec<u64> =
        engine.resolve(&sets).unwrap().into_iter().map(|series| series.unwrap().0 >> 32).collect();
    let second = (1..40).find(|other| refs[*other] == refs[0]).unwrap();
    (0, second)
}

#[test]
fn the_number_of_a_series_whose_definition_is_lost_is_not_given_to_another() {
    let (lost, new) = neighbours(&open(&SimDisk::new(9)));
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    // The first frame defines the series, the second and third know its number.
    for second in 1..4 {
        write(&engine, [lost].into_iter(), second);
    }
    let log = Path::new(DIR).join("log");
    let name = disk.list(&log).unwrap().remove(0).name;
    engine.close().unwrap();
    drop(engine);
    disk.flip_bit(&log.join(name), 32 + 40, 0).unwrap();

    let engine = open(&disk);
    assert_eq!(engine.damage().len(), 2, "{:?}", engine.damage());
    assert!(read(&engine).is_empty());
    write(&engine, [new].into_iter(), 10);
    let expected = read(&engine);
    assert_eq!(expected[&labels(new)], [10]);
    engine.checkpoint().unwrap();
    assert_eq!(read(&engine), expected);
    engine.close().unwrap();
    drop(engine);
    assert_eq!(read(&open(&disk)), expected, "with a dictionary that is newer than the samples");
}
