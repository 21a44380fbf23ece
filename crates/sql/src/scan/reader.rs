//! One partition at work: turns of reading on a thread that may block, and a stream of what they bring.
//!
//! Invariant: between two turns no thread is held, and a stream that is dropped ends the turn at work
//! before its next series.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    error::{DataFusionError, Result},
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_plan::{
        metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder},
        stream::RecordBatchStreamAdapter,
    },
};
use futures_util::stream;
use timberline_model::{Labels, PageCounts, ScanError, SeriesColumns, SeriesScan, is_stale};

use super::{Opened, rows::RowWriter};
use crate::tables::Source;

/// Batches that a turn makes at most.
const BATCHES_PER_TURN: usize = 4;
/// Samples that a turn reads at most before it looks around.
const SAMPLES_PER_TURN: usize = 1 << 20;
/// Bytes of a row in a batch under construction, about, for each column.
const COLUMN_BYTES: usize = 8;

/// What a partition is to read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) opened: Arc<Opened>,
    pub(super) schema: SchemaRef,
    pub(super) sources: Vec<Source>,
    pub(super) fetch: Option<usize>,
}

impl Reading {
    pub(super) fn stream(
        self,
        partition: usize,
        context: &TaskContext,
        metrics: &ExecutionPlanMetricsSet,
    ) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let stop = StopOnDrop::default();
        let baseline = BaselineMetrics::new(metrics, partition);
        let reservation =
            MemoryConsumer::new(format!("SeriesScan[{partition}]")).register(context.memory_pool());
        let reader = Reader {
            opened: self.opened,
            partition,
            scan: None,
            columns: SeriesColumns::default(),
            place: Place::default(),
            writer: RowWriter::new(&schema, &self.sources),
            columns_count: self.sources.len().max(1),
            left: self.fetch.unwrap_or(usize::MAX),
            batch_rows: context.session_config().batch_size().max(1),
            is_done: false,
            stop: Arc::clone(&stop.0),
            reservation,
            counters: Counters::new(metrics, partition),
        };
        let state = (Some(reader), VecDeque::<RecordBatch>::new(), stop, baseline);
        let batches = stream::try_unfold(state, |(mut reader, mut ready, stop, baseline)| async {
            loop {
                if let Some(batch) = ready.pop_front() {
                    baseline.record_output(batch.num_rows());
                    return Ok(Some((batch, (reader, ready, stop, baseline))));
                }
                let Some(mut at_work) = reader.take().filter(|reader| !reader.is_done) else {
                    return Ok(None);
                };
                let compute = baseline.elapsed_compute().clone();
                let turn = tokio::task::spawn_blocking(move || {
                    let timer = compute.timer();
                    let batches = at_work.turn();
                    timer.done();
                    batches.map(|batches| (at_work, batches))
                });
                let (after, batches) =
                    turn.await.map_err(|error| DataFusionError::External(Box::new(error)))??;
                reader = Some(after);
                ready.extend(batches);
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

/// Tells the turn at work to end when the stream goes.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Figures that `EXPLAIN ANALYZE` shows.
struct Counters {
    blocks: Count,
    series: Count,
    series_refused: Count,
    pages_decoded: Count,
    pages_skipped: Count,
    samples: Count,
    seen: PageCounts,
}

impl Counters {
    fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let counter = |name: &'static str| MetricBuilder::new(metrics).counter(name, partition);
        Self {
            blocks: counter("blocks_opened"),
            series: counter("series"),
            series_refused: counter("series_filtered"),
            pages_decoded: counter("pages_decoded"),
            pages_skipped: counter("pages_skipped"),
            samples: counter("samples"),
            seen: PageCounts::default(),
        }
    }

    fn add_pages(&mut self, counts: PageCounts) {
        self.pages_decoded.add((counts.decoded - self.seen.decoded) as usize);
        self.pages_skipped.add((counts.skipped - self.seen.skipped) as usize);
        self.seen = counts;
    }
}

/// How far the series at hand has been handed out.
#[derive(Default)]
struct Place {
    floats: usize,
    histograms: usize,
}

struct Reader {
    opened: Arc<Opened>,
    partition: usize,
    /// `None` before the first turn.
    scan: Option<Box<dyn SeriesScan>>,
    columns: SeriesColumns,
    place: Place,
    writer: RowWriter,
    columns_count: usize,
    /// Rows that are still wanted.
    left: usize,
    batch_rows: usize,
    is_done: bool,
    stop: Arc<AtomicBool>,
    reservation: MemoryReservation,
    counters: Counters,
}

impl Reader {
    /// Makes a few batches, fewer at the end.
    fn turn(&mut self) -> Result<Vec<RecordBatch>> {
        if self.scan.is_none() {
            self.begin()?;
        }
        let mut batches = Vec::new();
        let mut samples = 0;
        while !self.is_done && batches.len() < BATCHES_PER_TURN && samples < SAMPLES_PER_TURN {
            if self.is_at_end() {
                samples += self.next_series()?;
                continue;
            }
            self.append();
            if self.writer.rows() >= self.batch_rows || self.left == 0 {
                batches.push(self.writer.finish()?);
            }
            self.is_done |= self.left == 0;
        }
        if self.is_done && self.writer.rows() > 0 {
            batches.push(self.writer.finish()?);
        }
        if self.is_done {
            self.scan = None;
            self.columns = SeriesColumns::default();
            self.reservation.resize(0);
        }
        Ok(batches)
    }

    fn begin(&mut self) -> Result<()> {
        if self.partition == 0 {
            self.counters.blocks.add(self.opened.blocks());
        }
        self.scan = self.opened.take(self.partition).map_err(external)?;
        self.is_done = self.scan.is_none() || self.left == 0;
        Ok(())
    }

    fn is_at_end(&self) -> bool {
        self.place.floats == self.columns.timestamps.len()
            && self.place.histograms == self.columns.histograms.len()
    }

    /// Reads the next series that passes, and tells how many samples it has.
    fn next_series(&mut self) -> Result<usize> {
        self.place = Place::default();
        let stopped = self.stop.load(Ordering::Relaxed);
        let labels = match self.scan.as_mut().filter(|_| !stopped) {
            Some(scan) => {
                let labels = scan.next(&mut self.columns).map_err(external)?;
                self.counters.add_pages(scan.page_counts());
                labels
            }
            None => None,
        };
        let Some(labels) = labels else {
            self.columns.clear();
            self.is_done = true;
            return Ok(0);
        };
        self.counters.series.add(1);
        let count = self.columns.sample_count();
        self.counters.samples.add(count);
        if !self.passes(&labels)? {
            self.counters.series_refused.add(1);
            self.columns.clear();
            return Ok(count);
        }
        drop_stale(&mut self.columns);
        let of_batches = self.batch_rows * self.columns_count * COLUMN_BYTES * BATCHES_PER_TURN;
        self.reservation.try_resize(bytes_of(&self.columns) + of_batches)?;
        self.writer.begin_series(&labels);
        Ok(count)
    }

    fn passes(&self, labels: &Labels) -> Result<bool> {
        self.opened.condition().map_or(Ok(true), |condition| condition.passes(labels))
    }

    /// Appends what fits of the series at hand.
    fn append(&mut self) {
        let room = (self.batch_rows - self.writer.rows()).min(self.left);
        let before = self.writer.rows();
        let histograms = &self.columns.histograms;
        let timestamps = &self.columns.timestamps;
        let end = (self.place.floats + room).min(timestamps.len());
        match histograms.timestamps.get(self.place.histograms) {
            None => {
                let floats = self.place.floats..end;
                let values = &self.columns.values[floats.clone()];
                self.writer.append_floats(&timestamps[floats], values);
                self.place.floats = end;
            }
            Some(ts) => {
                let earlier = timestamps[self.place.floats..end].partition_point(|of| of < ts);
                if earlier > 0 {
                    let floats = self.place.floats..self.place.floats + earlier;
                    let values = &self.columns.values[floats.clone()];
                    self.writer.append_floats(&timestamps[floats], values);
                    self.place.floats += earlier;
                } else {
                    let histogram = &histograms.values[self.place.histograms];
                    self.writer.append_histogram(*ts, histogram);
                    self.place.histograms += 1;
                }
            }
        }
        self.left -= self.writer.rows() - before;
    }
}

fn external(error: ScanError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn bytes_of(columns: &SeriesColumns) -> usize {
    let floats = columns.timestamps.capacity() + columns.values.capacity();
    let histograms = columns.histograms.len();
    (floats + columns.starts.capacity()) * 8 + histograms * HISTOGRAM_BYTES
}

/// A histogram in memory, with some tens of buckets.
const HISTOGRAM_BYTES: usize = 1_024;

/// Whether one of these is a stale marker. Sixteen are looked at without a branch between them.
fn has_stale(values: &[f64]) -> bool {
    let (sixteens, rest) = values.as_chunks::<16>();
    let any = |some: &[f64]| some.iter().fold(false, |any, value| any | is_stale(*value));
    sixteens.iter().any(|some| any(some)) || any(rest)
}

/// Stale markers say that a series has ended; they are no samples.
pub(crate) fn drop_stale(columns: &mut SeriesColumns) {
    if has_stale(&columns.values) {
        let mut kept = 0;
        for place in 0..columns.values.len() {
            if !is_stale(columns.values[place]) {
                columns.values[kept] = columns.values[place];
                columns.timestamps[kept] = columns.timestamps[place];
                kept += 1;
            }
        }
        columns.values.truncate(kept);
        columns.timestamps.truncate(kept);
        columns.starts.clear();
    }
    let histograms = &mut columns.histograms;
    if histograms.values.iter().any(|histogram| is_stale(histogram.sum)) {
        let keep: Vec<bool> = histograms.values.iter().map(|of| !is_stale(of.sum)).collect();
        let mut kept = keep.iter();
        histograms.timestamps.retain(|_| *kept.next().unwrap_or(&true));
        let mut kept = keep.iter();
        histograms.values.retain(|_| *kept.next().unwrap_or(&true));
        histograms.starts.clear();
    }
}
