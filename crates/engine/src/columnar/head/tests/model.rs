//! The head against a model that keeps every sample in a list.

use std::collections::BTreeMap;

use proptest::prelude::*;
use timberline_model::{DuplicatePolicy, Labels, SeriesColumns, SeriesRef, TimeRange};

use super::{
    super::{Epoch, Head},
    support::{Bits, bits, head, labels, read, series_of, write_over},
};

const SERIES: usize = 3;

/// One step of a head's life.
#[derive(Clone, Debug)]
enum Step {
    Write {
        series: usize,
        samples: Vec<(i64, f64)>,
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
    /// Instant, bits, epoch; in order of arrival.
    kept: Vec<(i64, u64, Epoch)>,
    newest: Option<(i64, u64)>,
    /// What reads would find in blocks.
    blocks: BTreeMap<i64, u64>,
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
    fn write(&mut self, series: usize, ts: i64, value: f64) -> bool {
        let (policy, epoch, bits) = (self.policy, self.epoch, value.to_bits());
        let series = &mut self.series[series];
        let at_newest = series.newest.filter(|(newest, _)| *newest == ts).map(|(_, bits)| bits);
        let drop = match policy {
            DuplicatePolicy::Last => at_newest == Some(bits),
            DuplicatePolicy::First => at_newest.is_some(),
            DuplicatePolicy::All => false,
            DuplicatePolicy::Reject => {
                let here = series.kept.iter().find(|kept| kept.0 == ts).map(|kept| kept.1);
                match here.or(at_newest).or(series.blocks.get(&ts).copied()) {
                    Some(held) if held != bits => return false,
                    held => held.is_some(),
                }
            }
        };
        if !drop {
            series.kept.push((ts, bits, epoch));
        }
        let newer = series.newest.is_none_or(|(newest, _)| newest < ts);
        if newer || (at_newest.is_some() && policy == DuplicatePolicy::Last) {
            series.newest = Some((ts, bits));
        }
        true
    }

    fn read(&self, series: usize, range: TimeRange, after: Epoch, upto: Option<Epoch>) -> Bits {
        let mut found: Bits = self.series[series]
            .kept
            .iter()
            .filter(|(ts, _, epoch)| {
                range.contains(*ts) && *epoch > after && upto.is_none_or(|upto| *epoch <= upto)
            })
            .map(|(ts, bits, _)| (*ts, *bits))
            .collect();
        found.sort_by_key(|(ts, _)| *ts);
        match self.policy {
            DuplicatePolicy::All => found,
            DuplicatePolicy::Last => {
                let last: BTreeMap<i64, u64> = found.into_iter().collect();
                last.into_iter().collect()
            }
            DuplicatePolicy::First | DuplicatePolicy::Reject => {
                found.dedup_by_key(|(ts, _)| *ts);
                found
            }
        }
    }

    fn release(&mut self, upto: Epoch) {
        for series in &mut self.series {
            for (ts, bits, _) in series.kept.extract_if(.., |kept| kept.2 <= upto) {
                series.blocks.entry(ts).or_insert(bits);
            }
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

    fn write(&mut self, series: usize, samples: &[(i64, f64)]) -> Result<(), TestCaseError> {
        let blocks = self.model.series[series].blocks.clone();
        let older = |_: &Labels, ts: i64| blocks.get(&ts).map(|bits| f64::from_bits(*bits));
        let refused = write_over(&self.head, self.refs[series], samples, &older);
        let expected: Vec<u32> = (0..)
            .zip(samples)
            .filter(|(_, (ts, value))| !self.model.write(series, *ts, *value))
            .map(|(index, _)| index)
            .collect();
        prop_assert_eq!(refused, expected);
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
            prop_assert_eq!(bits(&columns), samples);
        }
        expected.sort_unstable();
        prop_assert_eq!(self.head.series_in(upto), expected);
        self.model.flushed = upto;
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

/// Few instants, so that they meet; in milliseconds, with some finer ones among them.
fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0_i64..200).prop_map(|ts| ts * 1_000_000),
        1 => (0_i64..200).prop_map(|ts| ts * 500_000),
        1 => (0_i64..200).prop_map(|ts| ts * 1_000_000 + 1),
    ]
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(1.0),
        Just(2.0),
        Just(-0.0),
        Just(f64::from_bits(0x7ff0_0000_0000_0002)),
        any::<u64>().prop_map(f64::from_bits),
    ]
}

fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let run = (instant(), 1_usize..200, value()).prop_map(|(start, count, value)| {
        (0..count as i64).map(|i| (start + i * 1_000_000, value)).collect()
    });
    prop_oneof![
        2 => prop::collection::vec((instant(), value()), 1..60),
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
