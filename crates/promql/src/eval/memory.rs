//! Series held in memory: a source for tests, examples and scripts.
//!
//! What it is not: a store. Nothing is compressed, indexed or shared.
//! Invariant: the samples of a series are sorted by time, one per instant.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use timberline_model::{
    Histogram, LabelQuery, Labels, Matcher, ScanError, Selector, SeriesColumns, SeriesScan,
    SeriesSource, TimeRange,
};

use super::query::SampleValue;

/// Samples of one series by time, each with when what it counts began (0 if nobody said).
type Samples = BTreeMap<i64, (i64, SampleValue)>;

/// A sample: when, since when, what.
type Held = (i64, i64, SampleValue);

/// A source of series held in memory.
///
/// ```
/// use timberline_model::Labels;
/// use timberline_promql::eval::{Limits, Query, Value, evaluate, memory::MemorySource};
///
/// let mut source = MemorySource::default();
/// source.push(&Labels::from_pairs([("__name__", "up")])?, 0, 1.0);
/// let expr = timberline_promql::parse("up + 1")?;
/// let result = evaluate(&source, &Query::instant(&expr, 0), &Limits::default())?;
/// assert!(matches!(result.value, Value::Vector(samples) if samples[0].value == 2.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    series: BTreeMap<Labels, Samples>,
}

impl MemorySource {
    /// Adds a sample; a later one at the same time replaces it. `ts` is in nanoseconds.
    pub fn push(&mut self, labels: &Labels, ts: i64, value: f64) {
        self.push_since(labels, ts, 0, value);
    }

    /// Adds a sample whose counting began at `start`, in nanoseconds; 0 means that nobody said.
    pub fn push_since(&mut self, labels: &Labels, ts: i64, start: i64, value: f64) {
        self.insert(labels, ts, start, SampleValue::Float(value));
    }

    /// Adds a native histogram; whatever comes later at the same time replaces it.
    pub fn push_histogram(&mut self, labels: &Labels, ts: i64, histogram: Histogram) {
        self.push_histogram_since(labels, ts, 0, histogram);
    }

    /// Adds a native histogram whose counting began at `start`, in nanoseconds; 0 means that nobody said.
    pub fn push_histogram_since(
        &mut self,
        labels: &Labels,
        ts: i64,
        start: i64,
        histogram: Histogram,
    ) {
        self.insert(labels, ts, start, SampleValue::Histogram(Arc::new(histogram)));
    }

    fn insert(&mut self, labels: &Labels, ts: i64, start: i64, value: SampleValue) {
        self.series.entry(labels.clone()).or_default().insert(ts, (start, value));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.series.clear();
    }

    fn select<'a>(
        &'a self,
        matchers: &'a [Matcher],
        range: TimeRange,
    ) -> impl Iterator<Item = (&'a Labels, Vec<Held>)> {
        self.series.iter().filter_map(move |(labels, samples)| {
            let chosen = matchers
                .iter()
                .all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")));
            if !chosen || range.is_empty() {
                return None;
            }
            let within: Vec<Held> = samples
                .range(range.start..=range.end)
                .map(|(ts, (start, value))| (*ts, *start, value.clone()))
                .collect();
            (!within.is_empty()).then_some((labels, within))
        })
    }

    fn selected_labels(&self, query: &LabelQuery) -> Vec<Labels> {
        let everything = [Vec::new()];
        let selectors: &[Vec<Matcher>] =
            if query.selectors.is_empty() { &everything } else { &query.selectors };
        let mut found: Vec<Labels> = selectors
            .iter()
            .flat_map(|matchers| self.select(matchers, query.range).map(|(l, _)| l.clone()))
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

impl SeriesSource for MemorySource {
    fn scan(
        &self,
        selector: &Selector,
        partitions: NonZeroUsize,
    ) -> Result<Vec<Box<dyn SeriesScan>>, ScanError> {
        let mut parts: Vec<MemoryScan> = Vec::new();
        parts.resize_with(partitions.get(), MemoryScan::default);
        for (index, (labels, samples)) in
            self.select(&selector.matchers, selector.range).enumerate()
        {
            parts[index % partitions].series.push((labels.clone(), samples));
        }
        Ok(parts.into_iter().map(|part| Box::new(part) as Box<dyn SeriesScan>).collect())
    }

    fn label_names(&self, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        let found = self.selected_labels(query);
        let names = found.iter().flat_map(Labels::iter).map(|(name, _)| name.to_owned());
        Ok(limited(names.collect(), query.limit))
    }

    fn label_values(&self, name: &str, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        let found = self.selected_labels(query);
        let values = found.iter().filter_map(|labels| labels.get(name)).map(str::to_owned);
        Ok(limited(values.collect(), query.limit))
    }

    fn series(&self, query: &LabelQuery) -> Result<Vec<Labels>, ScanError> {
        Ok(limited(self.selected_labels(query), query.limit))
    }
}

fn limited<T: Ord>(mut found: Vec<T>, limit: usize) -> Vec<T> {
    found.sort();
    found.dedup();
    if limit > 0 {
        found.truncate(limit);
    }
    found
}

/// Series still to be handed out.
#[derive(Debug, Default)]
struct MemoryScan {
    series: Vec<(Labels, Vec<Held>)>,
}

impl SeriesScan for MemoryScan {
    fn next(&mut self, columns: &mut SeriesColumns) -> Result<Option<Labels>, ScanError> {
        columns.clear();
        let Some((labels, samples)) = self.series.pop() else { return Ok(None) };
        for (ts, start, value) in samples {
            match value {
                SampleValue::Float(value) => columns.push(ts, start, value),
                SampleValue::Histogram(histogram) => {
                    columns.histograms.push(ts, start, Histogram::clone(&histogram));
                }
            }
        }
        Ok(Some(labels))
    }

    fn series_count_max(&self) -> usize {
        self.series.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_selected_series_are_listed_once_and_sorted() {
        let mut source = MemorySource::default();
        for (host, ts) in [("b", 1), ("a", 2), ("c", 9)] {
            let labels = Labels::from_pairs([("__name__", "m"), ("host", host)]).unwrap();
            source.push(&labels, ts, 1.0);
        }
        let query = |limit| LabelQuery {
            selectors: vec![vec![Matcher::equal("__name__", "m")]],
            range: TimeRange::new(0, 5),
            limit,
            ..LabelQuery::default()
        };
        assert_eq!(source.label_names(&query(0)).unwrap(), ["__name__", "host"]);
        assert_eq!(source.label_values("host", &query(0)).unwrap(), ["a", "b"]);
        assert_eq!(source.label_values("host", &query(1)).unwrap(), ["a"]);
        assert_eq!(source.series(&query(0)).unwrap().len(), 2);
    }

    #[test]
    fn every_series_is_in_exactly_one_partition() {
        let mut source = MemorySource::default();
        for host in ["a", "b", "c", "d", "e"] {
            source.push(&Labels::from_pairs([("host", host)]).unwrap(), 0, 1.0);
        }
        let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
        let mut found = Vec::new();
        let mut columns = SeriesColumns::default();
        for mut scan in source.scan(&selector, NonZeroUsize::new(3).unwrap()).unwrap() {
            while let Some(labels) = scan.next(&mut columns).unwrap() {
                assert_eq!((columns.timestamps.len(), columns.values.len()), (1, 1));
                found.push(labels);
            }
        }
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 5);
    }
}
