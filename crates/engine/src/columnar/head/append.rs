//! The samples half of a shard, and how a sample is taken in by policy.

use timberline_model::DuplicatePolicy;

use super::{
    apply::{HeadExemplar, HeadHistogram, HeadSample},
    epoch::Epoch,
    held::{Held, SampleValue},
    histograms::decode_one,
    late::Arrival,
    ledger::{EpochCounts, Ledger},
    series::{Series, Standing},
    table::SeriesTable,
};

/// All samples of one shard.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) table: SeriesTable,
    pub(super) ledger: Ledger,
    /// The epoch of what is appended now.
    pub(super) epoch: Epoch,
    /// Bytes of the epochs that ended since the last flush began, when they ended.
    pub(super) carried_bytes: u64,
    /// Kept for its memory.
    scratch: Vec<u8>,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            table: SeriesTable::default(),
            ledger: Ledger::default(),
            epoch: Epoch::FIRST,
            carried_bytes: 0,
            scratch: Vec::new(),
        }
    }
}

impl Samples {
    /// Takes in floats in the order given, under any policy but [`DuplicatePolicy::Reject`]; `starts`
    /// has the start of each, or is empty.
    pub(super) fn append_all(
        &mut self,
        samples: &[HeadSample],
        starts: &[i64],
        policy: DuplicatePolicy,
    ) {
        debug_assert!(policy != DuplicatePolicy::Reject, "refusing needs to look at each sample");
        if starts.is_empty() {
            self.append_each(samples.iter().map(|sample| (sample, 0)), policy);
        } else {
            self.append_each(samples.iter().zip(starts.iter().copied()), policy);
        }
    }

    #[inline]
    fn append_each<'a>(
        &mut self,
        samples: impl Iterator<Item = (&'a HeadSample, i64)>,
        policy: DuplicatePolicy,
    ) {
        let Self { table, ledger, epoch, scratch, .. } = self;
        let mut at = Arrival { epoch: *epoch, policy, ledger, scratch };
        let mut taken = Taken::default();
        for (sample, start) in samples {
            let series = table.get_mut(sample.slot);
            if append(series, sample, start, &mut at) {
                taken.note(sample.ts);
            }
        }
        taken.record(at.ledger, at.epoch);
    }

    /// Takes in histograms in the order given, under any policy but [`DuplicatePolicy::Reject`].
    pub(super) fn append_histograms(
        &mut self,
        histograms: &[HeadHistogram],
        bytes: &[u8],
        policy: DuplicatePolicy,
    ) {
        let Self { table, ledger, epoch, scratch, .. } = self;
        let mut at = Arrival { epoch: *epoch, policy, ledger, scratch };
        let mut taken = Taken::default();
        for histogram in histograms {
            let series = table.get_mut(histogram.slot);
            if append_histogram(series, histogram, histogram.encoded(bytes), &mut at) {
                taken.note(histogram.ts);
            }
        }
        taken.record(at.ledger, at.epoch);
        at.ledger.of(at.epoch).histograms += taken.count;
    }

    /// Takes in exemplars; returns the bytes that they take.
    pub(super) fn append_exemplars(&mut self, exemplars: &[HeadExemplar]) -> u64 {
        let (mut all, mut taken) = (0, Taken::default());
        for HeadExemplar { slot, exemplar, .. } in exemplars {
            all += self.table.get_mut(*slot).add_exemplar(exemplar, self.epoch);
            taken.note(exemplar.ts);
        }
        if taken.count > 0 {
            let counts = self.ledger.of(self.epoch);
            counts.exemplars += taken.count;
            counts.bytes += all;
            taken.widen(counts);
        }
        all
    }

    /// Takes in one float whose instant the series is known not to have.
    pub(super) fn append_new(&mut self, sample: &HeadSample, start: i64) {
        let Self { table, ledger, epoch, scratch, .. } = self;
        let policy = DuplicatePolicy::Reject;
        let mut at = Arrival { epoch: *epoch, policy, ledger, scratch };
        let series = table.get_mut(sample.slot);
        match series.standing(sample.ts) {
            Standing::InOrder => series.append(sample.ts, sample.value, start, &mut at),
            _ => series.append_late(sample.ts, sample.value, start, &mut at),
        }
        Taken::one(sample.ts).record(at.ledger, at.epoch);
    }

    /// Takes in one histogram whose instant the series is known not to have.
    pub(super) fn append_new_histogram(&mut self, histogram: &HeadHistogram, encoded: &[u8]) {
        let Self { table, ledger, epoch, scratch, .. } = self;
        let policy = DuplicatePolicy::Reject;
        let mut at = Arrival { epoch: *epoch, policy, ledger, scratch };
        let series = table.get_mut(histogram.slot);
        match series.standing(histogram.ts) {
            Standing::InOrder => {
                series.append_histogram(histogram.ts, histogram.start, encoded, &mut at);
            }
            _ => series.append_late_histogram(histogram.ts, histogram.start, encoded, &mut at),
        }
        Taken::one(histogram.ts).record(at.ledger, at.epoch);
        at.ledger.of(at.epoch).histograms += 1;
    }
}

/// Takes in one float; `false` when it adds nothing.
#[inline]
fn append(series: &mut Series, sample: &HeadSample, start: i64, at: &mut Arrival<'_>) -> bool {
    let adds_nothing = match series.standing(sample.ts) {
        Standing::InOrder => {
            series.append(sample.ts, sample.value, start, at);
            return true;
        }
        Standing::AtNewest => match at.policy {
            DuplicatePolicy::All => false,
            DuplicatePolicy::Last => series.is_newest(sample.value, start),
            DuplicatePolicy::First | DuplicatePolicy::Reject => true,
        },
        Standing::Late => false,
    };
    if !adds_nothing {
        series.append_late(sample.ts, sample.value, start, at);
    }
    !adds_nothing
}

/// Takes in one histogram; `false` when it adds nothing.
fn append_histogram(
    series: &mut Series,
    histogram: &HeadHistogram,
    encoded: &[u8],
    at: &mut Arrival<'_>,
) -> bool {
    let HeadHistogram { ts, start, .. } = *histogram;
    let adds_nothing = match series.standing(ts) {
        Standing::InOrder => {
            series.append_histogram(ts, start, encoded, at);
            return true;
        }
        Standing::AtNewest => match at.policy {
            DuplicatePolicy::All => false,
            DuplicatePolicy::Last => {
                let same = |held: Held| held == Held { start, value: decoded(encoded) };
                series.newest_float().is_none() && series.last_at(ts).is_some_and(same)
            }
            DuplicatePolicy::First | DuplicatePolicy::Reject => true,
        },
        Standing::Late => false,
    };
    if !adds_nothing {
        series.append_late_histogram(ts, start, encoded, at);
    }
    !adds_nothing
}

/// The value of an encoded histogram.
pub(super) fn decoded(encoded: &[u8]) -> SampleValue {
    SampleValue::Histogram(Box::new(decode_one(encoded)))
}

/// Samples that were taken in.
struct Taken {
    count: u64,
    min_ts: i64,
    max_ts: i64,
}

impl Default for Taken {
    fn default() -> Self {
        Self { count: 0, min_ts: i64::MAX, max_ts: i64::MIN }
    }
}

impl Taken {
    const fn one(ts: i64) -> Self {
        Self { count: 1, min_ts: ts, max_ts: ts }
    }

    #[inline]
    fn note(&mut self, ts: i64) {
        self.min_ts = self.min_ts.min(ts);
        self.max_ts = self.max_ts.max(ts);
        self.count += 1;
    }

    fn widen(&self, counts: &mut EpochCounts) {
        counts.min_ts = counts.min_ts.min(self.min_ts);
        counts.max_ts = counts.max_ts.max(self.max_ts);
    }

    fn record(&self, ledger: &mut Ledger, epoch: Epoch) {
        if self.count > 0 {
            let counts = ledger.of(epoch);
            counts.samples += self.count;
            self.widen(counts);
        }
    }
}
