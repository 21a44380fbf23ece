//! The samples half of a shard, and how a sample is taken in by policy.

use timberline_model::DuplicatePolicy;

use super::{
    apply::HeadSample,
    epoch::Epoch,
    late::Arrival,
    ledger::Ledger,
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
    /// Kept for its memory.
    scratch: Vec<u8>,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            table: SeriesTable::default(),
            ledger: Ledger::default(),
            epoch: Epoch::FIRST,
            scratch: Vec::new(),
        }
    }
}

impl Samples {
    /// Takes in samples in the order given, under any policy but [`DuplicatePolicy::Reject`].
    pub(super) fn append_all(&mut self, samples: &[HeadSample], policy: DuplicatePolicy) {
        debug_assert!(policy != DuplicatePolicy::Reject, "refusing needs to look at each sample");
        let Self { table, ledger, epoch, scratch } = self;
        let mut at = Arrival { epoch: *epoch, policy, ledger, scratch };
        let (mut min_ts, mut max_ts, mut count) = (i64::MAX, i64::MIN, 0);
        for sample in samples {
            let series = table.get_mut(sample.slot);
            if append(series, sample, &mut at) {
                min_ts = min_ts.min(sample.ts);
                max_ts = max_ts.max(sample.ts);
                count += 1;
            }
        }
        note(at.ledger, at.epoch, count, min_ts, max_ts);
    }

    /// Takes in one sample whose instant the series is known not to have.
    pub(super) fn append_new(&mut self, sample: &HeadSample) {
        let Self { table, ledger, epoch, scratch } = self;
        let policy = DuplicatePolicy::Reject;
        let mut at = Arrival { epoch: *epoch, policy, ledger, scratch };
        let series = table.get_mut(sample.slot);
        match series.standing(sample.ts) {
            Standing::InOrder => series.append(sample.ts, sample.value, &mut at),
            _ => series.append_late(sample.ts, sample.value, &mut at),
        }
        note(at.ledger, at.epoch, 1, sample.ts, sample.ts);
    }
}

/// Takes in one sample; `false` when it adds nothing.
#[inline]
fn append(series: &mut Series, sample: &HeadSample, at: &mut Arrival<'_>) -> bool {
    let adds_nothing = match series.standing(sample.ts) {
        Standing::InOrder => {
            series.append(sample.ts, sample.value, at);
            return true;
        }
        Standing::AtNewest => match at.policy {
            DuplicatePolicy::All => false,
            DuplicatePolicy::Last => series.newest_bits() == sample.value.to_bits(),
            DuplicatePolicy::First | DuplicatePolicy::Reject => true,
        },
        Standing::Late => false,
    };
    if !adds_nothing {
        series.append_late(sample.ts, sample.value, at);
    }
    !adds_nothing
}

fn note(ledger: &mut Ledger, epoch: Epoch, count: u64, min_ts: i64, max_ts: i64) {
    if count > 0 {
        let counts = ledger.of(epoch);
        counts.samples += count;
        counts.min_ts = counts.min_ts.min(min_ts);
        counts.max_ts = counts.max_ts.max(max_ts);
    }
}
