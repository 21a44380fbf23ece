//! Rows of a table, a sample each, gathered into series.

use timberline::{Labels, LabelsBuilder, SeriesColumns};
use timberline_model::{Histogram, METRIC_NAME};

use crate::{ExchangeError, intake::Intake};

/// Rows of one series in a row that are handed on together at most.
const RUN_MAX: usize = 100_000;

/// What a column of a table is, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The metric's name.
    Metric,
    /// All labels: a JSON object, or a map.
    Labels,
    /// The time.
    Timestamp,
    /// The start timestamp.
    Start,
    /// A float.
    Value,
    /// A native histogram as JSON.
    Histogram,
    /// The value of the label with the column's name.
    Label(String),
}

impl Role {
    /// The role of a column.
    pub(crate) fn of(name: &str) -> Self {
        match name.trim() {
            METRIC_NAME | "metric" | "name" => Self::Metric,
            "labels" => Self::Labels,
            "timestamp" | "time" | "ts" => Self::Timestamp,
            "start" => Self::Start,
            "value" => Self::Value,
            "histogram" => Self::Histogram,
            label => Self::Label(label.to_owned()),
        }
    }

    /// Checks that a table has what it needs: a time, a value or a histogram, and no column twice.
    pub(crate) fn check_all(roles: &[Self]) -> Result<(), String> {
        for (index, role) in roles.iter().enumerate() {
            if roles[..index].contains(role) {
                return Err(format!("two columns are the {role:?}"));
            }
        }
        let has = |role: &Self| roles.contains(role);
        if !has(&Self::Timestamp) {
            return Err("no column is named timestamp, time or ts".to_owned());
        }
        if !has(&Self::Value) && !has(&Self::Histogram) {
            return Err("no column is named value or histogram".to_owned());
        }
        Ok(())
    }
}

/// What a row has as its sample.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Float(f64),
    Histogram(Box<Histogram>),
}

/// Gathers the samples of neighbouring rows of one series.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    labels: Option<Labels>,
    columns: SeriesColumns,
}

impl Rows {
    /// Adds a row, whose labels are in the builder.
    pub(crate) fn push(
        &mut self,
        builder: &mut LabelsBuilder,
        (ts, start): (i64, i64),
        cell: Cell,
        intake: &mut Intake<'_>,
    ) -> Result<Result<(), String>, ExchangeError> {
        let labels = match builder.build() {
            Ok(labels) => labels,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if self.labels.as_ref() != Some(&labels) || self.columns.sample_count() >= RUN_MAX {
            self.end(intake)?;
            self.labels = Some(labels);
        }
        match cell {
            Cell::Float(value) => self.columns.push(ts, start, value),
            Cell::Histogram(histogram) => self.columns.histograms.push(ts, start, *histogram),
        }
        Ok(Ok(()))
    }

    /// Hands on what is gathered.
    pub(crate) fn end(&mut self, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
        match self.labels.take() {
            Some(labels) if !self.columns.is_empty() => intake.push(&labels, &mut self.columns),
            _ => Ok(()),
        }
    }
}
