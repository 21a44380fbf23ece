//! The head against a model that keeps every sample, float or histogram, in a list.

use std::collections::BTreeMap;

use proptest::prelude::*;
use timberline_codec::histogram;
use timberline_model::{
    BucketCounts, BucketSpan, DuplicatePolicy, Histogram, Labels, SeriesColumns, SeriesRef,
    TimeRange,
};

use super::{
    super::{Epoch, Head, HeadHistogram, HeadSample, SampleValue, SeriesPlace, ShardBatch},
    support::{head, labels, series_of},
};

const SERIES: usize = 3;

/// A value in few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Float(u64),
    /// By its count.
    Histogram(u64),
}

impl Value {
    fn is_float(self) -> bool {
        matches!(self, Self::Float(_))
    }

    fn sample(self) -> SampleValue {
        match self {
            Self::Float(bits) => SampleValue::Float(f64::from_bits(bits)),
            Self::Histogram(count) => SampleValue::Histogram(Box::new(histogram_of(count))),
        }
    }
}

fn histogram_of(count: u64) -> Histogram {
    let counts =
        BucketCounts::Integer { count, zero_count: 0, positive: vec![count], negative: vec![] };
    let positive_spans = vec![BucketSpan { offset: 3, length: 1 }];
    Histogram { sum: count as f64, positive_spans, counts, ..Histogram::stale() }
}

fn count_of(histogram: &Histogram) -> u64 {
    let BucketCounts::Integer { count, .. } = histogram.counts else {
        panic!("only integers were written")
    };
    assert_eq!(*histogram, histogram_of(count));
    count
}

/// A sample: instant, start, value.
type Sample = (i64, i64, Value);
/// Samples by time, floats first, each kind in order of arrival.
type Samples = Vec<Sample>;

fn samples_in(columns: &SeriesColumns) -> Samples {
    let start = |starts: &[i64], index: usize| {
        assert!(starts.is_empty() || starts.len() > index);
        starts.get(index).copied().unwrap_or(0)
    };
    assert_eq!(columns.timestamps.len(), columns.values.len());
    let floats = columns.timestamps.iter().zip(&columns.values).enumerate();
    let floats = floats
        .map(|(i, (ts, value))| (*ts, start(&columns.starts, i), Value::Float(value.to_bits())));
    let column = &columns.histograms;
    let histograms = column.timestamps.iter().zip(&column.values).enumerate();
    let histograms = histograms
        .map(|(i, (ts, of))| (*ts, start(&column.starts, i), Value::Histogram(count_of(of))));
    let mut all: Samples = floats.chain(histograms).collect();
    all.sort_by_key(|(ts, ..)| *ts);
    all
}

fn read(head: &Head, series: SeriesRef, range: TimeRange, after: Epoch) -> Samples {
    let mut columns = SeriesColumns::default();
    head.read(series, range, after, &mut columns);
    samples_in(&columns)
}

/// One step of a head's life.
#[derive(Clone, Debug)]
enum Step {
    Write {
        series: usize,
        samples: Samples,
    },
    Rotate,
    /// Publishes what was rotated last, and lets go of it at once or later.
    Flush {
        release: bool,
    },
    Read {
        series: usize,
        range: TimeRange,
    },
}

/// What the head should know of one series.
#[derive(Debug, Default)]
struct ModelSeries {
    /// In order of arrival.
    kept: Vec<(Sample, Epoch)>,
    newest: Option<Sample>,
    /// What reads would find in blocks.
    blocks: BTreeMap<i64, Value>,
}

#[derive(Debug)]
struct Model {
    policy: DuplicatePolicy,
    epoch: Epoch,
    ended: Option<Epoch>,
    flushed: Epoch,
    series: [ModelSeries; SERIES],
}

impl Model {
    /// Takes in a sample; `false` when it must be refused.
    fn write(&mut self, series: usize, sample: Sample) -> bool {
        let (policy, epoch) = (self.policy, self.epoch);
        let (ts, _, value) = sample;
        let series = &mut self.series[series];
        let at_newest = series.newest.filter(|(newest, ..)| *newest == ts);
        let here = || series.kept.iter().find(|kept| kept.0.0 == ts).map(|kept| kept.0.2);
        let drop = match policy {
            // A histogram is compared with what the head still has.
            DuplicatePolicy::Last => {
                at_newest == Some(sample) && (value.is_float() || here().is_some())
            }
            DuplicatePolicy::First => at_newest.is_some(),
            DuplicatePolicy::All => false,
            DuplicatePolicy::Reject => {
                let newest = at_newest.map(|(_, _, value)| value);
                match here().or(newest).or(series.blocks.get(&ts).copied()) {
                    Some(held) if held != value => return false,
                    held => held.is_some(),
                }
            }
        };
        if !drop {
            series.kept.push((sample, epoch));
        }
        let newer = series.newest.is_none_or(|(newest, ..)| newest < ts);
        if newer || (at_newest.is_some() && policy == DuplicatePolicy::Last) {
            series.newest = Some(sample);
        }
        true
    }

    fn read(&self, series: usize, range: TimeRange, after: Epoch, upto: Option<Epoch>) -> Samples {
        let mut found: Samples = self.series[series]
            .kept
            .iter()
            .filter(|((ts, ..), epoch)| {
                range.contains(*ts) && *epoch > after && upto.is_none_or(|upto| *epoch <= upto)
            })
            .map(|(sample, _)| *sample)
            .collect();
        found.sort_by_key(|(ts, ..)| *ts);
        match self.policy {
            DuplicatePolicy::All => {
                found.sort_by_key(|(ts, _, value)| (*ts, !value.is_float()));
            }
            DuplicatePolicy::Last => {
                let last: BTreeMap<i64, Sample> = found.into_iter().map(|of| (of.0, of)).collect();
                found = last.into_values().collect();
            }
            DuplicatePolicy::First | DuplicatePolicy::Reject => {
                found.dedup_by_key(|(ts, ..)| *ts);
            }
        }
        found
    }

    fn flush(&mut self, upto: Epoch) {
        self.flushed = upto;
        for series in &mut self.series {
            for ((ts, _, value), _) in series.kept.iter().filter(|kept| kept.1 <= upto) {
                series.blocks.entry(*ts).or_insert(*value);
            }
        }
    }

    fn release(&mut self, upto: Epoch) {
        for series in &mut self.series {
            series.kept.retain(|kept| kept.1 > upto);
        }
    }
}

struct Pair {
    head: Head,
    refs: Vec<SeriesRef>,
    model: Model,
}

impl Pair {
    fn new(policy: DuplicatePolicy) -> Self {
        let head = head(policy);
        let refs = (0..SERIES).map(|host| series_of(&head, &labels(host))).collect();
        let series = std::array::from_fn(|_| ModelSeries::default());
        let model =
            Model { policy, epoch: Epoch::FIRST, ended: None, flushed: Epoch::default(), series };
        Self { head, refs, model }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Write { series, samples } => self.write(*series, samples),
            Step::Rotate => {
                self.model.ended = Some(self.head.rotate());
                prop_assert_eq!(self.model.ended, Some(self.model.epoch));
                self.model.epoch = self.model.epoch.next();
                Ok(())
            }
            Step::Flush { release } => self.flush(*release),
            Step::Read { series, range } => {
                for after in [Epoch::default(), self.model.flushed] {
                    let found = read(&self.head, self.refs[*series], *range, after);
                    prop_assert_eq!(found, self.model.read(*series, *range, after, None));
                }
                Ok(())
            }
        }
    }

    fn write(&mut self, series: usize, samples: &[Sample]) -> Result<(), TestCaseError> {
        let blocks = self.model.series[series].blocks.clone();
        let older = |_: &Labels, ts: i64| blocks.get(&ts).map(|value| value.sample());
        for run in samples.chunk_by(|a, b| a.2.is_float() == b.2.is_float()) {
            let refused = write_run(&self.head, self.refs[series], run, &older);
            let expected: Vec<u32> = (0..)
                .zip(run)
                .filter(|(_, sample)| !self.model.write(series, **sample))
                .map(|(index, _)| index)
                .collect();
            prop_assert_eq!(refused, expected);
        }
        Ok(())
    }

    fn flush(&mut self, release: bool) -> Result<(), TestCaseError> {
        let Some(upto) = self.model.ended else { return Ok(()) };
        let mut expected = Vec::new();
        for series in 0..SERIES {
            let samples = self.model.read(series, TimeRange::ALL, self.model.flushed, Some(upto));
            let mut columns = SeriesColumns::default();
            self.head.read_flush(self.refs[series], upto, &mut columns);
            if !samples.is_empty() {
                expected.push(self.refs[series]);
            }
            prop_assert_eq!(samples_in(&columns), samples);
        }
        expected.sort_unstable();
        prop_assert_eq!(self.head.series_in(upto), expected);
        self.model.flush(upto);
        if release {
            self.head.release(upto);
            self.model.release(upto);
        } else {
            self.head.set_flushed(upto);
        }
        Ok(())
    }

    fn check_all(&self) -> Result<(), TestCaseError> {
        for series in 0..SERIES {
            let found = read(&self.head, self.refs[series], TimeRange::ALL, Epoch::default());
            let expected = self.model.read(series, TimeRange::ALL, Epoch::default(), None);
            prop_assert_eq!(found, expected);
        }
        let kept: u64 = self.model.series.iter().map(|series| series.kept.len() as u64).sum();
        prop_assert_eq!(self.head.stats().samples, kept);
        Ok(())
    }
}

/// Applies samples of one kind and returns the indexes of those refused.
fn write_run(
    head: &Head,
    series: SeriesRef,
    run: &[Sample],
    older: &dyn Fn(&Labels, i64) -> Option<SampleValue>,
) -> Vec<u32> {
    let place = SeriesPlace::of(series);
    let slot = place.slot();
    let (mut samples, mut starts) = (Vec::new(), Vec::new());
    let (mut histograms, mut bytes) = (Vec::new(), Vec::new());
    for (index, &(ts, start, value)) in (0..).zip(run) {
        match value {
            Value::Float(bits) => {
                samples.push(HeadSample { slot, index, ts, value: f64::from_bits(bits) });
                starts.push(start);
            }
            Value::Histogram(count) => {
                let from = bytes.len();
                histogram::put(&histogram_of(count), &mut bytes);
                let bytes = from..bytes.len();
                histograms.push(HeadHistogram { slot, index, ts, start, bytes });
            }
        }
    }
    if starts.iter().all(|start| *start == 0) {
        starts.clear();
    }
    let batch = ShardBatch {
        samples: &samples,
        starts: &starts,
        histograms: &histograms,
        histogram_bytes: &bytes,
        exemplars: &[],
    };
    let refused = head.apply_batch(place.shard(), batch, older);
    [refused.samples, refused.histograms].concat()
}

/// Few instants, so that they meet; in milliseconds, with some finer ones among them.
fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0_i64..200).prop_map(|ts| ts * 1_000_000),
        1 => (0_i64..200).prop_map(|ts| ts * 500_000),
        1 => (0_i64..200).prop_map(|ts| ts * 1_000_000 + 1),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(1.0_f64.to_bits()),
        1 => Just(2.0_f64.to_bits()),
        1 => Just((-0.0_f64).to_bits()),
        1 => Just(0x7ff0_0000_0000_0002),
        1 => any::<u64>(),
    ]
    .prop_flat_map(|bits| {
        prop_oneof![
            3 => Just(Value::Float(bits)),
            1 => (0_u64..3).prop_map(Value::Histogram),
        ]
    })
}

/// Start timestamps: none, one that lasts, or any.
fn start() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(0), 2 => Just(-7), 1 => any::<i64>()]
}

fn samples() -> impl Strategy<Value = Samples> {
    let run =
        (instant(), 1_usize..200, start(), value()).prop_map(|(first, count, start, value)| {
            (0..count as i64).map(|i| (first + i * 1_000_000, start, value)).collect()
        });
    let floats = prop::collection::vec((instant(), value()), 1..60)
        .prop_map(|all| all.into_iter().map(|(ts, value)| (ts, 0, value)).collect());
    prop_oneof![
        1 => floats,
        2 => prop::collection::vec((instant(), start(), value()), 1..60),
        1 => run,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..SERIES, samples()).prop_map(|(series, samples)| Step::Write { series, samples }),
        1 => Just(Step::Rotate),
        1 => any::<bool>().prop_map(|release| Step::Flush { release }),
        3 => (0..SERIES, instant(), instant())
            .prop_map(|(series, start, end)| Step::Read { series, range: TimeRange::new(start, end) }),
    ]
}

fn policy() -> impl Strategy<Value = DuplicatePolicy> {
    prop_oneof![
        Just(DuplicatePolicy::Last),
        Just(DuplicatePolicy::First),
        Just(DuplicatePolicy::All),
        Just(DuplicatePolicy::Reject),
    ]
}

proptest! {
    #[test]
    fn the_head_equals_a_list_of_samples(
        policy in policy(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut pair = Pair::new(policy);
        for step in &steps {
            pair.take(step)?;
        }
        pair.check_all()?;
    }
}
