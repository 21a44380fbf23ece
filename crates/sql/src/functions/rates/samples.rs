//! The samples of a group, for what depends on all of them in order.

use arrow::{
    array::{Array as _, ArrayRef, cast::AsArray as _},
    datatypes::{Float64Type, Int64Type, TimestampNanosecondType},
};
use datafusion::{
    common::utils::SingleRowListArrayBuilder, error::Result, logical_expr::Accumulator,
    scalar::ScalarValue,
};
use std::{cmp::Ordering, sync::Arc};

use arrow::array::{Float64Array, Int64Array};

/// A value and its time in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) time: i64,
    pub(super) value: f64,
}

impl Sample {
    /// By time; of values at one time the smaller is first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.time.cmp(&other.time).then(self.value.total_cmp(&other.value))
    }

    /// The samples of columns of values and times. Those with a NULL are left out.
    pub(super) fn read(columns: &[ArrayRef]) -> impl Iterator<Item = Self> {
        let values = columns[0].as_primitive::<Float64Type>();
        let times = columns[1].as_primitive::<TimestampNanosecondType>();
        let pairs = values.iter().zip(times.iter());
        pairs.filter_map(|(value, time)| Some(Self { time: time?, value: value? }))
    }
}

/// Seconds from one time to another.
pub(super) fn seconds(from: i64, to: i64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64 / 1e9
}

/// The increase over ordered samples, and the seconds from the first to the last.
pub(super) fn increase<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<(f64, f64)> {
    let mut samples = samples.copied();
    let first = samples.next()?;
    let (mut last, mut count, mut resets) = (first, 1, 0.0);
    for sample in samples {
        if sample.value < last.value {
            resets += last.value;
        }
        last = sample;
        count += 1;
    }
    (count > 1).then(|| (last.value - first.value + resets, seconds(first.time, last.time)))
}

/// An increase by its seconds.
pub(super) fn rate((increase, seconds): (f64, f64)) -> Option<f64> {
    (seconds > 0.0).then(|| increase / seconds)
}

/// Keeps the samples of a group, 16 bytes each, until the answer is asked for. Samples that come in order are
/// not sorted, and of those that were looked at once only the sum of the resets is looked at again: a window
/// that grows by a row asks after each row.
#[derive(Debug)]
pub(super) struct Counter {
    is_rate: bool,
    samples: Vec<Sample>,
    is_ordered: bool,
    /// Of how many samples, from the front, `resets` is the sum.
    walked: usize,
    resets: f64,
}

impl Counter {
    pub(super) fn increase() -> Self {
        Self { is_rate: false, samples: Vec::new(), is_ordered: true, walked: 0, resets: 0.0 }
    }

    pub(super) fn rate() -> Self {
        Self { is_rate: true, ..Self::increase() }
    }

    fn extend(&mut self, samples: impl Iterator<Item = Sample>) {
        for sample in samples {
            let is_next = |last: &Sample| last.order(&sample).is_le();
            self.is_ordered &= self.samples.last().is_none_or(is_next);
            self.samples.push(sample);
        }
    }
}

impl Accumulator for Counter {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.extend(Sample::read(columns));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if !self.is_ordered {
            self.samples.sort_unstable_by(Sample::order);
            (self.is_ordered, self.walked, self.resets) = (true, 0, 0.0);
        }
        let start = self.walked.saturating_sub(1);
        for pair in self.samples[start..].windows(2) {
            if pair[1].value < pair[0].value {
                self.resets += pair[0].value;
            }
        }
        self.walked = self.samples.len();
        let [first, .., last] = self.samples.as_slice() else {
            return Ok(ScalarValue::Float64(None));
        };
        let found = (last.value - first.value + self.resets, seconds(first.time, last.time));
        Ok(ScalarValue::Float64(if self.is_rate { rate(found) } else { Some(found.0) }))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.samples.capacity() * size_of::<Sample>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let samples = std::mem::take(&mut self.samples);
        let values: Float64Array = samples.iter().map(|sample| Some(sample.value)).collect();
        let times: Int64Array = samples.iter().map(|sample| Some(sample.time)).collect();
        Ok(vec![
            SingleRowListArrayBuilder::new(Arc::new(values)).build_list_scalar(),
            SingleRowListArrayBuilder::new(Arc::new(times)).build_list_scalar(),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, times) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for row in 0..values.len() {
            if values.is_null(row) {
                continue;
            }
            let (values, times) = (values.value(row), times.value(row));
            let values = values.as_primitive::<Float64Type>();
            let times = times.as_primitive::<Int64Type>();
            let pairs = times.values().iter().zip(values.values().iter());
            self.extend(pairs.map(|(time, value)| Sample { time: *time, value: *value }));
        }
        Ok(())
    }
}
