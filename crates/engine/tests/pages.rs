//! Figures of pages in place of floats: whatever happened to the database, what a reader makes of floats and
//! figures is what it makes of the floats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path, sync::Arc};

use proptest::prelude::*;
use timberline_engine::{Engine, EngineOptions};
use timberline_io::{SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    BucketCounts, Cuts, DuplicatePolicy, Durability, ErrorKind, Histogram, HistogramSample, Labels,
    MatchOp, Matcher, PageCounts, PageUse, ResetHint, STALE_NAN, Selector, SeriesColumns,
    SeriesScan, SeriesSource, Stop, TimeRange, WriteBatch,
};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// A Thursday at midnight, where windows of all levels begin.
const START: i64 = 1_700_092_800 * SECOND;

fn open(disk: &SimDisk, policy: DuplicatePolicy) -> Engine {
    let options = EngineOptions {
        duplicates: Some(policy),
        background: false,
        log: LogOptions { segment_bytes: 1 << 20, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    };
    let clock = SimClock::new(START + 48 * HOUR);
    Engine::open(Arc::new(disk.as_process()), Arc::new(clock), Path::new("/db"), options).unwrap()
}

fn labels(series: u8) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("host", &series.to_string())]).unwrap()
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    /// Floats of a series: first second, how many, seconds between them, and what sort of values.
    Write {
        series: u8,
        from: i64,
        count: i64,
        step: i64,
        sort: u8,
    },
    Histogram {
        series: u8,
        at: i64,
    },
    Flush,
    Delete {
        series: u8,
        from: i64,
        seconds: i64,
    },
    Compact,
    Reopen(DuplicatePolicy),
}

fn any_event() -> impl Strategy<Value = Event> {
    use DuplicatePolicy::{All, First, Last};
    let series = 0..3_u8;
    let from = prop_oneof![(0..8_i64).prop_map(|n| n * 1_000), 0..30_000_i64];
    let write = (series.clone(), from.clone(), 1..2_500_i64, 1..10_i64, 0..5_u8).prop_map(
        |(series, from, count, step, sort)| Event::Write { series, from, count, step, sort },
    );
    prop_oneof![
        10 => write,
        1 => (series.clone(), 0..30_000_i64).prop_map(|(series, at)| Event::Histogram { series, at }),
        5 => Just(Event::Flush),
        1 => (series, from, 0..3_000_i64)
            .prop_map(|(series, from, seconds)| Event::Delete { series, from, seconds }),
        2 => Just(Event::Compact),
        1 => prop::sample::select(vec![Last, First, All]).prop_map(Event::Reopen),
    ]
}

fn value(sort: u8, n: i64) -> f64 {
    match sort {
        0 => (n % 50) as f64,
        1 => n as f64 * 0.1,
        2 => 3.5,
        3 if n % 700 == 5 => STALE_NAN,
        3 => n as f64,
        _ if n % 90 == 0 => f64::NAN,
        _ => -(n as f64) / 3.0,
    }
}

fn histogram() -> Histogram {
    Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 0,
        zero_threshold: 0.001,
        sum: 1.0,
        positive_spans: Vec::new(),
        negative_spans: Vec::new(),
        custom_values: Vec::new(),
        counts: BucketCounts::Integer {
            count: 1,
            zero_count: 1,
            positive: Vec::new(),
            negative: Vec::new(),
        },
    }
}

fn happen(engine: Engine, disk: &SimDisk, event: &Event) -> Engine {
    let mut batch = WriteBatch::default();
    match *event {
        Event::Write { series, from, count, step, sort } => {
            batch.push_labels(labels(series));
            for n in 0..count {
                batch.push_sample(START + (from + n * step) * SECOND, value(sort, n));
            }
        }
        Event::Histogram { series, at } => {
            let ts = START + at * SECOND;
            batch.push_labels(labels(series));
            batch.push_histogram(HistogramSample { ts, start: 0, histogram: histogram() });
        }
        Event::Flush => drop(engine.flush().unwrap()),
        Event::Delete { series, from, seconds } => {
            let range = TimeRange::new(START + from * SECOND, START + (from + seconds) * SECOND);
            let matchers = vec![Matcher::equal("host", series.to_string())];
            engine.delete(&[matchers], range).unwrap();
        }
        Event::Compact => while engine.compact().unwrap().is_some() {},
        Event::Reopen(policy) => {
            engine.close().unwrap();
            drop(engine);
            return open(disk, policy);
        }
    }
    if !batch.is_empty() {
        engine.write(&batch, Durability::Synced).unwrap();
    }
    engine
}

/// What a reader makes of the samples in one bucket of time. Sums join bit by bit only of integral pages,
/// so that they are compared within rounding.
#[derive(Clone, Debug, Default)]
struct Bucket {
    count: usize,
    stale: usize,
    sum: f64,
    magnitude: f64,
    min: Option<f64>,
    max: Option<f64>,
    ends: Option<((i64, u64), (i64, u64))>,
    last: Option<f64>,
    resets: usize,
    drops: f64,
}

/// Some successive floats, as figures have them.
struct Run {
    range: TimeRange,
    count: usize,
    ends: (f64, f64),
    extremes: (f64, f64),
    sum: f64,
    resets: usize,
    drops: f64,
}

impl Run {
    fn of_one(ts: i64, value: f64) -> Self {
        Self {
            range: TimeRange::new(ts, ts),
            count: 1,
            ends: (value, value),
            extremes: (value, value),
            sum: value,
            resets: 0,
            drops: 0.0,
        }
    }
}

impl Bucket {
    fn add(&mut self, run: &Run) {
        self.count += run.count;
        self.sum += run.sum;
        // Of two numbers, `max` takes the one that is no NaN.
        let magnitude = run.extremes.0.abs().max(run.extremes.1.abs()).max(0.0);
        self.magnitude += magnitude * run.count as f64;
        let better = |known: Option<f64>, new: f64, than: fn(f64, f64) -> bool| match known {
            Some(known) if !known.is_nan() && !than(new, known) => Some(known),
            _ => Some(new),
        };
        self.min = better(self.min, run.extremes.0, |new, known| new < known);
        self.max = better(self.max, run.extremes.1, |new, known| new > known);
        let (first, last) = run.ends;
        let first = (run.range.start, first.to_bits());
        let known = self.ends.map_or(first, |(first, _)| first);
        self.ends = Some((known, (run.range.end, last.to_bits())));
        if self.last.is_some_and(|before| run.ends.0 < before) {
            self.resets += 1;
            self.drops += self.last.unwrap_or_default();
        }
        self.resets += run.resets;
        self.drops += run.drops;
        self.last = Some(last);
    }

    fn same(&self, other: &Self) {
        let exact = |b: &Self| {
            let extremes = [b.min, b.max].map(|value| value.map(f64::to_bits));
            (b.count, b.stale, extremes, b.ends, b.resets)
        };
        assert_eq!(exact(self), exact(other));
        for (a, b) in [(self.sum, other.sum), (self.drops, other.drops)] {
            let near = (a - b).abs() <= 1e-9 * self.magnitude || a.to_bits() == b.to_bits();
            assert!(near || (a.is_nan() && b.is_nan()), "{a} {b}");
        }
    }
}

type Buckets = BTreeMap<(String, i64), Bucket>;

/// Buckets of all series, and the histograms.
fn buckets(
    engine: &Engine,
    range: TimeRange,
    width: i64,
    wanted: Option<&PageUse>,
) -> (Buckets, usize, PageCounts) {
    let selector = Selector { matchers: Vec::new(), range };
    let partitions = NonZeroUsize::new(2).unwrap();
    let (mut buckets, mut histograms) = (Buckets::new(), 0);
    let mut counts = PageCounts::default();
    let mut columns = SeriesColumns::default();
    for mut stream in engine.scan(&selector, partitions).unwrap() {
        if let Some(wanted) = wanted {
            stream.take_figures(wanted);
        }
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            histograms += columns.histograms.len();
            let name = labels.to_string();
            let number = |ts: i64| (ts - START).div_euclid(width);
            let mut at: BTreeMap<i64, Bucket> = BTreeMap::new();
            let mut floats = columns.timestamps.iter().zip(&columns.values).enumerate().peekable();
            let ends = columns.pages.iter().map(|page| (page.at, Some(page)));
            for (end, page) in ends.chain([(usize::MAX, None)]) {
                while let Some((_, (ts, value))) = floats.next_if(|(index, _)| *index < end) {
                    if timberline_model::is_stale(*value) {
                        at.entry(number(*ts)).or_default().stale += 1;
                    } else {
                        at.entry(number(*ts)).or_default().add(&Run::of_one(*ts, *value));
                    }
                }
                let Some(page) = page else { continue };
                assert_eq!(number(page.range.start), number(page.range.end), "a page is cut");
                assert!(wanted.unwrap().takes(page));
                at.entry(number(page.range.start)).or_default().add(&Run {
                    range: page.range,
                    count: page.count,
                    ends: (page.first, page.last),
                    extremes: (page.min, page.max),
                    sum: page.sum + page.compensation,
                    resets: page.resets,
                    drops: page.drops,
                });
            }
            buckets.extend(at.into_iter().map(|(number, bucket)| ((name.clone(), number), bucket)));
        }
        counts += stream.page_counts();
    }
    (buckets, histograms, counts)
}

/// Asks both ways; says how many pages were decoded and skipped with figures.
fn compare(engine: &Engine, range: TimeRange, width: i64, exact: bool) -> PageCounts {
    let (right, histograms, all) = buckets(engine, range, width, None);
    let cuts = Cuts::buckets(START, width);
    let wanted = PageUse { cuts, exact_sums: exact, exact_drops: exact, ..PageUse::default() };
    let (mixed, found, counts) = buckets(engine, range, width, Some(&wanted));
    assert_eq!(histograms, found);
    assert!(right.keys().eq(mixed.keys()));
    for (right, mixed) in right.values().zip(mixed.values()) {
        right.same(mixed);
    }
    assert_eq!((all.decoded, all.skipped), (counts.decoded + counts.skipped, 0));
    counts
}

/// Of one bucket, over all series: first and last instant, how many floats, the extremes of those that are
/// numbers, and the sum of these.
type Sums = BTreeMap<i64, (TimeRange, u64, f64, f64, f64)>;

fn add_to(
    sums: &mut Sums,
    number: i64,
    (range, count, min, max, sum): (TimeRange, u64, f64, f64, f64),
) {
    let all = sums.entry(number).or_insert((range, 0, f64::INFINITY, f64::NEG_INFINITY, 0.0));
    *all = (
        TimeRange::new(all.0.start.min(range.start), all.0.end.max(range.end)),
        all.1 + count,
        all.2.min(min),
        all.3.max(max),
        all.4 + sum,
    );
}

/// Adds floats to their buckets, and says how many histograms there were.
fn add_streams(streams: Vec<Box<dyn SeriesScan>>, width: i64, sums: &mut Sums) -> usize {
    let (mut histograms, mut columns) = (0, SeriesColumns::default());
    for mut stream in streams {
        while stream.next(&mut columns).unwrap().is_some() {
            histograms += columns.histograms.len();
            for (ts, value) in columns.timestamps.iter().zip(&columns.values) {
                if timberline_model::is_stale(*value) {
                    continue;
                }
                let sum = if value.is_nan() { 0.0 } else { *value };
                let number = (ts - START).div_euclid(width);
                add_to(sums, number, (TimeRange::new(*ts, *ts), 1, *value, *value, sum));
            }
        }
    }
    histograms
}

/// Totals and the streams over the rest are together what all streams have; says how many blocks were
/// answered from totals.
fn compare_totals(engine: &Engine, range: TimeRange, width: i64) -> usize {
    let selector = Selector { matchers: vec![Matcher::equal("__name__", "m")], range };
    let partitions = NonZeroUsize::new(2).unwrap();
    let (mut right, mut found) = (Sums::new(), Sums::new());
    let histograms = add_streams(engine.scan(&selector, partitions).unwrap(), width, &mut right);
    let cuts = Cuts::buckets(START, width);
    let (totals, rest) = engine.totals(&selector, &cuts, &Stop::default(), partitions).unwrap();
    for of in &totals {
        let number = (of.range.start - START).div_euclid(width);
        assert_eq!(number, (of.range.end - START).div_euclid(width), "a bucket's end is within");
        add_to(&mut found, number, (of.range, of.count, of.min, of.max, of.sum));
    }
    assert_eq!(histograms, add_streams(rest, width, &mut found));
    assert!(right.keys().eq(found.keys()));
    for (right, found) in right.values().zip(found.values()) {
        assert_eq!((right.0, right.1, right.2, right.3), (found.0, found.1, found.2, found.3));
        let magnitude = right.2.abs().max(right.3.abs()) * right.1 as f64;
        assert!((right.4 - found.4).abs() <= 1e-9 * magnitude || right.2 > right.3, "{right:?}");
    }
    totals.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_reader_of_figures_sees_what_a_reader_of_floats_sees(
        events in prop::collection::vec(any_event(), 1..14),
        widths in prop::collection::vec(prop_oneof![Just(100 * HOUR), 1..20_000 * SECOND], 2),
        ends in (0..30_000_i64, 0..30_000_i64),
        exact in any::<bool>(),
    ) {
        let disk = SimDisk::new(1);
        let mut engine = open(&disk, DuplicatePolicy::Last);
        let part = TimeRange::new(START + ends.0 * SECOND, START + ends.1 * SECOND);
        for event in &events {
            engine = happen(engine, &disk, event);
            for width in &widths {
                compare(&engine, TimeRange::ALL, *width, exact);
                compare_totals(&engine, TimeRange::ALL, *width);
            }
            compare(&engine, part, widths[0], exact);
            compare_totals(&engine, part, widths[0]);
        }
    }
}

#[test]
fn whole_blocks_have_totals_unless_something_else_is_in_their_span() {
    let (all, width) = (TimeRange::ALL, 100 * HOUR);
    let disk = SimDisk::new(1);
    let mut engine = open(&disk, DuplicatePolicy::Last);
    let mut blocks = |event: Event| {
        engine = happen(std::mem::replace(&mut engine, open_other()), &disk, &event);
        // The second answer is remembered.
        let first = compare_totals(&engine, all, width);
        assert_eq!(first, compare_totals(&engine, all, width));
        first
    };
    assert_eq!(blocks(regular(0, 1)), 0, "in memory there are no blocks");
    assert_eq!(blocks(Event::Flush), 1);
    assert_eq!(blocks(regular(10_000, 1)), 1, "later samples are in nobody's way");
    assert_eq!(blocks(regular(2_500, 1)), 0, "samples in memory are between those of the block");
    assert_eq!(blocks(Event::Flush), 2, "two others lie across each other");
    assert_eq!(blocks(Event::Compact), 1);
    assert_eq!(
        blocks(Event::Delete { series: 0, from: 100, seconds: 50 }),
        1,
        "without what is deleted"
    );
    assert_eq!(blocks(Event::Histogram { series: 1, at: 20_000 }), 1);
    assert_eq!(compare_totals(&engine, all, HOUR / 4), 0, "no block lies within one bucket");
    let selector = Selector { matchers: vec![Matcher::equal("host", "0")], range: all };
    let stop = Stop::new(|| Some(ErrorKind::Canceled));
    let stopped = engine.totals(&selector, &Cuts::none(), &stop, NonZeroUsize::MIN);
    assert_eq!(stopped.err().map(|error| error.kind()), Some(ErrorKind::Canceled));
    assert_eq!(compare_totals(&engine, TimeRange::new(START + SECOND, i64::MAX), width), 0);
}

#[test]
fn what_is_written_again_after_totals_were_taken_is_not_counted_twice() {
    let (range, partitions) = (TimeRange::ALL, NonZeroUsize::MIN);
    let disk = SimDisk::new(1);
    let mut engine = open(&disk, DuplicatePolicy::Last);
    for event in [regular(0, 1), Event::Flush, regular(10_000, 1)] {
        engine = happen(engine, &disk, &event);
    }
    let selector = Selector { matchers: vec![Matcher::equal("__name__", "m")], range };
    let (totals, rest) =
        engine.totals(&selector, &Cuts::none(), &Stop::default(), partitions).unwrap();
    assert_eq!(totals.iter().map(|of| of.count).collect::<Vec<_>>(), [5_000]);
    let _engine = happen(engine, &disk, &regular(2_500, 10));
    let mut sums = Sums::new();
    add_streams(rest, 100 * HOUR, &mut sums);
    let counts: Vec<u64> = sums.values().map(|of| of.1).collect();
    // Those from 7,000 on lie behind the block, and may be seen.
    assert_eq!(counts, [5_000 + 250]);
}

#[test]
fn selectors_of_odd_names_are_told_apart() {
    let disk = SimDisk::new(1);
    let engine = open(&disk, DuplicatePolicy::Last);
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("a!", "x")]).unwrap());
    batch.push_sample(START, 1.0);
    engine.write(&batch, Durability::Synced).unwrap();
    engine.flush().unwrap();
    let count = |matcher: Matcher| {
        let selector = Selector { matchers: vec![matcher], range: TimeRange::ALL };
        let (totals, _) =
            engine.totals(&selector, &Cuts::none(), &Stop::default(), NonZeroUsize::MIN).unwrap();
        totals.iter().map(|of| of.count).sum::<u64>()
    };
    assert_eq!(count(Matcher::equal("a!", "x")), 1);
    assert_eq!(count(Matcher::new("a", MatchOp::NotEqual, "x").unwrap()), 1);
    assert_eq!(count(Matcher::equal("a!", "y")), 0);
    assert_eq!(count(Matcher::new("a", MatchOp::NotEqual, "").unwrap()), 0);
    assert_eq!(count(Matcher::equal("a!", "")), 0);
    assert_eq!(count(Matcher::new("a", MatchOp::NotEqual, "y").unwrap()), 1);
}

/// 5,000 seconds of series 0.
fn regular(from: i64, step: i64) -> Event {
    Event::Write { series: 0, from, count: 5_000 / step, step, sort: 0 }
}

#[test]
fn pages_are_left_alone_unless_something_else_is_in_their_span() {
    let (all, width) = (TimeRange::ALL, 100 * HOUR);
    let disk = SimDisk::new(1);
    let mut engine = open(&disk, DuplicatePolicy::Last);
    let mut counted = |event: Event| {
        engine = happen(std::mem::replace(&mut engine, open_other()), &disk, &event);
        let PageCounts { decoded, skipped, .. } = compare(&engine, all, width, true);
        (decoded, skipped)
    };
    assert_eq!(counted(regular(0, 1)), (0, 0), "in memory there are no pages");
    assert_eq!(counted(Event::Flush), (0, 5));
    assert_eq!(counted(regular(5_000, 1)), (0, 5), "what is later does not matter");
    // The window ends at 7,200 s; its other block is of 5,000 to 7,199 s.
    assert_eq!(counted(Event::Flush), (0, 5 + 3 + 3));
    let late = Event::Write { series: 0, from: 2_000, count: 1, step: 1, sort: 0 };
    assert_eq!(counted(late), (1, 10), "a sample in memory");
    assert_eq!(counted(Event::Flush), (2, 10), "and in a block");
    assert_eq!(counted(Event::Compact), (0, 10), "which goes with a merge");
    let delete = Event::Delete { series: 0, from: 9_000, seconds: 10 };
    assert_eq!(counted(delete), (1, 9));
    assert_eq!(counted(Event::Histogram { series: 0, at: 9_005 }), (10, 0));
}

/// A database in whose place another is put.
fn open_other() -> Engine {
    open(&SimDisk::new(2), DuplicatePolicy::Last)
}
