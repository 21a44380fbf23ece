//! Power cuts on the simulated disk: every acknowledged sample is there afterwards, and no other.
//!
//! Each seed is one history of writes, flushes, faults, cuts and restarts. `TIMBERLINE_SIM_SEEDS`
//! says how many are tried, and `TIMBERLINE_SIM_FIRST` where they begin.

mod every_operation;
mod prefixes;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use timberline::{
    BucketCounts, BucketSpan, Database, DuplicatePolicy, Durability, Error, ErrorKind, Histogram,
    HistogramSample, Labels, Matcher, Options, Selector, SeriesColumns, SeriesSource, TimeRange,
    WriteBatch,
};
use timberline_io::{Fault, Random, SimClock, SimDisk};
use timberline_tests::{History, count_from_env, value_of};

const DIR: &str = "/data";
const SERIES: u64 = 12;
const ROUNDS: u64 = 6;
const OPERATIONS_PER_ROUND: u64 = 14;

#[test]
fn no_acknowledged_sample_is_lost_and_no_other_appears() {
    let first = count_from_env("TIMBERLINE_SIM_FIRST", 0);
    let mut acknowledged = 0;
    let seeds = count_from_env("TIMBERLINE_SIM_SEEDS", 150);
    for seed in first..first + seeds {
        acknowledged += Simulation::new(seed).run();
    }
    assert!(acknowledged > seeds as usize * 10, "the simulation acknowledged next to nothing");
    println!("{seeds} seeds, {acknowledged} acknowledged samples, none lost");
}

struct Simulation {
    seed: u64,
    chance: Random,
    disk: SimDisk,
    clock: SimClock,
    history: History,
    now: i64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let now = 1_700_000_000_000_000_000;
        Self {
            seed,
            chance: Random::new(seed),
            disk: SimDisk::new(seed),
            clock: SimClock::new(now),
            history: History::default(),
            now,
        }
    }

    /// Runs the history of the seed and returns how many samples were acknowledged in it.
    fn run(mut self) -> usize {
        for round in 0..ROUNDS {
            let database = match self.open() {
                Ok(database) => database,
                // A fault that was set for later hit the start itself.
                Err(error) => {
                    self.tolerable(round, &error);
                    self.restart();
                    self.open().unwrap_or_else(|error| self.fail(round, &error.to_string()))
                }
            };
            self.verify(round, &database);
            if self.chance.one_in(2) {
                self.set_fault();
            }
            for _ in 0..OPERATIONS_PER_ROUND {
                if let Err(error) = self.operate(&database) {
                    self.tolerable(round, &error);
                    break;
                }
            }
            if self.chance.one_in(4) {
                let _ = database.close();
            }
            self.end(database);
        }
        let database = self.open().unwrap_or_else(|error| self.fail(ROUNDS, &error.to_string()));
        self.verify(ROUNDS, &database);
        self.history.acknowledged_count()
    }

    fn open(&self) -> Result<Database, Error> {
        let options = Options {
            segment_bytes: 16 << 10,
            reserve_bytes: 0,
            background: false,
            // Series that were not written for a moment leave at every flush, and come back.
            series_idle: Duration::from_secs(2),
            compaction: vec![Duration::from_secs(7_200), Duration::from_secs(86_400)],
            duplicates: Some(DuplicatePolicy::Last),
            ..Options::default()
        };
        let disk = Arc::new(self.disk.as_process());
        Database::open_on(disk, Arc::new(self.clock.clone()), Path::new(DIR), options)
    }

    fn set_fault(&mut self) {
        let fault = match self.chance.below(5) {
            0 => Fault::Eio,
            1 => Fault::EioOnSync,
            2 => Fault::NoSpace,
            _ => Fault::Crash,
        };
        self.disk.fail_after(self.chance.below(60), fault);
    }

    fn operate(&mut self, database: &Database) -> Result<(), Error> {
        self.now += 1_000_000_000;
        self.clock.set(self.now);
        match self.chance.below(8) {
            0 => database.flush().map(drop),
            1 if self.chance.one_in(4) => database.checkpoint(),
            1 if self.chance.one_in(3) => database.compact().map(drop),
            2 if self.chance.one_in(3) => self.delete(database),
            _ => self.write(database),
        }
    }

    fn delete(&mut self, database: &Database) -> Result<(), Error> {
        let series = self.chance.below(SERIES);
        let end = self.now - self.chance.below(7_200) as i64 * 1_000_000_000;
        let start = end - self.chance.below(3_600) as i64 * 1_000_000_000;
        self.history.deleting(series, start..=end);
        let matcher = Matcher::equal("series", series.to_string());
        database.delete(&[vec![matcher]], TimeRange::new(start, end))?;
        self.history.deleted(series, start..=end);
        Ok(())
    }

    fn write(&mut self, database: &Database) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        let mut sent = Vec::new();
        for _ in 0..=self.chance.below(4) {
            let series = self.chance.below(SERIES);
            batch.push_labels(labels_of(series));
            for _ in 0..=self.chance.below(3) {
                let ts = self.now - self.chance.below(7_200) as i64 * 1_000_000_000;
                push(&mut batch, series, ts);
                self.history.sent(series, ts);
                sent.push((series, ts));
            }
        }
        let outcome = database.write_with(&batch, Durability::Synced)?;
        assert_eq!(outcome.samples_rejected, 0, "seed {}: {outcome:?}", self.seed);
        let written = outcome.samples_written + outcome.histograms_written;
        assert_eq!(written, sent.len() as u64, "seed {}: {outcome:?}", self.seed);
        sent.into_iter().for_each(|(series, ts)| self.history.acknowledged(series, ts));
        Ok(())
    }

    /// Ends a round: by a power cut, by the death of the process, or in an orderly way.
    fn end(&mut self, database: Database) {
        match self.chance.below(3) {
            0 => self.disk.crash(),
            1 => self.disk.kill_process(),
            _ => {}
        }
        drop(database);
        self.restart();
    }

    fn restart(&mut self) {
        self.disk.clear_faults();
        self.disk.reboot();
    }

    /// All that was acknowledged is there. What was in doubt is decided by what is found.
    fn verify(&mut self, round: u64, database: &Database) {
        if !database.damage().is_empty() {
            self.fail(round, &format!("damage where nothing was damaged: {:?}", database.damage()));
        }
        let found = read_all(database).unwrap_or_else(|error| self.fail(round, &error));
        if let Err(difference) = self.history.check(&found) {
            self.fail(round, &difference);
        }
        self.history.settle(&found);
    }

    /// Only what the simulation did to the disk may be reported.
    fn tolerable(&self, round: u64, error: &Error) {
        if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::StorageFull) {
            self.fail(round, &error.to_string());
        }
    }

    fn fail(&self, round: u64, what: &str) -> ! {
        panic!("seed {}, round {round}: {what}", self.seed)
    }
}

fn labels_of(series: u64) -> Labels {
    let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
    Labels::from_pairs(pairs).expect("these are labels")
}

/// Adds the sample of a series at a time: of every third series a histogram, and of every third a float
/// with a start.
fn push(batch: &mut WriteBatch<'_>, series: u64, ts: i64) {
    let (value, start) = (value_of(series, ts), start_of(series, ts));
    match series % 3 {
        0 => batch.push_sample(ts, value),
        1 => batch.push_sample_since(ts, start, value),
        _ => {
            let histogram = histogram_of(value);
            batch.push_histogram(HistogramSample { ts, start, histogram });
        }
    }
}

/// The start of a sample: 0 where nobody says one, and otherwise it changes now and then.
fn start_of(series: u64, ts: i64) -> i64 {
    if series.is_multiple_of(3) { 0 } else { ts - ts.rem_euclid(1_800_000_000_000) }
}

/// A histogram whose sum is the value, and whose form follows from it.
fn histogram_of(value: f64) -> Histogram {
    let number = value as u64;
    let positive: Vec<u64> = (0..number % 5).map(|bucket| (number >> bucket) % 100).collect();
    let length = positive.len() as u32;
    let spans = if length == 0 { vec![] } else { vec![BucketSpan { offset: 2, length }] };
    let count = positive.iter().sum();
    Histogram {
        schema: (number % 8) as i8,
        sum: value,
        positive_spans: spans,
        counts: BucketCounts::Integer { count, zero_count: 0, positive, negative: vec![] },
        ..Histogram::stale()
    }
}

/// The samples of columns by their values; every bit beside those is checked here.
fn samples_in(series: u64, columns: &SeriesColumns) -> Result<Vec<(i64, f64)>, String> {
    let mut samples = Vec::new();
    let start_at = |starts: &[i64], index: usize| starts.get(index).copied().unwrap_or(0);
    let floats = columns.timestamps.iter().zip(&columns.values).enumerate();
    for (index, (ts, value)) in floats {
        samples.push((*ts, start_at(&columns.starts, index), *value));
    }
    let column = &columns.histograms;
    for (index, (ts, histogram)) in column.timestamps.iter().zip(&column.values).enumerate() {
        if *histogram != histogram_of(histogram.sum) {
            return Err(format!("series {series} at {ts}: a changed histogram {histogram:?}"));
        }
        samples.push((*ts, start_at(&column.starts, index), histogram.sum));
    }
    let (floats, histograms) = (columns.timestamps.len(), column.timestamps.len());
    if (series % 3 == 2 && floats > 0) || (series % 3 != 2 && histograms > 0) {
        return Err(format!("series {series} has {floats} floats, {histograms} histograms"));
    }
    match samples.iter().find(|(ts, start, _)| *start != start_of(series, *ts)) {
        Some((ts, start, _)) => Err(format!("series {series} at {ts}: start {start}")),
        None => Ok(samples.into_iter().map(|(ts, _, value)| (ts, value)).collect()),
    }
}

fn read_all(database: &Database) -> Result<BTreeMap<(u64, i64), f64>, String> {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let streams = database.scan(&selector, std::num::NonZeroUsize::MIN);
    let mut found = BTreeMap::new();
    let mut columns = SeriesColumns::default();
    for mut stream in streams.map_err(|error| error.to_string())? {
        while let Some(labels) = stream.next(&mut columns).map_err(|error| error.to_string())? {
            let series = labels.get("series").and_then(|text| text.parse().ok());
            let series = series.ok_or_else(|| format!("unknown series {labels}"))?;
            for (ts, value) in samples_in(series, &columns)? {
                if found.insert((series, ts), value).is_some() {
                    return Err(format!("{labels} has two samples at {ts}"));
                }
            }
        }
    }
    Ok(found)
}
