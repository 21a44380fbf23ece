//! Native histograms on their way from the scan into columns.
//!
//! Stored histograms become [`FloatHistogram`]s, which all computation is done with. Where a query looks
//! at count and sum only, buckets are left out, and what they say of counter resets is noted first.

use std::{collections::BTreeSet, sync::Arc};

use timberline_model::{
    BucketCounts, FloatHistogram, Histogram, HistogramColumn, ResetHint, STALE_NAN, SeriesColumns,
};

use super::{
    column::StepColumn,
    evaluator::Evaluator,
    leaf::{Leaf, Source},
    rate::Samples,
    steps::Sight,
};
use crate::{
    Feature,
    ast::{BinaryOp, Expr, ExprKind, RangeExtension, Span},
};

/// Native histograms with their times.
#[derive(Debug, Default)]
pub(super) struct HistogramSamples {
    pub(super) timestamps: Vec<i64>,
    pub(super) values: Vec<Arc<FloatHistogram>>,
    /// When each began to count; none if nobody said, or nobody asks.
    pub(super) starts: Vec<i64>,
}

impl HistogramSamples {
    /// The histograms together with a series' floats.
    pub(super) fn with<'a>(&'a self, floats: Samples<'a>) -> MixedSamples<'a> {
        MixedSamples {
            floats,
            float_starts: &[],
            times: &self.timestamps,
            histograms: &self.values,
            starts: &self.starts,
        }
    }
}

/// The samples of one series, of either kind. No two are of the same time.
#[derive(Clone, Copy, Debug)]
pub(super) struct MixedSamples<'a> {
    pub(super) floats: Samples<'a>,
    /// When the floats began to count; as many as floats, or none.
    pub(super) float_starts: &'a [i64],
    pub(super) times: &'a [i64],
    pub(super) histograms: &'a [Arc<FloatHistogram>],
    /// Likewise of the histograms.
    pub(super) starts: &'a [i64],
}

/// The selectors of whose histograms only count and sum matter, by where they start.
#[derive(Debug, Default)]
pub(super) struct StatsOnly(BTreeSet<usize>);

impl StatsOnly {
    /// Looks at a whole query, as Prometheus does: below `histogram_count` and its like, unless
    /// something around it needs buckets.
    pub(super) fn of(expr: &Expr) -> Self {
        let mut found = Self::default();
        found.visit(expr, false, false);
        found
    }

    fn visit(&mut self, expr: &Expr, wanted: bool, blocked: bool) {
        match &expr.kind {
            ExprKind::Selector(_) | ExprKind::Matrix { .. } => {
                if wanted && !blocked {
                    self.0.insert(expr.span.start);
                }
            }
            ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => {
                self.visit(inner, wanted, blocked);
            }
            ExprKind::Call { function, args, .. } => {
                let counts =
                    matches!(*function, "histogram_count" | "histogram_sum" | "histogram_avg");
                let looks = matches!(
                    *function,
                    "histogram_quantile" | "histogram_quantiles" | "histogram_fraction"
                );
                args.iter().for_each(|arg| self.visit(arg, wanted || counts, blocked || looks));
            }
            ExprKind::Aggregate(aggregate) => {
                self.visit(&aggregate.expr, wanted, blocked);
                if let Some(param) = &aggregate.param {
                    self.visit(param, wanted, blocked);
                }
            }
            ExprKind::Binary(binary) => {
                let trims = matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
                self.visit(&binary.left, wanted, blocked || trims);
                self.visit(&binary.right, wanted, blocked || trims);
            }
            // Steps of a subquery skip samples, so that resets show in the buckets only.
            ExprKind::Subquery(subquery) => self.visit(&subquery.expr, wanted, true),
            ExprKind::Number { .. } | ExprKind::String(_) => {}
        }
    }

    fn has(&self, place: Span) -> bool {
        self.0.contains(&place.start)
    }
}

impl Evaluator<'_> {
    /// Takes the histograms out of a series' samples. Of a plain selector they go into the column; else
    /// they are returned. What remains are the floats and, for a plain selector, where they end.
    pub(super) fn take_histograms(
        &self,
        leaf: &Leaf<'_>,
        columns: &mut SeriesColumns,
        column: &mut StepColumn,
    ) -> HistogramSamples {
        let times = std::mem::take(&mut columns.histograms.timestamps);
        let stored = std::mem::take(&mut columns.histograms.values);
        let since = std::mem::take(&mut columns.histograms.starts);
        columns.histograms.clear();
        match &leaf.source {
            // Starts are looked at with the histograms among the floats already.
            Source::Start => HistogramSamples::default(),
            Source::Time => {
                merge_times(columns, &times, &stored, 0.0);
                HistogramSamples::default()
            }
            Source::Value if leaf.selector.extension != RangeExtension::Smoothed => {
                let found = computed(&stored, self.stats_only.has(leaf.place));
                look_back(columns, &times, &found, &leaf.sight, self.query.lookback, column);
                merge_times(columns, &times, &stored, STALE_NAN);
                HistogramSamples::default()
            }
            Source::Value | Source::Window { .. } => {
                let found = computed(&stored, self.stats_only.has(leaf.place));
                let mut samples = HistogramSamples::default();
                let asked = self.query.features.has(Feature::StartTimestamps);
                for (place, (ts, found)) in times.into_iter().zip(found).enumerate() {
                    let Some(found) = found else { continue };
                    samples.timestamps.push(ts);
                    samples.values.push(found);
                    samples.starts.extend(since.get(place).filter(|_| asked));
                }
                samples
            }
        }
    }
}

/// How many samples a histogram counts as: as many as have its size, as in Prometheus.
pub(super) fn cost_of(histogram: &FloatHistogram) -> usize {
    8 + histogram.bucket_count() + histogram.custom_values.len() / 2
}

/// How many samples stored histograms count as.
pub(super) fn cost(column: &HistogramColumn) -> usize {
    let size = |histogram: &Histogram| {
        let (positive, negative) = match &histogram.counts {
            BucketCounts::Integer { positive, negative, .. } => (positive.len(), negative.len()),
            BucketCounts::Float { positive, negative, .. } => (positive.len(), negative.len()),
        };
        let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
        8 + (positive + negative + spans + histogram.custom_values.len()) / 2
    };
    column.values.iter().map(size).sum()
}

/// The histograms to compute with; stale ones are none.
fn computed(stored: &[Histogram], stats_only: bool) -> Vec<Option<Arc<FloatHistogram>>> {
    let found = stored.iter().map(|one| (!one.is_stale()).then(|| FloatHistogram::from(one)));
    if !stats_only {
        return found.map(|one| one.map(Arc::new)).collect();
    }
    let mut before: Option<FloatHistogram> = None;
    let found = found.map(|one| {
        let mut one = one?;
        if let Some(before) = before.as_ref().filter(|_| one.reset_hint == ResetHint::Unknown) {
            let is_reset = one.is_reset_after(before);
            one.reset_hint = if is_reset { ResetHint::Reset } else { ResetHint::NotReset };
        }
        let stats = Arc::new(one.without_buckets());
        before = Some(one);
        Some(stats)
    });
    found.collect()
}

/// The newest sample in `(at - lookback, at]` of every step, where that is a histogram.
fn look_back(
    columns: &SeriesColumns,
    times: &[i64],
    found: &[Option<Arc<FloatHistogram>>],
    sight: &Sight,
    lookback: i64,
    out: &mut StepColumn,
) {
    let floats = &columns.timestamps;
    let (mut high, mut high_float) = (0, 0);
    for step in 0..sight.steps.count() {
        let at = sight.at(step);
        while high < times.len() && times[high] <= at {
            high += 1;
        }
        while high_float < floats.len() && floats[high_float] <= at {
            high_float += 1;
        }
        let Some(newest) = high.checked_sub(1) else { continue };
        let is_newest = high_float.checked_sub(1).is_none_or(|float| floats[float] < times[newest]);
        let is_recent = times[newest] > at.saturating_sub(lookback);
        if let Some(histogram) = found[newest].as_ref().filter(|_| is_newest && is_recent) {
            out.set_histogram(step, Arc::clone(histogram));
        }
    }
}

/// Puts the histograms' times among the floats', each with a value; stale ones are stale markers.
fn merge_times(columns: &mut SeriesColumns, times: &[i64], stored: &[Histogram], value: f64) {
    let SeriesColumns { timestamps, values, starts, .. } = columns;
    let mut merged: Vec<(i64, f64)> =
        timestamps.iter().copied().zip(values.iter().copied()).collect();
    let value = |one: &Histogram| if one.is_stale() { STALE_NAN } else { value };
    merged.extend(times.iter().copied().zip(stored.iter().map(value)));
    merged.sort_by_key(|(ts, _)| *ts);
    (*timestamps, *values) = merged.into_iter().unzip();
    starts.clear();
}

/// Takes the histograms of a plain range selector, without stale ones.
pub(super) fn take(columns: &mut SeriesColumns) -> Vec<(i64, Arc<Histogram>)> {
    let HistogramColumn { timestamps, values, .. } = std::mem::take(&mut columns.histograms);
    let all = timestamps.into_iter().zip(values).filter(|(_, histogram)| !histogram.is_stale());
    all.map(|(ts, histogram)| (ts, Arc::new(histogram))).collect()
}
