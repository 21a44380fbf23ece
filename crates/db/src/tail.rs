//! Following a database: its writes in order as they are acknowledged, and reads at a point of that order.

use std::num::NonZeroUsize;

use timberline_engine::{ReadPoint, Tail, TailFrom};
use timberline_model::{Labels, LogOffset, ScanError, Selector, SeriesRef, SeriesScan};

use crate::{Database, Error};

impl Database {
    /// Follows the writes of the database, in one order and each once, as they become as durable as
    /// [`Options::durability`](crate::Options::durability) asks. A tail holds nothing back: one that
    /// is slower than the flushes which truncate the log is told so.
    ///
    /// ```
    /// use std::time::Duration;
    /// use timberline::{Database, Labels, Options, TailFrom, WriteBatch};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    /// # let now: i64 = now.as_nanos().try_into()?;
    /// let database = Database::open(directory.path(), Options::default())?;
    /// let mut tail = database.tail(TailFrom::End)?;
    /// let mut batch = WriteBatch::default();
    /// batch.push_labels(Labels::from_pairs([("__name__", "cpu_usage"), ("host", "server1")])?);
    /// batch.push_sample(now, 0.85);
    /// database.write(&batch)?;
    ///
    /// let read = tail.next_within(Duration::from_secs(10))?.ok_or("nothing came")?;
    /// assert_eq!((read.timestamps[0], read.values[0]), (now, 0.85));
    /// let labels = tail.labels(read.series[0]).ok_or("a series that is written has labels")?;
    /// assert_eq!(labels.get("host"), Some("server1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// An offset that the log has no longer ([`EngineError::Behind`](crate::EngineError::Behind)) or not yet
    /// ([`EngineError::BeyondLog`](crate::EngineError::BeyondLog)), or a database that is closed.
    pub fn tail(&self, from: TailFrom) -> Result<Tail, Error> {
        Ok(self.engine.tail(from, self.options().durability)?)
    }

    /// A point in the order of writes at which the database can be read. It is durable, not more than a
    /// second old, and not before an offset. [`scan_at`](Self::scan_at) reads what came before it, and a
    /// [`tail`](Self::tail) from its offset what came after it.
    ///
    /// # Errors
    /// An offset that the log has not come to, a database that is closed, or a disk that fails.
    pub fn read_point(&self, not_before: LogOffset) -> Result<ReadPoint, Error> {
        Ok(self.engine.read_point(not_before, self.options().durability)?)
    }

    /// As [`SeriesSource::scan`](crate::SeriesSource::scan), exactly as the database was at a point; `None`
    /// when a flush has passed the point meanwhile, and another has to be taken.
    ///
    /// # Errors
    /// Storage that cannot be read.
    pub fn scan_at(
        &self,
        point: ReadPoint,
        selector: &Selector,
        partitions: NonZeroUsize,
    ) -> Result<Option<Vec<Box<dyn SeriesScan>>>, ScanError> {
        self.engine.scan_at(point, selector, partitions)
    }

    /// As [`SeriesSource::scan`](crate::SeriesSource::scan), with all that any [`tail`](Self::tail) has
    /// handed out: also what is durable and whose writer is being told so this moment.
    ///
    /// # Errors
    /// Storage that cannot be read.
    pub fn scan_settled(
        &self,
        selector: &Selector,
        partitions: NonZeroUsize,
    ) -> Result<Vec<Box<dyn SeriesScan>>, ScanError> {
        self.engine.scan_settled(selector, partitions)
    }

    /// The labels of a series that a tail has handed out; `None` when it has left memory since.
    #[must_use]
    pub fn labels_of(&self, series: SeriesRef) -> Option<Labels> {
        self.engine.labels(series)
    }

    /// What the database's clock shows, nanoseconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.engine.now()
    }
}
