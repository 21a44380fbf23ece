//! Editing the columns of a series: marks, cutting, joining.
//!
//! Invariant: every operation keeps a sample's value and start timestamp beside its time, and `starts`
//! either empty or as long as `timestamps`.

use crate::{Histogram, HistogramColumn, SeriesColumns, TimeRange};

/// A place in columns: what lies before it was there before, what lies behind it came later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnsMark {
    /// Floats before it.
    pub floats: usize,
    /// Histograms before it.
    pub histograms: usize,
}

impl SeriesColumns {
    /// The end of what is in the columns now.
    #[must_use]
    pub fn mark(&self) -> ColumnsMark {
        ColumnsMark { floats: self.timestamps.len(), histograms: self.histograms.len() }
    }

    /// Floats and histograms together.
    #[must_use]
    pub fn sample_count(&self) -> usize {
        self.timestamps.len() + self.histograms.len()
    }

    /// Appends a float. `start` is when what it counts began, nanoseconds; 0 if nobody said.
    #[inline]
    pub fn push(&mut self, ts: i64, start: i64, value: f64) {
        push_start(&mut self.starts, self.timestamps.len(), start);
        self.timestamps.push(ts);
        self.values.push(value);
    }

    /// Forgets what was appended after a mark.
    pub fn truncate(&mut self, mark: ColumnsMark) {
        self.timestamps.truncate(mark.floats);
        self.values.truncate(mark.floats);
        self.starts.truncate(mark.floats);
        self.histograms.truncate(mark.histograms);
    }

    /// Moves everything of `other` to the end; `other` keeps its memory and nothing else.
    pub fn append(&mut self, other: &mut Self) {
        let len = self.timestamps.len();
        append_starts(&mut self.starts, len, &mut other.starts, other.timestamps.len());
        self.timestamps.append(&mut other.timestamps);
        self.values.append(&mut other.values);
        self.histograms.append(&mut other.histograms);
    }

    /// Takes everything after a mark away, into columns of its own.
    #[must_use]
    pub fn split_off(&mut self, mark: ColumnsMark) -> Self {
        let at = mark.floats;
        Self {
            timestamps: self.timestamps.split_off(at),
            values: self.values.split_off(at),
            starts: split_starts(&mut self.starts, at),
            histograms: self.histograms.split_off(mark.histograms),
            pages: Vec::new(),
        }
    }

    /// Cuts off what lies outside a range, in columns that ascend after `mark`.
    pub fn trim(&mut self, mark: ColumnsMark, range: TimeRange) {
        let (first, end) = span(&self.timestamps, mark.floats, range);
        cut(&mut self.timestamps, mark.floats, first, end);
        cut(&mut self.values, mark.floats, first, end);
        cut(&mut self.starts, mark.floats, first, end);
        let column = &mut self.histograms;
        let (first, end) = span(&column.timestamps, mark.histograms, range);
        cut(&mut column.timestamps, mark.histograms, first, end);
        cut(&mut column.values, mark.histograms, first, end);
        cut(&mut column.starts, mark.histograms, first, end);
    }

    /// Keeps, of what comes after `mark`, the samples at instants that `keep` says yes to.
    pub fn retain(&mut self, mark: ColumnsMark, mut keep: impl FnMut(i64) -> bool) {
        let mut kept = mark.floats;
        for index in mark.floats..self.timestamps.len() {
            if keep(self.timestamps[index]) {
                self.timestamps[kept] = self.timestamps[index];
                self.values[kept] = self.values[index];
                if !self.starts.is_empty() {
                    self.starts[kept] = self.starts[index];
                }
                kept += 1;
            }
        }
        let column = &mut self.histograms;
        let mut kept_histograms = mark.histograms;
        for index in mark.histograms..column.len() {
            if keep(column.timestamps[index]) {
                column.timestamps[kept_histograms] = column.timestamps[index];
                column.values.swap(kept_histograms, index);
                if !column.starts.is_empty() {
                    column.starts[kept_histograms] = column.starts[index];
                }
                kept_histograms += 1;
            }
        }
        self.truncate(ColumnsMark { floats: kept, histograms: kept_histograms });
    }
}

impl HistogramColumn {
    /// Appends a histogram. `start` is when what it counts began, nanoseconds; 0 if nobody said.
    pub fn push(&mut self, ts: i64, start: i64, histogram: Histogram) {
        push_start(&mut self.starts, self.timestamps.len(), start);
        self.timestamps.push(ts);
        self.values.push(histogram);
    }

    fn truncate(&mut self, len: usize) {
        self.timestamps.truncate(len);
        self.values.truncate(len);
        self.starts.truncate(len);
    }

    fn append(&mut self, other: &mut Self) {
        let len = self.timestamps.len();
        append_starts(&mut self.starts, len, &mut other.starts, other.timestamps.len());
        self.timestamps.append(&mut other.timestamps);
        self.values.append(&mut other.values);
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self {
            timestamps: self.timestamps.split_off(at),
            values: self.values.split_off(at),
            starts: split_starts(&mut self.starts, at),
        }
    }
}

/// Adds the start of the sample that follows `len` others.
#[inline]
fn push_start(starts: &mut Vec<i64>, len: usize, start: i64) {
    if start != 0 {
        starts.resize(len, 0);
    }
    if start != 0 || !starts.is_empty() {
        starts.push(start);
    }
}

fn append_starts(starts: &mut Vec<i64>, len: usize, other: &mut Vec<i64>, other_len: usize) {
    if starts.is_empty() && other.is_empty() {
        return;
    }
    starts.resize(len, 0);
    starts.append(other);
    starts.resize(len + other_len, 0);
}

fn split_starts(starts: &mut Vec<i64>, at: usize) -> Vec<i64> {
    if starts.is_empty() { Vec::new() } else { starts.split_off(at) }
}

/// Where the timestamps of a range begin and end, from `start` on.
fn span(timestamps: &[i64], start: usize, range: TimeRange) -> (usize, usize) {
    let ascending = &timestamps[start..];
    let end = start + ascending.partition_point(|ts| *ts <= range.end);
    let first = start + ascending.partition_point(|ts| *ts < range.start);
    (first.min(end), end)
}

fn cut<T>(column: &mut Vec<T>, start: usize, first: usize, end: usize) {
    if column.is_empty() {
        return;
    }
    column.truncate(end);
    column.drain(start..first);
}

#[cfg(test)]
mod tests;
