//! What remembers the earliest or latest value.

use std::{cmp::Ordering, collections::VecDeque};

use arrow::{
    array::{Array as _, ArrayRef},
    datatypes::DataType,
};
use datafusion::{common::ScalarValue, error::Result, logical_expr::Accumulator};

/// A value with its time, both of them not NULL.
#[derive(Clone, Debug)]
struct Dated {
    time: ScalarValue,
    value: ScalarValue,
}

impl Dated {
    fn read(value: &ArrayRef, time: &ArrayRef, row: usize) -> Result<Option<Self>> {
        if value.is_null(row) || time.is_null(row) {
            return Ok(None);
        }
        let read = |column| ScalarValue::try_from_array(column, row);
        Ok(Some(Self { time: read(time)?, value: read(value)? }))
    }

    fn is_beyond(&self, other: &Self, is_last: bool) -> bool {
        let wanted = if is_last { Ordering::Greater } else { Ordering::Less };
        self.time.partial_cmp(&other.time) == Some(wanted)
    }

    fn bytes(&self) -> usize {
        self.time.size() + self.value.size()
    }
}

/// The value at the edge of all rows so far.
#[derive(Debug)]
pub(super) struct Edge {
    is_last: bool,
    nothing: [ScalarValue; 2],
    best: Option<Dated>,
}

impl Edge {
    pub(super) fn new(is_last: bool, kind: &DataType, time: &DataType) -> Result<Self> {
        let nothing = [ScalarValue::try_from(kind)?, ScalarValue::try_from(time)?];
        Ok(Self { is_last, nothing, best: None })
    }
}

impl Accumulator for Edge {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for row in 0..columns[0].len() {
            if let Some(dated) = Dated::read(&columns[0], &columns[1], row)?
                && self.best.as_ref().is_none_or(|best| dated.is_beyond(best, self.is_last))
            {
                self.best = Some(dated);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.best.as_ref().map_or_else(|| self.nothing[0].clone(), |best| best.value.clone()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.best.as_ref().map_or(0, Dated::bytes)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(match &self.best {
            Some(best) => vec![best.value.clone(), best.time.clone()],
            None => self.nothing.to_vec(),
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

/// The value at the edge of a frame that moves forward. It keeps the frame's rows.
#[derive(Debug)]
pub(super) struct FrameEdge {
    is_last: bool,
    nothing: ScalarValue,
    rows: VecDeque<Dated>,
}

impl FrameEdge {
    pub(super) fn new(is_last: bool, kind: &DataType) -> Result<Self> {
        Ok(Self { is_last, nothing: ScalarValue::try_from(kind)?, rows: VecDeque::new() })
    }
}

impl Accumulator for FrameEdge {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for row in 0..columns[0].len() {
            self.rows.extend(Dated::read(&columns[0], &columns[1], row)?);
        }
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for row in 0..columns[0].len() {
            if columns[0].is_valid(row) && columns[1].is_valid(row) {
                self.rows.pop_front();
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let best = self
            .rows
            .iter()
            .reduce(|best, row| if row.is_beyond(best, self.is_last) { row } else { best });
        Ok(best.map_or_else(|| self.nothing.clone(), |best| best.value.clone()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.rows.iter().map(Dated::bytes).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        datafusion::common::not_impl_err!("a window's frame is not merged with others")
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        datafusion::common::not_impl_err!("a window's frame is not merged with others")
    }
}
