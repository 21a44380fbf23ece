//! The tail of the log, and reads at a point of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake},
    thread,
    time::Duration,
};

use timberline_engine::{Engine, EngineError, EngineOptions, ReadPoint, Tail, TailFrom};
use timberline_io::{SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    Durability, ErrorKind, Labels, LogOffset, Selector, SeriesColumns, SeriesScan, TimeRange,
    WriteBatch,
};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;
const LONG: Duration = Duration::from_secs(20);

type Samples = BTreeMap<(String, i64), f64>;

fn open(disk: &SimDisk) -> Engine {
    let options = EngineOptions {
        background: false,
        log: LogOptions { segment_bytes: 32 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    };
    let disk = Arc::new(disk.as_process());
    Engine::open(disk, Arc::new(SimClock::new(NOW)), Path::new("/db"), options).unwrap()
}

fn write(engine: &Engine, host: &str, ts: i64, value: f64) -> LogOffset {
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("host", host)]).unwrap());
    batch.push_sample(ts, value);
    engine.write(&batch, Durability::Synced).unwrap().offset
}

fn tail(engine: &Engine, from: TailFrom) -> Tail {
    engine.tail(from, Durability::Synced).unwrap()
}

fn point(engine: &Engine) -> ReadPoint {
    engine.read_point(LogOffset(0), Durability::Synced).unwrap()
}

/// Everything up to an offset, as host, instant and value.
fn follow(tail: &mut Tail, upto: LogOffset) -> Vec<(String, i64, f64)> {
    let mut found = Vec::new();
    while tail.position() < upto {
        let Some(batch) = tail.next_within(LONG).unwrap() else { continue };
        for (index, series) in batch.series.iter().enumerate() {
            let labels = tail.labels(*series).unwrap();
            let host = labels.get("host").unwrap().to_owned();
            found.push((host, batch.timestamps[index], batch.values[index]));
        }
    }
    found
}

fn collect(streams: Vec<Box<dyn SeriesScan>>) -> Samples {
    let mut all = Samples::new();
    let mut columns = SeriesColumns::default();
    for mut stream in streams {
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            let host = labels.get("host").unwrap();
            for (ts, value) in columns.timestamps.iter().zip(&columns.values) {
                assert_eq!(
                    all.insert((host.to_owned(), *ts), *value),
                    None,
                    "{host} twice at {ts}"
                );
            }
        }
    }
    all
}

fn scan_at(engine: &Engine, point: ReadPoint) -> Option<Samples> {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    engine.scan_at(point, &selector, NonZeroUsize::MIN).unwrap().map(collect)
}

#[test]
fn a_tail_hands_out_writes_in_order_and_goes_on_after_a_restart() {
    let disk = SimDisk::new(1);
    let engine = open(&disk);
    write(&engine, "before", NOW, 0.0);
    let mut end = tail(&engine, TailFrom::End);
    assert!(end.try_next().unwrap().is_none());
    let first = write(&engine, "a", NOW, 1.0);
    let second = write(&engine, "b", NOW - SECOND, 2.0);
    let wanted = [("a".to_owned(), NOW, 1.0), ("b".to_owned(), NOW - SECOND, 2.0)];
    assert_eq!(follow(&mut end, second), wanted);
    assert_eq!(end.position(), second);
    drop(end);
    drop(engine);
    disk.crash();
    let engine = open(&disk);
    assert_eq!(follow(&mut tail(&engine, TailFrom::Offset(first)), second), wanted[1..]);
}

#[test]
fn a_tail_that_is_behind_a_truncation_is_told_so_and_holds_nothing_back() {
    let disk = SimDisk::new(2);
    let engine = open(&disk);
    let start = write(&engine, "a", NOW, 1.0);
    let mut slow = tail(&engine, TailFrom::Offset(start));
    // More than the feed remembers of what it has not been asked for: nothing, as it was read by nobody.
    drop(tail(&engine, TailFrom::End));
    let upto = write(&engine, "a", NOW + 1, 2.0);
    assert_eq!(follow(&mut slow, upto).len(), 1);
    assert!(engine.flush().unwrap().log_bytes_freed > 0);
    let late = engine.tail(TailFrom::Offset(start), Durability::Synced).unwrap_err();
    assert!(matches!(late, EngineError::Behind { offset, .. } if offset == start), "{late}");
    assert_eq!(late.kind(), ErrorKind::NotFound);
    let beyond = LogOffset(upto.0 + (1 << 20));
    let early = engine.tail(TailFrom::Offset(beyond), Durability::Synced).unwrap_err();
    assert!(matches!(early, EngineError::BeyondLog { .. }), "{early}");
    // The tail that had read everything goes on across the flush.
    let end = write(&engine, "a", NOW + 2, 3.0);
    assert_eq!(follow(&mut slow, end), [("a".to_owned(), NOW + 2, 3.0)]);
}

#[test]
fn a_tail_ends_with_its_database() {
    let engine = open(&SimDisk::new(3));
    let mut waiting = tail(&engine, TailFrom::End);
    thread::scope(|scope| {
        let ended = scope.spawn(move || waiting.next_within(LONG));
        engine.close().unwrap();
        assert!(matches!(ended.join().unwrap(), Err(EngineError::Closed)));
    });
    assert!(matches!(engine.tail(TailFrom::End, Durability::Synced), Err(EngineError::Closed)));
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn an_asynchronous_reader_is_woken_by_a_write() {
    let engine = open(&SimDisk::new(4));
    let mut reader = tail(&engine, TailFrom::End);
    let woken = Arc::new(Woken::default());
    let waker = Arc::clone(&woken).into();
    let mut context = Context::from_waker(&waker);
    assert!(reader.poll_next(&mut context).is_pending());
    write(&engine, "a", NOW, 7.0);
    while woken.0.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    let Poll::Ready(Ok(batch)) = reader.poll_next(&mut context) else { panic!("it was woken") };
    assert_eq!(batch.values, [7.0]);
}

#[test]
fn a_scan_at_a_point_leaves_out_what_came_later() {
    let engine = open(&SimDisk::new(5));
    write(&engine, "a", NOW, 1.0);
    write(&engine, "a", NOW - 5 * SECOND, 2.0);
    let first = point(&engine);
    // In order, out of order, a duplicate, and a new series.
    write(&engine, "a", NOW + SECOND, 3.0);
    write(&engine, "a", NOW - SECOND, 4.0);
    write(&engine, "a", NOW, 5.0);
    let end = write(&engine, "b", NOW, 6.0);
    let key = |host: &str, ts: i64| (host.to_owned(), ts);
    let wanted = Samples::from([(key("a", NOW), 1.0), (key("a", NOW - 5 * SECOND), 2.0)]);
    assert_eq!(scan_at(&engine, first), Some(wanted));
    let mut rest = tail(&engine, TailFrom::Offset(first.offset()));
    assert_eq!(follow(&mut rest, end).len(), 4);
    let fresh = engine.read_point(end, Durability::Synced).unwrap();
    assert_eq!(fresh.offset(), end, "the one that is shared comes before it");
    let beyond = engine.read_point(LogOffset(end.0 + 1), Durability::Synced).unwrap_err();
    assert!(matches!(beyond, EngineError::BeyondLog { .. }), "{beyond}");
    engine.flush().unwrap();
    assert_eq!(scan_at(&engine, first), None, "a flush has passed it");
    assert_eq!(scan_at(&engine, point(&engine)).unwrap().len(), 5);
}

#[test]
fn point_and_tail_together_have_each_write_once_beside_writers_and_flushes() {
    let engine = open(&SimDisk::new(6));
    let engine = &engine;
    let written: Vec<Samples> = thread::scope(|scope| {
        let writers: Vec<_> = (0..3_i64)
            .map(|writer| {
                scope.spawn(move || {
                    let mut written = Samples::new();
                    for step in 0..300_i64 {
                        // Every third one lies in the past.
                        let ts = NOW + (step - 200 * i64::from(step % 3 == 0)) * SECOND / 10;
                        let host = format!("w{writer}-{}", step % 7);
                        let value = (writer * 1_000 + step) as f64;
                        write(engine, &host, ts, value);
                        written.insert((host, ts), value);
                        if step % 100 == 99 {
                            engine.flush().unwrap();
                        }
                    }
                    written
                })
            })
            .collect();
        let mut attempt = 0;
        let joined: Vec<_> = (0..20)
            .map(|_| {
                loop {
                    let point = point(engine);
                    let Ok(mut tail) =
                        engine.tail(TailFrom::Offset(point.offset()), Durability::Synced)
                    else {
                        continue;
                    };
                    let Some(mut seen) = scan_at(engine, point) else { continue };
                    attempt += 1;
                    let upto = write(engine, "marker", NOW + attempt, 0.0);
                    let mut behind = false;
                    while tail.position() < upto && !behind {
                        match tail.next_within(LONG) {
                            Ok(None) => {}
                            Ok(Some(batch)) => {
                                for (index, series) in batch.series.iter().enumerate() {
                                    let labels = tail.labels(*series).unwrap();
                                    let key = (
                                        labels.get("host").unwrap().to_owned(),
                                        batch.timestamps[index],
                                    );
                                    let twice = seen.insert(key, batch.values[index]);
                                    assert_eq!(twice, None, "both before and after the point");
                                }
                            }
                            Err(EngineError::Behind { .. }) => behind = true,
                            Err(error) => panic!("{error}"),
                        }
                    }
                    if !behind {
                        break seen;
                    }
                }
            })
            .collect();
        let written = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        let all: Samples = joined.last().unwrap().clone();
        assert!(joined.iter().all(|seen| seen.len() <= all.len()), "they only grow");
        written
    });
    let wanted: Samples = written.into_iter().flatten().collect();
    let last = point(engine);
    let mut found = scan_at(engine, last).unwrap();
    found.retain(|(host, _), _| host != "marker");
    assert_eq!(found, wanted);
}
