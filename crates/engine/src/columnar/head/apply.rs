//! Applying samples that are in the log.
//!
//! One thread at a time applies to a shard, in the order of the log, while any number of threads read
//! from it. Because nobody else appends, a decision made about a sample still holds when the lock was
//! given up and taken again in between.

use std::{ops::Range, sync::atomic::Ordering};

use parking_lot::RwLockWriteGuard;
use timberline_model::{DuplicatePolicy, Exemplar, Labels};

use super::{
    append::{Samples, decoded},
    epoch::EpochSpan,
    held::SampleValue,
    place::ShardIndex,
    root::Head,
    series::Standing,
    shard::Shard,
};

/// Samples that are applied before readers get a chance.
const SLICE_LEN: usize = 8_192;

/// A sample on its way to one shard.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadSample {
    /// The series' position in the shard.
    pub slot: u32,
    /// What the caller knows the sample by; refused samples are named by it.
    pub index: u32,
    /// Nanoseconds since the Unix epoch.
    pub ts: i64,
    /// The value.
    pub value: f64,
}

/// A native histogram on its way to one shard.
#[derive(Clone, Debug, Default)]
pub struct HeadHistogram {
    /// The series' position in the shard.
    pub slot: u32,
    /// What the caller knows it by.
    pub index: u32,
    /// Nanoseconds since the Unix epoch.
    pub ts: i64,
    /// When what it counts began, nanoseconds; 0 if nobody said.
    pub start: i64,
    /// Where its bytes are among those of all, encoded by [`timberline_codec::histogram`].
    pub bytes: Range<usize>,
}

impl HeadHistogram {
    /// Its bytes, among those of all.
    ///
    /// # Panics
    /// When they are not there.
    #[must_use]
    pub fn encoded<'a>(&self, all: &'a [u8]) -> &'a [u8] {
        &all[self.bytes.clone()]
    }
}

/// An exemplar on its way to one shard.
#[derive(Clone, Debug)]
pub struct HeadExemplar {
    /// The series' position in the shard.
    pub slot: u32,
    /// It.
    pub exemplar: Exemplar,
}

/// What a batch has for one shard. Where a float and a histogram of one series have one instant, the
/// float counts as having come first.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShardBatch<'a> {
    /// Floats.
    pub samples: &'a [HeadSample],
    /// The start timestamp of each float, 0 where nobody said; none if nobody said for any.
    pub starts: &'a [i64],
    /// Native histograms, each of which was checked.
    pub histograms: &'a [HeadHistogram],
    /// Bytes of histograms, those of others included.
    pub histogram_bytes: &'a [u8],
    /// Exemplars; see [`Head::exemplar_fate`].
    pub exemplars: &'a [HeadExemplar],
}

/// The `index` of what a shard refused, which happens under [`DuplicatePolicy::Reject`] alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Of floats.
    pub samples: Vec<u32>,
    /// Of histograms.
    pub histograms: Vec<u32>,
}

impl Refused {
    /// Whether nothing was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.histograms.is_empty()
    }

    /// Adds what another shard refused.
    pub fn extend(&mut self, other: Self) {
        self.samples.extend(other.samples);
        self.histograms.extend(other.histograms);
    }
}

/// Tells the value that the blocks hold for a series at an instant.
type Older<'a> = &'a dyn Fn(&Labels, i64) -> Option<SampleValue>;

/// What is in the blocks, and what is not. The head may have what they have, too, for reads that began
/// before; but only they know whether it is deleted.
struct Blocks<'a> {
    older: Older<'a>,
    /// The epochs of which they have nothing.
    not_yet: EpochSpan,
}

impl Head {
    /// Takes in floats of one shard that have no start, as [`Head::apply_batch`] does, and returns the
    /// `index` of those that were refused.
    pub fn apply(
        &self,
        shard: ShardIndex,
        samples: &[HeadSample],
        older: &dyn Fn(&Labels, i64) -> Option<SampleValue>,
    ) -> Vec<u32> {
        self.apply_batch(shard, ShardBatch { samples, ..ShardBatch::default() }, older).samples
    }

    /// Takes in what a batch has for one shard, in the order given. Under [`DuplicatePolicy::Reject`]
    /// alone, `older` is asked what the blocks hold, for samples that are not known to be newer than
    /// all of theirs; no lock of the head is held meanwhile.
    ///
    /// One thread at a time may apply to one shard. Samples of series beyond the last one known are
    /// ignored: a damaged log may hold such.
    pub fn apply_batch(
        &self,
        shard: ShardIndex,
        batch: ShardBatch<'_>,
        older: &dyn Fn(&Labels, i64) -> Option<SampleValue>,
    ) -> Refused {
        let shard = self.shard(shard);
        let slot_end = shard.slot_end.load(Ordering::Acquire);
        let is_beyond = |slot: u32| slot >= slot_end;
        let damaged = batch.samples.iter().any(|sample| is_beyond(sample.slot))
            || batch.histograms.iter().any(|histogram| is_beyond(histogram.slot))
            || batch.exemplars.iter().any(|exemplar| is_beyond(exemplar.slot));
        if damaged {
            return self.apply_known(shard, batch, slot_end, older);
        }
        self.apply_all(shard, batch, older)
    }

    /// Applies what belongs to slots before `slot_end`.
    fn apply_known(
        &self,
        shard: &Shard,
        batch: ShardBatch<'_>,
        slot_end: u32,
        older: Older<'_>,
    ) -> Refused {
        let is_known = |slot: u32| slot < slot_end;
        let keeps: Vec<bool> = batch.samples.iter().map(|sample| is_known(sample.slot)).collect();
        let samples = kept(batch.samples, &keeps);
        let starts = kept(batch.starts, &keeps);
        let mut histograms = batch.histograms.to_vec();
        histograms.retain(|histogram| is_known(histogram.slot));
        let mut exemplars = batch.exemplars.to_vec();
        exemplars.retain(|exemplar| is_known(exemplar.slot));
        let known = ShardBatch {
            samples: &samples,
            starts: &starts,
            histograms: &histograms,
            histogram_bytes: batch.histogram_bytes,
            exemplars: &exemplars,
        };
        self.apply_all(shard, known, older)
    }

    fn apply_all(&self, shard: &Shard, batch: ShardBatch<'_>, older: Older<'_>) -> Refused {
        let policy = self.options().duplicates;
        let mut refused = Refused::default();
        if policy == DuplicatePolicy::Reject {
            refused = self.apply_rejecting(shard, &batch, older);
        } else {
            let mut starts = batch.starts;
            for slice in batch.samples.chunks(SLICE_LEN) {
                let (of_slice, rest) = starts.split_at(slice.len().min(starts.len()));
                starts = rest;
                let mut state = shard.samples.write();
                state.append_all(slice, of_slice, policy);
                shard.note_epoch_bytes(&mut state);
            }
            for slice in batch.histograms.chunks(SLICE_LEN) {
                let mut state = shard.samples.write();
                state.append_histograms(slice, batch.histogram_bytes, policy);
                shard.note_epoch_bytes(&mut state);
            }
        }
        if !batch.exemplars.is_empty() {
            let mut state = shard.samples.write();
            let bytes = state.append_exemplars(batch.exemplars);
            shard.note_epoch_bytes(&mut state);
            self.exemplar_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        refused
    }

    fn apply_rejecting(&self, shard: &Shard, batch: &ShardBatch<'_>, older: Older<'_>) -> Refused {
        let mut refused = Refused::default();
        let blocks = Blocks { older, not_yet: EpochSpan::after(*self.flushed.lock()) };
        let starts = batch.starts.iter().copied().chain(std::iter::repeat(0));
        let mut samples = batch.samples.iter().zip(starts).peekable();
        while samples.peek().is_some() {
            let mut state = shard.samples.write();
            for (sample, start) in samples.by_ref().take(SLICE_LEN) {
                match self.held(shard, &mut state, sample.slot, sample.ts, &blocks) {
                    None => state.append_new(sample, start),
                    // A sender that tries again gets the same answer as the first time.
                    Some(held) if held == SampleValue::Float(sample.value) => {}
                    Some(_) => refused.samples.push(sample.index),
                }
            }
            shard.note_epoch_bytes(&mut state);
        }
        for slice in batch.histograms.chunks(SLICE_LEN) {
            let mut state = shard.samples.write();
            for histogram in slice {
                let encoded = histogram.encoded(batch.histogram_bytes);
                match self.held(shard, &mut state, histogram.slot, histogram.ts, &blocks) {
                    None => state.append_new_histogram(histogram, encoded),
                    Some(held) if held == decoded(encoded) => {}
                    Some(_) => refused.histograms.push(histogram.index),
                }
            }
            shard.note_epoch_bytes(&mut state);
        }
        refused
    }

    /// What the head or the blocks hold for a series at an instant. The lock is given up while the
    /// blocks are asked.
    fn held(
        &self,
        shard: &Shard,
        state: &mut RwLockWriteGuard<'_, Samples>,
        slot: u32,
        ts: i64,
        blocks: &Blocks<'_>,
    ) -> Option<SampleValue> {
        let series = state.table.get_mut(slot);
        let (held, in_blocks) = match series.standing(ts) {
            // Of a series that is new in this process, the head has seen every sample.
            Standing::InOrder => {
                let recovered_end = shard.recovered_end.load(Ordering::Relaxed);
                (None, slot < recovered_end && ts <= self.blocks_end())
            }
            Standing::AtNewest => match series.newest_float() {
                Some(value) => (Some(SampleValue::Float(value)), false),
                None => (series.value_at(ts, &blocks.not_yet), true),
            },
            Standing::Late => (series.value_at(ts, &blocks.not_yet), true),
        };
        match held {
            None if in_blocks => RwLockWriteGuard::unlocked(state, || {
                let labels = shard.catalog.read().labels(slot)?;
                (blocks.older)(&labels, ts)
            }),
            held => held,
        }
    }
}

/// The items that are to be kept.
fn kept<T: Copy>(items: &[T], keeps: &[bool]) -> Vec<T> {
    items.iter().zip(keeps).filter(|(_, keep)| **keep).map(|(item, _)| *item).collect()
}
