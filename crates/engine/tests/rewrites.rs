//! A sample that is written once more after something happened to the blocks behind the head's back: a
//! deletion took it away, or an import brought another one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use timberline_engine::{Engine, EngineOptions, ImportOptions};
use timberline_io::{SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    BucketCounts, DuplicatePolicy, Durability, Exemplar, Histogram, HistogramSample, LabelQuery,
    Labels, ResetHint, Selector, SeriesColumns, SeriesScan, SeriesSource, TimeRange, WriteBatch,
    WriteOutcome,
};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;
const POLICIES: [DuplicatePolicy; 4] =
    [DuplicatePolicy::Last, DuplicatePolicy::First, DuplicatePolicy::All, DuplicatePolicy::Reject];

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

fn labels() -> Labels {
    Labels::from_pairs([("__name__", "m")]).unwrap()
}

fn write(engine: &Engine, ts: i64, value: f64) -> WriteOutcome {
    let mut batch = WriteBatch::default();
    batch.push_labels(labels());
    batch.push_sample(ts, value);
    engine.write(&batch, Durability::Synced).unwrap()
}

fn histogram() -> Histogram {
    let (positive, negative) = (Vec::new(), Vec::new());
    Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 0,
        zero_threshold: 0.001,
        sum: 1.0,
        positive_spans: Vec::new(),
        negative_spans: Vec::new(),
        custom_values: Vec::new(),
        counts: BucketCounts::Integer { count: 1, zero_count: 1, positive, negative },
    }
}

fn write_histogram(engine: &Engine, ts: i64) -> WriteOutcome {
    let mut batch = WriteBatch::default();
    batch.push_labels(labels());
    batch.push_histogram(HistogramSample { ts, start: 0, histogram: histogram() });
    engine.write(&batch, Durability::Synced).unwrap()
}

fn streams(engine: &Engine) -> Vec<Box<dyn SeriesScan>> {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    engine.scan(&selector, NonZeroUsize::MIN).unwrap()
}

fn columns(engine: &Engine) -> SeriesColumns {
    let mut columns = SeriesColumns::default();
    if let Some(stream) = streams(engine).first_mut() {
        stream.next(&mut columns).unwrap();
    }
    columns
}

fn samples(engine: &Engine) -> Vec<(i64, f64)> {
    let columns = columns(engine);
    let seconds = columns.timestamps.iter().map(|ts| (ts - NOW) / SECOND);
    seconds.zip(columns.values).collect()
}

/// Asserts what is there, also after a flush and a restart.
fn check(engine: Engine, disk: &SimDisk, expected: &[(i64, f64)]) {
    let policy = engine.duplicates();
    assert_eq!(samples(&engine), expected, "{policy}, at once");
    assert_eq!(samples(&open(&disk.fork(1), policy)), expected, "{policy}, replayed");
    engine.flush().unwrap();
    assert_eq!(samples(&engine), expected, "{policy}, flushed");
    drop(engine);
    assert_eq!(samples(&open(disk, policy)), expected, "{policy}, opened again");
}

#[test]
fn what_was_deleted_can_be_written_again() {
    for policy in POLICIES {
        for read_meanwhile in [false, true] {
            for value in [1.0, 2.0] {
                let disk = SimDisk::new(1);
                let engine = open(&disk, policy);
                write(&engine, NOW - SECOND, 0.0);
                write(&engine, NOW, 1.0);
                // A read that goes on keeps in memory what is in blocks now.
                let reading = read_meanwhile.then(|| streams(&engine));
                engine.delete(&[Vec::new()], TimeRange::ALL).unwrap();
                assert_eq!(samples(&engine), []);
                for (ts, value) in [(NOW, value), (NOW - SECOND, 0.5)] {
                    let outcome = write(&engine, ts, value);
                    assert_eq!((outcome.samples_written, outcome.samples_rejected), (1, 0));
                }
                // Now it is there, and the policy holds as ever.
                let again = write(&engine, NOW, 7.0);
                let refused = u64::from(policy == DuplicatePolicy::Reject);
                assert_eq!(again.samples_rejected, refused, "{policy}");
                drop(reading);
                let mut expected = vec![(-1, 0.5), (0, value)];
                match policy {
                    DuplicatePolicy::Last => expected[1].1 = 7.0,
                    DuplicatePolicy::All => expected.push((0, 7.0)),
                    DuplicatePolicy::First | DuplicatePolicy::Reject => {}
                }
                check(engine, &disk, &expected);
            }
        }
    }
}

#[test]
fn a_deleted_histogram_and_a_deleted_exemplar_can_be_written_again() {
    for policy in POLICIES {
        let disk = SimDisk::new(1);
        let engine = open(&disk, policy);
        let write_both = || {
            write_histogram(&engine, NOW);
            let mut batch = WriteBatch::default();
            batch.push_labels(labels());
            let trace = Labels::from_pairs([("trace_id", "1")]).unwrap();
            batch.push_exemplar(Exemplar { labels: trace, value: 1.0, ts: NOW });
            engine.write(&batch, Durability::Synced).unwrap();
        };
        let counts = || {
            let exemplars = engine.exemplars(&LabelQuery::default()).unwrap();
            let exemplars: usize = exemplars.iter().map(|of| of.exemplars.len()).sum();
            (columns(&engine).histograms.len(), exemplars)
        };
        write_both();
        assert_eq!(counts(), (1, 1));
        engine.delete(&[Vec::new()], TimeRange::ALL).unwrap();
        assert_eq!(counts(), (0, 0));
        write_both();
        assert_eq!(counts(), (1, 1), "{policy}");
        engine.flush().unwrap();
        assert_eq!(counts(), (1, 1), "{policy}, flushed");
    }
}

fn import(engine: &Engine, samples: &[(i64, f64)]) {
    let mut import = engine.begin_import(ImportOptions::default()).unwrap();
    let mut columns = SeriesColumns::default();
    samples.iter().for_each(|(ts, value)| columns.push(*ts, 0, *value));
    import.push(&labels(), &mut columns).unwrap();
    import.finish().unwrap();
}

#[test]
fn what_is_written_after_an_import_is_later_than_it() {
    for (policy, expected) in [
        (DuplicatePolicy::Last, vec![(0, 1.0)]),
        (DuplicatePolicy::First, vec![(0, 1.0)]),
        (DuplicatePolicy::All, vec![(0, 1.0), (0, 2.0), (0, 1.0)]),
    ] {
        let disk = SimDisk::new(1);
        let engine = open(&disk, policy);
        write(&engine, NOW, 1.0);
        import(&engine, &[(NOW, 2.0)]);
        write(&engine, NOW, 1.0);
        check(engine, &disk, &expected);
    }
}

#[test]
fn what_only_an_import_brought_is_refused_when_it_is_written_otherwise() {
    let disk = SimDisk::new(1);
    let engine = open(&disk, DuplicatePolicy::Reject);
    // New in this process, and nothing before the import.
    import(&engine, &[(NOW - SECOND, 1.0), (NOW, 2.0)]);
    assert_eq!(write(&engine, NOW - SECOND, 5.0).samples_rejected, 1);
    assert_eq!(write(&engine, NOW - SECOND, 1.0).samples_rejected, 0, "a repeat");
    assert_eq!(write(&engine, NOW + SECOND, 3.0).samples_rejected, 0);
    assert_eq!(write(&engine, NOW, 5.0).samples_rejected, 1);
    // At an instant that is the newest known of the series.
    import(&engine, &[(NOW + 5 * SECOND, 4.0)]);
    assert_eq!(write(&engine, NOW + 5 * SECOND, 5.0).samples_rejected, 1);
    check(engine, &disk, &[(-1, 1.0), (0, 2.0), (1, 3.0), (5, 4.0)]);
}
