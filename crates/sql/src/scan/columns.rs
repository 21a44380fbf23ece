//! Columns of a batch under construction.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, Float64Array, MapBuilder, NullBufferBuilder, StringBuilder,
        TimestampNanosecondArray, UInt64Array,
    },
    error::ArrowError,
};
use timberline_model::{Histogram, Labels, METRIC_NAME};

use super::{histogram_json, label_column::LabelColumn};
use crate::tables::Source;

/// One column: what it shows, and the rows so far.
#[derive(Debug)]
pub(super) enum Column {
    Time(Vec<i64>),
    Value(Floats),
    HistogramCount(Floats),
    HistogramSum(Floats),
    Histogram(StringBuilder),
    Label(String, LabelColumn),
    /// Series, and how many rows each has.
    Tags(Vec<(Labels, usize)>),
    SeriesId(u64, Vec<u64>),
}

/// Floats, some of them NULL.
#[derive(Debug)]
pub(super) struct Floats {
    values: Vec<f64>,
    nulls: NullBufferBuilder,
}

impl Floats {
    fn new() -> Self {
        Self { values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    fn append_slice(&mut self, values: &[f64]) {
        self.values.extend_from_slice(values);
        self.nulls.append_n_non_nulls(values.len());
    }

    fn append(&mut self, value: Option<f64>) {
        self.values.push(value.unwrap_or(0.0));
        self.nulls.append(value.is_some());
    }

    fn append_nulls(&mut self, rows: usize) {
        self.values.resize(self.values.len() + rows, 0.0);
        self.nulls.append_n_nulls(rows);
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let values = std::mem::take(&mut self.values);
        Ok(Arc::new(Float64Array::try_new(values.into(), self.nulls.finish())?))
    }
}

impl Column {
    pub(super) fn new(source: &Source) -> Self {
        match source {
            Source::Time => Self::Time(Vec::new()),
            Source::Value => Self::Value(Floats::new()),
            Source::HistogramCount => Self::HistogramCount(Floats::new()),
            Source::HistogramSum => Self::HistogramSum(Floats::new()),
            Source::Histogram => Self::Histogram(StringBuilder::new()),
            Source::Metric => Self::Label(METRIC_NAME.to_owned(), LabelColumn::new()),
            Source::Label(name) => Self::Label(String::from(&**name), LabelColumn::new()),
            Source::Tags => Self::Tags(Vec::new()),
            Source::SeriesId => Self::SeriesId(0, Vec::new()),
        }
    }

    /// The rows that follow are this series'.
    pub(super) fn begin_series(&mut self, labels: &Labels) {
        match self {
            Self::Label(name, column) => column.set(labels.get(name)),
            Self::Tags(runs) => {
                // A series that got no row leaves its place to the next.
                if runs.last().is_some_and(|(_, rows)| *rows == 0) {
                    runs.pop();
                }
                runs.push((labels.clone(), 0));
            }
            Self::SeriesId(id, _) => *id = labels.hash(),
            _ => {}
        }
    }

    pub(super) fn append_floats(&mut self, timestamps: &[i64], values: &[f64]) {
        match self {
            Self::Time(column) => column.extend_from_slice(timestamps),
            Self::Value(column) => column.append_slice(values),
            Self::HistogramCount(column) | Self::HistogramSum(column) => {
                column.append_nulls(values.len());
            }
            Self::Histogram(column) => (0..values.len()).for_each(|_| column.append_null()),
            _ => self.append_series(values.len()),
        }
    }

    pub(super) fn append_histogram(&mut self, ts: i64, histogram: &Histogram) {
        match self {
            Self::Time(column) => column.push(ts),
            Self::Value(column) => column.append(None),
            Self::HistogramCount(column) => column.append(Some(histogram_json::count(histogram))),
            Self::HistogramSum(column) => column.append(Some(histogram.sum)),
            Self::Histogram(column) => column.append_value(histogram_json::to_json(histogram)),
            _ => self.append_series(1),
        }
    }

    /// Rows of what all samples of the series share.
    fn append_series(&mut self, rows: usize) {
        match self {
            Self::Label(_, column) => column.append(rows),
            Self::Tags(runs) => {
                if let Some((_, count)) = runs.last_mut() {
                    *count += rows;
                }
            }
            Self::SeriesId(id, column) => column.resize(column.len() + rows, *id),
            _ => {}
        }
    }

    /// The rows so far; the next ones begin another array, with the same series.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Time(column) => {
                let values = std::mem::take(column);
                Arc::new(TimestampNanosecondArray::from(values).with_timezone("UTC"))
            }
            Self::Value(column) | Self::HistogramCount(column) | Self::HistogramSum(column) => {
                column.finish()?
            }
            Self::Histogram(column) => Arc::new(column.finish()),
            Self::Label(_, column) => column.finish()?,
            Self::Tags(runs) => {
                let array = tags(runs)?;
                let current = runs.pop().map(|(labels, _)| (labels, 0));
                runs.clear();
                runs.extend(current);
                array
            }
            Self::SeriesId(_, column) => Arc::new(UInt64Array::from(std::mem::take(column))),
        })
    }
}

/// The labels of series, each as often as it has rows.
fn tags(runs: &[(Labels, usize)]) -> Result<ArrayRef, ArrowError> {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for (labels, rows) in runs {
        for _ in 0..*rows {
            for (name, value) in labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
                maps.keys().append_value(name);
                maps.values().append_value(value);
            }
            maps.append(true)?;
        }
    }
    Ok(Arc::new(maps.finish()))
}
