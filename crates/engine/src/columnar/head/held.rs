//! What is held for an instant of a series: the question behind refusing duplicates.

use timberline_model::{Histogram, SeriesColumns};

/// The value of a sample, a float or a native histogram. Two are equal when every bit of them is.
#[derive(Clone, Debug)]
pub enum SampleValue {
    /// A float.
    Float(f64),
    /// A histogram.
    Histogram(Box<Histogram>),
}

impl PartialEq for SampleValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Histogram(a), Self::Histogram(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for SampleValue {}

impl SampleValue {
    /// The first sample of columns: where a float and a histogram have one instant, the float.
    #[must_use]
    pub fn first_of(columns: &SeriesColumns) -> Option<Self> {
        let histogram = || columns.histograms.values.first();
        match columns.values.first() {
            Some(value) => Some(Self::Float(*value)),
            None => histogram().map(|first| Self::Histogram(Box::new(first.clone()))),
        }
    }
}

/// A value with its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) start: i64,
    pub(super) value: SampleValue,
}

/// All samples of columns: the floats, then the histograms.
pub(super) fn all_in(columns: SeriesColumns) -> Vec<Held> {
    let start = |starts: &[i64], index: usize| starts.get(index).copied().unwrap_or(0);
    let floats = columns.values.iter().enumerate().map(|(index, value)| Held {
        start: start(&columns.starts, index),
        value: SampleValue::Float(*value),
    });
    let mut all: Vec<Held> = floats.collect();
    for (index, histogram) in columns.histograms.values.into_iter().enumerate() {
        let start = start(&columns.histograms.starts, index);
        all.push(Held { start, value: SampleValue::Histogram(Box::new(histogram)) });
    }
    all
}
