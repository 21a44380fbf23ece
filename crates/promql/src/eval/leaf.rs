//! Leaves: one selector, a function of its samples, and value by value changes after it. Leaves are
//! the part of a query that runs series by series, straight from the scan, on several threads.

use std::thread;

use timberline_model::{
    Labels, NANOS_PER_SECOND, PageUse, ScanError, Selector as ScanSelector, SeriesColumns,
    SeriesScan, TimeRange, is_stale,
};

use super::{
    column::{Series, StepColumn},
    counter_notes::CounterNotes,
    error::EvalError,
    evaluator::Evaluator,
    extended::{self, Reaching},
    extended_histograms, figures,
    histograms::{self, HistogramSamples},
    labels::{has_more_reserved, merge_same, without_reserved},
    range_notes::RangeNotes,
    rate::Samples,
    shape::is_one_metric,
    starts::{self, SamplesSince},
    steps::{Sight, Windows, seconds},
    window::{WindowFunction, look_back},
};
use crate::{
    Feature,
    ast::{RangeExtension, Selector, Span},
};

/// Between two samples of a series, as far as anybody knows before reading them: 10 seconds.
const SAMPLE_DISTANCE: i64 = 10 * NANOS_PER_SECOND;
/// Samples below which one thread is faster than several.
const WORTH_A_THREAD: i64 = 40_000;

/// A change of one series' column that needs no other series.
pub(super) type Stage<'e> =
    Box<dyn Fn(&mut StepColumn) -> Result<(), EvalError> + Send + Sync + 'e>;

/// What the selector's samples become.
#[derive(Debug)]
pub(super) enum Source {
    /// The value of the newest sample.
    Value,
    /// The time of the newest sample.
    Time,
    /// When the newest sample began to count.
    Start,
    /// A function of those in a range of nanoseconds.
    Window { function: WindowFunction, range: i64 },
}

/// A selector and what is done to each of its series.
pub(super) struct Leaf<'e> {
    pub(super) selector: &'e Selector,
    /// Where the selector stands.
    pub(super) place: Span,
    pub(super) sight: Sight,
    pub(super) source: Source,
    pub(super) stages: Vec<Stage<'e>>,
    /// Whether the results are no longer the metric, and lose its name.
    pub(super) drops_name: bool,
    /// Whether anybody looks at the labels of series without native histograms.
    pub(super) needs_labels: bool,
}

impl Leaf<'_> {
    /// Whether what it says of floats names their metric.
    pub(super) fn tells_names(&self) -> bool {
        match &self.source {
            Source::Value | Source::Time => false,
            Source::Start => true,
            Source::Window { function, .. } => {
                function.expects_counter() || starts::matter_to(function)
            }
        }
    }
}

impl Evaluator<'_> {
    /// Runs a leaf: `push` gets every series that has a value at some step, with the labels as they
    /// are stored. Each thread fills a sink of its own.
    pub(super) fn run_leaf<S: Send>(
        &self,
        leaf: &Leaf<'_>,
        make: &(dyn Fn() -> S + Sync),
        push: &PushInto<'_, S>,
    ) -> Result<Vec<S>, EvalError> {
        let back = match &leaf.source {
            Source::Value | Source::Time | Source::Start => self.query.lookback,
            Source::Window { range, .. } => *range,
        };
        let wanted = figures::wanted(leaf);
        let before = self.begin_scan(leaf.place, leaf.sight.steps);
        let scans = self.scan(leaf.selector, &leaf.sight, back, wanted.as_ref())?;
        let streams = scans.len();
        let sinks = self.drain_all(leaf, scans, make, push)?;
        let range = self.reach(leaf.selector, &leaf.sight, back);
        self.end_scan(before, range, streams, wanted.is_some());
        Ok(sinks)
    }

    fn drain_all<S: Send>(
        &self,
        leaf: &Leaf<'_>,
        scans: Vec<Box<dyn SeriesScan>>,
        make: &(dyn Fn() -> S + Sync),
        push: &PushInto<'_, S>,
    ) -> Result<Vec<S>, EvalError> {
        let work = |mut scan: Box<dyn SeriesScan>| {
            let mut sink = make();
            let result = self.drain(leaf, scan.as_mut(), &mut sink, push);
            if result.is_err() {
                self.budget.fail();
            }
            result.map(|()| sink)
        };
        // A thread costs as much as some ten thousand samples.
        let series: usize = scans.iter().map(|scan| scan.series_count_max()).sum();
        let back = leaf.sight.last().saturating_sub(leaf.sight.first()) / SAMPLE_DISTANCE + 1;
        if (series as i64).saturating_mul(back) < WORTH_A_THREAD {
            return scans.into_iter().map(work).collect();
        }
        let mut scans = scans.into_iter();
        let Some(first) = scans.next() else { return Ok(Vec::new()) };
        let results: Vec<Result<S, EvalError>> = thread::scope(|scope| {
            let others: Vec<_> = scans.map(|scan| scope.spawn(|| work(scan))).collect();
            // A thread that is there already has its memory at hand.
            let first = work(first);
            let joined = others.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            std::iter::once(first).chain(joined).collect()
        });
        first_cause(results)
    }

    /// Opens the scan of a selector over all times that its steps look at, with figures in the place of
    /// pages where they do.
    pub(super) fn scan(
        &self,
        selector: &Selector,
        sight: &Sight,
        back: i64,
        figures: Option<&PageUse>,
    ) -> Result<Vec<Box<dyn SeriesScan>>, ScanError> {
        let wanted = ScanSelector {
            matchers: selector.matchers.clone(),
            range: self.reach(selector, sight, back),
        };
        let partitions = self.budget.limits().partitions;
        let mut scans = self.source.scan(&wanted, partitions)?;
        if let Some(figures) = figures {
            scans.iter_mut().for_each(|scan| scan.take_figures(figures));
        }
        Ok(scans)
    }

    /// The times from which a selector's steps need samples.
    pub(super) fn reach(&self, selector: &Selector, sight: &Sight, back: i64) -> TimeRange {
        let (before, ahead) = extended::reach(selector.extension, self.query.lookback);
        let start = sight.first().saturating_sub(back).saturating_sub(before).saturating_add(1);
        TimeRange::new(start, sight.last().saturating_add(ahead))
    }

    /// The series of a leaf, names dropped if it drops them, without two of the same labels.
    pub(super) fn collect_leaf(&self, leaf: &Leaf<'_>) -> Result<Vec<Series>, EvalError> {
        let delayed = self.query.delays_names();
        let strip = leaf.drops_name && !delayed;
        let may_repeat = strip && !is_one_metric(leaf.selector);
        let parts =
            self.run_leaf(leaf, &Collected::default, &|sink: &mut Collected, labels, column| {
                self.budget.make(column.steps())?;
                sink.may_repeat |= strip && has_more_reserved(&labels);
                let labels = if strip { without_reserved(&labels) } else { labels };
                let column = std::mem::take(column);
                sink.series.push(Series { labels, column, drop_name: leaf.drops_name && delayed });
                Ok(())
            })?;
        let may_repeat = may_repeat || parts.iter().any(|part| part.may_repeat);
        let series: Vec<Series> = parts.into_iter().flat_map(|part| part.series).collect();
        if may_repeat { merge_same(series) } else { Ok(series) }
    }

    fn drain<S>(
        &self,
        leaf: &Leaf<'_>,
        scan: &mut dyn SeriesScan,
        sink: &mut S,
        push: &PushInto<'_, S>,
    ) -> Result<(), EvalError> {
        let mut columns = SeriesColumns::default();
        let mut column = StepColumn::default();
        let mut notes = CounterNotes::default();
        if !leaf.needs_labels {
            scan.leave_labels_out();
        }
        while let Some(mut labels) = scan.next(&mut columns)? {
            if !leaf.needs_labels && !columns.histograms.is_empty() {
                // What is said of histograms names the metric.
                labels = scan.labels()?.unwrap_or(labels);
            }
            let floats = columns.len() + columns.pages.len();
            self.budget.read(floats + histograms::cost(&columns.histograms))?;
            column.reset(leaf.sight.steps.count());
            if matches!(leaf.source, Source::Start) {
                starts::unite(&mut columns);
            }
            let mut histograms = HistogramSamples::default();
            if !columns.histograms.is_empty() {
                histograms = self.take_histograms(leaf, &mut columns, &mut column);
            }
            match &leaf.source {
                _ if !histograms.values.is_empty() => {
                    drop_stale(&mut columns);
                    let mut met = RangeNotes::default();
                    self.fill_mixed(leaf, &columns, &histograms, &mut met, &mut column)?;
                    let name = labels.metric_name().unwrap_or("");
                    met.tell(name, leaf.place, &mut notes.notes);
                }
                _ => {
                    if self.fill(leaf, &mut columns, &mut column) {
                        starts::note_overlap(&mut notes.notes, &labels, leaf.place);
                    }
                }
            }
            self.budget.check()?;
            if column.is_empty() {
                continue;
            }
            if let Source::Window { function, .. } = &leaf.source
                && column.value_count() > 0
            {
                notes.see(function, &labels, leaf.place, self.query.features);
            }
            for stage in &leaf.stages {
                stage(&mut column)?;
            }
            if !column.is_empty() {
                push(sink, labels, &mut column)?;
            }
        }
        self.budget.add_pages(scan.page_counts());
        self.add_notes(notes.notes);
        Ok(())
    }

    /// Fills a column from floats, and tells whether their starts overlap.
    fn fill(&self, leaf: &Leaf<'_>, columns: &mut SeriesColumns, column: &mut StepColumn) -> bool {
        let (lookback, extension) = (self.query.lookback, leaf.selector.extension);
        let mut overlap = false;
        match &leaf.source {
            Source::Value if extension == RangeExtension::Smoothed => {
                drop_stale(columns);
                extended::smoothed_values(
                    samples(columns),
                    &leaf.sight,
                    lookback,
                    &self.budget,
                    column,
                );
            }
            Source::Value => {
                look_back(samples(columns), &leaf.sight, lookback, column, |_, value| value);
            }
            Source::Time => {
                look_back(samples(columns), &leaf.sight, lookback, column, |ts, _| seconds(ts));
            }
            Source::Start => {
                let since = SamplesSince { samples: samples(columns), starts: &columns.starts };
                since.look_back(&leaf.sight, lookback, column);
            }
            Source::Window { function, range } => {
                drop_stale(columns);
                let windows = Windows { sight: &leaf.sight, range: *range, budget: &self.budget };
                if let (WindowFunction::Plain(function), false) =
                    (function, columns.pages.is_empty())
                {
                    figures::apply(*function, columns, windows, column);
                    return overlap;
                }
                let samples = samples(columns);
                let knows_starts =
                    !columns.starts.is_empty() && self.query.features.has(Feature::StartTimestamps);
                if extension != RangeExtension::None {
                    let starts = if knows_starts { columns.starts.as_slice() } else { &[] };
                    let reaching = Reaching { windows, extension, lookback };
                    reaching.apply(function, SamplesSince { samples, starts }, column);
                } else if knows_starts && starts::matter_to(function) {
                    let since = SamplesSince { samples, starts: &columns.starts };
                    overlap = since.apply(function, windows, column);
                } else {
                    function.apply(samples, windows, column);
                }
            }
        }
        overlap
    }
}

impl Evaluator<'_> {
    /// Fills a column from floats and histograms.
    fn fill_mixed(
        &self,
        leaf: &Leaf<'_>,
        columns: &SeriesColumns,
        histograms: &HistogramSamples,
        met: &mut RangeNotes,
        column: &mut StepColumn,
    ) -> Result<(), EvalError> {
        let (lookback, extension) = (self.query.lookback, leaf.selector.extension);
        let mut samples = histograms.with(samples(columns));
        if self.query.features.has(Feature::StartTimestamps) {
            samples.float_starts = &columns.starts;
        }
        match &leaf.source {
            Source::Window { function, range } => {
                let windows = Windows { sight: &leaf.sight, range: *range, budget: &self.budget };
                if extension == RangeExtension::None {
                    return function.apply_mixed(samples, windows, met, column);
                }
                let reaching = Reaching { windows, extension, lookback };
                reaching.apply_mixed(function, samples, met, column)
            }
            // Only of a smoothed selector there is anything left to do.
            _ => {
                let sight = &leaf.sight;
                extended::smoothed_values(samples.floats, sight, lookback, &self.budget, column);
                extended_histograms::smoothed_values(
                    samples,
                    sight,
                    lookback,
                    &self.budget,
                    met,
                    column,
                )
            }
        }
    }
}

/// The series that one thread has collected.
#[derive(Default)]
struct Collected {
    series: Vec<Series>,
    /// Two of them may have the same labels.
    may_repeat: bool,
}

/// Takes one series into a sink; it may take the column too.
pub(super) type PushInto<'a, S> =
    dyn Fn(&mut S, Labels, &mut StepColumn) -> Result<(), EvalError> + Sync + 'a;

fn samples(columns: &SeriesColumns) -> Samples<'_> {
    Samples { timestamps: &columns.timestamps, values: &columns.values }
}

/// Removes stale markers: windows do not see them.
pub(super) fn drop_stale(columns: &mut SeriesColumns) {
    // Without a way out in the middle the compiler looks at several values at once.
    let is_marked = |values: &[f64]| values.iter().fold(false, |any, value| any | is_stale(*value));
    if !columns.values.chunks(256).any(is_marked) {
        return;
    }
    let mut kept = 0;
    for place in 0..columns.values.len() {
        if !is_stale(columns.values[place]) {
            columns.values[kept] = columns.values[place];
            columns.timestamps[kept] = columns.timestamps[place];
            if let Some(start) = columns.starts.get(place).copied() {
                columns.starts[kept] = start;
            }
            kept += 1;
        }
    }
    columns.values.truncate(kept);
    columns.timestamps.truncate(kept);
    columns.starts.truncate(kept);
}

/// All results, or the error that made the other threads stop.
fn first_cause<S>(results: Vec<Result<S, EvalError>>) -> Result<Vec<S>, EvalError> {
    let mut sinks = Vec::with_capacity(results.len());
    let mut cause = None;
    for result in results {
        match result {
            Ok(sink) => sinks.push(sink),
            Err(error) => {
                if matches!(cause, None | Some(EvalError::Canceled)) {
                    cause = Some(error);
                }
            }
        }
    }
    cause.map_or(Ok(sinks), Err)
}
