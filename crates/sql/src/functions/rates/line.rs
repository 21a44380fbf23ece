//! The least-squares line through the samples of a group.

use arrow::{
    array::{Array as _, ArrayRef, cast::AsArray as _},
    datatypes::{DataType, Float64Type, Int64Type},
};
use datafusion::{error::Result, logical_expr::Accumulator, scalar::ScalarValue};

use super::samples::{Sample, seconds};

/// Sums about the means, which stay exact where sums of squares of times would not. Six numbers, however many
/// samples come. Times are seconds after the first sample that came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slope {
    origin: i64,
    count: f64,
    time_mean: f64,
    value_mean: f64,
    /// Sum of the squares of the times' distances from their mean.
    times: f64,
    /// Sum of the products of times' and values' distances from their means.
    products: f64,
}

impl Slope {
    pub(super) const STATE: [(&'static str, DataType); 6] = [
        ("origin", DataType::Int64),
        ("count", DataType::Float64),
        ("time_mean", DataType::Float64),
        ("value_mean", DataType::Float64),
        ("times", DataType::Float64),
        ("products", DataType::Float64),
    ];

    pub(super) fn push(&mut self, sample: Sample) {
        let one =
            Self { origin: sample.time, count: 1.0, value_mean: sample.value, ..Self::default() };
        self.join(one);
    }

    /// The line through the samples of both.
    fn join(&mut self, other: Self) {
        if self.count == 0.0 {
            *self = other;
            return;
        }
        if other.count == 0.0 {
            return;
        }
        let count = self.count + other.count;
        let time = seconds(self.origin, other.origin) + other.time_mean - self.time_mean;
        let value = other.value_mean - self.value_mean;
        let weight = self.count * other.count / count;
        self.times += other.times + time * time * weight;
        self.products += other.products + time * value * weight;
        self.time_mean += time * other.count / count;
        self.value_mean += value * other.count / count;
        self.count = count;
    }

    pub(super) fn per_second(&self) -> Option<f64> {
        (self.times > 0.0).then(|| self.products / self.times)
    }
}

impl Accumulator for Slope {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        Sample::read(columns).for_each(|sample| self.push(sample));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.per_second()))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sums = [self.count, self.time_mean, self.value_mean, self.times, self.products];
        let sums = sums.map(|sum| ScalarValue::Float64(Some(sum)));
        Ok(std::iter::once(ScalarValue::Int64(Some(self.origin))).chain(sums).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let origins = states[0].as_primitive::<Int64Type>();
        let sum = |column: usize, row| states[column].as_primitive::<Float64Type>().value(row);
        for row in 0..origins.len() {
            if origins.is_valid(row) {
                self.join(Self {
                    origin: origins.value(row),
                    count: sum(1, row),
                    time_mean: sum(2, row),
                    value_mean: sum(3, row),
                    times: sum(4, row),
                    products: sum(5, row),
                });
            }
        }
        Ok(())
    }
}
