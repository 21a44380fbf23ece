//! Applying samples that are in the log.
//!
//! One thread at a time applies to a shard, in the order of the log, while any number of threads read
//! from it. Because nobody else appends, a decision made about a sample still holds when the lock was
//! given up and taken again in between.

use std::sync::atomic::Ordering;

use parking_lot::RwLockWriteGuard;
use timberline_model::{DuplicatePolicy, Labels};

use super::{place::ShardIndex, root::Head, series::Standing, shard::Shard};

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

/// Tells the value that the blocks hold for a series at an instant.
type Older<'a> = &'a dyn Fn(&Labels, i64) -> Option<f64>;

impl Head {
    /// Takes in samples of one shard, in the order given, and returns the `index` of those that were
    /// refused, which happens under [`DuplicatePolicy::Reject`] alone. Only there is `older` asked
    /// what the blocks hold, for samples that are not known to be newer than all of theirs; no lock
    /// of the head is held meanwhile.
    ///
    /// One thread at a time may apply to one shard. Samples of series beyond the last one known are
    /// ignored: a damaged log may hold such.
    pub fn apply(
        &self,
        shard: ShardIndex,
        samples: &[HeadSample],
        older: &dyn Fn(&Labels, i64) -> Option<f64>,
    ) -> Vec<u32> {
        let policy = self.options().duplicates;
        let shard = self.shard(shard);
        let known;
        let mut samples = samples;
        let slot_end = shard.slot_end.load(Ordering::Acquire);
        if samples.iter().any(|sample| sample.slot >= slot_end) {
            known = samples.iter().copied().filter(|s| s.slot < slot_end).collect::<Vec<_>>();
            samples = &known;
        }
        if policy == DuplicatePolicy::Reject {
            return self.apply_rejecting(shard, samples, older);
        }
        for slice in samples.chunks(SLICE_LEN) {
            let mut state = shard.samples.write();
            state.append_all(slice, policy);
            shard.note_epoch_bytes(&mut state);
        }
        Vec::new()
    }

    fn apply_rejecting(&self, shard: &Shard, samples: &[HeadSample], older: Older<'_>) -> Vec<u32> {
        let mut refused = Vec::new();
        let blocks_end = self.blocks_end();
        let recovered_end = shard.recovered_end.load(Ordering::Relaxed);
        for slice in samples.chunks(SLICE_LEN) {
            let mut state = shard.samples.write();
            for sample in slice {
                let series = state.table.get_mut(sample.slot);
                let (held, in_blocks) = match series.standing(sample.ts) {
                    // Of a series that is new in this process, the head has seen every sample.
                    Standing::InOrder => {
                        (None, sample.slot < recovered_end && sample.ts <= blocks_end)
                    }
                    Standing::AtNewest => (Some(series.newest_bits()), false),
                    Standing::Late => (series.value_at(sample.ts).map(f64::to_bits), true),
                };
                let held = match held {
                    None if in_blocks => RwLockWriteGuard::unlocked(&mut state, || {
                        let labels = shard.catalog.read().labels(sample.slot)?;
                        older(&labels, sample.ts).map(f64::to_bits)
                    }),
                    held => held,
                };
                match held {
                    None => state.append_new(sample),
                    // A sender that tries again gets the same answer as the first time.
                    Some(bits) if bits == sample.value.to_bits() => {}
                    Some(_) => refused.push(sample.index),
                }
            }
            shard.note_epoch_bytes(&mut state);
        }
        refused
    }
}
