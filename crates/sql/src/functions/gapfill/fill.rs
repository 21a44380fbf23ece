//! `locf` and `interpolate` as functions over a window: what takes the place of NULL.

use std::sync::Arc;

use arrow::{
    array::{Array as _, ArrayRef, Float64Array, UInt64Array, cast::AsArray as _},
    compute::{cast, take},
    datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type},
};
use datafusion::{
    error::Result,
    logical_expr::{
        LimitEffect, PartitionEvaluator, Signature, Volatility, WindowUDFImpl,
        function::{PartitionEvaluatorArgs, WindowUDFFieldArgs},
    },
    physical_plan::PhysicalExpr,
};

use super::call::{INTERPOLATE, LOCF};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fill {
    /// The last value before.
    Locf,
    /// The value on the line between the values before and after, by time. NULL before the first and after
    /// the last.
    Interpolate,
}

/// `locf(value)` and `interpolate(value, bucket)` over the rows of a group, ordered by bucket. The rule makes
/// them; statements do not name them.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FillOver {
    fill: Fill,
    signature: Signature,
}

impl FillOver {
    pub(super) fn new(fill: Fill) -> Self {
        let count = match fill {
            Fill::Locf => 1,
            Fill::Interpolate => 2,
        };
        Self { fill, signature: Signature::any(count, Volatility::Immutable) }
    }
}

impl WindowUDFImpl for FillOver {
    fn name(&self) -> &str {
        match self.fill {
            Fill::Locf => LOCF,
            Fill::Interpolate => INTERPOLATE,
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let value = args.get_input_field(0);
        let kind = match self.fill {
            Fill::Locf => value.map_or(DataType::Null, |field| field.data_type().clone()),
            Fill::Interpolate => DataType::Float64,
        };
        Ok(Arc::new(Field::new(args.name(), kind, true)))
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Filler(self.fill)))
    }

    fn limit_effect(&self, _: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        match self.fill {
            Fill::Locf => LimitEffect::None,
            Fill::Interpolate => LimitEffect::Unknown,
        }
    }
}

#[derive(Debug)]
struct Filler(Fill);

impl PartitionEvaluator for Filler {
    fn evaluate_all(&mut self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        match self.0 {
            Fill::Locf => locf(&columns[0], rows),
            Fill::Interpolate => {
                let times = cast(&columns[1], &DataType::Int64)?;
                let values = columns[0].as_primitive::<Float64Type>();
                let times = times.as_primitive::<Int64Type>();
                let times: Vec<_> = times.iter().collect();
                Ok(Arc::new(interpolate(values, &times)))
            }
        }
    }
}

fn locf(values: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    let mut last = None;
    let from: UInt64Array = (0..rows)
        .map(|row| {
            if values.is_valid(row) {
                last = Some(row as u64);
            }
            last
        })
        .collect();
    Ok(take(values, &from, None)?)
}

fn interpolate(values: &Float64Array, times: &[Option<i64>]) -> Float64Array {
    let mut filled: Vec<Option<f64>> = values.iter().collect();
    let mut before: Option<(usize, i64, f64)> = None;
    for row in 0..filled.len() {
        let (Some(value), Some(time)) = (filled[row], times[row]) else { continue };
        if let Some((last, start, from)) = before {
            let span = (i128::from(time) - i128::from(start)) as f64;
            for gap in last + 1..row {
                let Some(at) = times[gap] else { continue };
                let share = (i128::from(at) - i128::from(start)) as f64 / span;
                filled[gap] = Some(from + (value - from) * share);
            }
        }
        before = Some((row, time, value));
    }
    filled.into()
}
