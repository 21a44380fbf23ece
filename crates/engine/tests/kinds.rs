//! Every kind of sample through blocks: flushed, merged, deleted and read again, in both encodings.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use timberline_engine::{Engine, EngineOptions, FloatCodec};
use timberline_io::{Disk, SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    BucketCounts, BucketSpan, DuplicatePolicy, Durability, Exemplar, Histogram, HistogramSample,
    LabelQuery, Labels, Matcher, ResetHint, Selector, SeriesColumns, SeriesSource, TimeRange,
    WriteBatch,
};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// A Thursday at midnight, where windows of all levels begin.
const START: i64 = 1_700_092_800 * SECOND;

fn options(codec: FloatCodec) -> EngineOptions {
    EngineOptions {
        duplicates: Some(DuplicatePolicy::Last),
        background: false,
        codec,
        log: LogOptions { segment_bytes: 64 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    }
}

fn open(disk: &SimDisk, clock: &SimClock, codec: FloatCodec) -> Engine {
    let disk = Arc::new(disk.as_process());
    Engine::open(disk, Arc::new(clock.clone()), Path::new("/db"), options(codec)).unwrap()
}

fn histogram(n: u64) -> Histogram {
    let positive = vec![n, 2 * n, 1];
    Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 2,
        zero_threshold: 0.001,
        sum: n as f64 / 4.0,
        positive_spans: vec![BucketSpan { offset: 3, length: 3 }],
        negative_spans: Vec::new(),
        custom_values: Vec::new(),
        counts: BucketCounts::Integer {
            count: positive.iter().sum::<u64>() + 5,
            zero_count: 5,
            positive,
            negative: Vec::new(),
        },
    }
}

/// An hour of one series that has floats with starts, then histograms, with exemplars between.
fn write_hour(engine: &Engine, host: &str, hour: i64) {
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("host", host)]).unwrap());
    for minute in 0..60_i64 {
        let ts = START + hour * HOUR + minute * 60 * SECOND;
        if minute < 40 {
            batch.push_sample_since(ts, if hour > 1 { START } else { 0 }, minute as f64);
        } else {
            let start = if minute > 50 { ts - SECOND } else { 0 };
            let histogram = histogram((hour * 60 + minute) as u64);
            batch.push_histogram(HistogramSample { ts, start, histogram });
        }
        if minute % 25 == 3 {
            let labels = Labels::from_pairs([("trace_id", format!("{ts:x}"))]).unwrap();
            batch.push_exemplar(Exemplar { labels, value: 0.25, ts });
        }
    }
    let outcome = engine.write(&batch, Durability::Synced).unwrap();
    assert_eq!((outcome.samples_rejected, outcome.exemplars_rejected), (0, 0), "{outcome:?}");
}

/// Every bit that the engine has.
fn all(engine: &Engine) -> Vec<String> {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut all = Vec::new();
    let mut columns = SeriesColumns::default();
    for mut stream in engine.scan(&selector, NonZeroUsize::MIN).unwrap() {
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            let SeriesColumns { timestamps, values, starts, histograms, .. } = &columns;
            let padded = |starts: &[i64], len| match starts {
                [] => vec![0; len],
                starts => starts.to_vec(),
            };
            let starts = padded(starts, timestamps.len());
            let histogram_starts = padded(&histograms.starts, histograms.timestamps.len());
            all.push(format!(
                "{labels} {timestamps:?} {values:?} {starts:?} {histogram_starts:?} {:?} {:?}",
                histograms.timestamps, histograms.values
            ));
        }
    }
    let query = LabelQuery::default();
    all.sort();
    all.push(format!("{:?}", engine.exemplars(&query).unwrap()));
    all
}

fn fill(engine: &Engine) {
    for hour in 0..5 {
        for host in ["a", "b"] {
            write_hour(engine, host, hour);
        }
    }
}

#[test]
fn all_kinds_answer_alike_in_the_head_in_blocks_and_after_a_merge() {
    for codec in [FloatCodec::Smallest, FloatCodec::Gorilla] {
        let disk = SimDisk::new(3);
        let clock = SimClock::new(START + 5 * HOUR);
        let engine = open(&disk, &clock, codec);
        fill(&engine);
        let right = all(&engine);
        assert!(right[0].contains("positive: "), "there are histograms");
        assert!(right[2].matches("trace_id").count() > 10, "there are exemplars: {}", right[2]);
        engine.flush().unwrap();
        assert_eq!(all(&engine), right, "{codec:?}, flushed");
        engine.close().unwrap();
        drop(engine);

        // Written by one encoding, merged by the other.
        clock.set(START + 48 * HOUR);
        let other = match codec {
            FloatCodec::Smallest => FloatCodec::Gorilla,
            FloatCodec::Gorilla => FloatCodec::Smallest,
        };
        let engine = open(&disk, &clock, other);
        assert_eq!(all(&engine), right, "{codec:?}, opened again");
        let outcome = engine.compact().unwrap().expect("three windows become one");
        assert_eq!(outcome.samples, 600);
        assert_eq!(all(&engine), right, "{codec:?}, merged");
        for entry in disk.list(Path::new("/db/blocks")).unwrap() {
            let dir = Path::new("/db/blocks").join(entry.name);
            timberline_block::Block::open(&disk, &dir).unwrap().verify().unwrap();
        }
    }
}

#[test]
fn a_deletion_takes_every_kind_and_a_histogram_can_replace_a_float() {
    let disk = SimDisk::new(4);
    let clock = SimClock::new(START + 5 * HOUR);
    let engine = open(&disk, &clock, FloatCodec::Smallest);
    fill(&engine);
    engine.flush().unwrap();
    // Minute 0 of host b becomes a histogram.
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("host", "b")]).unwrap());
    batch.push_histogram(HistogramSample { ts: START, start: 0, histogram: histogram(1) });
    engine.write(&batch, Durability::Synced).unwrap();
    engine.flush().unwrap();
    // Minutes 35 to 45 of the first hour go.
    let gone = TimeRange::new(START + 35 * 60 * SECOND, START + 45 * 60 * SECOND);
    engine.delete(&[vec![Matcher::equal("host", "a")]], gone).unwrap();
    let exemplar_minute = TimeRange::new(START + 28 * 60 * SECOND, START + 28 * 60 * SECOND);
    engine.delete(&[vec![Matcher::equal("host", "a")]], exemplar_minute).unwrap();

    let check = |engine: &Engine| {
        let matchers = |host: &str| vec![Matcher::equal("host", host)];
        let mut columns = SeriesColumns::default();
        let mut read = |host: &str| {
            let range = TimeRange::new(START, START + HOUR - 1);
            let selector = Selector { matchers: matchers(host), range };
            let mut streams = engine.scan(&selector, NonZeroUsize::MIN).unwrap();
            streams[0].next(&mut columns).unwrap().unwrap();
            columns.clone()
        };
        let a = read("a");
        assert_eq!((a.timestamps.len(), a.histograms.timestamps.len()), (34, 14));
        assert!(!a.timestamps.iter().chain(&a.histograms.timestamps).any(|ts| gone.contains(*ts)));
        let b = read("b");
        assert_eq!((b.timestamps.len(), b.histograms.timestamps.len()), (39, 21));
        assert_eq!(b.histograms.values[0], histogram(1));
        let query = LabelQuery {
            selectors: vec![matchers("a")],
            range: TimeRange::new(START, START + HOUR - 1),
            limit: 0,
            ..LabelQuery::default()
        };
        let exemplars = engine.exemplars(&query).unwrap();
        assert_eq!(exemplars[0].exemplars.len(), 2);
    };
    check(&engine);
    clock.set(START + 48 * HOUR);
    assert!(engine.compact().unwrap().is_some());
    check(&engine);
    engine.close().unwrap();
    drop(engine);
    check(&open(&disk, &clock, FloatCodec::Smallest));
}
