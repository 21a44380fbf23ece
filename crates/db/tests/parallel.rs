//! A database under parallel writers, readers, flushes and closes, on a real disk.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use timberline::{
    Database, DuplicatePolicy, Durability, ErrorKind, LabelQuery, Labels, Matcher, Options,
    Retention, Selector, SeriesColumns, SeriesSource, TimeRange, WriteBatch,
};

const WRITERS: usize = 3;
/// Series of one writer, all written by each of its batches.
const SERIES: usize = 5;
/// Nanoseconds between samples. A few hundred of them fill a block window.
const STEP: i64 = 20_000_000_000;
const START: i64 = 1_600_000_000_000_000_000;

/// How far one writer has come: samples `0..acknowledged` are acknowledged, and none from `sent` on
/// was sent.
#[derive(Default)]
struct Progress {
    sent: AtomicI64,
    acknowledged: AtomicI64,
}

fn labels_of(writer: usize, series: usize) -> Labels {
    let pairs = [
        ("__name__", "m".to_owned()),
        ("writer", writer.to_string()),
        ("series", series.to_string()),
    ];
    Labels::from_pairs(pairs).unwrap()
}

/// Each third sample arrives late, behind the one after it.
fn ts_of(sample: i64) -> i64 {
    let place = match sample % 3 {
        1 => sample + 1,
        2 => sample - 1,
        _ => sample,
    };
    START + place * STEP
}

fn value_of(writer: usize, series: usize, ts: i64) -> f64 {
    (ts / STEP % 1_000_000) as f64 * 64.0 + (writer * SERIES + series) as f64
}

fn options(background: bool) -> Options {
    Options {
        segment_bytes: 1 << 20,
        reserve_bytes: 0,
        flush_bytes: 1 << 16,
        duplicates: Some(DuplicatePolicy::Last),
        background,
        retention: Retention::default(),
        ..Options::default()
    }
}

fn write_until_closed(database: &Database, writer: usize, progress: &Progress) {
    loop {
        let first = progress.sent.load(Ordering::SeqCst);
        let count = 1 + first % 7;
        progress.sent.store(first + count, Ordering::SeqCst);
        let mut batch = WriteBatch::default();
        for series in 0..SERIES {
            batch.push_labels(labels_of(writer, series));
            for sample in first..first + count {
                let ts = ts_of(sample);
                batch.push_sample(ts, value_of(writer, series, ts));
            }
        }
        let durability = if first % 5 == 0 { Durability::Synced } else { Durability::Logged };
        match database.write_with(&batch, durability) {
            Ok(outcome) => {
                assert_eq!(outcome.samples_written, (count as usize * SERIES) as u64);
                progress.acknowledged.store(first + count, Ordering::SeqCst);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                assert!(error.to_string().contains("closed"), "{error}");
                // Refused, so not there; the next life sends it again.
                progress.sent.store(first, Ordering::SeqCst);
                return;
            }
        }
    }
}

/// Reads one writer's series in a range and compares with what was acknowledged before and sent after.
fn check(database: &Database, writer: usize, progress: &Progress, range: TimeRange) {
    let acknowledged = progress.acknowledged.load(Ordering::SeqCst);
    let matchers = vec![Matcher::equal("writer", writer.to_string().as_str())];
    let selector = Selector { matchers, range };
    let streams = database.scan(&selector, NonZeroUsize::new(2).unwrap()).unwrap();
    let mut columns = SeriesColumns::default();
    let mut seen = 0;
    for mut stream in streams {
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            seen += 1;
            let sent = progress.sent.load(Ordering::SeqCst);
            let series: usize = labels.get("series").unwrap().parse().unwrap();
            let name = format!("{labels}, {acknowledged} acknowledged, {sent} sent, {range:?}");
            assert!(columns.timestamps.is_sorted_by(|a, b| a < b), "{name}: not ascending");
            for (ts, value) in columns.timestamps.iter().zip(&columns.values) {
                assert!(range.contains(*ts), "{name}: {ts} is outside");
                assert_eq!(*value, value_of(writer, series, *ts), "{name} at {ts}");
                assert!((ts - START) / STEP < sent + 2, "{name}: {ts} was never sent");
            }
            let expected = (0..acknowledged).map(ts_of).filter(|ts| range.contains(*ts));
            for ts in expected {
                let found = columns.timestamps.binary_search(&ts).is_ok();
                assert!(found, "{name}: sample {} is missing", (ts - START) / STEP);
            }
        }
    }
    let any = (0..acknowledged).any(|sample| range.contains(ts_of(sample)));
    assert!(seen == SERIES || !any, "{seen} series of writer {writer}");
}

fn read_until(database: &Database, progress: &[Progress], done: &AtomicBool, seed: u64) -> u64 {
    let mut chance = seed;
    let mut rounds = 0;
    while !done.load(Ordering::SeqCst) {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        let writer = (chance >> 33) as usize % WRITERS;
        let end = progress[writer].acknowledged.load(Ordering::SeqCst).max(1);
        let range = match rounds % 3 {
            0 => TimeRange::ALL,
            1 => TimeRange::new(START + (end - 1 - end / 3) * STEP, START + end * STEP),
            _ => {
                let at = START + (chance >> 20) as i64 % end * STEP;
                TimeRange::new(at, at + 10 * STEP)
            }
        };
        check(database, writer, &progress[writer], range);
        let query = LabelQuery::default();
        let values = database.label_values("series", &query).unwrap();
        assert!(values.len() <= SERIES, "{values:?}");
        rounds += 1;
    }
    rounds
}

fn live(database: &Database, progress: &[Progress], time: Duration, flush: bool) {
    let done = AtomicBool::new(false);
    let done = &done;
    thread::scope(|scope| {
        for (writer, progress) in progress.iter().enumerate() {
            scope.spawn(move || write_until_closed(database, writer, progress));
        }
        for seed in 0..2 {
            scope.spawn(move || read_until(database, progress, done, seed));
        }
        let begin = Instant::now();
        let mut flushed = Ok(());
        while begin.elapsed() < time && flushed.is_ok() {
            if flush {
                flushed = database.flush().map(|_| ());
            }
            thread::yield_now();
        }
        // Whatever came of it, the threads end with this.
        let closed = database.close();
        done.store(true, Ordering::SeqCst);
        flushed.and(closed).unwrap();
    });
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_under_parallel_use() {
    let dir = tempfile::tempdir().unwrap();
    let rounds: u32 =
        std::env::var("TIMBERLINE_PARALLEL_ROUNDS").map_or(4, |text| text.parse().unwrap());
    let progress: Arc<[Progress]> = (0..WRITERS).map(|_| Progress::default()).collect();
    for round in 0..rounds {
        let database = Database::open(dir.path(), options(round % 2 == 1)).unwrap();
        assert!(database.damage().is_empty(), "{:?}", database.damage());
        for (writer, progress) in progress.iter().enumerate() {
            check(&database, writer, progress, TimeRange::ALL);
        }
        live(&database, &progress, Duration::from_millis(500), round % 3 != 2);
    }
    let samples: i64 = progress.iter().map(|p| p.acknowledged.load(Ordering::SeqCst)).sum();
    println!("{samples} samples a series acknowledged in {rounds} rounds");
}
