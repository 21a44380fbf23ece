//! A directory whose duplicate policy changes between two openings.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use timberline_engine::{Engine, EngineOptions};
use timberline_io::{SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    DuplicatePolicy, Durability, Labels, Selector, SeriesColumns, SeriesSource, TimeRange,
    WriteBatch,
};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;

fn open(disk: &SimDisk, policy: DuplicatePolicy) -> Engine {
    let options = EngineOptions {
        duplicates: Some(policy),
        background: false,
        log: LogOptions { segment_bytes: 32 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    };
    let disk = Arc::new(disk.as_process());
    Engine::open(disk, Arc::new(SimClock::new(NOW)), Path::new("/db"), options).unwrap()
}

/// Writes one sample at the one instant of this file, and says whether it was taken.
fn write(engine: &Engine, value: f64) -> bool {
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m")]).unwrap());
    batch.push_sample(NOW, value);
    engine.write(&batch, Durability::Synced).unwrap().samples_rejected == 0
}

fn values(engine: &Engine) -> Vec<f64> {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut streams = engine.scan(&selector, NonZeroUsize::MIN).unwrap();
    let mut columns = SeriesColumns::default();
    streams[0].next(&mut columns).unwrap().unwrap();
    columns.values
}

#[test]
fn a_sample_that_was_refused_does_not_appear_under_another_policy() {
    let disk = SimDisk::new(1);
    let engine = open(&disk, DuplicatePolicy::Reject);
    assert!(write(&engine, 1.0));
    assert!(!write(&engine, 2.0));
    drop(engine);
    for policy in [DuplicatePolicy::Last, DuplicatePolicy::All] {
        let engine = open(&disk.fork(1), policy);
        assert_eq!(values(&engine), [1.0], "{policy}");
    }
}

#[test]
fn what_was_written_under_one_policy_stays_as_it_was_under_another() {
    use DuplicatePolicy::{All, First, Last};
    for (before, after, kept) in [(First, Last, [1.0]), (Last, First, [2.0])] {
        let disk = SimDisk::new(1);
        let engine = open(&disk, before);
        write(&engine, 1.0);
        write(&engine, 2.0);
        drop(engine);
        let engine = open(&disk, after);
        assert_eq!(values(&engine), kept, "{before}, then {after}");
        assert_eq!(engine.duplicates(), after);
        drop(engine);
        assert_eq!(values(&open(&disk, All)), kept, "{before}, then {after}, then all");
    }
}

#[test]
fn duplicates_kept_under_all_are_not_shown_under_a_policy_that_keeps_one() {
    for flushed in [false, true] {
        let disk = SimDisk::new(1);
        let engine = open(&disk, DuplicatePolicy::All);
        write(&engine, 1.0);
        write(&engine, 2.0);
        assert_eq!(values(&engine), [1.0, 2.0]);
        if flushed {
            engine.flush().unwrap();
        }
        drop(engine);
        for (policy, kept) in [(DuplicatePolicy::Last, [2.0]), (DuplicatePolicy::First, [1.0])] {
            let engine = open(&disk.fork(1), policy);
            assert_eq!(values(&engine), kept, "{policy}, flushed {flushed}");
        }
    }
}
