//! The engine itself: what a database opens, writes, scans, flushes and closes.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use timberline_io::{Clock, Disk, FileLock};
use timberline_log::Log;
use timberline_model::{
    DuplicatePolicy, Durability, FamilyMetadata, Labels, Matcher, RejectReason, SeriesRef,
    TimeRange, WriteBatch, WriteOutcome, limits,
};

use super::{
    BlockSummary, CompactionOutcome, Damage, EngineOptions, EngineStats, FlushOutcome,
    HeadCardinality, Retention, Snapshot,
    commit::Committer,
    families::Families,
    head::{Epoch, Head},
    import::{BulkImport, ImportOptions},
    label_cache::LabelCache,
    layout::Layout,
    maintenance::Maintenance,
    point::Points,
    recovery::{Recovered, recover},
    stats::Counters,
    tail::Feed,
    throttle::Throttle,
    view::View,
};
use crate::EngineError;

/// A columnar store in one directory.
///
/// All methods may be called from any thread; those that touch the disk block.
#[derive(Debug)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
    maintenance: Mutex<Option<Maintenance>>,
}

/// What the engine shares with its maintenance thread and its scans.
pub(super) struct Inner {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) layout: Layout,
    pub(super) options: EngineOptions,
    pub(super) policy: DuplicatePolicy,
    pub(super) log: Arc<Log>,
    pub(super) head: Arc<Head>,
    pub(super) families: Arc<Families>,
    pub(super) damage: Vec<Damage>,
    pub(super) counters: Counters,
    pub(super) retention: RwLock<Retention>,
    pub(super) throttle: Arc<Throttle>,
    pub(super) labels: Arc<LabelCache>,
    pub(super) committer: Committer,
    /// What the tails of the log share.
    pub(super) feed: Arc<Feed>,
    pub(super) points: Points,
    pub(super) view: RwLock<Arc<View>>,
    /// Views that reads may still hold, oldest first, each with the epoch that may leave the head
    /// once the view is gone.
    pub(super) retired: Mutex<VecDeque<(Arc<View>, Epoch)>>,
    pub(super) flushing: Mutex<FlushState>,
    /// Series in the head after the last flush, or when the engine was opened.
    pub(super) series_kept: AtomicU64,
    /// Held by the one compaction that may be at work. Ranges of time in which one has found damage,
    /// and which are left alone from then on.
    pub(super) compacting: Mutex<Vec<TimeRange>>,
    /// Names of blocks that are being written and are not published yet.
    pub(super) in_work: Mutex<HashSet<String>>,
    /// Held for reading by each write, so that closing can wait for them.
    pub(super) gate: RwLock<()>,
    /// Imports under way; while there are any, no compaction begins.
    pub(super) imports: AtomicUsize,
    /// Set when closing has begun, so that long work ends early.
    closing: AtomicBool,
    closed: AtomicBool,
    lock: Mutex<Option<FileLock>>,
}

#[derive(Debug, Default)]
pub(super) struct FlushState {
    /// Set when publishing failed half-way: which manifest the disk holds is unknown until the next
    /// start, so nothing may be removed or published until then.
    pub(super) in_doubt: bool,
}

impl Engine {
    /// Opens a directory, creating it if need be, and brings back what was written to it.
    ///
    /// Where the options name another duplicate policy than the directory has, what was written under
    /// the old one becomes blocks first, so that it stays as it was taken in or refused.
    ///
    /// # Errors
    /// Options that do not go together; [`EngineError::Locked`] where it is open elsewhere; a manifest or dictionary that is damaged;
    /// a failing disk. Damaged blocks and log frames are not errors: see [`damage`](Self::damage).
    pub fn open(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        dir: &Path,
        options: EngineOptions,
    ) -> Result<Self, EngineError> {
        options.check()?;
        let layout = Layout::new(dir);
        let mut recovered = recover(&disk, &layout, &options)?;
        if let Some(policy) = options.duplicates.filter(|policy| *policy != recovered.policy) {
            let damage = recovered.damage.clone();
            let (disk_too, clock_too) = (Arc::clone(&disk), Arc::clone(&clock));
            let inner = Inner::new(disk_too, clock_too, layout.clone(), options.clone(), recovered);
            inner.change_policy(policy)?;
            inner.close()?;
            recovered = Recovered { damage, ..recover(&disk, &layout, &options)? };
        }
        let background = options.background;
        let inner = Arc::new(Inner::new(disk, clock, layout, options, recovered));
        let maintenance = if background {
            let spawned = Maintenance::spawn(&inner);
            Some(spawned.map_err(EngineError::disk("start the maintenance thread of", dir))?)
        } else {
            None
        };
        Ok(Self { inner, maintenance: Mutex::new(maintenance) })
    }

    /// Writes a batch. When this returns, the samples not rejected are visible to every read and as
    /// durable as asked.
    ///
    /// # Errors
    /// No space ([`ErrorKind::StorageFull`](timberline_model::ErrorKind::StorageFull): nothing of
    /// the batch was written, and a later attempt may succeed), or a failed disk, after which the
    /// batch may be visible and may or may not survive.
    pub fn write(
        &self,
        batch: &WriteBatch<'_>,
        durability: Durability,
    ) -> Result<WriteOutcome, EngineError> {
        self.inner.write(batch, durability)
    }

    /// The numbers of series, by which writes find them at once. Those that are new are created, and
    /// are in the log with their first sample.
    ///
    /// A number holds until the series has been without samples for long; after that a write by it is
    /// rejected with [`RejectReason::UnknownSeries`], and the series is to be resolved again.
    ///
    /// # Errors
    /// [`EngineError::Closed`]. A label set that is none, or one series too many, is rejected alone.
    pub fn resolve(
        &self,
        series: &[Labels],
    ) -> Result<Vec<Result<SeriesRef, RejectReason>>, EngineError> {
        self.inner.resolve(series)
    }

    /// Writes the dictionary of series again, so that the next start need not read their definitions from
    /// the log. The engine does so by itself where many series are new.
    ///
    /// # Errors
    /// A disk that is full or fails. Nothing is lost by that.
    pub fn checkpoint(&self) -> Result<(), EngineError> {
        self.inner.checkpoint_series()
    }

    /// Turns what the head holds into blocks and gives the log before it back. Writes go on.
    ///
    /// # Errors
    /// A disk that is full or fails. Nothing is lost by that: the log still has everything.
    pub fn flush(&self) -> Result<FlushOutcome, EngineError> {
        self.inner.flush()
    }

    /// Merges blocks that belong together, one set of them; `None` when none is due.
    ///
    /// # Errors
    /// A disk that is full or fails, or a block that cannot be read. Nothing is lost by that.
    pub fn compact(&self) -> Result<Option<CompactionOutcome>, EngineError> {
        self.inner.compact()
    }

    /// Removes blocks that the retention no longer covers, and returns their names.
    ///
    /// # Errors
    /// A disk that is full or fails.
    pub fn retain(&self) -> Result<Vec<String>, EngineError> {
        self.inner.retain()
    }

    /// Keeps more or less from now on. Samples that are too old by the new age are refused at once, and
    /// blocks go with the next [`retain`](Self::retain), which the engine's own thread does within a
    /// moment. What has gone does not come back.
    pub fn set_retention(&self, retention: Retention) {
        *self.inner.retention.write() = retention;
    }

    /// How much is kept at the moment.
    #[must_use]
    pub fn retention(&self) -> Retention {
        *self.inner.retention.read()
    }

    /// Lets compactions write so many bytes a second from now on, the one at work included; `None`
    /// lifts the limit.
    pub fn set_compaction_rate(&self, rate: Option<u64>) {
        self.inner.throttle.set_rate(rate);
    }

    /// Bytes a second that compactions may write at the moment, if there is a limit.
    #[must_use]
    pub fn compaction_rate(&self) -> Option<u64> {
        self.inner.throttle.rate()
    }

    /// Deletes the samples in a range of time of the series that any of the selectors picks. They are
    /// invisible from then on, and leave the disk with the next [`compact`](Self::compact)ion. What
    /// is written later is not touched, whatever its time.
    ///
    /// # Errors
    /// A disk that is full or fails, or a block that cannot be read; nothing is deleted then.
    pub fn delete(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<(), EngineError> {
        self.inner.delete(selectors, range)
    }

    /// Makes a directory in `snapshots/` that is the database of this moment, by giving the files of
    /// its blocks second names. All that was acknowledged before this was called is in it; with
    /// `skip_head`, only what is in blocks already. Writes, flushes and compactions go on.
    ///
    /// # Errors
    /// A disk that is full or fails; there is no snapshot then.
    pub fn snapshot(&self, skip_head: bool) -> Result<Snapshot, EngineError> {
        self.inner.snapshot(skip_head)
    }

    /// Begins an import: series from elsewhere, in any order, that become blocks without going through
    /// the log, all at once when it is finished.
    ///
    /// # Errors
    /// A disk that is full or fails.
    pub fn begin_import(&self, options: ImportOptions) -> Result<BulkImport, EngineError> {
        self.inner.begin_import(options)
    }

    /// Waits for writes under way, makes everything durable and lets go of the directory. Writes
    /// and flushes after this are refused. Closing twice is fine.
    ///
    /// # Errors
    /// A disk that fails while syncing: what was only logged, not synced, is then in doubt.
    pub fn close(&self) -> Result<(), EngineError> {
        self.inner.closing.store(true, Ordering::Release);
        self.inner.throttle.end();
        drop(self.maintenance.lock().take());
        self.inner.close()
    }

    /// What was found unreadable when the directory was opened. Queries that would need a damaged
    /// block fail; samples of damaged log frames are missing from answers.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.inner.damage
    }

    /// The blocks, in the order of their times.
    #[must_use]
    pub fn blocks(&self) -> Vec<BlockSummary> {
        BlockSummary::all(&self.inner)
    }

    /// Numbers about the engine at this moment.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        EngineStats::of(&self.inner)
    }

    /// The metrics, labels and label pairs with the most series, at most `limit` of each.
    #[must_use]
    pub fn cardinality(&self, limit: usize) -> HeadCardinality {
        self.inner.head.cardinality(limit)
    }

    /// What is known of one metric family, or of all in order of their names; at most `limit`, 0 for
    /// no limit.
    #[must_use]
    pub fn metadata(&self, family: Option<&str>, limit: usize) -> Vec<FamilyMetadata> {
        self.inner.families.find(family, limit)
    }

    /// The database's directory.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.inner.layout.dir().to_owned()
    }

    /// What the clock shows that it was opened with: nanoseconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.inner.clock.now()
    }

    /// What becomes of a second sample at one instant.
    #[must_use]
    pub fn duplicates(&self) -> DuplicatePolicy {
        self.inner.policy
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the database could not be closed cleanly");
        }
    }
}

impl Inner {
    fn new(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        layout: Layout,
        options: EngineOptions,
        recovered: Recovered,
    ) -> Self {
        let Recovered { lock, log, head, families, view, policy, damage } = recovered;
        let series_kept = head.series_count();
        Self {
            committer: Committer::new(Arc::clone(&log), Arc::clone(&head), Arc::clone(&families)),
            feed: Arc::new(Feed::new(Arc::clone(&log), Arc::clone(&head))),
            retention: RwLock::new(options.retention),
            throttle: Arc::new(Throttle::new(options.compaction_rate)),
            labels: Arc::default(),
            disk,
            clock,
            layout,
            options,
            policy,
            log,
            head,
            families,
            damage,
            counters: Counters::default(),
            points: Points::default(),
            view: RwLock::new(Arc::new(view)),
            retired: Mutex::default(),
            flushing: Mutex::default(),
            series_kept: AtomicU64::new(series_kept),
            compacting: Mutex::default(),
            in_work: Mutex::default(),
            gate: RwLock::new(()),
            imports: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            lock: Mutex::new(Some(lock)),
        }
    }

    /// Makes another policy that of the directory, for when it is opened next. Nothing that was
    /// written before is left in the log then: replaying decides by policy.
    fn change_policy(&self, policy: DuplicatePolicy) -> Result<(), EngineError> {
        self.flush()?;
        let mut manifest = self.view().manifest.clone();
        manifest.number += 1;
        manifest.duplicates = policy.to_string();
        manifest.publish(self.disk.as_ref(), &self.layout.manifests())
    }

    /// The state that a read which begins now sees.
    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn write(
        &self,
        batch: &WriteBatch<'_>,
        durability: Durability,
    ) -> Result<WriteOutcome, EngineError> {
        let _open = self.gate.read();
        if self.is_closed() {
            return Err(EngineError::Closed);
        }
        let _under_way = self.throttle.write();
        let older = |labels: &Labels, ts: i64| self.view().value_at(labels, ts);
        let outcome = self.committer.commit(batch, durability, self.accepted(), &older);
        self.counters.count_write(&outcome);
        outcome
    }

    fn resolve(
        &self,
        series: &[Labels],
    ) -> Result<Vec<Result<SeriesRef, RejectReason>>, EngineError> {
        let _open = self.gate.read();
        if self.is_closed() {
            return Err(EngineError::Closed);
        }
        // A series without samples is not looked up, so each gets one, which goes nowhere.
        let mut batch = WriteBatch::with_capacity(series.len(), series.len());
        for labels in series {
            batch.push_labels(labels.clone());
            batch.push_sample(0, 0.0);
        }
        Ok(self.head.resolve(&batch).series)
    }

    /// The range of time in which samples may lie.
    pub(super) fn accepted(&self) -> TimeRange {
        let now = self.clock.now();
        let oldest = self.retention.read().oldest(now).unwrap_or(i64::MIN);
        TimeRange::new(oldest, now.saturating_add(limits::FUTURE_NANOS_MAX))
    }

    /// Makes durable what was acknowledged as logged only.
    pub(super) fn sync(&self) -> Result<(), EngineError> {
        let end = self.log.end();
        if self.log.synced() < end {
            self.log.commit(end, Durability::Synced)?;
        }
        Ok(())
    }

    fn close(&self) -> Result<(), EngineError> {
        let _flushing = self.flushing.lock();
        let _gate = self.gate.write();
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let closed = self.log.close();
        self.feed.close();
        drop(self.lock.lock().take());
        Ok(closed?)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("dir", &self.layout.dir()).finish_non_exhaustive()
    }
}
