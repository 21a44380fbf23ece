//! Samples of one series that came out of order.
//!
//! They wait in arrival order in a small buffer, where reads find them, and go from there into sealed
//! chunks that are sorted each by itself but overlap each other and the in-order chunks. Reading
//! merges them.

use timberline_codec::{chunk, xor::XorEncoder};
use timberline_model::{DuplicatePolicy, SeriesColumns, TimeRange, TimeUnit};

use super::{
    epoch::{Epoch, EpochSpan},
    ledger::Ledger,
    sealed::{SealedChunk, in_units},
};

/// The out-of-order samples of one series, oldest arrivals first.
#[derive(Debug, Default)]
pub(super) struct Late {
    pub(super) sealed: Vec<SealedChunk>,
    pub(super) buffer: Vec<(i64, f64)>,
    /// The epoch of all that is in the buffer.
    pub(super) buffer_epoch: Epoch,
}

impl Late {
    /// Adds a sample.
    pub(super) fn push(&mut self, ts: i64, value: f64, at: &mut Arrival<'_>) {
        let full = self.buffer.len() >= chunk::SAMPLES_MAX;
        if !self.buffer.is_empty() && (full || self.buffer_epoch != at.epoch) {
            self.seal(at);
        }
        if self.buffer.is_empty() {
            self.buffer_epoch = at.epoch;
            at.ledger.of(at.epoch).chunks += 1;
        }
        let before = self.buffer_bytes();
        self.buffer.push((ts, value));
        at.ledger.of(at.epoch).bytes += self.buffer_bytes() - before;
    }

    /// Makes a chunk of the buffer.
    fn seal(&mut self, at: &mut Arrival<'_>) {
        let held = self.buffer_bytes();
        let mut samples = std::mem::take(&mut self.buffer);
        sort(&mut samples, at.policy);
        let unit = samples.iter().map(|(ts, _)| TimeUnit::of(*ts)).max().unwrap_or(TimeUnit::Milli);
        let mut encoder = XorEncoder::new();
        for &(ts, value) in &samples {
            encoder.append(in_units(ts, unit), value);
        }
        let bounds = TimeRange::new(samples[0].0, samples[samples.len() - 1].0);
        let sealed = SealedChunk::new(&encoder, unit, bounds, self.buffer_epoch, at.scratch);
        at.ledger.of(self.buffer_epoch).replace_bytes(held, sealed.held_bytes());
        self.sealed.push(sealed);
    }

    fn buffer_bytes(&self) -> u64 {
        (self.buffer.capacity() * size_of::<(i64, f64)>()) as u64
    }

    /// Whether something of these epochs may be in the range.
    pub(super) fn has_samples(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        self.sealed.iter().any(|chunk| chunk.is_in(range, epochs))
            || (epochs.contains(self.buffer_epoch)
                && self.buffer.iter().any(|(ts, _)| range.contains(*ts)))
    }

    /// The value at an instant; where there are several, that which came first.
    pub(super) fn value_at(&self, ts: i64) -> Option<f64> {
        let (instant, epochs) = (TimeRange::new(ts, ts), EpochSpan::after(Epoch::default()));
        let mut columns = SeriesColumns::default();
        for chunk in self.sealed.iter().filter(|chunk| chunk.is_in(&instant, &epochs)) {
            columns.clear();
            chunk.decode(&mut columns);
            if let Some(value) = value_in(&columns, ts) {
                return Some(value);
            }
        }
        self.buffer.iter().find(|(at, _)| *at == ts).map(|(_, value)| *value)
    }
}

/// What the moment of a sample's arrival brings with it.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    pub(super) epoch: Epoch,
    pub(super) policy: DuplicatePolicy,
    pub(super) ledger: &'a mut Ledger,
    pub(super) scratch: &'a mut Vec<u8>,
}

/// The first value at an instant in sorted columns.
pub(super) fn value_in(columns: &SeriesColumns, ts: i64) -> Option<f64> {
    let index = columns.timestamps.partition_point(|at| *at < ts);
    (columns.timestamps.get(index) == Some(&ts)).then(|| columns.values[index])
}

/// Sorts by time, arrivals of one instant in their order, and leaves out those that the policy will
/// never show.
pub(super) fn sort(samples: &mut Vec<(i64, f64)>, policy: DuplicatePolicy) {
    samples.sort_by_key(|(ts, _)| *ts);
    match policy {
        DuplicatePolicy::All => {}
        DuplicatePolicy::First | DuplicatePolicy::Reject => {
            samples.dedup_by_key(|(ts, _)| *ts);
        }
        DuplicatePolicy::Last => samples.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = later.1;
            }
            same
        }),
    }
}
