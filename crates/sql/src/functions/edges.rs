//! `first(value, time)` and `last(value, time)`: the value at the earliest and at the latest time of a group.
//!
//! As aggregates they become `first_value(value ORDER BY time)` and `last_value(value ORDER BY time)` without
//! NULLs, which DataFusion computes by whole groups, and the scan of tables may answer from statistics. Over
//! windows, where DataFusion knows no such order, they are computed here. Rows whose value or time is NULL do
//! not count. Of several values at one time any one is given.

mod accumulator;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::{
    error::Result,
    functions_aggregate::first_last::{first_value_udaf, last_value_udaf},
    logical_expr::{
        Accumulator, AggregateUDFImpl, Signature, Volatility,
        expr::{AggregateFunction, NullTreatment, Sort},
        function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
    prelude::Expr,
};

use super::refusal::{refused, wrong_count};
use accumulator::{Edge, FrameEdge};

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct EdgeValue {
    is_last: bool,
    signature: Signature,
}

impl EdgeValue {
    pub(super) fn first() -> Self {
        Self { is_last: false, signature: Signature::user_defined(Volatility::Immutable) }
    }

    pub(super) fn last() -> Self {
        Self { is_last: true, ..Self::first() }
    }
}

impl AggregateUDFImpl for EdgeValue {
    fn name(&self) -> &str {
        if self.is_last { "last" } else { "first" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        match types {
            [_, time] if is_time(time) => Ok(types.to_vec()),
            [_, other] => {
                Err(refused(name, format_args!("the second argument is the time, not {other}")))
            }
            _ => {
                let usage = format!("{name}(value, time)");
                Err(wrong_count(name, &usage, types.len()))
            }
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Edge::new(self.is_last, args.return_type(), args.expr_fields[1].data_type())?))
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(FrameEdge::new(self.is_last, args.return_type())?))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let time = args.input_fields[1].data_type().clone();
        let field = |name, kind| Field::new(format!("{}[{name}]", args.name), kind, true).into();
        Ok(vec![field("value", args.return_type().clone()), field("time", time)])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        let is_last = self.is_last;
        Some(Box::new(move |mut call, info| {
            let [value, time]: [Expr; 2] = std::mem::take(&mut call.params.args)
                .try_into()
                .map_err(|_| refused("first", "two arguments are expected"))?;
            // A NULL time is sorted to the end that is not looked at; where there may be one, it is also
            // filtered out, for a group may have no other.
            let filter = match call.params.filter.take() {
                filter if !info.nullable(&time)? => filter,
                Some(filter) => Some(Box::new(filter.and(time.clone().is_not_null()))),
                None => Some(Box::new(time.clone().is_not_null())),
            };
            let function = if is_last { last_value_udaf() } else { first_value_udaf() };
            Ok(Expr::AggregateFunction(AggregateFunction::new_udf(
                function,
                vec![value],
                call.params.distinct,
                filter,
                vec![Sort::new(time, true, is_last)],
                Some(NullTreatment::IgnoreNulls),
            )))
        }))
    }
}

fn is_time(given: &DataType) -> bool {
    given.is_temporal() || given.is_integer()
}
