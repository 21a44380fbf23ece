//! A scan that is open, and may be run again.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use datafusion::error::{DataFusionError, Result};
use timberline::Database;
use timberline_model::{Cuts, ScanError, SeriesScan, SeriesSource as _, Stop, Streams, Totals};

use super::{Wanted, filter::SeriesCondition};

/// One run's streams, each there until it is taken.
type Run = Vec<Option<Box<dyn SeriesScan>>>;

/// The streams of what is wanted of a database, each to be taken once; whoever takes one a second time
/// makes all of them be opened again.
pub(crate) struct Opened {
    database: Arc<Database>,
    wanted: Wanted,
    /// Series in each stream, at most, when it was opened first. At least one stream, if only an empty one.
    series: Vec<usize>,
    /// Blocks that overlap the time, when it was opened first.
    blocks: usize,
    runs: Mutex<Vec<Run>>,
}

impl Opened {
    /// Opens what is wanted in at most so many streams.
    pub(crate) async fn open(
        database: &Arc<Database>,
        wanted: Wanted,
        partitions: usize,
    ) -> Result<Arc<Self>> {
        let database = Arc::clone(database);
        let work = move || {
            let partitions = NonZeroUsize::new(partitions).unwrap_or(NonZeroUsize::MIN);
            let scans = database.scan(&wanted.selector, partitions)?;
            let mut series: Vec<usize> = scans.iter().map(|scan| scan.series_count_max()).collect();
            if series.is_empty() {
                series.push(0);
            }
            let range = wanted.selector.range;
            let in_range = |block: &timberline::BlockSummary| {
                block.min_ts <= range.end && range.start <= block.max_ts
            };
            let blocks = database.blocks().iter().filter(|block| in_range(block)).count();
            let runs = Mutex::new(vec![scans.into_iter().map(Some).collect()]);
            Ok::<_, ScanError>(Self { database, wanted, series, blocks, runs })
        };
        let opened = tokio::task::spawn_blocking(work).await;
        let opened = opened.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Arc::new(opened.map_err(|error| DataFusionError::External(Box::new(error)))?))
    }

    /// The stream of a partition, taken away; `None` where there is nothing in it. May open all anew.
    ///
    /// # Errors
    /// Storage that cannot be read.
    pub(crate) fn take(&self, partition: usize) -> Result<Option<Box<dyn SeriesScan>>, ScanError> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let there = |run: &Run| run.get(partition).is_some_and(Option::is_some);
        if let Some(run) = runs.iter_mut().find(|run| there(run)) {
            let taken = run[partition].take();
            runs.retain(|run| run.iter().any(Option::is_some));
            return Ok(taken);
        }
        if partition >= self.series.len() || self.series.iter().all(|count| *count == 0) {
            return Ok(None);
        }
        let streams = NonZeroUsize::new(self.series.len()).unwrap_or(NonZeroUsize::MIN);
        let scans = self.database.scan(&self.wanted.selector, streams)?;
        let mut run: Run = scans.into_iter().map(Some).collect();
        let taken = run.get_mut(partition).and_then(Option::take);
        if run.iter().any(Option::is_some) {
            runs.push(run);
        }
        Ok(taken)
    }

    /// The totals of blocks that are known as a whole, each within one bucket, and streams over the rest, as
    /// many as of the whole at most.
    ///
    /// # Errors
    /// Storage that cannot be read.
    pub(crate) fn totals(
        &self,
        cuts: &Cuts,
        stop: &Stop,
    ) -> Result<(Vec<Totals>, Streams), ScanError> {
        let streams = NonZeroUsize::new(self.series.len()).unwrap_or(NonZeroUsize::MIN);
        self.database.totals(&self.wanted.selector, cuts, stop, streams)
    }

    pub(crate) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    pub(crate) fn condition(&self) -> Option<&SeriesCondition> {
        self.wanted.condition.as_ref()
    }

    /// Series in each stream, at most.
    pub(crate) fn series(&self) -> &[usize] {
        &self.series
    }

    /// Blocks that overlap the time.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("wanted", &self.wanted)
            .field("series", &self.series)
            .finish_non_exhaustive()
    }
}
