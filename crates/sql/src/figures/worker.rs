//! One stream of series, added up.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use datafusion::{
    error::{DataFusionError, Result},
    execution::memory_pool::MemoryReservation,
};
use timberline_model::{PageCounts, SeriesColumns, SeriesScan, ValueSpan};

use super::{groups::Groups, question::Question};
use crate::scan::{SeriesCondition, drop_stale};

/// Memory is reserved in steps of this.
const RESERVED_STEP: usize = 1 << 20;

/// What became of a stream.
pub(super) enum Outcome {
    /// It is added up.
    Done(Box<Groups>, Seen),
    /// It has what only rows answer.
    NeedsRows,
}

impl Outcome {
    /// Of a stream that is not there.
    pub(super) fn nothing() -> Self {
        Self::Done(Box::default(), Seen::default())
    }
}

/// What a stream had.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) series: usize,
    pub(super) series_filtered: usize,
    /// Floats of pages that were decoded, or that are in memory.
    pub(super) samples: usize,
    pub(super) pages: PageCounts,
}

/// What adds up a stream.
pub(super) struct Worker {
    pub(super) question: Arc<Question>,
    pub(super) condition: Option<SeriesCondition>,
    pub(super) reservation: MemoryReservation,
    pub(super) stop: Arc<AtomicBool>,
}

impl Worker {
    pub(super) fn run(self, mut scan: Box<dyn SeriesScan>) -> Result<Outcome> {
        let mut groups = Groups::default();
        let mut seen = Seen::default();
        let mut columns = SeriesColumns::default();
        if self.condition.is_none() && self.question.keys.count() == 0 {
            scan.leave_labels_out();
        }
        while let Some(labels) =
            scan.next(&mut columns).map_err(|error| DataFusionError::External(Box::new(error)))?
        {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Outcome::NeedsRows);
            }
            seen.series += 1;
            seen.samples += columns.sample_count();
            if let Some(condition) = &self.condition
                && !condition.passes(&labels)?
            {
                seen.series_filtered += 1;
                continue;
            }
            drop_stale(&mut columns);
            if !columns.histograms.is_empty() {
                return Ok(Outcome::NeedsRows);
            }
            if let Some(values) = self.question.values {
                leave(&mut columns, values);
            }
            if columns.is_empty() {
                continue;
            }
            let group = groups.group(&self.question.keys, &labels)?;
            add(&mut groups, group, &self.question, &columns);
            let needed = groups.bytes() + (columns.timestamps.capacity() * 16);
            if needed > self.reservation.size()
                && self.reservation.try_resize(needed + RESERVED_STEP).is_err()
            {
                return Ok(Outcome::NeedsRows);
            }
        }
        seen.pages = scan.page_counts();
        // The groups outlive the reservation by the moment of their merging.
        self.reservation.resize(groups.bytes());
        Ok(Outcome::Done(Box::new(groups), seen))
    }
}

/// Adds the floats and figures of one series to its group.
fn add(groups: &mut Groups, group: u32, question: &Question, columns: &SeriesColumns) {
    let (timestamps, values) = (&columns.timestamps, &columns.values);
    let with_squares = question.needs_floats();
    let Some(buckets) = question.buckets else {
        let cell = groups.cell(group, 0);
        cell.add_floats(timestamps, values, with_squares);
        columns.pages.iter().for_each(|page| cell.add_page(page));
        return;
    };
    let mut start = 0;
    while start < timestamps.len() {
        let ts = timestamps[start];
        let end = run_end(timestamps, start, buckets.last_of(ts));
        let cell = groups.cell(group, buckets.number(ts));
        cell.add_floats(&timestamps[start..end], &values[start..end], with_squares);
        start = end;
    }
    for page in &columns.pages {
        groups.cell(group, buckets.number(page.range.start)).add_page(page);
    }
}

/// Leaves only floats and pages whose values are wanted.
fn leave(columns: &mut SeriesColumns, wanted: ValueSpan) {
    let mut kept = 0;
    let len = columns.values.len().min(columns.timestamps.len());
    let (timestamps, values) = (&mut columns.timestamps[..len], &mut columns.values[..len]);
    for place in 0..len {
        let (ts, value) = (timestamps[place], values[place]);
        // Written in any case: whether it stays is not to be foreseen.
        timestamps[kept] = ts;
        values[kept] = value;
        kept += usize::from(wanted.contains(value));
    }
    columns.timestamps.truncate(kept);
    columns.values.truncate(kept);
    columns.starts.clear();
    // A page of which some are wanted came as floats.
    columns.pages.retain(|page| wanted.of_page(page) == Some(true));
}

/// Where the instants end that are not after `last`. Runs are short as a rule: the steps double.
fn run_end(timestamps: &[i64], start: usize, last: i64) -> usize {
    let mut step = 1;
    let mut low = start;
    while low + step < timestamps.len() && timestamps[low + step] <= last {
        low += step;
        step *= 2;
    }
    let high = (low + step).min(timestamps.len());
    low + timestamps[low..high].partition_point(|ts| *ts <= last)
}
