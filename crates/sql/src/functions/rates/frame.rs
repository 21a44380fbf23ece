//! The samples of a window's frame that moves forward.

use std::collections::VecDeque;

use arrow::array::ArrayRef;
use datafusion::{
    common::not_impl_err, error::Result, logical_expr::Accumulator, scalar::ScalarValue,
};

use super::{Change, samples::Sample};

/// Keeps the frame's samples in the order in which they came, which is that in which they leave. Each answer
/// looks at the whole frame.
#[derive(Debug)]
pub(super) struct Frame {
    change: Change,
    samples: VecDeque<Sample>,
}

impl Frame {
    pub(super) fn new(change: Change) -> Self {
        Self { change, samples: VecDeque::new() }
    }
}

impl Accumulator for Frame {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.samples.extend(Sample::read(columns));
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let leaving = Sample::read(columns).count().min(self.samples.len());
        self.samples.drain(..leaving);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let answer = if self.samples.iter().is_sorted_by(|a, b| a.order(b).is_le()) {
            self.change.over(self.samples.iter())
        } else {
            let mut ordered: Vec<_> = self.samples.iter().copied().collect();
            ordered.sort_unstable_by(Sample::order);
            self.change.over(ordered.iter())
        };
        Ok(ScalarValue::Float64(answer))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.samples.capacity() * size_of::<Sample>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        not_impl_err!("a window's frame is not merged with others")
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        not_impl_err!("a window's frame is not merged with others")
    }
}
