//! The commit: one order for all writes, in the log and in the head alike.
//!
//! A commit takes its place in the order by appending its frame to the log and queueing its samples
//! at their shards, both under one short lock. It then applies what is queued at each of its shards,
//! its own samples and whatever others queued before, so that every shard sees the order of the
//! log without a lock around all of them. Last it waits until the log is as durable as was asked.
//!
//! Invariant: the head holds exactly what replaying the log up to the last drained queue would give.

mod exemplars;
mod pending;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use timberline_log::{Log, Payload, RecordEncoder};
use timberline_model::{
    Durability, Labels, LogOffset, NANOS_PER_MILLI, RejectReason, Rejection, SeriesRef, TimeRange,
    WriteBatch, WriteOutcome,
};

use super::{
    families::Families,
    head::{Head, SHARD_COUNT, SampleValue, ShardIndex},
};
use crate::EngineError;
use pending::{Pending, group};

/// Finds the value that the blocks hold for a series at an instant; asked only where duplicates are
/// to be refused.
pub(crate) type OlderSample<'a> = &'a dyn Fn(&Labels, i64) -> Option<SampleValue>;

/// Encoders kept for reuse.
const SCRATCHES_MAX: usize = 32;
/// Bytes of an encoder's buffers beyond which it is not kept: a rare large batch is not to be paid for
/// in memory ever after.
const SCRATCH_BYTES_MAX: usize = 4 << 20;

/// Puts batches into the log and the head in one order.
#[derive(Debug)]
pub(crate) struct Committer {
    log: Arc<Log>,
    head: Arc<Head>,
    families: Arc<Families>,
    order: Mutex<()>,
    queues: [ShardQueue; SHARD_COUNT],
    first_shard: AtomicUsize,
    scratches: Mutex<Vec<Scratch>>,
}

/// Batches that are in the log and not yet applied to one shard.
#[derive(Debug, Default)]
struct ShardQueue {
    waiting: Mutex<VecDeque<Arc<Pending>>>,
    /// Held while batches are taken and applied, so that they are applied in the order taken.
    applying: Mutex<()>,
}

/// Buffers of one commit, kept for the next.
#[derive(Debug, Default)]
struct Scratch {
    encoder: RecordEncoder,
    refs: Vec<SeriesRef>,
    timestamps: Vec<i64>,
    values: Vec<f64>,
}

impl Committer {
    pub(crate) fn new(log: Arc<Log>, head: Arc<Head>, families: Arc<Families>) -> Self {
        Self {
            log,
            head,
            families,
            order: Mutex::new(()),
            queues: std::array::from_fn(|_| ShardQueue::default()),
            first_shard: AtomicUsize::new(0),
            scratches: Mutex::new(Vec::new()),
        }
    }

    /// Writes what a batch has in the range of time that is `accepted`, and returns once it is
    /// visible to reads and as durable as asked.
    pub(crate) fn commit(
        &self,
        batch: &WriteBatch<'_>,
        durability: Durability,
        accepted: TimeRange,
        older: OlderSample<'_>,
    ) -> Result<WriteOutcome, EngineError> {
        loop {
            let generation = self.head.generation();
            if let Some(outcome) =
                self.try_commit(batch, durability, accepted, older, generation)?
            {
                return Ok(outcome);
            }
        }
    }

    /// As [`Committer::commit`]; `None`, without any effect on the log, when series have left the head
    /// since `generation`, which only a flush brings about.
    fn try_commit(
        &self,
        batch: &WriteBatch<'_>,
        durability: Durability,
        accepted: TimeRange,
        older: OlderSample<'_>,
        generation: u64,
    ) -> Result<Option<WriteOutcome>, EngineError> {
        let mut outcome = WriteOutcome::default();
        let resolution = self.head.resolve(batch);
        let mut pending = group(batch, &resolution.series, accepted, &self.head, &mut outcome);
        pending.metadata = self.families.news_of(batch, &mut outcome);
        if pending.is_empty() && resolution.undefined.is_empty() {
            outcome.offset = self.log.end();
            if !batch.is_empty() {
                // What is known already may still be on its way to the disk.
                self.log.commit(outcome.offset, durability)?;
            }
            return Ok(Some(outcome));
        }
        let pending = Arc::new(pending);
        let mut scratch = self.scratches.lock().pop().unwrap_or_default();
        let record = Payload::new(scratch.encode(&pending, &resolution.undefined));
        let placed = self.place(record, &pending, generation);
        self.keep(scratch);
        let Some(offset) = placed? else { return Ok(None) };
        if !resolution.undefined.is_empty() {
            let refs: Vec<SeriesRef> =
                resolution.undefined.iter().map(|(series, _)| *series).collect();
            self.head.mark_defined(&refs);
        }
        self.apply(&pending, older);
        self.log.commit(offset, durability)?;
        outcome.offset = offset;
        self.count(batch, &pending, &mut outcome);
        Ok(Some(outcome))
    }

    /// Lets go of series that are idle and have nothing in memory; returns how many. Writers wait for
    /// a moment at each shard, about 100 ns for each series that goes.
    pub(crate) fn retire(&self, idle: i64, older: OlderSample<'_>) -> u64 {
        let idle = self.head.idle_series(idle);
        let mut retired = 0;
        self.head.begin_retiring();
        for shard in idle.shards() {
            {
                let _order = self.order.lock();
                // What has its place in the log and is not applied yet may be of one of them.
                self.drain(shard.get(), older);
                retired += self.head.retire(shard, &idle);
            }
            self.head.clean(shard);
        }
        self.head.end_retiring();
        retired
    }

    /// Runs `then` at a moment when the head holds exactly what the log holds, and nothing moves.
    /// Keep it short: writers wait.
    pub(crate) fn at_rest<R>(
        &self,
        older: OlderSample<'_>,
        then: impl FnOnce(LogOffset) -> R,
    ) -> R {
        let _order = self.order.lock();
        for shard in 0..SHARD_COUNT {
            self.drain(shard, older);
        }
        then(self.log.end())
    }

    /// Returns once everything that has its place in the log by now is in the head.
    pub(crate) fn settle(&self, older: OlderSample<'_>) {
        // Whoever holds this may have a frame in the log that is not queued yet.
        drop(self.order.lock());
        for shard in 0..SHARD_COUNT {
            self.drain(shard, older);
        }
    }

    /// Appends the record and queues the samples, in one order, unless series have left the head since
    /// `generation`. Metadata is taken in at once.
    fn place(
        &self,
        record: Payload<'_>,
        pending: &Arc<Pending>,
        generation: u64,
    ) -> Result<Option<LogOffset>, EngineError> {
        let _order = self.order.lock();
        if self.head.generation() != generation {
            return Ok(None);
        }
        let offset = self.log.append_prepared(record)?;
        for shard in pending.shards() {
            self.queues[shard].waiting.lock().push_back(Arc::clone(pending));
        }
        self.families.apply(&pending.metadata);
        Ok(Some(offset))
    }

    /// Applies a batch, and what was queued before it, at each of its shards. Commits start at
    /// different shards, so that they seldom wait for each other.
    fn apply(&self, pending: &Pending, older: OlderSample<'_>) {
        let first = self.first_shard.fetch_add(1, Ordering::Relaxed) % SHARD_COUNT;
        for shard in pending.shards().filter(|shard| *shard >= first) {
            self.drain(shard, older);
        }
        for shard in pending.shards().filter(|shard| *shard < first) {
            self.drain(shard, older);
        }
    }

    fn drain(&self, shard: usize, older: OlderSample<'_>) {
        let queue = &self.queues[shard];
        let _applying = queue.applying.lock();
        loop {
            let Some(pending) = queue.waiting.lock().pop_front() else { return };
            let batch = pending.of_shard(shard);
            let refused = self.head.apply_batch(ShardIndex::new(shard), batch, older);
            if !refused.is_empty() {
                pending.refused.lock().extend(refused);
            }
        }
    }

    fn count(&self, batch: &WriteBatch<'_>, pending: &Pending, outcome: &mut WriteOutcome) {
        let refused = std::mem::take(&mut *pending.refused.lock());
        outcome.samples_written = (pending.samples.len() - refused.samples.len()) as u64;
        outcome.histograms_written = (pending.histograms.len() - refused.histograms.len()) as u64;
        if refused.is_empty() {
            return;
        }
        let series = batch.series();
        let floats = series.iter().map(|series| series.sample_count);
        reject_duplicates(refused.samples, floats, |index| batch.timestamps()[index], outcome);
        let histograms = series.iter().map(|series| series.histogram_count);
        let ts_of = |index: usize| batch.histograms()[index].ts;
        reject_duplicates(refused.histograms, histograms, ts_of, outcome);
    }

    fn keep(&self, scratch: Scratch) {
        let mut scratches = self.scratches.lock();
        if scratches.len() < SCRATCHES_MAX && scratch.held_bytes() <= SCRATCH_BYTES_MAX {
            scratches.push(scratch);
        }
    }
}

impl Scratch {
    fn held_bytes(&self) -> usize {
        self.encoder.held_bytes()
            + self.refs.capacity() * size_of::<SeriesRef>()
            + self.timestamps.capacity() * size_of::<i64>()
            + self.values.capacity() * size_of::<f64>()
    }

    /// The record of a batch: definitions first, then the samples in columns, then what else there is.
    fn encode(&mut self, pending: &Pending, undefined: &[(SeriesRef, Labels)]) -> &[u8] {
        let Self { encoder, refs, timestamps, values } = self;
        encoder.clear();
        refs.clear();
        timestamps.clear();
        values.clear();
        for (series, labels) in undefined {
            encoder.define(*series, labels);
        }
        for shard in pending.shards() {
            for sample in pending.of_shard(shard).samples {
                refs.push(ShardIndex::new(shard).series(sample.slot));
                timestamps.push(sample.ts);
                values.push(sample.value);
            }
        }
        encoder.samples(refs, timestamps, values);
        encoder.starts(&pending.starts);
        if !pending.histograms.is_empty() {
            encode_histograms(encoder, pending);
        }
        if !pending.exemplars.is_empty() {
            encode_exemplars(encoder, pending);
        }
        encoder.metadata(&pending.metadata);
        encoder.finish()
    }
}

fn encode_histograms(encoder: &mut RecordEncoder, pending: &Pending) {
    let mut refs = Vec::with_capacity(pending.histograms.len());
    for shard in pending.shards() {
        let histograms = pending.of_shard(shard).histograms;
        refs.extend(histograms.iter().map(|of| ShardIndex::new(shard).series(of.slot)));
    }
    let all = &pending.histograms;
    let timestamps: Vec<i64> = all.iter().map(|histogram| histogram.ts).collect();
    let starts: Vec<i64> = all.iter().map(|histogram| histogram.start).collect();
    let encoded = all.iter().map(|histogram| histogram.encoded(&pending.histogram_bytes));
    encoder.histograms(&refs, &timestamps, &starts, encoded);
}

fn encode_exemplars(encoder: &mut RecordEncoder, pending: &Pending) {
    let mut refs = Vec::with_capacity(pending.exemplars.len());
    for shard in pending.shards() {
        let exemplars = pending.of_shard(shard).exemplars;
        refs.extend(exemplars.iter().map(|of| ShardIndex::new(shard).series(of.slot)));
    }
    encoder.exemplars(&refs, pending.exemplars.iter().map(|of| &of.exemplar));
}

/// Counts and names samples that the head refused; `counts` has how many of the batch each series
/// has.
fn reject_duplicates(
    mut refused: Vec<u32>,
    counts: impl Iterator<Item = u32>,
    ts_of: impl Fn(usize) -> i64,
    outcome: &mut WriteOutcome,
) {
    refused.sort_unstable();
    let ends: Vec<usize> = counts
        .scan(0, |end, count| {
            *end += count as usize;
            Some(*end)
        })
        .collect();
    for index in refused {
        let index = index as usize;
        let ts_ms = ts_of(index).div_euclid(NANOS_PER_MILLI);
        outcome.reject(1, || Rejection {
            series_index: ends.partition_point(|end| *end <= index),
            labels: None,
            reason: RejectReason::Duplicate { ts_ms },
        });
    }
}

#[cfg(test)]
mod tests;
