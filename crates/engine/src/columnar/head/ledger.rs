//! What a shard holds, counted by epoch as it comes, so that asking costs nothing.

use super::epoch::Epoch;

/// Counts of one epoch's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EpochCounts {
    pub(super) epoch: Epoch,
    /// Samples taken in, histograms and late ones included. Late duplicates count until they are
    /// merged away.
    pub(super) samples: u64,
    /// Those of them that are histograms.
    pub(super) histograms: u64,
    /// Exemplars taken in.
    pub(super) exemplars: u64,
    /// Samples that came out of order.
    pub(super) late_samples: u64,
    /// Open and sealed chunks, pieces of histograms, and buffers of late samples.
    pub(super) chunks: u64,
    /// Bytes of all of them, unused room included.
    pub(super) bytes: u64,
    /// The earliest sample or exemplar; after `max_ts` when there is none.
    pub(super) min_ts: i64,
    /// The latest sample or exemplar.
    pub(super) max_ts: i64,
}

impl EpochCounts {
    pub(super) const fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            samples: 0,
            histograms: 0,
            exemplars: 0,
            late_samples: 0,
            chunks: 0,
            bytes: 0,
            min_ts: i64::MAX,
            max_ts: i64::MIN,
        }
    }

    /// Counts `new` bytes in place of `old` ones.
    pub(super) fn replace_bytes(&mut self, old: u64, new: u64) {
        self.bytes = (self.bytes + new).saturating_sub(old);
    }
}

/// The counts of the epochs that a shard still holds something of, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    epochs: Vec<EpochCounts>,
}

impl Ledger {
    /// The counts of one epoch, to change.
    #[inline]
    pub(super) fn of(&mut self, epoch: Epoch) -> &mut EpochCounts {
        // Nearly always the newest is wanted.
        if self.epochs.last().is_none_or(|counts| counts.epoch != epoch) {
            return self.find_or_insert(epoch);
        }
        let last = self.epochs.len() - 1;
        &mut self.epochs[last]
    }

    #[cold]
    fn find_or_insert(&mut self, epoch: Epoch) -> &mut EpochCounts {
        let place = self.epochs.partition_point(|counts| counts.epoch < epoch);
        if self.epochs.get(place).is_none_or(|counts| counts.epoch != epoch) {
            self.epochs.insert(place, EpochCounts::new(epoch));
        }
        &mut self.epochs[place]
    }

    /// All counts, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &EpochCounts> {
        self.epochs.iter()
    }

    /// Forgets an epoch and older ones.
    pub(super) fn forget(&mut self, upto: Epoch) {
        self.epochs.retain(|counts| counts.epoch > upto);
    }
}
