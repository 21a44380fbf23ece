//! Whatever happens to the disk, what is found afterwards is what the first so many batches make under
//! the database's duplicate policy: all acknowledged ones, perhaps a few more, each of them whole, with
//! floats, starts, histograms, exemplars and metadata.

use timberline::{
    DuplicatePolicy, Exemplar, FamilyMetadata, HistogramSample, LabelQuery, Labels, Metadata,
};
use timberline_io::{Fault, Random};

use super::{
    Arc, BTreeMap, DIR, Database, Durability, Error, ErrorKind, Options, Path, Selector,
    SeriesColumns, SeriesSource, SimClock, SimDisk, TimeRange, WriteBatch, count_from_env,
    histogram_of, labels_of,
};

const NOW: i64 = 1_700_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;
const ROUNDS: u64 = 5;
const OPERATIONS_PER_ROUND: u64 = 25;
const POLICIES: [DuplicatePolicy; 4] =
    [DuplicatePolicy::Last, DuplicatePolicy::First, DuplicatePolicy::All, DuplicatePolicy::Reject];

/// A sample: whether it is a histogram, its start, and its value or sum.
type Value = (bool, i64, u64);

/// One batch: samples by series and time, exemplars by series, and helps of families.
#[derive(Clone, Debug, Default)]
struct Batch {
    samples: Vec<(u64, i64, Value)>,
    exemplars: Vec<(u64, Exemplar)>,
    helps: Vec<(String, String)>,
}

/// All that a database holds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Contents {
    /// The samples of each series at each instant.
    samples: BTreeMap<(u64, i64), Vec<Value>>,
    exemplars: BTreeMap<u64, Vec<Exemplar>>,
    helps: BTreeMap<String, String>,
}

#[test]
fn what_is_found_is_what_the_first_batches_make() {
    let first = count_from_env("TIMBERLINE_SIM_FIRST", 0);
    let seeds = count_from_env("TIMBERLINE_SIM_SEEDS", 150);
    for seed in first..first + seeds {
        Prefixes::new(seed).run();
    }
}

struct Prefixes {
    seed: u64,
    policy: DuplicatePolicy,
    chance: Random,
    disk: SimDisk,
    /// All batches that may have been written, in their order.
    batches: Vec<Batch>,
    /// How many of them survive a power cut for certain, and how many the death of the process.
    synced: usize,
    logged: usize,
    value: f64,
    /// Whether the power may be cut in this round.
    cut_expected: bool,
}

impl Prefixes {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            policy: POLICIES[seed as usize % POLICIES.len()],
            chance: Random::new(seed ^ 0x5eed),
            disk: SimDisk::new(seed),
            batches: Vec::new(),
            synced: 0,
            logged: 0,
            value: 0.0,
            cut_expected: false,
        }
    }

    fn run(mut self) {
        for round in 0..ROUNDS {
            let database = self.open();
            self.verify(round, &database);
            if self.chance.one_in(2) {
                let faults = [Fault::Eio, Fault::EioOnSync, Fault::NoSpace, Fault::Crash];
                let fault = faults[self.chance.below(4) as usize];
                self.disk.fail_after(self.chance.below(40), fault);
                self.cut_expected = fault == Fault::Crash;
            }
            for _ in 0..OPERATIONS_PER_ROUND {
                let result = match self.chance.below(20) {
                    0 | 1 => database.flush().map(drop),
                    2 => database.compact().map(drop),
                    _ => self.write(&database),
                };
                match result.map_err(|error| error.kind()) {
                    Ok(()) | Err(ErrorKind::StorageFull) => {}
                    Err(ErrorKind::Unavailable) => break,
                    Err(kind) => self.fail(round, &format!("{kind:?}")),
                }
            }
            self.end(&database);
        }
        let database = self.open();
        self.verify(ROUNDS, &database);
    }

    fn open(&self) -> Database {
        let options = Options {
            segment_bytes: 4 << 10,
            reserve_bytes: 0,
            background: false,
            duplicates: Some(self.policy),
            ..Options::default()
        };
        let disk = Arc::new(self.disk.as_process());
        let clock = Arc::new(SimClock::new(NOW));
        Database::open_on(disk, clock, Path::new(DIR), options)
            .unwrap_or_else(|error| self.fail(0, &error.to_string()))
    }

    fn write(&mut self, database: &Database) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        let mut sent = Batch::default();
        for _ in 0..=self.chance.below(3) {
            let series = self.chance.below(5);
            batch.push_labels(labels_of(series));
            let kinds = self.chance.below(4);
            for _ in 0..=self.chance.below(3) {
                // Few instants, so that many meet.
                let ts = NOW - self.chance.below(12) as i64 * 1_000 * SECOND;
                let start = [0, -7, ts - 1][self.chance.below(3) as usize];
                self.value += 1.0;
                // In one batch, a series' floats come before its histograms.
                if kinds == 0 {
                    let histogram = histogram_of(self.value);
                    batch.push_histogram(HistogramSample { ts, start, histogram });
                } else {
                    batch.push_sample_since(ts, start, self.value);
                }
                sent.samples.push((series, ts, (kinds == 0, start, self.value.to_bits())));
            }
            if kinds == 1 {
                let labels = Labels::from_pairs([("trace_id", &self.value.to_string())]);
                // Those of a series ascend.
                let ts = NOW - 10_000 * SECOND + self.value as i64 * SECOND;
                let labels = labels.expect("these are labels");
                let exemplar = Exemplar { labels, value: -self.value, ts };
                batch.push_exemplar(exemplar.clone());
                sent.exemplars.push((series, exemplar));
            }
        }
        if self.chance.one_in(3) {
            let family = format!("family_{}", self.chance.below(4));
            let help = self.value.to_string();
            sent.helps.push((family.clone(), help.clone()));
            let metadata = Metadata { help, ..Metadata::default() };
            batch.push_metadata(FamilyMetadata { family, metadata });
        }
        let durability =
            if self.chance.one_in(3) { Durability::Logged } else { Durability::Synced };
        let result = database.write_with(&batch, durability);
        if matches!(&result, Err(error) if error.kind() == ErrorKind::StorageFull) {
            // Refused as a whole.
            return result.map(drop);
        }
        self.batches.push(sent);
        result?;
        self.logged = self.batches.len();
        if durability == Durability::Synced {
            self.synced = self.batches.len();
        }
        Ok(())
    }

    fn end(&mut self, database: &Database) {
        match self.chance.below(3) {
            0 => {
                self.disk.crash();
                self.cut_expected = true;
            }
            1 => self.disk.kill_process(),
            // What fails here has failed before, or by the fault of this round.
            _ => drop(database.close()),
        }
        if std::mem::take(&mut self.cut_expected) {
            self.logged = self.synced;
        }
        self.disk.clear_faults();
        self.disk.reboot();
        self.disk.kill_process();
    }

    /// Finds the prefix that explains what is there, and forgets the batches behind it.
    fn verify(&mut self, round: u64, database: &Database) {
        if !database.damage().is_empty() {
            self.fail(round, &format!("{:?}", database.damage()));
        }
        let found = contents(database).unwrap_or_else(|error| self.fail(round, &error));
        let mut expected = Contents::default();
        let mut explained = None;
        for count in 0..=self.batches.len() {
            if count > 0 {
                take_in(&mut expected, &self.batches[count - 1], self.policy);
            }
            if count >= self.logged && expected == found {
                explained = Some(count);
            }
        }
        let Some(count) = explained else {
            let sent = self.batches.len();
            self.fail(round, &format!("no prefix of {} to {sent} batches is there", self.logged))
        };
        self.batches.truncate(count);
        (self.synced, self.logged) = (count, count);
    }

    fn fail(&self, round: u64, what: &str) -> ! {
        panic!("seed {}, policy {}, round {round}: {what}", self.seed, self.policy)
    }
}

/// What a batch makes of the contents.
fn take_in(contents: &mut Contents, batch: &Batch, policy: DuplicatePolicy) {
    let mut samples = batch.samples.clone();
    // In one batch, floats come before histograms.
    samples.sort_by_key(|(series, _, value)| (*series, value.0));
    for (series, ts, value) in samples {
        let values = contents.samples.entry((series, ts)).or_default();
        match policy {
            DuplicatePolicy::Last => *values = vec![value],
            DuplicatePolicy::All => {
                values.push(value);
                values.sort_by_key(|value| value.0);
            }
            DuplicatePolicy::First | DuplicatePolicy::Reject if values.is_empty() => {
                values.push(value);
            }
            DuplicatePolicy::First | DuplicatePolicy::Reject => {}
        }
    }
    for (series, exemplar) in &batch.exemplars {
        contents.exemplars.entry(*series).or_default().push(exemplar.clone());
    }
    contents.helps.extend(batch.helps.iter().cloned());
}

fn contents(database: &Database) -> Result<Contents, String> {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let streams = database.scan(&selector, std::num::NonZeroUsize::MIN);
    let mut found = Contents::default();
    let mut columns = SeriesColumns::default();
    let start_at = |starts: &[i64], index: usize| starts.get(index).copied().unwrap_or(0);
    for mut stream in streams.map_err(|error| error.to_string())? {
        while let Some(labels) = stream.next(&mut columns).map_err(|error| error.to_string())? {
            let series = series_of(&labels)?;
            let mut add = |ts: i64, value: Value| {
                found.samples.entry((series, ts)).or_default().push(value);
            };
            for (index, (ts, value)) in columns.timestamps.iter().zip(&columns.values).enumerate() {
                add(*ts, (false, start_at(&columns.starts, index), value.to_bits()));
            }
            let column = &columns.histograms;
            for (index, (ts, of)) in column.timestamps.iter().zip(&column.values).enumerate() {
                if *of != histogram_of(of.sum) {
                    return Err(format!("{labels} at {ts}: a changed histogram {of:?}"));
                }
                add(*ts, (true, start_at(&column.starts, index), of.sum.to_bits()));
            }
        }
    }
    let query = LabelQuery::default();
    for of in database.exemplars(&query).map_err(|error| error.to_string())? {
        found.exemplars.insert(series_of(&of.labels)?, of.exemplars);
    }
    let metadata = database.metadata(None, 0).into_iter();
    found.helps = metadata.map(|entry| (entry.family, entry.metadata.help)).collect();
    Ok(found)
}

fn series_of(labels: &Labels) -> Result<u64, String> {
    let series = labels.get("series").and_then(|text| text.parse().ok());
    series.ok_or_else(|| format!("unknown series {labels}"))
}
