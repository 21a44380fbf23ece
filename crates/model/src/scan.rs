//! The scan: how a query language asks storage for series and samples.

use std::num::NonZeroUsize;

use crate::{
    Cuts, ErrorKind, Histogram, Labels, Matcher, PageCounts, PageFigures, PageUse, SeriesExemplars,
    Stop, TimeRange, Totals,
};

/// Which series and which span of time a query wants.
#[derive(Clone, Debug)]
pub struct Selector {
    /// All must pass. None means every series.
    pub matchers: Vec<Matcher>,
    /// Samples outside are not returned.
    pub range: TimeRange,
}

/// The samples of one series, sorted by time, one per instant (unless duplicates are kept). An instant
/// has a float or a histogram, never both.
///
/// Reused from series to series: a scan clears and refills it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SeriesColumns {
    /// Of the floats: nanoseconds since the Unix epoch, ascending.
    pub timestamps: Vec<i64>,
    /// As many values as timestamps.
    pub values: Vec<f64>,
    /// Of the floats: when what they count began (the start timestamp), nanoseconds, 0 where nobody
    /// said. As many as timestamps, or none if nobody said for any.
    pub starts: Vec<i64>,
    /// The native histograms.
    pub histograms: HistogramColumn,
    /// Figures in place of floats that are not in the columns, ascending; none unless they were asked
    /// for ([`SeriesScan::take_figures`]). Whatever edits columns (marks, joining, cutting) is for
    /// columns without figures, and leaves these as they are.
    pub pages: Vec<PageFigures>,
}

/// The native histograms of one series, sorted by time.
#[derive(Clone, Debug, Default)]
pub struct HistogramColumn {
    /// Nanoseconds since the Unix epoch, ascending.
    pub timestamps: Vec<i64>,
    /// As many values as timestamps.
    pub values: Vec<Histogram>,
    /// Start timestamps, 0 where nobody said; as many as timestamps, or none.
    pub starts: Vec<i64>,
}

impl SeriesColumns {
    /// Forgets the samples and keeps the memory.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.values.clear();
        self.starts.clear();
        self.histograms.clear();
        self.pages.clear();
    }

    /// How many floats there are, those that figures stand for left out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there are neither floats, nor figures of some, nor histograms.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty() && self.histograms.timestamps.is_empty() && self.pages.is_empty()
    }
}

impl HistogramColumn {
    /// Forgets the histograms and keeps the memory of the columns.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.values.clear();
        self.starts.clear();
    }

    /// How many histograms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }
}

/// A stream of series. Memory is that of one series, whatever the query selects.
pub trait SeriesScan: Send {
    /// Refills `columns` with the next series' samples and returns its labels; `None` at the end.
    /// Series without samples in the range are skipped. No order of series is promised.
    ///
    /// # Errors
    /// Storage that cannot be read, or bytes that are not what was written.
    fn next(&mut self, columns: &mut SeriesColumns) -> Result<Option<Labels>, ScanError>;

    /// The reader needs labels of few series: from now on, [`next`](Self::next) may give empty ones, and
    /// [`labels`](Self::labels) those of the series that it gave last.
    fn leave_labels_out(&mut self) {}

    /// For a reader that can do with figures of floats instead of the floats: it counts, sums, or looks for
    /// extremes, ends or resets, by buckets of time. To be called before [`next`](Self::next).
    ///
    /// Floats of a page that lies wholly in the selector's range and within one bucket
    /// ([`PageUse::cuts`]) may be left out of the columns. For each such page, [`SeriesColumns::pages`]
    /// has its [`PageFigures`], which say where in the columns its floats would be. To the reader's
    /// questions they are as good as the floats: no page is left out that has a stale marker, or two
    /// samples of one time, or in whose span the series has any other sample (a duplicate, one that came
    /// late, one in memory) or a deleted one, and none of a series that has native histograms in the
    /// selector's range. Start timestamps of the floats are not handed out with them.
    ///
    /// A page may be handed out float by float at any time, and a scan that has no figures does so with
    /// all: a reader has to take floats and figures in whatever mixture. [`page_counts`](Self::page_counts) says
    /// what was done.
    ///
    /// ```
    /// # use std::num::NonZeroUsize;
    /// # use timberline_model::{Cuts, PageUse, ScanError, Selector, SeriesColumns, SeriesSource};
    /// /// How many floats all series have by day.
    /// fn count_by_day(
    ///     source: &dyn SeriesSource,
    ///     selector: &Selector,
    ///     days: &mut [u64],
    /// ) -> Result<(), ScanError> {
    ///     let day = 86_400_000_000_000;
    ///     let wanted = PageUse { cuts: Cuts::buckets(0, day), ..PageUse::default() };
    ///     let mut columns = SeriesColumns::default();
    ///     for mut scan in source.scan(selector, NonZeroUsize::MIN)? {
    ///         scan.take_figures(&wanted);
    ///         while scan.next(&mut columns)?.is_some() {
    ///             for ts in &columns.timestamps {
    ///                 days[(ts / day) as usize] += 1;
    ///             }
    ///             for page in &columns.pages {
    ///                 days[(page.range.start / day) as usize] += page.count as u64;
    ///             }
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    fn take_figures(&mut self, _wanted: &PageUse) {}

    /// The labels of the series that [`next`](Self::next) gave last, if it gave empty ones.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    fn labels(&mut self) -> Result<Option<Labels>, ScanError> {
        Ok(None)
    }

    /// At most so many series are still to come.
    fn series_count_max(&self) -> usize;

    /// How many pages this stream has decoded so far, and how many it could leave alone. A source that
    /// has no pages says zero.
    fn page_counts(&self) -> PageCounts {
        PageCounts::default()
    }
}

/// What a question about labels covers.
#[derive(Clone, Debug)]
pub struct LabelQuery {
    /// Any of these selectors; none means all series.
    pub selectors: Vec<Vec<Matcher>>,
    /// Series with samples in this span. Storage may answer by whole blocks, as Prometheus does.
    pub range: TimeRange,
    /// At most so many answers. Zero means no limit.
    pub limit: usize,
    /// Ends the work early.
    pub stop: Stop,
}

/// Everything, as long as it takes.
impl Default for LabelQuery {
    fn default() -> Self {
        Self { selectors: Vec::new(), range: TimeRange::ALL, limit: 0, stop: Stop::default() }
    }
}

/// The streams of a scan.
pub type Streams = Vec<Box<dyn SeriesScan>>;

/// Where series come from: a database, or memory in tests.
pub trait SeriesSource: Send + Sync {
    /// The series that a selector picks, in at most `partitions` streams that may run in parallel.
    /// Every series is in exactly one of them. The set of series is that of the moment of the call;
    /// samples that are written while the streams are read may be seen or not.
    ///
    /// # Errors
    /// Storage that cannot be read.
    fn scan(&self, selector: &Selector, partitions: NonZeroUsize) -> Result<Streams, ScanError>;

    /// For a reader that wants nothing but [`Totals`], by buckets of time: those of some spans, each within
    /// one bucket, as far as the source has them at hand or can make and keep them; and streams over all
    /// else that the selector picks, as [`scan`](Self::scan) has them. No series has samples at one instant
    /// in both.
    ///
    /// # Errors
    /// Storage that cannot be read, and the reason why it was told to stop.
    fn totals(
        &self,
        selector: &Selector,
        cuts: &Cuts,
        stop: &Stop,
        partitions: NonZeroUsize,
    ) -> Result<(Vec<Totals>, Streams), ScanError> {
        let _ = (cuts, stop);
        Ok((Vec::new(), self.scan(selector, partitions)?))
    }

    /// The series that a selector picks, in one stream and in the order of their labels, unless they are
    /// more than `series_max` (whether they have samples or not).
    ///
    /// Unless a source knows better, all is read into memory first.
    ///
    /// # Errors
    /// Storage that cannot be read, or more series than that ([`ErrorKind::Limit`]).
    fn scan_sorted(
        &self,
        selector: &Selector,
        series_max: usize,
    ) -> Result<Box<dyn SeriesScan>, ScanError> {
        Ok(Box::new(SortedScan::read(self.scan(selector, NonZeroUsize::MIN)?, series_max)?))
    }

    /// Names of labels, sorted.
    ///
    /// # Errors
    /// Storage that cannot be read.
    fn label_names(&self, query: &LabelQuery) -> Result<Vec<String>, ScanError>;

    /// Values of one label, sorted.
    ///
    /// # Errors
    /// Storage that cannot be read.
    fn label_values(&self, name: &str, query: &LabelQuery) -> Result<Vec<String>, ScanError>;

    /// Label sets, sorted.
    ///
    /// # Errors
    /// Storage that cannot be read.
    fn series(&self, query: &LabelQuery) -> Result<Vec<Labels>, ScanError>;

    /// Exemplars in the query's span, series in order of their labels. A source that keeps no
    /// exemplars has none.
    ///
    /// # Errors
    /// Storage that cannot be read.
    fn exemplars(&self, query: &LabelQuery) -> Result<Vec<SeriesExemplars>, ScanError> {
        let _ = query;
        Ok(Vec::new())
    }
}

/// Series read into memory and put in order.
struct SortedScan {
    /// The next one last.
    series: Vec<(Labels, SeriesColumns)>,
}

impl SortedScan {
    fn read(scans: Streams, series_max: usize) -> Result<Self, ScanError> {
        let mut series = Vec::new();
        for mut scan in scans {
            if series.len() + scan.series_count_max() > series_max {
                return Err(ScanError::too_many_series(series_max));
            }
            let mut columns = SeriesColumns::default();
            while let Some(labels) = scan.next(&mut columns)? {
                series.push((labels, std::mem::take(&mut columns)));
            }
        }
        series.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(Self { series })
    }
}

impl SeriesScan for SortedScan {
    fn next(&mut self, columns: &mut SeriesColumns) -> Result<Option<Labels>, ScanError> {
        columns.clear();
        let Some((labels, read)) = self.series.pop() else { return Ok(None) };
        *columns = read;
        Ok(Some(labels))
    }

    fn series_count_max(&self) -> usize {
        self.series.len()
    }
}

/// Why a scan failed: the storage's own error behind the kind of it.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct ScanError {
    kind: ErrorKind,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ScanError {
    /// Wraps a storage's error.
    pub fn new(
        kind: ErrorKind,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, source: source.into() }
    }

    /// The error of a selector that picks more series than the caller allows.
    #[must_use]
    pub fn too_many_series(max: usize) -> Self {
        Self::new(ErrorKind::Limit, format!("the selector picks more than {max} series"))
    }

    /// What the caller should do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}
