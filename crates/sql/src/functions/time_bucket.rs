//! `time_bucket(width, time [, origin])`: the start of the bucket that a time lies in.
//!
//! It has no implementation of its own: it becomes `date_bin`, which DataFusion and the scan of tables know
//! (it keeps the order of its argument). Buckets are half-open, `[start, start + width)`, and aligned to the
//! Unix epoch unless an origin is given.

use arrow::datatypes::{DataType, FieldRef, IntervalMonthDayNano, IntervalUnit, TimeUnit};
use datafusion::{
    common::ScalarValue,
    error::Result,
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
        Volatility,
        simplify::{ExprSimplifyResult, SimplifyContext},
        sort_properties::{ExprProperties, SortProperties},
    },
};

use super::{
    parse_width,
    refusal::{refused, wrong_count},
};

pub(super) const NAME: &str = "time_bucket";
const USAGE: &str = "time_bucket('5m', time) or time_bucket('5m', time, origin)";

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TimeBucket {
    signature: Signature,
}

impl TimeBucket {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TimeBucket {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if !(2..=3).contains(&types.len()) {
            return Err(wrong_count(NAME, USAGE, types.len()));
        }
        let time = time_type(NAME, "time", &types[1])?;
        let mut coerced = vec![width_type(NAME, &types[0])?, time.clone()];
        if let Some(origin) = types.get(2) {
            time_type(NAME, "origin", origin)?;
            let zone = if let DataType::Timestamp(_, zone) = time { zone } else { None };
            coerced.push(DataType::Timestamp(TimeUnit::Nanosecond, zone));
        }
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types.get(1).cloned().ok_or_else(|| wrong_count(NAME, USAGE, types.len()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if let Some(Some(width)) = args.scalar_arguments.first()
            && !width.is_null()
        {
            read_width(NAME, width)?;
        }
        let types: Vec<_> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let field = arrow::datatypes::Field::new(NAME, self.return_type(&types)?, true);
        Ok(field.into())
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(Expr::Literal(width, _)) = args.first() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        if width.is_null() {
            return Ok(ExprSimplifyResult::Original(args));
        }
        let width = interval(read_width(NAME, width)?);
        let mut args = args;
        args[0] = Expr::Literal(width, None);
        Ok(ExprSimplifyResult::Simplified(datafusion::functions::datetime::date_bin().call(args)))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let width = match args.args.first() {
            Some(ColumnarValue::Scalar(width)) if width.is_null() => {
                let null = ScalarValue::try_from(args.return_field.data_type())?;
                return Ok(ColumnarValue::Scalar(null));
            }
            Some(ColumnarValue::Scalar(width)) => interval(read_width(NAME, width)?),
            _ => return Err(refused(NAME, "the width is the same for all rows, not a column")),
        };
        args.args[0] = ColumnarValue::Scalar(width);
        datafusion::functions::datetime::date_bin().invoke_with_args(args)
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        Ok(input.get(1).map_or(SortProperties::Unordered, |time| time.sort_properties))
    }
}

/// The type to which a width is brought, or a refusal of one that is no span of time.
pub(super) fn width_type(function: &str, given: &DataType) -> Result<DataType> {
    match given {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Ok(DataType::Utf8)
        }
        DataType::Interval(_) | DataType::Duration(_) => {
            Ok(DataType::Interval(IntervalUnit::MonthDayNano))
        }
        other => Err(refused(
            function,
            format_args!(
                "the width is a span of time such as '5m' or INTERVAL '5 minutes', not {other}"
            ),
        )),
    }
}

/// The type to which a time is brought. Text is read as RFC 3339.
pub(super) fn time_type(function: &str, argument: &str, given: &DataType) -> Result<DataType> {
    match given {
        DataType::Timestamp(_, _) => Ok(given.clone()),
        DataType::Date32 | DataType::Date64 => Ok(DataType::Timestamp(TimeUnit::Nanosecond, None)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Ok(DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())))
        }
        other => Err(refused(
            function,
            format_args!(
                "the {argument} is a timestamp, not {other}; to_timestamp_seconds(x) makes one of a number"
            ),
        )),
    }
}

/// Reads a width and holds it against what buckets may be.
pub(super) fn read_width(function: &str, width: &ScalarValue) -> Result<IntervalMonthDayNano> {
    let width = match width {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => {
            parse_width(text).map_err(|what| refused(function, format_args!("width {what}")))?
        }
        ScalarValue::IntervalMonthDayNano(Some(width)) => *width,
        other => match other.cast_to(&DataType::Interval(IntervalUnit::MonthDayNano)) {
            Ok(ScalarValue::IntervalMonthDayNano(Some(width))) => width,
            _ => return Err(refused(function, format_args!("{other} is no width"))),
        },
    };
    let (months, days, nanos) = (width.months, width.days, width.nanoseconds);
    if months != 0 && (days != 0 || nanos != 0) {
        return Err(refused(
            function,
            "a width has months and years, or days and shorter, not both",
        ));
    }
    let total = i128::from(days) * 86_400_000_000_000 + i128::from(nanos);
    if months < 0 || (months == 0 && total <= 0) {
        return Err(refused(function, "the width is greater than zero"));
    }
    if i64::try_from(total).is_err() {
        return Err(refused(function, "the width is at most 292 years"));
    }
    Ok(width)
}

fn interval(width: IntervalMonthDayNano) -> ScalarValue {
    ScalarValue::IntervalMonthDayNano(Some(width))
}
