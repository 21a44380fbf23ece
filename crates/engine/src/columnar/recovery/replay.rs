//! The replay: the log's records into the head, in parallel by shard.
//!
//! Invariant: records of one shard are applied in the order of the log, by one worker.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use timberline_io::Disk;
use timberline_log::{Log, LogError, Record, Recovery};
use timberline_model::{Labels, LogOffset, SeriesRef};

use super::Damage;
use crate::{
    EngineError,
    columnar::{
        EngineOptions,
        head::{DefineError, Head, HeadSample, SHARD_COUNT, SeriesPlace, ShardIndex},
        layout::Layout,
        view::View,
    },
};

/// Threads that apply; the reading thread decodes.
const WORKERS_MAX: usize = 8;
/// Frames on their way to one worker, so that a long log does not end up in memory twice.
const FRAMES_QUEUED: usize = 16;
/// Reasons that are named singly; a log with more of them gets a count.
const UNREADABLE_NAMED_MAX: usize = 16;

/// One frame's part for one worker.
#[derive(Debug, Default)]
struct Work {
    definitions: Vec<(SeriesRef, Labels)>,
    samples: Vec<(ShardIndex, Vec<HeadSample>)>,
}

/// Opens the log and applies everything behind `flushed_to` to the head.
pub(super) fn replay(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    options: &EngineOptions,
    flushed_to: LogOffset,
    head: &Arc<Head>,
    view: &View,
    damage: &mut Vec<Damage>,
) -> Result<Log, EngineError> {
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(WORKERS_MAX);
    let mut decoder = Decoder::new(workers);
    let (log, recovery, lost) = thread::scope(|scope| {
        let mut senders = Vec::with_capacity(workers);
        let mut handles = Vec::with_capacity(workers);
        for _ in 0..workers {
            let (sender, receiver) = sync_channel::<Work>(FRAMES_QUEUED);
            senders.push(sender);
            handles.push(scope.spawn(move || apply_all(&receiver, head, view)));
        }
        let opened = Log::open(
            Arc::clone(disk),
            &layout.log(),
            options.log.clone(),
            flushed_to,
            &mut |end, payload| decoder.frame(end, payload, &senders),
        );
        drop(senders);
        let mut lost = Vec::with_capacity(workers);
        for handle in handles {
            lost.push(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        opened.map(|(log, recovery)| (log, recovery, lost))
    })?;
    name_damage(&log, &recovery, flushed_to, damage);
    decoder.name_damage(damage);
    for lost in lost {
        lost.name(&layout.log(), damage);
    }
    Ok(log)
}

fn name_damage(log: &Log, recovery: &Recovery, flushed_to: LogOffset, damage: &mut Vec<Damage>) {
    if log.start() > flushed_to {
        damage.push(Damage {
            place: "log".to_owned(),
            reason: format!(
                "it begins at offset {}, but the blocks end at {}: what was between is lost",
                log.start().0,
                flushed_to.0
            ),
        });
    }
    // A flush publishes only what the log has durably, and the log keeps its last segment.
    if recovery.end < flushed_to {
        damage.push(Damage {
            place: "log".to_owned(),
            reason: format!(
                "it ends at offset {}, but the blocks end at {}: what came after them is lost",
                recovery.end.0, flushed_to.0
            ),
        });
    }
    for found in &recovery.damaged {
        damage.push(Damage {
            place: format!("log segment {}, byte {}", found.segment.display(), found.position),
            reason: format!("{} bytes: {}", found.bytes, found.reason),
        });
    }
    if recovery.torn_bytes > 0 {
        tracing::info!(
            bytes = recovery.torn_bytes,
            "cut the unfinished end of the log, which was never acknowledged as synced"
        );
    }
}

/// Turns frames into work.
struct Decoder {
    workers: usize,
    refs: Vec<SeriesRef>,
    timestamps: Vec<i64>,
    values: Vec<f64>,
    unreadable: u64,
    reasons: Vec<(LogOffset, LogError)>,
}

impl Decoder {
    fn new(workers: usize) -> Self {
        Self {
            workers,
            refs: Vec::new(),
            timestamps: Vec::new(),
            values: Vec::new(),
            unreadable: 0,
            reasons: Vec::new(),
        }
    }

    /// Decodes one frame and hands it on. A frame that is sound and does not hold a record of ours
    /// is damage: none of it is applied.
    fn frame(&mut self, end: LogOffset, payload: &[u8], senders: &[SyncSender<Work>]) {
        if payload.is_empty() {
            return;
        }
        match self.decode(payload) {
            Ok(work) => {
                for (sender, work) in senders.iter().zip(work) {
                    if !work.definitions.is_empty() || !work.samples.is_empty() {
                        // A worker that is gone has panicked, and joining it says so.
                        let _ = sender.send(work);
                    }
                }
            }
            Err(error) => {
                self.unreadable += 1;
                if self.reasons.len() < UNREADABLE_NAMED_MAX {
                    self.reasons.push((end, error));
                }
            }
        }
    }

    fn decode(&mut self, payload: &[u8]) -> Result<Vec<Work>, LogError> {
        let record = Record::decode(payload)?;
        let mut work: Vec<Work> = (0..self.workers).map(|_| Work::default()).collect();
        for definition in record.definitions() {
            let (series, labels) = definition?;
            let shard = place(series)?.shard().get();
            work[shard % self.workers].definitions.push((series, labels));
        }
        self.refs.clear();
        self.timestamps.clear();
        self.values.clear();
        record.samples_into(&mut self.refs, &mut self.timestamps, &mut self.values)?;
        let mut start = 0;
        while start < self.refs.len() {
            let shard = place(self.refs[start])?.shard();
            let in_shard = |series: &SeriesRef| {
                SeriesPlace::checked(*series).map(SeriesPlace::shard) == Some(shard)
            };
            let end = start + self.refs[start..].partition_point(in_shard);
            let sample = |index: usize| HeadSample {
                slot: SeriesPlace::of(self.refs[index]).slot(),
                index: 0,
                ts: self.timestamps[index],
                value: self.values[index],
            };
            let samples = (start..end).map(sample).collect();
            work[shard.get() % self.workers].samples.push((shard, samples));
            start = end;
        }
        Ok(work)
    }

    fn name_damage(&self, damage: &mut Vec<Damage>) {
        for (end, error) in &self.reasons {
            damage.push(Damage {
                place: format!("log frame ending at offset {}", end.0),
                reason: error.to_string(),
            });
        }
        let unnamed = self.unreadable - self.reasons.len() as u64;
        if unnamed > 0 {
            let reason = format!("{unnamed} more frames cannot be decoded");
            damage.push(Damage { place: "log".to_owned(), reason });
        }
    }
}

fn place(series: SeriesRef) -> Result<SeriesPlace, LogError> {
    let reason = "it names a series of a shard that does not exist";
    SeriesPlace::checked(series).ok_or(LogError::MalformedRecord { reason })
}

/// What a worker could not apply.
#[derive(Debug, Default)]
struct Lost {
    /// Samples of series that nothing defined.
    orphans: BTreeMap<SeriesRef, u64>,
    /// Definitions that contradict others.
    contradictions: Vec<DefineError>,
}

impl Lost {
    /// Takes out the samples of series that nothing defined. Samples of one series are neighbours.
    fn take_orphans(&mut self, shard: ShardIndex, samples: &mut Vec<HeadSample>, head: &Head) {
        let mut last = None;
        samples.retain(|sample| {
            let known = match last {
                Some((slot, known)) if slot == sample.slot => known,
                _ => head.is_known(shard.series(sample.slot)),
            };
            last = Some((sample.slot, known));
            if !known {
                *self.orphans.entry(shard.series(sample.slot)).or_default() += 1;
            }
            known
        });
    }

    fn name(&self, log: &Path, damage: &mut Vec<Damage>) {
        let place = || format!("log {}", log.display());
        if !self.orphans.is_empty() {
            let samples: u64 = self.orphans.values().sum();
            let series = self.orphans.len();
            let reason =
                format!("{samples} samples belong to {series} series whose definitions are lost");
            damage.push(Damage { place: place(), reason });
        }
        for error in self.contradictions.iter().take(UNREADABLE_NAMED_MAX) {
            damage.push(Damage { place: place(), reason: error.to_string() });
        }
    }
}

/// Applies what comes for some of the shards.
fn apply_all(receiver: &Receiver<Work>, head: &Head, view: &View) -> Lost {
    let mut lost = Lost::default();
    let older = |labels: &Labels, ts: i64| view.value_at(labels, ts);
    for work in receiver {
        for (series, labels) in work.definitions {
            if let Err(error) = head.define(series, &labels) {
                lost.contradictions.push(error);
            }
        }
        for (shard, mut samples) in work.samples {
            lost.take_orphans(shard, &mut samples, head);
            head.apply(shard, &samples, &older);
        }
    }
    lost
}

const _: () = assert!(SHARD_COUNT.is_power_of_two(), "shards are divided among workers by number");
