//! The calls as they stand in a statement, until the rule has replaced them.

use arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::{
    common::ScalarValue,
    error::Result,
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
    },
};

use crate::functions::{
    refusal::{refused, wrong_count},
    time_bucket::{read_width, time_type, width_type},
};

pub(super) const BUCKET: &str = "time_bucket_gapfill";
pub(super) const LOCF: &str = "locf";
pub(super) const INTERPOLATE: &str = "interpolate";

const BUCKET_USAGE: &str =
    "time_bucket_gapfill('5m', time) or time_bucket_gapfill('5m', time, start, finish)";

/// A call that has a type, and no value.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Placeholder {
    name: &'static str,
    signature: Signature,
}

impl Placeholder {
    const fn new(name: &'static str, signature: Signature) -> Self {
        Self { name, signature }
    }

    pub(super) fn bucket() -> Self {
        // Not immutable: constants are not to be computed.
        Self::new(BUCKET, Signature::user_defined(Volatility::Stable))
    }

    pub(super) fn locf() -> Self {
        Self::new(LOCF, Signature::user_defined(Volatility::Stable))
    }

    pub(super) fn interpolate() -> Self {
        Self::new(INTERPOLATE, Signature::user_defined(Volatility::Stable))
    }
}

/// What is said of a call that the rule has found no place for.
pub(super) fn misplaced(name: &str) -> datafusion::error::DataFusionError {
    let place = match name {
        BUCKET => "stands by itself in GROUP BY, once".to_owned(),
        _ => {
            format!("stands in the SELECT list of a query that groups by {BUCKET}")
        }
    };
    refused(name, place)
}

impl ScalarUDFImpl for Placeholder {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.name, types) {
            (LOCF, [_]) => Ok(types.to_vec()),
            (LOCF, _) => Err(wrong_count(LOCF, "locf(value)", types.len())),
            (INTERPOLATE, [value]) if value.is_numeric() || value.is_null() => {
                Ok(vec![DataType::Float64])
            }
            (INTERPOLATE, [other]) => {
                Err(refused(INTERPOLATE, format_args!("the value is a number, not {other}")))
            }
            (INTERPOLATE, _) => Err(wrong_count(INTERPOLATE, "interpolate(value)", types.len())),
            (_, [width, time, ends @ ..]) if matches!(ends.len(), 0 | 2) => {
                let DataType::Timestamp(TimeUnit::Nanosecond, _) = time_type(BUCKET, "time", time)?
                else {
                    let what = format_args!("the time has nanoseconds, not {time}: use arrow_cast");
                    return Err(refused(BUCKET, what));
                };
                let mut coerced = vec![width_type(BUCKET, width)?];
                coerced.extend(vec![time_type(BUCKET, "time", time)?; ends.len() + 1]);
                Ok(coerced)
            }
            _ => Err(wrong_count(BUCKET, BUCKET_USAGE, types.len())),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match (self.name, types) {
            (BUCKET, [_, time, ..]) => Ok(time.clone()),
            (INTERPOLATE, _) => Ok(DataType::Float64),
            (_, [value, ..]) => Ok(value.clone()),
            _ => Err(wrong_count(self.name, self.name, types.len())),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if let (BUCKET, Some(Some(width))) = (self.name, args.scalar_arguments.first()) {
            fixed_width(width)?;
        }
        let types: Vec<_> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(arrow::datatypes::Field::new(self.name, self.return_type(&types)?, true).into())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(misplaced(self.name))
    }
}

/// A bucket's width in nanoseconds. Months are refused: they differ in length.
pub(super) fn fixed_width(width: &ScalarValue) -> Result<i64> {
    let width = read_width(BUCKET, width)?;
    let nanos = i64::from(width.days)
        .checked_mul(86_400_000_000_000)
        .and_then(|days| days.checked_add(width.nanoseconds));
    match nanos {
        Some(nanos) if width.months == 0 => Ok(nanos),
        _ => Err(refused(BUCKET, "the width is of days or shorter: months differ in length")),
    }
}
