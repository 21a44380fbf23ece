//! A batch on its way into the log and the head: what may be written of it, grouped by shard and
//! series.

use parking_lot::Mutex;
use timberline_codec::histogram;
use timberline_model::{
    FamilyMetadata, NANOS_PER_MILLI, RejectReason, Rejection, SeriesRef, TimeRange, WriteBatch,
    WriteOutcome,
};

use super::exemplars::take_exemplars;
use crate::columnar::head::{
    Head, HeadExemplar, HeadHistogram, HeadSample, Refused, SHARD_COUNT, SeriesPlace, ShardBatch,
};

/// What one batch has, grouped by shard.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) samples: Vec<HeadSample>,
    /// The start of each sample; empty if nobody said any.
    pub(super) starts: Vec<i64>,
    pub(super) histograms: Vec<HeadHistogram>,
    /// Histograms, encoded once for the log and the head.
    pub(super) histogram_bytes: Vec<u8>,
    pub(super) exemplars: Vec<HeadExemplar>,
    pub(super) metadata: Vec<FamilyMetadata>,
    sample_bounds: Bounds,
    histogram_bounds: Bounds,
    exemplar_bounds: Bounds,
    /// Indexes (in the batch) of what the head refused as duplicates.
    pub(super) refused: Mutex<Refused>,
}

/// Where each shard's items begin, and the end.
type Bounds = [usize; SHARD_COUNT + 1];

impl Pending {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty()
            && self.histograms.is_empty()
            && self.exemplars.is_empty()
            && self.metadata.is_empty()
    }

    /// The shards for which there is something.
    pub(super) fn shards(&self) -> impl Iterator<Item = usize> + '_ {
        let all = [&self.sample_bounds, &self.histogram_bounds, &self.exemplar_bounds];
        let has_any =
            move |shard: &usize| all.iter().any(|bounds| bounds[*shard] < bounds[shard + 1]);
        (0..SHARD_COUNT).filter(has_any)
    }

    /// What there is for one shard.
    pub(super) fn of_shard(&self, shard: usize) -> ShardBatch<'_> {
        let range = |bounds: &Bounds| bounds[shard]..bounds[shard + 1];
        let starts = if self.starts.is_empty() { 0..0 } else { range(&self.sample_bounds) };
        ShardBatch {
            samples: &self.samples[range(&self.sample_bounds)],
            starts: &self.starts[starts],
            histograms: &self.histograms[range(&self.histogram_bounds)],
            histogram_bytes: &self.histogram_bytes,
            exemplars: &self.exemplars[range(&self.exemplar_bounds)],
        }
    }

    /// Senders repeat their series in one order, so this finds its work done nearly always.
    fn sort_by_slot(&mut self) {
        for shard in 0..SHARD_COUNT {
            let range = self.sample_bounds[shard]..self.sample_bounds[shard + 1];
            let samples = &mut self.samples[range];
            if !samples.is_sorted_by_key(|sample| sample.slot) {
                samples.sort_by_key(|sample| sample.slot);
            }
        }
    }

    /// Gives each sample its start, if the batch has any.
    fn take_starts(&mut self, starts: &[i64]) {
        let start = |sample: &HeadSample| starts[sample.index as usize];
        if !starts.is_empty() && self.samples.iter().any(|sample| start(sample) != 0) {
            self.starts = self.samples.iter().map(start).collect();
        }
    }
}

/// Leaves out what may not be written, and groups the rest by shard, then by series, in order of
/// arrival within one series.
pub(super) fn group(
    batch: &WriteBatch<'_>,
    resolved: &[Result<SeriesRef, RejectReason>],
    accepted: TimeRange,
    head: &Head,
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
    let mut pending = Pending { samples, sample_bounds: bounds, ..Pending::default() };
    pending.sort_by_slot();
    pending.take_starts(batch.starts());
    if !batch.histograms().is_empty() {
        take_histograms(&mut pending, batch, resolved, accepted, outcome);
    }
    if !batch.exemplars().is_empty() {
        let taken = take_exemplars(batch, resolved, accepted, head, outcome);
        (pending.exemplars, pending.exemplar_bounds) =
            by_shard(taken, |slot, exemplar| HeadExemplar { slot, exemplar });
    }
    pending
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

/// Counts and names the floats that [`group`] left out.
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
            // A series without floats is named by what else it has.
            Err(_) if series.sample_count == 0 => {}
            Err(reason) => reject(u64::from(series.sample_count), reason.clone()),
            Ok(_) => {
                let timestamps = &batch.timestamps()[start..end];
                for ts in timestamps.iter().filter(|ts| !accepted.contains(**ts)) {
                    reject(1, out_of_range(*ts, accepted));
                }
            }
        }
        start = end;
    }
}

/// Why an instant outside of the accepted range is refused.
pub(super) const fn out_of_range(ts: i64, accepted: TimeRange) -> RejectReason {
    let ts_ms = ts.div_euclid(NANOS_PER_MILLI);
    if ts < accepted.start {
        RejectReason::TooOld { ts_ms }
    } else {
        RejectReason::TooFarAhead { ts_ms }
    }
}

/// Checks and encodes the histograms, and groups those that may be written.
fn take_histograms(
    pending: &mut Pending,
    batch: &WriteBatch<'_>,
    resolved: &[Result<SeriesRef, RejectReason>],
    accepted: TimeRange,
    outcome: &mut WriteOutcome,
) {
    let bytes = &mut pending.histogram_bytes;
    let mut taken: Vec<(SeriesRef, HeadHistogram)> = Vec::with_capacity(batch.histograms().len());
    let mut start = 0;
    for (series_index, (series, resolved)) in batch.series().iter().zip(resolved).enumerate() {
        let end = start + series.histogram_count as usize;
        for index in start..end {
            let sample = &batch.histograms()[index];
            let fits = match resolved {
                Err(reason) => Err(reason.clone()),
                Ok(_) if !accepted.contains(sample.ts) => Err(out_of_range(sample.ts, accepted)),
                Ok(series) => sample.histogram.check().map(|()| *series).map_err(Into::into),
            };
            let series = match fits {
                Ok(series) => series,
                Err(reason) => {
                    outcome.reject(1, || Rejection { series_index, labels: None, reason });
                    continue;
                }
            };
            let from = bytes.len();
            histogram::put(&sample.histogram, bytes);
            let index = u32::try_from(index).expect("a batch has fewer than 2^32 histograms");
            let (ts, start, bytes) = (sample.ts, sample.start, from..bytes.len());
            taken.push((series, HeadHistogram { slot: 0, index, ts, start, bytes }));
        }
        start = end;
    }
    (pending.histograms, pending.histogram_bounds) =
        by_shard(taken, |slot, histogram| HeadHistogram { slot, ..histogram });
}

/// Puts items in the order of shards and series, those of one series in their own order.
fn by_shard<T, U>(mut items: Vec<(SeriesRef, T)>, place: impl Fn(u32, T) -> U) -> (Vec<U>, Bounds) {
    items.sort_by_key(|(series, _)| *series);
    let mut bounds = [0; SHARD_COUNT + 1];
    for (series, _) in &items {
        bounds[SeriesPlace::of(*series).shard().get() + 1] += 1;
    }
    for shard in 0..SHARD_COUNT {
        bounds[shard + 1] += bounds[shard];
    }
    let placed =
        items.into_iter().map(|(series, item)| place(SeriesPlace::of(series).slot(), item));
    (placed.collect(), bounds)
}
