//! What an export takes: series by selectors, samples by time.

use std::num::NonZeroUsize;

use timberline::{
    Database, LabelQuery, Labels, Matcher, Selector, SeriesColumns, SeriesSource, TimeRange,
};

use crate::ExchangeError;

/// What an export takes.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Any of these selectors; none means all series.
    pub selectors: Vec<Vec<Matcher>>,
    /// Samples in this span, both ends included.
    pub range: TimeRange,
}

/// What an export did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportReport {
    /// Series written; a series counts once for each file or block that has it.
    pub series: u64,
    /// Samples written, floats and histograms.
    pub samples: u64,
    /// Exemplars written.
    pub exemplars: u64,
    /// Blocks written, by a format that has blocks.
    pub blocks: u64,
    /// What the format cannot carry and was left out, in words.
    pub notes: Vec<String>,
}

impl Selection {
    /// Calls `visit` with each series that has samples in a span of time within the selection's.
    pub(crate) fn for_each(
        &self,
        database: &Database,
        range: TimeRange,
        mut visit: impl FnMut(&Labels, &mut SeriesColumns) -> Result<(), ExchangeError>,
    ) -> Result<(), ExchangeError> {
        let all = [Vec::new()];
        let selectors = if self.selectors.is_empty() { &all[..] } else { &self.selectors };
        let range = self.clip(range);
        let mut columns = SeriesColumns::default();
        for (index, matchers) in selectors.iter().enumerate() {
            let selector = Selector { matchers: matchers.clone(), range };
            for mut scan in database.scan(&selector, NonZeroUsize::MIN)? {
                while let Some(labels) = scan.next(&mut columns)? {
                    let is_done = |earlier: &Vec<Matcher>| {
                        earlier.iter().all(|matcher| matcher.matches_labels(&labels))
                    };
                    if !selectors[..index].iter().any(is_done) {
                        visit(&labels, &mut columns)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The span in which the database has samples at all, as far as it is selected.
    pub(crate) fn span(&self, database: &Database) -> Option<TimeRange> {
        let stats = database.stats();
        let range = self.clip(TimeRange::new(stats.min_ts?, stats.max_ts?));
        (!range.is_empty()).then_some(range)
    }

    /// The windows of a span of nanoseconds in which there may be samples, in order of time.
    pub(crate) fn windows(
        &self,
        database: &Database,
        span: i64,
    ) -> Result<Vec<TimeRange>, ExchangeError> {
        let mut windows = Vec::new();
        if let Some(range) = self.span(database) {
            let first = range.start.div_euclid(span);
            let last = range.end.div_euclid(span);
            self.find_windows(database, span, (first, last), &mut windows)?;
        }
        Ok(windows)
    }

    /// Looks at half the windows each, and not into a half without samples: there may be centuries.
    fn find_windows(
        &self,
        database: &Database,
        span: i64,
        (first, last): (i64, i64),
        windows: &mut Vec<TimeRange>,
    ) -> Result<(), ExchangeError> {
        let start = first.saturating_mul(span);
        let end = last.saturating_mul(span).saturating_add(span - 1);
        let range = self.clip(TimeRange::new(start, end));
        let selectors = self.selectors.clone();
        let query = LabelQuery { selectors, range, limit: 1, ..LabelQuery::default() };
        if range.is_empty() || database.series(&query)?.is_empty() {
            return Ok(());
        }
        if first == last {
            windows.push(range);
            return Ok(());
        }
        let middle = first + (last - first) / 2;
        self.find_windows(database, span, (first, middle), windows)?;
        self.find_windows(database, span, (middle + 1, last), windows)
    }

    fn clip(&self, range: TimeRange) -> TimeRange {
        TimeRange::new(range.start.max(self.range.start), range.end.min(self.range.end))
    }
}
