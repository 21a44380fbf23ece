//! Writes and queries beside a large compaction: none of them waits for it.
//!
//! `TIMBERLINE_BESIDE_SERIES` says how large it is: so many series, two days of samples at 15 seconds each
//! (5000 for a measurement, with a release build). What writes and queries took is printed, alone and
//! beside it.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use timberline::{Database, Labels, Options, Retention, WriteBatch};
use timberline_io::stand_behind;
use timberline_tests::count_from_env;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// A midnight long ago, where windows of all levels begin.
const START: i64 = 1_700_006_400 * SECOND;
const HOURS: i64 = 48;
const WRITTEN_AT_ONCE: u64 = 500;
const PAUSE: Duration = Duration::from_millis(5);
/// No write and no query may take so long. It ends a test in which one waits for ever; how long they took is
/// printed, as a machine that does other things makes any of them slow.
const PATIENCE: Duration = Duration::from_secs(60);

fn open(dir: &Path) -> Database {
    let options = Options {
        background: false,
        segment_bytes: 16 << 20,
        compaction: vec![Duration::from_secs(7_200), Duration::from_secs(48 * 3_600)],
        retention: Retention::default(),
        ..Options::default()
    };
    Database::open(dir, options).expect("it opens")
}

fn labels_of(metric: &str, series: u64) -> Labels {
    let pairs = [("__name__", metric.to_owned()), ("host", format!("host-{series}"))];
    Labels::from_pairs(pairs).expect("these are labels")
}

fn fill(database: &Database, series: u64) {
    for hour in (0..HOURS).step_by(2) {
        for part in (0..series).step_by(500) {
            let mut batch = WriteBatch::default();
            for number in part..series.min(part + 500) {
                batch.push_labels(labels_of("m", number));
                for step in 0..480 {
                    let ts = START + hour * HOUR + step * 15 * SECOND;
                    let value = ((ts / SECOND) as u64).wrapping_mul(number + 7_919) % 10_007;
                    batch.push_sample(ts, value as f64 / 10.0);
                }
            }
            database.write(&batch).expect("there is room");
        }
        database.flush().expect("there is room");
    }
}

/// How long each of something took, over and over until told to end.
fn repeat(ended: &AtomicBool, mut what: impl FnMut(i64)) -> Vec<Duration> {
    let mut took = Vec::new();
    for turn in 0.. {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        let begun = Instant::now();
        what(turn);
        took.push(begun.elapsed());
        thread::sleep(PAUSE);
    }
    took
}

/// Writes and queries while `work` is done, and says how long they took.
fn beside(database: &Database, name: &str, work: impl FnOnce()) -> [Vec<Duration>; 2] {
    let ended = AtomicBool::new(false);
    let write = |turn: i64| {
        let now = START + (HOURS + 1) * HOUR + turn * SECOND;
        let mut batch = WriteBatch::default();
        for number in 0..WRITTEN_AT_ONCE {
            batch.push_labels(labels_of(name, number));
            batch.push_sample(now, turn as f64);
        }
        let outcome = database.write(&batch).expect("writes go on");
        assert_eq!(outcome.samples_rejected, 0);
    };
    let ask = |turn: i64| {
        let from = START + turn % (HOURS - 2) * HOUR;
        let query = "sum(rate(m{host=~\"host-1.*\"}[5m]))";
        database.query_range(query, from, from + HOUR, 60 * SECOND).expect("queries go on");
    };
    thread::scope(|scope| {
        let writer = scope.spawn(|| repeat(&ended, write));
        let asker = scope.spawn(|| repeat(&ended, ask));
        work();
        ended.store(true, Ordering::Relaxed);
        [writer, asker].map(|thread| thread.join().expect("it ends"))
    })
}

fn tell(what: &str, took: &mut [Duration]) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let (count, max) = (took.len(), at(1.0));
    println!(
        "{what:<28} {count:>6} times: p50 {:>9.2?}  p99 {:>9.2?}  max {max:>9.2?}",
        at(0.5),
        at(0.99)
    );
    assert!(max < PATIENCE, "{what} took {max:?}");
}

#[test]
fn writes_and_queries_do_not_wait_for_a_compaction() {
    let series = count_from_env("TIMBERLINE_BESIDE_SERIES", 150);
    let dir = tempfile::tempdir().expect("a directory can be made");
    let database = open(dir.path());
    fill(&database, series);
    let blocks = database.stats().blocks;
    assert_eq!(blocks, HOURS as u64 / 2);
    let pause = Duration::from_millis(300 + series);
    let [mut writes, mut queries] = beside(&database, "alone", || thread::sleep(pause));
    tell("writes alone", &mut writes);
    tell("queries alone", &mut queries);
    let begun = Instant::now();
    let compact = || {
        // On a thread of its own, as the database's own thread for it is.
        let worker = thread::scope(|scope| {
            let worker = scope.spawn(|| {
                stand_behind();
                database.compact().expect("there is room").expect("the window has ended")
            });
            worker.join().expect("it ends")
        });
        println!(
            "{} blocks of {} bytes became one of {} bytes in {:.1?}",
            worker.merged.len(),
            worker.bytes_before,
            worker.bytes_after,
            begun.elapsed()
        );
    };
    let [mut writes, mut queries] = beside(&database, "beside", compact);
    tell("writes beside it", &mut writes);
    tell("queries beside it", &mut queries);
    assert_eq!(database.stats().blocks, 1);
}
