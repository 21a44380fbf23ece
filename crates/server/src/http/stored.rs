//! The samples of a selector as they are stored, not evaluated at steps.

use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use timberline::{
    Database, Limits, Matcher, QueryStats, RangeSeries, Selector, SeriesColumns, SeriesSource as _,
    TimeRange,
};
use timberline_model::{ErrorKind, is_stale};

use crate::error::{ApiError, Subject};

/// All samples of the selected series from `start` to `end`, both included, without stale markers;
/// series are sorted by their labels.
///
/// # Errors
/// A limit, the deadline, a caller gone away, or storage that cannot be read.
pub(super) fn stored_samples(
    database: &Database,
    matchers: Vec<Matcher>,
    start: i64,
    end: i64,
    limits: &Limits,
) -> Result<(Vec<RangeSeries>, QueryStats), ApiError> {
    let failed = |kind, message: String| ApiError::new(Subject::Evaluation, kind, message);
    let selector = Selector { matchers, range: TimeRange::new(start, end) };
    // One stream: they are read one after another, in the thread of the query.
    let scans = database
        .scan(&selector, NonZeroUsize::MIN)
        .map_err(|error| failed(error.kind(), error.to_string()))?;
    let mut found = Vec::new();
    let mut stats = QueryStats::default();
    let mut columns = SeriesColumns::default();
    for mut scan in scans {
        while let Some(labels) =
            scan.next(&mut columns).map_err(|error| failed(error.kind(), error.to_string()))?
        {
            let samples = columns.len() + columns.histograms.len();
            check(limits, &mut stats, samples as u64)?;
            let kept = columns.timestamps.iter().zip(&columns.values);
            let (timestamps, values): (Vec<i64>, Vec<f64>) =
                kept.filter(|(_, value)| !is_stale(**value)).unzip();
            let column = std::mem::take(&mut columns.histograms);
            let kept = column.timestamps.into_iter().zip(column.values);
            let kept = kept.filter(|(_, histogram)| !histogram.is_stale());
            let histograms: Vec<_> = kept.map(|(ts, value)| (ts, Arc::new(value))).collect();
            if !timestamps.is_empty() || !histograms.is_empty() {
                found.push(RangeSeries { labels, timestamps, values, histograms });
            }
        }
    }
    found.sort_by(|left, right| left.labels.cmp(&right.labels));
    Ok((found, stats))
}

/// Accounts for one more series.
fn check(limits: &Limits, stats: &mut QueryStats, samples: u64) -> Result<(), ApiError> {
    stats.series += 1;
    stats.samples += samples;
    let failed = |kind, message: String| Err(ApiError::new(Subject::Evaluation, kind, message));
    if limits.canceled.load(Ordering::Relaxed) {
        return failed(ErrorKind::Canceled, "the query was canceled".to_owned());
    }
    if limits.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return failed(ErrorKind::Timeout, "the query timed out reading its samples".to_owned());
    }
    if stats.series > limits.series_max {
        let max = limits.series_max;
        return failed(ErrorKind::Limit, format!("the query selects more than {max} series"));
    }
    if stats.samples > limits.samples_max {
        let max = limits.samples_max;
        return failed(
            ErrorKind::Limit,
            format!("query processing would load more than {max} samples"),
        );
    }
    Ok(())
}
