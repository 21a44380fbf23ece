//! The first and the last sample of a group.

use arrow::{
    array::{Array as _, ArrayRef, cast::AsArray as _},
    datatypes::{Float64Type, Int64Type},
};
use datafusion::{error::Result, logical_expr::Accumulator, scalar::ScalarValue};

use super::samples::Sample;

/// Keeps two samples, however many come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    ends: Option<(Sample, Sample)>,
    /// Whether there are at least two samples.
    is_pair: bool,
}

impl Span {
    /// The span that also holds this sample.
    pub(super) fn with(self, sample: &Sample) -> Self {
        let Some((first, last)) = self.ends else {
            return Self { ends: Some((*sample, *sample)), is_pair: false };
        };
        let first = if sample.order(&first).is_lt() { *sample } else { first };
        let last = if sample.order(&last).is_gt() { *sample } else { last };
        Self { ends: Some((first, last)), is_pair: true }
    }

    pub(super) fn delta(self) -> Option<f64> {
        let (first, last) = self.ends.filter(|_| self.is_pair)?;
        Some(last.value - first.value)
    }
}

impl Accumulator for Span {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        *self = Sample::read(columns).fold(*self, |span, sample| span.with(&sample));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.delta()))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    /// First value and time, last value and time. The last is NULL if there is one sample only.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let first = self.ends.map(|(first, _)| first);
        let last = self.ends.filter(|_| self.is_pair).map(|(_, last)| last);
        let pair = |sample: Option<Sample>| {
            let value = ScalarValue::Float64(sample.map(|sample| sample.value));
            [value, ScalarValue::Int64(sample.map(|sample| sample.time))]
        };
        Ok([pair(first), pair(last)].concat())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for columns in states.chunks(2) {
            let values = columns[0].as_primitive::<Float64Type>();
            let times = columns[1].as_primitive::<Int64Type>();
            for row in 0..values.len() {
                if values.is_valid(row) {
                    let sample = Sample { time: times.value(row), value: values.value(row) };
                    *self = self.with(&sample);
                }
            }
        }
        Ok(())
    }
}
