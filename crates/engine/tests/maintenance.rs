//! What the engine does by itself: flushes when it is time, and syncs what was only logged.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use timberline_engine::{Engine, EngineOptions};
use timberline_io::{SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{Durability, Labels, WriteBatch};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;
const HOUR: Duration = Duration::from_secs(3_600);

fn open(clock: &SimClock, mut options: EngineOptions) -> Engine {
    options.log = LogOptions { segment_bytes: 1 << 20, reserve_bytes: 0, ..LogOptions::default() };
    let disk = Arc::new(SimDisk::new(1));
    Engine::open(disk, Arc::new(clock.clone()), Path::new("/db"), options).unwrap()
}

fn write(engine: &Engine, samples: i64, durability: Durability) {
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m")]).unwrap());
    (0..samples).for_each(|n| batch.push_sample(NOW - n * SECOND, n as f64 * 0.1));
    engine.write(&batch, durability).unwrap();
}

/// Waits for what another thread does; the deadline only ends a test that has failed.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_large_head_is_flushed() {
    let engine =
        open(&SimClock::new(NOW), EngineOptions { flush_bytes: 10_000, ..Default::default() });
    write(&engine, 10, Durability::Synced);
    assert_eq!(engine.stats().flushes, 0);
    write(&engine, 5_000, Durability::Synced);
    eventually("a flush by size", || engine.stats().blocks > 0);
    assert_eq!(engine.stats().head_samples, 0);
}

#[test]
fn a_long_log_is_flushed() {
    let options = EngineOptions { flush_log_bytes: 50_000, ..Default::default() };
    let engine = open(&SimClock::new(NOW), options);
    write(&engine, 10_000, Durability::Synced);
    eventually("a flush by length of the log", || engine.stats().blocks > 0);
}

#[test]
fn the_end_of_a_window_is_a_time_to_flush() {
    let clock = SimClock::new(NOW);
    let engine = open(&clock, EngineOptions::default());
    write(&engine, 10, Durability::Synced);
    assert_eq!(engine.stats().blocks, 0);
    clock.advance(3 * HOUR);
    eventually("a flush by time", || engine.stats().blocks > 0);
}

#[test]
fn what_was_only_logged_is_synced_soon() {
    let engine = open(&SimClock::new(NOW), EngineOptions::default());
    write(&engine, 10, Durability::Logged);
    eventually("a sync", || engine.stats().log.syncs > 0);
}
