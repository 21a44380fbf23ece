//! Histograms, exemplars, metadata and start timestamps as a writer sees them: taken or refused by
//! name, found at once, and found again after a restart.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use timberline_engine::{Engine, EngineOptions, Retention};
use timberline_io::{SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    BucketCounts, BucketSpan, DuplicatePolicy, Durability, ErrorKind, Exemplar, FamilyMetadata,
    Histogram, HistogramSample, LabelQuery, Labels, Metadata, MetricKind, RejectReason, Selector,
    SeriesColumns, SeriesSource, Stop, TimeRange, WriteBatch, WriteOutcome, limits,
};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;

fn open(disk: &SimDisk, policy: DuplicatePolicy) -> Engine {
    let options = EngineOptions {
        duplicates: Some(policy),
        background: false,
        retention: Retention { age: Some(std::time::Duration::from_secs(3_600)), bytes: None },
        log: LogOptions { segment_bytes: 32 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    };
    let disk = Arc::new(disk.as_process());
    Engine::open(disk, Arc::new(SimClock::new(NOW)), Path::new("/db"), options).unwrap()
}

fn labels(host: &str) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("host", host)]).unwrap()
}

fn histogram(count: u64) -> Histogram {
    let counts =
        BucketCounts::Integer { count, zero_count: 0, positive: vec![count], negative: vec![] };
    let positive_spans = vec![BucketSpan { offset: 0, length: 1 }];
    Histogram { sum: count as f64, positive_spans, counts, ..Histogram::stale() }
}

fn at(ts: i64, count: u64) -> HistogramSample {
    HistogramSample { ts, start: 0, histogram: histogram(count) }
}

fn exemplar(trace: &str, ts: i64) -> Exemplar {
    Exemplar { labels: Labels::from_pairs([("trace_id", trace)]).unwrap(), value: 1.5, ts }
}

fn family(family: &str, help: &str) -> FamilyMetadata {
    let metadata =
        Metadata { kind: MetricKind::Counter, unit: "bytes".to_owned(), help: help.to_owned() };
    FamilyMetadata { family: family.to_owned(), metadata }
}

fn write(engine: &Engine, fill: impl FnOnce(&mut WriteBatch<'_>)) -> WriteOutcome {
    let mut batch = WriteBatch::default();
    fill(&mut batch);
    engine.write(&batch, Durability::Synced).unwrap()
}

fn write_exemplars(engine: &Engine, exemplars: &[Exemplar]) -> WriteOutcome {
    write(engine, |batch| {
        batch.push_labels(labels("a"));
        exemplars.iter().for_each(|exemplar| batch.push_exemplar(exemplar.clone()));
    })
}

/// The samples of `m{host="a"}`.
fn read(engine: &Engine) -> SeriesColumns {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut columns = SeriesColumns::default();
    for mut stream in engine.scan(&selector, NonZeroUsize::MIN).unwrap() {
        while let Some(found) = stream.next(&mut columns).unwrap() {
            if found == labels("a") {
                return columns;
            }
        }
    }
    SeriesColumns::default()
}

fn exemplars(engine: &Engine) -> Vec<Exemplar> {
    let query = LabelQuery::default();
    let found = engine.exemplars(&query).unwrap();
    found.into_iter().flat_map(|series| series.exemplars).collect()
}

#[test]
fn a_question_about_exemplars_ends_when_it_is_not_wanted_any_more() {
    let disk = SimDisk::new(1);
    let engine = open(&disk, DuplicatePolicy::Last);
    for second in 1..=2 {
        write_exemplars(&engine, &[exemplar("x", NOW - SECOND * (3 - second))]);
        let stop = Stop::new(|| Some(ErrorKind::Timeout));
        let error = engine.exemplars(&LabelQuery { stop, ..LabelQuery::default() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        // Once from the head, once from a block.
        engine.flush().unwrap();
    }
    assert_eq!(exemplars(&engine).len(), 2);
}

#[test]
fn all_kinds_are_found_at_once_and_after_the_death_of_the_process() {
    let disk = SimDisk::new(1);
    let mut engine = open(&disk, DuplicatePolicy::Last);
    let outcome = write(&engine, |batch| {
        batch.push_labels(labels("a"));
        batch.push_sample_since(NOW - 3 * SECOND, NOW - 60 * SECOND, 1.0);
        batch.push_sample(NOW - 2 * SECOND, 2.0);
        batch.push_histogram(HistogramSample { start: 7, ..at(NOW, 9) });
        batch.push_histogram(at(NOW - SECOND, 5));
        batch.push_exemplar(exemplar("x", NOW - SECOND));
        batch.push_labels(labels("only exemplars"));
        batch.push_exemplar(exemplar("y", NOW));
        batch.push_metadata(family("m", "help"));
    });
    assert_eq!((outcome.samples_written, outcome.histograms_written), (2, 2));
    assert_eq!((outcome.exemplars_written, outcome.rejections.len()), (2, 0));
    for _ in 0..2 {
        let columns = read(&engine);
        assert_eq!(columns.timestamps, [NOW - 3 * SECOND, NOW - 2 * SECOND]);
        assert_eq!((columns.values, columns.starts), (vec![1.0, 2.0], vec![NOW - 60 * SECOND, 0]));
        assert_eq!(columns.histograms.timestamps, [NOW - SECOND, NOW]);
        assert_eq!(columns.histograms.values, [histogram(5), histogram(9)]);
        assert_eq!(columns.histograms.starts, [0, 7]);
        assert_eq!(exemplars(&engine), [exemplar("x", NOW - SECOND), exemplar("y", NOW)]);
        assert_eq!(engine.metadata(None, 0), [family("m", "help")]);
        let stats = engine.stats();
        assert_eq!((stats.head_samples, stats.head_histograms), (4, 2));
        assert_eq!((stats.head_exemplars, stats.metadata_families), (2, 1));
        disk.kill_process();
        drop(engine);
        disk.reboot();
        engine = open(&disk, DuplicatePolicy::Last);
        assert!(engine.damage().is_empty());
    }
}

#[test]
fn a_batch_of_metadata_alone_is_durable_and_outlives_flushes() {
    let disk = SimDisk::new(2);
    let engine = open(&disk, DuplicatePolicy::Last);
    write(&engine, |batch| batch.push_metadata(family("a", "first")));
    disk.crash();
    drop(engine);
    disk.reboot();
    let engine = open(&disk, DuplicatePolicy::Last);
    assert_eq!(engine.metadata(Some("a"), 0), [family("a", "first")]);
    let end = engine.stats().log;
    write(&engine, |batch| batch.push_metadata(family("a", "first")));
    assert_eq!(engine.stats().log, end, "what is known is not logged again");
    for round in 0..3 {
        let help = round.to_string();
        write(&engine, |batch| batch.push_metadata(family("b", &help)));
        engine.flush().unwrap();
        write(&engine, |batch| batch.push_metadata(family("c", &help)));
    }
    engine.flush().unwrap();
    disk.crash();
    drop(engine);
    disk.reboot();
    let engine = open(&disk, DuplicatePolicy::Last);
    let expected = [family("a", "first"), family("b", "2"), family("c", "2")];
    assert_eq!(engine.metadata(None, 0), expected);
    assert_eq!(engine.metadata(None, 2), expected[..2]);
    let files = timberline_io::Disk::list(&disk, Path::new("/db/checkpoint")).unwrap();
    let metadata = files.iter().filter(|file| file.name.contains("metadata")).count();
    assert_eq!(metadata, 1, "{files:?}");
}

#[test]
fn a_missing_or_damaged_metadata_file_is_named_and_nothing_is_opened_without_it() {
    let disk = SimDisk::new(3);
    let engine = open(&disk, DuplicatePolicy::Last);
    write(&engine, |batch| batch.push_metadata(family("a", "first")));
    engine.flush().unwrap();
    drop(engine);
    let dir = Path::new("/db/checkpoint");
    let files = timberline_io::Disk::list(&disk, dir).unwrap();
    let file = files.iter().find(|file| file.name.ends_with(".metadata")).unwrap();
    timberline_io::Disk::remove_file(&disk, &dir.join(&file.name)).unwrap();
    let options = EngineOptions { background: false, ..EngineOptions::default() };
    let clock = Arc::new(SimClock::new(NOW));
    let error = Engine::open(Arc::new(disk.as_process()), clock, Path::new("/db"), options);
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&file.name), "{error}");
}

#[test]
fn what_may_not_be_written_is_counted_and_named_and_the_rest_is_written() {
    let engine = open(&SimDisk::new(4), DuplicatePolicy::Last);
    let outcome = write(&engine, |batch| {
        batch.push_labels(labels("a"));
        batch.push_histogram(at(NOW, 1));
        batch.push_histogram(at(NOW + 3_600 * SECOND, 1));
        batch.push_histogram(at(NOW - 7_200 * SECOND, 1));
        let mut bad = at(NOW - SECOND, 1);
        bad.histogram.schema = 99;
        batch.push_histogram(bad);
        batch.push_exemplar(exemplar("x", NOW));
        batch.push_exemplar(exemplar(&"x".repeat(limits::EXEMPLAR_LABELS_CHARS_MAX), NOW));
        batch.push_exemplar(exemplar("x", NOW + 3_600 * SECOND));
        batch.push_labels(Labels::empty());
        batch.push_histogram(at(NOW, 1));
        batch.push_exemplar(exemplar("x", NOW));
        batch.push_metadata(family("m", &"x".repeat(limits::METADATA_TEXT_BYTES_MAX + 1)));
    });
    assert_eq!((outcome.histograms_written, outcome.samples_rejected), (1, 4));
    assert_eq!((outcome.exemplars_written, outcome.exemplars_rejected), (1, 3));
    let named = |wanted: &dyn Fn(&RejectReason) -> bool| {
        outcome.rejections.iter().filter(|rejection| wanted(&rejection.reason)).count()
    };
    assert_eq!(named(&|reason| matches!(reason, RejectReason::TooFarAhead { .. })), 2);
    assert_eq!(named(&|reason| matches!(reason, RejectReason::TooOld { .. })), 1);
    assert_eq!(named(&|reason| matches!(reason, RejectReason::Histogram(_))), 1);
    assert_eq!(named(&|reason| matches!(reason, RejectReason::ExemplarLabels)), 1);
    assert_eq!(named(&|reason| matches!(reason, RejectReason::Labels(_))), 2);
    assert_eq!(named(&|reason| matches!(reason, RejectReason::MetadataText { .. })), 1);
    assert_eq!(read(&engine).histograms.timestamps, [NOW]);
}

#[test]
fn a_refused_duplicate_is_named_whatever_its_kind_and_a_repeat_is_not() {
    let engine = open(&SimDisk::new(5), DuplicatePolicy::Reject);
    let outcome = write(&engine, |batch| {
        batch.push_labels(labels("b"));
        batch.push_sample(NOW, 1.0);
        batch.push_labels(labels("a"));
        batch.push_sample(NOW - SECOND, 1.0);
        batch.push_histogram(at(NOW, 1));
    });
    assert_eq!((outcome.samples_written, outcome.histograms_written), (2, 1));
    let repeat = |batch: &mut WriteBatch<'_>| {
        batch.push_labels(labels("b"));
        batch.push_histogram(at(NOW, 1));
        batch.push_labels(labels("a"));
        batch.push_sample(NOW, 5.0);
        batch.push_sample(NOW - SECOND, 1.0);
        batch.push_histogram(at(NOW, 1));
        batch.push_histogram(at(NOW, 2));
        batch.push_histogram(at(NOW - SECOND, 2));
    };
    for _ in 0..2 {
        let outcome = write(&engine, repeat);
        assert_eq!((outcome.samples_written, outcome.histograms_written), (1, 1));
        let mut refused: Vec<usize> =
            outcome.rejections.iter().map(|rejection| rejection.series_index).collect();
        refused.sort_unstable();
        assert_eq!((outcome.samples_rejected, refused), (4, vec![0, 1, 1, 1]));
    }
    assert_eq!(read(&engine).values, [1.0]);
    assert_eq!(read(&engine).histograms.values, [histogram(1)]);
}

#[test]
fn an_exemplar_is_written_once_and_in_order_and_a_repeat_counts_as_written() {
    let disk = SimDisk::new(6);
    let engine = open(&disk, DuplicatePolicy::Last);
    let sent = [exemplar("a", NOW - 5 * SECOND), exemplar("b", NOW - 3 * SECOND)];
    // In one write, their order means nothing.
    let outcome = write_exemplars(&engine, &[sent[1].clone(), sent[0].clone(), sent[0].clone()]);
    assert_eq!((outcome.exemplars_written, outcome.exemplars_rejected), (3, 0));
    let outcome = write_exemplars(&engine, &sent);
    assert_eq!((outcome.exemplars_written, outcome.exemplars_rejected), (2, 0), "a repeat");
    let outcome = write_exemplars(&engine, &[exemplar("late", NOW - 4 * SECOND)]);
    assert_eq!((outcome.exemplars_written, outcome.exemplars_rejected), (0, 1));
    let reason = &outcome.rejections[0].reason;
    assert!(matches!(reason, RejectReason::ExemplarOutOfOrder { .. }), "{reason}");
    // Another one of the newest instant is as good as a newer one.
    let other = exemplar("c", NOW - 3 * SECOND);
    assert_eq!(write_exemplars(&engine, std::slice::from_ref(&other)).exemplars_written, 1);
    assert_eq!(exemplars(&engine), [sent[0].clone(), sent[1].clone(), other]);
    drop(engine);
    let engine = open(&disk, DuplicatePolicy::Last);
    assert_eq!(exemplars(&engine).len(), 3);
    assert_eq!(write_exemplars(&engine, &sent).exemplars_written, 2);
    assert_eq!(exemplars(&engine).len(), 3);
}

#[test]
fn exemplars_of_one_series_are_limited_until_they_are_in_blocks() {
    let engine = open(&SimDisk::new(7), DuplicatePolicy::Last);
    let max = limits::EXEMPLARS_PER_SERIES_MAX as i64;
    let all: Vec<Exemplar> =
        (0..=max).map(|number| exemplar("t", NOW - 60 * SECOND + number)).collect();
    let outcome = write_exemplars(&engine, &all);
    assert_eq!((outcome.exemplars_written, outcome.exemplars_rejected), (max as u64, 1));
    let reason = &outcome.rejections[0].reason;
    assert!(matches!(reason, RejectReason::ExemplarLimit { .. }), "{reason}");
    assert_eq!(write_exemplars(&engine, &[exemplar("t", NOW)]).exemplars_rejected, 1);
}
