//! `increase`, `rate`, `delta` and `deriv`: how a value changes with time, as `f(value, time)`.
//!
//! | function | answer |
//! | --- | --- |
//! | `delta` | last value less first value |
//! | `increase` | the same, plus the value before every fall: a fall is a counter that began again at 0 |
//! | `rate` | `increase` by the seconds from the first to the last time |
//! | `deriv` | slope of the least-squares line, per second |
//!
//! First and last are so by time; the order of the rows does not matter. Of values at one time the smaller comes
//! first. Nothing is extrapolated to the ends of a bucket, other than in PromQL. Rows whose value or time is
//! NULL do not count, and fewer than two rows that do (for `rate` and `deriv`: at two times) give NULL. A value
//! that is no number is one like others: it makes no reset, and a NaN at the end makes the answer NaN.

mod frame;
mod line;
mod samples;
mod span;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::{
    error::Result,
    logical_expr::{
        Accumulator, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};

use super::refusal::{refused, wrong_count};
use frame::Frame;
use line::Slope;
use samples::{Counter, Sample};
use span::Span;

/// Which of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Change {
    Increase,
    Rate,
    Delta,
    Deriv,
}

impl Change {
    pub(super) const ALL: [Self; 4] = [Self::Increase, Self::Rate, Self::Delta, Self::Deriv];

    const fn name(self) -> &'static str {
        match self {
            Self::Increase => "increase",
            Self::Rate => "rate",
            Self::Delta => "delta",
            Self::Deriv => "deriv",
        }
    }

    /// The answer over samples that are ordered.
    fn over<'a>(self, samples: impl Iterator<Item = &'a Sample> + Clone) -> Option<f64> {
        match self {
            Self::Increase => samples::increase(samples).map(|(increase, _)| increase),
            Self::Rate => samples::rate(samples::increase(samples)?),
            Self::Delta => samples.fold(Span::default(), Span::with).delta(),
            Self::Deriv => {
                let mut line = Slope::default();
                samples.for_each(|sample| line.push(*sample));
                line.per_second()
            }
        }
    }
}

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ChangeOf {
    change: Change,
    signature: Signature,
}

impl ChangeOf {
    pub(super) fn new(change: Change) -> Self {
        Self { change, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for ChangeOf {
    fn name(&self) -> &str {
        self.change.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        let [value, time] = types else {
            return Err(wrong_count(name, &format!("{name}(value, time)"), types.len()));
        };
        if !(value.is_numeric() || value.is_null()) {
            return Err(refused(name, format_args!("the value is a number, not {value}")));
        }
        let zone = match time {
            DataType::Timestamp(_, zone) => zone.clone(),
            DataType::Date32 | DataType::Date64 | DataType::Null => None,
            other => {
                return Err(refused(
                    name,
                    format_args!(
                        "the time is a timestamp, not {other}; to_timestamp_seconds(x) makes one of a number"
                    ),
                ));
            }
        };
        Ok(vec![DataType::Float64, DataType::Timestamp(TimeUnit::Nanosecond, zone)])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(refused(self.name(), "DISTINCT has no meaning here"));
        }
        Ok(match self.change {
            Change::Increase => Box::new(Counter::increase()),
            Change::Rate => Box::new(Counter::rate()),
            Change::Delta => Box::new(Span::default()),
            Change::Deriv => Box::new(Slope::default()),
        })
    }

    fn create_sliding_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Frame::new(self.change)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |name: &str, kind| -> FieldRef {
            Arc::new(Field::new(format!("{}[{name}]", args.name), kind, true))
        };
        Ok(match self.change {
            Change::Increase | Change::Rate => vec![
                field("values", DataType::new_list(DataType::Float64, true)),
                field("times", DataType::new_list(DataType::Int64, true)),
            ],
            Change::Delta => vec![
                field("first", DataType::Float64),
                field("first_time", DataType::Int64),
                field("last", DataType::Float64),
                field("last_time", DataType::Int64),
            ],
            Change::Deriv => {
                Slope::STATE.into_iter().map(|(name, kind)| field(name, kind)).collect()
            }
        })
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
