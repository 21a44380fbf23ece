//! The replay: the log's records into the head, in parallel by shard.
//!
//! Invariant: records of one shard are applied in the order of the log, by one worker.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use timberline_io::Disk;
use timberline_log::{Log, LogError, Recovery};
use timberline_model::{Labels, LogOffset, SeriesRef};

use super::{
    Damage,
    frames::{FrameDecoder, ShardWork, Work},
    worker_count,
};
use crate::{
    EngineError,
    columnar::{
        EngineOptions,
        families::Families,
        head::{DefineError, Head, SHARD_COUNT},
        layout::Layout,
        view::View,
    },
};

/// Frames on their way to one worker, so that a long log does not end up in memory twice.
const FRAMES_QUEUED: usize = 16;
/// Reasons that are named singly; a log with more of them gets a count.
const UNREADABLE_NAMED_MAX: usize = 16;

/// What is replayed into.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) head: &'a Head,
    pub(super) families: &'a Families,
    /// The blocks, which know what the log before the replay had.
    pub(super) view: &'a View,
}

/// Opens the log and applies everything behind `flushed_to` to the head.
pub(super) fn replay(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    options: &EngineOptions,
    flushed_to: LogOffset,
    target: Target<'_>,
    damage: &mut Vec<Damage>,
) -> Result<Log, EngineError> {
    let workers = worker_count();
    let Target { head, families, view } = target;
    // What the dictionary has is not defined again.
    let defined_to = view.manifest.dictionary.map_or(LogOffset(0), LogOffset);
    let mut decoder = Decoder::new(workers, defined_to, families);
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
    if recovery.end < defined_to && flushed_to < defined_to {
        damage.push(Damage {
            place: "log".to_owned(),
            reason: format!(
                "it ends at offset {}, but was durable up to {} when the dictionary was written",
                recovery.end.0, defined_to.0
            ),
        });
        // Definitions before that are not read again, so none may be written there.
        log.skip_to(defined_to)?;
    }
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
struct Decoder<'a> {
    workers: usize,
    /// Series defined before this offset are in the dictionary, or had left the head by then.
    defined_to: LogOffset,
    families: &'a Families,
    frames: FrameDecoder,
    unreadable: u64,
    reasons: Vec<(LogOffset, LogError)>,
}

impl<'a> Decoder<'a> {
    fn new(workers: usize, defined_to: LogOffset, families: &'a Families) -> Self {
        let frames = FrameDecoder::default();
        Self { workers, defined_to, families, frames, unreadable: 0, reasons: Vec::new() }
    }

    /// Decodes one frame and hands it on. A frame that is sound and does not hold a record of ours
    /// is damage: none of it is applied.
    fn frame(&mut self, end: LogOffset, payload: &[u8], senders: &[SyncSender<Work>]) {
        if payload.is_empty() {
            return;
        }
        match self.frames.decode(payload, self.workers, end <= self.defined_to) {
            Ok((work, metadata)) => {
                self.families.apply(&metadata);
                for (sender, work) in senders.iter().zip(work) {
                    if !work.is_empty() {
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

/// What a worker could not apply.
#[derive(Debug, Default)]
struct Lost {
    /// Samples of series that nothing defined.
    orphans: BTreeMap<SeriesRef, u64>,
    /// Definitions that contradict others.
    contradictions: Vec<DefineError>,
}

impl Lost {
    /// Takes out what belongs to series that nothing defined.
    fn take_orphans(&mut self, work: &mut ShardWork, in_dictionary: bool, head: &Head) {
        let shard = work.shard;
        let slots = work.samples.iter().map(|sample| sample.slot);
        let slots = slots.chain(work.histograms.iter().map(|histogram| histogram.slot));
        let slots = slots.chain(work.exemplars.iter().map(|exemplar| exemplar.slot));
        let unknown = head.unknown(shard, slots);
        if unknown.is_empty() {
            return;
        }
        let known = |slot: u32| !unknown.contains_key(&shard.series(slot));
        if !work.starts.is_empty() {
            let starts = work.starts.iter().zip(&work.samples);
            let starts = starts.filter(|(_, sample)| known(sample.slot));
            work.starts = starts.map(|(start, _)| *start).collect();
        }
        work.samples.retain(|sample| known(sample.slot));
        work.histograms.retain(|histogram| known(histogram.slot));
        work.exemplars.retain(|exemplar| known(exemplar.slot));
        // A series that the dictionary left out had all of its samples in blocks: these added nothing
        // when they came.
        for (series, count) in unknown.into_iter().filter(|_| !in_dictionary) {
            // A later dictionary would make these samples those of whoever gets the number.
            head.give_up(series);
            *self.orphans.entry(series).or_default() += count;
        }
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
        for mut shard in work.shards {
            lost.take_orphans(&mut shard, work.in_dictionary, head);
            head.apply_batch(shard.shard, shard.batch(), &older);
        }
    }
    lost
}

const _: () = assert!(SHARD_COUNT.is_power_of_two(), "shards are divided among workers by number");
