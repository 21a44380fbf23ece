//! The database: one handle for everything.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use timberline_engine::{
    BlockSummary, BulkImport, CompactionOutcome, Damage, Engine, EngineStats, FlushOutcome,
    HeadCardinality, ImportOptions, Retention, Snapshot,
};
use timberline_io::{Clock, Disk, RealDisk, SystemClock};
use timberline_model::{
    Cuts, DuplicatePolicy, Durability, FamilyMetadata, LabelQuery, Labels, Matcher, RejectReason,
    ScanError, Selector, SeriesExemplars, SeriesRef, SeriesScan, SeriesSource, Stop, Streams,
    TimeRange, Totals, WriteBatch, WriteOutcome,
};
use timberline_promql::{
    Expr,
    eval::{Limits, Query, QueryResult, evaluate},
    parse, parse_with,
};

use crate::{Error, Options, QueryOptions};

/// An open database. Clones are handles to the same one; all methods may be called from any thread.
///
/// The directory is released by [`close`](Self::close), or when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) engine: Arc<Engine>,
    options: Arc<Options>,
}

impl Database {
    /// Opens the database in a directory, creating it if need be.
    ///
    /// # Errors
    /// A directory that is open elsewhere ([`ErrorKind::Conflict`]), a disk that fails, or storage
    /// so damaged that nothing of it can be trusted ([`ErrorKind::Corrupt`]). Lesser damage is
    /// served around; see [`damage`](Self::damage).
    ///
    /// [`ErrorKind::Conflict`]: crate::ErrorKind::Conflict
    /// [`ErrorKind::Corrupt`]: crate::ErrorKind::Corrupt
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        Self::open_on(Arc::new(RealDisk), Arc::new(SystemClock), path.as_ref(), options)
    }

    /// Opens the database on a disk and with a clock of the caller's.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        path: &Path,
        options: Options,
    ) -> Result<Self, Error> {
        let engine = Engine::open(disk, clock, path, options.engine())?;
        Ok(Self { engine: Arc::new(engine), options: Arc::new(options) })
    }

    /// Writes a batch (floats, native histograms, exemplars and metadata, all or none of them) at the
    /// database's durability. What is not rejected is visible to every query that starts after this
    /// returns.
    ///
    /// # Errors
    /// A full disk ([`ErrorKind::StorageFull`](crate::ErrorKind::StorageFull); nothing was written
    /// and the same batch may be sent again) or a failed one. What may not be written is no
    /// error: the outcome counts and names them.
    pub fn write(&self, batch: &WriteBatch<'_>) -> Result<WriteOutcome, Error> {
        self.write_with(batch, self.options.durability)
    }

    /// Writes a batch at a durability of its own.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_with(
        &self,
        batch: &WriteBatch<'_>,
        durability: Durability,
    ) -> Result<WriteOutcome, Error> {
        Ok(self.engine.write(batch, durability)?)
    }

    /// Evaluates PromQL at one instant.
    ///
    /// # Errors
    /// A text that is not PromQL, a limit of the options, or storage that cannot be read.
    pub fn query(&self, promql: &str, at: i64) -> Result<QueryResult, Error> {
        self.query_range(promql, at, at, 0)
    }

    /// Evaluates PromQL from `start` to `end`, both included, every `step` nanoseconds.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn query_range(
        &self,
        promql: &str,
        start: i64,
        end: i64,
        step: i64,
    ) -> Result<QueryResult, Error> {
        let QueryOptions { lookback, features, .. } = &self.options.query;
        let expr = parse_with(promql, features)?;
        let query = Query {
            lookback: nanos(*lookback),
            features: *features,
            ..Query::range(&expr, start, end, step).with_text(promql)
        };
        self.query_with(&query, &self.limits())
    }

    /// Evaluates a parsed query under limits of the caller's.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn query_with(&self, query: &Query<'_>, limits: &Limits) -> Result<QueryResult, Error> {
        let mut result = evaluate(self, query, limits)?;
        let damage = self.damage();
        if !damage.is_empty() {
            result.warnings.push(format!(
                "the answer may lack samples: {} damaged places were found when the database was \
                 opened, the first in {}",
                damage.len(),
                damage[0].place
            ));
        }
        Ok(result)
    }

    /// The limits of queries that bring none: those of the options, beginning now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let query = &self.options.query;
        Limits {
            samples_max: query.samples_max,
            series_max: query.series_max,
            steps_max: query.steps_max,
            deadline: Instant::now().checked_add(query.timeout),
            partitions: query.parallelism,
            ..Limits::default()
        }
    }

    /// The numbers of series, by which writes find them at once: keys of the kind
    /// [`SeriesKey::Ref`](crate::SeriesKey::Ref). Those that are new are created, and are durable with
    /// their first sample.
    ///
    /// A number holds until its series has been without samples for
    /// [`series_idle`](Options::series_idle); after that a write by it is rejected with
    /// [`RejectReason::UnknownSeries`], and the series is to be resolved again.
    ///
    /// # Errors
    /// A database that is closed. A label set that is none, or one series too many, is rejected alone.
    pub fn resolve(
        &self,
        series: &[Labels],
    ) -> Result<Vec<Result<SeriesRef, RejectReason>>, Error> {
        Ok(self.engine.resolve(series)?)
    }

    /// Writes the dictionary of series again, so that the next start need not read from the log what
    /// they are. The database does this by itself where many series are new; see
    /// [`background`](Options::background).
    ///
    /// # Errors
    /// A disk that is full or fails; nothing is lost by that.
    pub fn checkpoint(&self) -> Result<(), Error> {
        Ok(self.engine.checkpoint()?)
    }

    /// Moves what is in memory into blocks, and gives back the log before it. Writes and queries go
    /// on meanwhile. Durability does not depend on this.
    ///
    /// # Errors
    /// A disk that is full or fails; nothing is lost by that.
    pub fn flush(&self) -> Result<FlushOutcome, Error> {
        Ok(self.engine.flush()?)
    }

    /// Deletes the samples in a range of time of the series that any of the selectors picks. They are
    /// invisible from then on, and leave the disk with the next compaction. What is written later is
    /// not touched, whatever its time.
    ///
    /// # Errors
    /// A disk that is full or fails, or a block that cannot be read; nothing is deleted then.
    pub fn delete(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<(), Error> {
        Ok(self.engine.delete(selectors, range)?)
    }

    /// Begins a bulk import: series from elsewhere, in any order, that become blocks without going
    /// through the log. All of them are visible once [`BulkImport::finish`] has returned, and none
    /// before. Writes, queries and flushes go on meanwhile; compaction waits.
    ///
    /// ```
    /// use timberline::{Database, ImportOptions, Labels, Options, Retention, SeriesColumns};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// // Nothing is too old: a database keeps 30 days by default.
    /// let options = Options { retention: Retention::default(), ..Options::default() };
    /// let database = Database::open(directory.path(), options)?;
    /// let mut import = database.begin_import(ImportOptions::default())?;
    /// let mut columns = SeriesColumns::default();
    /// columns.push(1_700_000_000_000_000_000, 0, 0.85);
    /// import.push(&Labels::from_pairs([("__name__", "cpu_usage")])?, &mut columns)?;
    /// assert_eq!(import.finish()?.samples_written, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A disk that is full or fails.
    pub fn begin_import(&self, options: ImportOptions) -> Result<BulkImport, Error> {
        Ok(self.engine.begin_import(options)?)
    }

    /// Merges one set of blocks that belong together; `None` when no merge is due. Writes and
    /// queries go on meanwhile.
    ///
    /// # Errors
    /// A disk that is full or fails, or a block that cannot be read; nothing is lost by that.
    pub fn compact(&self) -> Result<Option<CompactionOutcome>, Error> {
        Ok(self.engine.compact()?)
    }

    /// Removes the blocks that the retention no longer covers, and returns their names.
    ///
    /// # Errors
    /// A disk that is full or fails.
    pub fn retain(&self) -> Result<Vec<String>, Error> {
        Ok(self.engine.retain()?)
    }

    /// Keeps more or less from now on, until the database is closed. Samples that are too old by the new
    /// age are refused at once, and blocks go with the next [`retain`](Self::retain), which a thread
    /// of the database's own does within a moment. What has gone does not come back.
    pub fn set_retention(&self, retention: Retention) {
        self.engine.set_retention(retention);
    }

    /// How much is kept at the moment.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.engine.retention()
    }

    /// Lets compactions write so many bytes a second from now on, the one at work included; `None`
    /// lifts the limit.
    pub fn set_compaction_rate(&self, rate: Option<u64>) {
        self.engine.set_compaction_rate(rate);
    }

    /// Makes a directory in `snapshots/` that is the database of this moment and can be opened as one;
    /// it shares the files of its blocks with this one. All that was acknowledged before this was
    /// called is in it; with `skip_head`, only what is in blocks already. Everything else goes on.
    ///
    /// # Errors
    /// A disk that is full or fails; there is no snapshot then.
    pub fn snapshot(&self, skip_head: bool) -> Result<Snapshot, Error> {
        Ok(self.engine.snapshot(skip_head)?)
    }

    /// Waits for the writes under way, makes everything durable and releases the directory. Other
    /// handles can still query, and no longer write.
    ///
    /// # Errors
    /// A disk that fails while syncing.
    pub fn close(&self) -> Result<(), Error> {
        Ok(self.engine.close()?)
    }

    /// The blocks, in the order of their times.
    #[must_use]
    pub fn blocks(&self) -> Vec<BlockSummary> {
        self.engine.blocks()
    }

    /// Numbers about the database at this moment.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        self.engine.stats()
    }

    /// The metrics, labels and label pairs with the most series, at most `limit` of each.
    #[must_use]
    pub fn cardinality(&self, limit: usize) -> HeadCardinality {
        self.engine.cardinality(limit)
    }

    /// What is known of one metric family, or of all in order of their names; at most `limit`, 0 for
    /// no limit.
    #[must_use]
    pub fn metadata(&self, family: Option<&str>, limit: usize) -> Vec<FamilyMetadata> {
        self.engine.metadata(family, limit)
    }

    /// What was found unreadable when the database was opened.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        self.engine.damage()
    }

    /// The database's directory.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.engine.dir()
    }

    /// What becomes of a second sample at one instant.
    #[must_use]
    pub fn duplicates(&self) -> DuplicatePolicy {
        self.engine.duplicates()
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Parses an expression for [`query_with`](Self::query_with), every [`Feature`](crate::Feature) of the
    /// language switched on. Those that are not syntax alone are switched on in the [`Query`] too.
    ///
    /// # Errors
    /// A text that is not PromQL, with the position.
    pub fn parse(promql: &str) -> Result<Expr, Error> {
        Ok(parse(promql)?)
    }
}

impl SeriesSource for Database {
    fn scan(&self, selector: &Selector, partitions: NonZeroUsize) -> Result<Streams, ScanError> {
        self.engine.scan(selector, partitions)
    }

    fn totals(
        &self,
        selector: &Selector,
        cuts: &Cuts,
        stop: &Stop,
        partitions: NonZeroUsize,
    ) -> Result<(Vec<Totals>, Streams), ScanError> {
        self.engine.totals(selector, cuts, stop, partitions)
    }

    fn scan_sorted(
        &self,
        selector: &Selector,
        series_max: usize,
    ) -> Result<Box<dyn SeriesScan>, ScanError> {
        self.engine.scan_sorted(selector, series_max)
    }

    fn label_names(&self, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        self.engine.label_names(query)
    }

    fn label_values(&self, name: &str, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        self.engine.label_values(name, query)
    }

    fn series(&self, query: &LabelQuery) -> Result<Vec<Labels>, ScanError> {
        self.engine.series(query)
    }

    fn exemplars(&self, query: &LabelQuery) -> Result<Vec<SeriesExemplars>, ScanError> {
        self.engine.exemplars(query)
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
