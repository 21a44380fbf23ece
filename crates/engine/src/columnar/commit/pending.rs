//! A batch on its way into the head: what may be written of it, grouped by shard and series.

use parking_lot::Mutex;
use timberline_model::{
    NANOS_PER_MILLI, RejectReason, Rejection, SeriesRef, TimeRange, WriteBatch, WriteOutcome,
};

use crate::columnar::head::{HeadSample, SHARD_COUNT, SeriesPlace};

/// The samples of one batch, grouped by shard.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) samples: Vec<HeadSample>,
    /// Where each shard's samples begin, and the end.
    bounds: [usize; SHARD_COUNT + 1],
    /// Indexes (in the batch) of the samples that the head refused as duplicates.
    pub(super) refused: Mutex<Vec<u32>>,
}

impl Pending {
    /// The shards for which there are samples.
    pub(super) fn shards(&self) -> impl Iterator<Item = usize> + '_ {
        (0..SHARD_COUNT).filter(|shard| self.bounds[*shard] < self.bounds[shard + 1])
    }

    pub(super) fn samples_of(&self, shard: usize) -> &[HeadSample] {
        &self.samples[self.bounds[shard]..self.bounds[shard + 1]]
    }

    /// Senders repeat their series in one order, so this finds its work done nearly always.
    fn sorted_by_slot(mut self) -> Self {
        for shard in 0..SHARD_COUNT {
            let samples = &mut self.samples[self.bounds[shard]..self.bounds[shard + 1]];
            if !samples.is_sorted_by_key(|sample| sample.slot) {
                samples.sort_by_key(|sample| sample.slot);
            }
        }
        self
    }
}

/// Leaves out what may not be written, and groups the rest by shard, then by series, in order of
/// arrival within one series.
pub(super) fn group(
    batch: &WriteBatch<'_>,
    resolved: &[Result<SeriesRef, RejectReason>],
    accepted: TimeRange,
    outcome: &mut WriteOutcome,
) -> Pending {
    debug_assert_eq!(batch.series().len(), resolved.len(), "one answer for each series");
    let mut next = [0usize; SHARD_COUNT];
    for_each_sample(batch, resolved, |series, index| {
        if accepted.contains(batch.timestamps()[index]) {
            next[series.shard().get()] += 1;
        }
    });
    let mut bounds = [0usize; SHARD_COUNT + 1];
    for shard in 0..SHARD_COUNT {
        bounds[shard + 1] = bounds[shard] + next[shard];
        next[shard] = bounds[shard];
    }
    let mut samples = vec![HeadSample::default(); bounds[SHARD_COUNT]];
    for_each_sample(batch, resolved, |series, index| {
        let (ts, value) = (batch.timestamps()[index], batch.values()[index]);
        if !accepted.contains(ts) {
            return;
        }
        let place = &mut next[series.shard().get()];
        let index = u32::try_from(index).expect("a batch has fewer than 2^32 samples");
        samples[*place] = HeadSample { slot: series.slot(), index, ts, value };
        *place += 1;
    });
    reject_unwritable(batch, resolved, accepted, outcome);
    let pending = Pending { samples, bounds, refused: Mutex::default() };
    pending.sorted_by_slot()
}

/// Calls `each` with the place of the series and the index of the sample, for every sample whose
/// series was resolved.
fn for_each_sample(
    batch: &WriteBatch<'_>,
    resolved: &[Result<SeriesRef, RejectReason>],
    mut each: impl FnMut(SeriesPlace, usize),
) {
    let mut start = 0;
    for (series, resolved) in batch.series().iter().zip(resolved) {
        let end = start + series.sample_count as usize;
        if let Ok(series_ref) = resolved {
            let place = SeriesPlace::of(*series_ref);
            (start..end).for_each(|index| each(place, index));
        }
        start = end;
    }
}

/// Counts and names what [`group`] left out.
fn reject_unwritable(
    batch: &WriteBatch<'_>,
    resolved: &[Result<SeriesRef, RejectReason>],
    accepted: TimeRange,
    outcome: &mut WriteOutcome,
) {
    let mut start = 0;
    for (series_index, (series, resolved)) in batch.series().iter().zip(resolved).enumerate() {
        let end = start + series.sample_count as usize;
        let mut reject = |samples: u64, reason: RejectReason| {
            outcome.reject(samples, || Rejection { series_index, labels: None, reason });
        };
        match resolved {
            Err(reason) => reject(u64::from(series.sample_count), reason.clone()),
            Ok(_) => {
                let timestamps = &batch.timestamps()[start..end];
                for ts in timestamps.iter().filter(|ts| !accepted.contains(**ts)) {
                    let ts_ms = ts.div_euclid(NANOS_PER_MILLI);
                    let too_old = *ts < accepted.start;
                    reject(
                        1,
                        match too_old {
                            true => RejectReason::TooOld { ts_ms },
                            false => RejectReason::TooFarAhead { ts_ms },
                        },
                    );
                }
            }
        }
        start = end;
    }
}
