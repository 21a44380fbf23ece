//! The functions of Biscuit's SQL: arithmetic on seconds and values, for questions to rings.
//!
//! A NULL in any argument gives NULL. Times and steps are whole seconds (BIGINT), values DOUBLE.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, Float64Array, Int64Array, cast::AsArray},
    datatypes::{DataType, Float64Type, Int64Type},
};
use datafusion::{
    error::Result,
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

type OfSeconds = fn(&[i64]) -> Option<i64>;
type OfValues = fn(&[f64]) -> Option<f64>;

/// All of them.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let seconds: [(&'static str, usize, OfSeconds); 2] =
        [("ts_bucket", 2, ts_bucket), ("align_time", 3, align_time)];
    let values: [(&'static str, usize, OfValues); 7] = [
        ("bucket_rate", 3, bucket_rate),
        ("clamp", 3, clamp),
        ("null_if_outside", 3, null_if_outside),
        ("series_add", 2, |v| Some(v[0] + v[1])),
        ("series_sub", 2, |v| Some(v[0] - v[1])),
        ("series_mul", 2, |v| Some(v[0] * v[1])),
        ("series_div", 2, |v| (v[1] != 0.0).then(|| v[0] / v[1])),
    ];
    let seconds = seconds.map(|(name, count, f)| Ring::new(name, count, Formula::Seconds(f)));
    let values = values.map(|(name, count, f)| Ring::new(name, count, Formula::Values(f)));
    seconds.into_iter().chain(values).map(ScalarUDF::new_from_impl).collect()
}

/// One function.
#[derive(Debug)]
struct Ring {
    name: &'static str,
    formula: Formula,
    signature: Signature,
}

/// What it computes of a row without NULLs; `None` becomes NULL.
#[derive(Clone, Copy, Debug)]
enum Formula {
    Seconds(OfSeconds),
    Values(OfValues),
}

impl Formula {
    fn data_type(self) -> DataType {
        match self {
            Self::Seconds(_) => DataType::Int64,
            Self::Values(_) => DataType::Float64,
        }
    }
}

impl Ring {
    fn new(name: &'static str, count: usize, formula: Formula) -> Self {
        let types = vec![formula.data_type(); count];
        Self { name, formula, signature: Signature::exact(types, Volatility::Immutable) }
    }
}

/// A function is known by its name.
impl PartialEq for Ring {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Ring {}

impl std::hash::Hash for Ring {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Ring {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.formula.data_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = columns.first().map_or(0, Array::len);
        let is_whole = |row: &usize| columns.iter().all(|column| column.is_valid(*row));
        let answer: ArrayRef = match self.formula {
            Formula::Seconds(f) => {
                let inputs: Vec<_> =
                    columns.iter().map(AsArray::as_primitive::<Int64Type>).collect();
                let of_row = |row| f(&inputs.iter().map(|c| c.value(row)).collect::<Vec<_>>());
                let answer = (0..rows).map(|row| Some(row).filter(is_whole).and_then(of_row));
                Arc::new(answer.collect::<Int64Array>())
            }
            Formula::Values(f) => {
                let inputs: Vec<_> =
                    columns.iter().map(AsArray::as_primitive::<Float64Type>).collect();
                let of_row = |row| f(&inputs.iter().map(|c| c.value(row)).collect::<Vec<_>>());
                let answer = (0..rows).map(|row| Some(row).filter(is_whole).and_then(of_row));
                Arc::new(answer.collect::<Float64Array>())
            }
        };
        Ok(ColumnarValue::Array(answer))
    }
}

/// `ts` rounded down to a multiple of the step; NULL for a step of 0.
fn ts_bucket(args: &[i64]) -> Option<i64> {
    let [ts, step] = [args[0], args[1]];
    let quotient = ts.checked_div(step)?;
    let is_below = ts % step != 0 && (ts < 0) != (step < 0);
    quotient.checked_sub(i64::from(is_below))?.checked_mul(step)
}

/// `ts` rounded down to the origin plus a multiple of the step.
fn align_time(args: &[i64]) -> Option<i64> {
    let [ts, step, origin] = [args[0], args[1], args[2]];
    ts_bucket(&[ts.checked_sub(origin)?, step])?.checked_add(origin)
}

/// The rise from the previous bucket's value for each second of a bucket. A fall is a reset and gives NULL;
/// so does a bucket that is not longer than 0. NaN stays NaN.
fn bucket_rate(args: &[f64]) -> Option<f64> {
    let [current, previous, bucket] = [args[0], args[1], args[2]];
    let is_reset = current - previous < 0.0;
    (bucket > 0.0 && !is_reset).then(|| (current - previous) / bucket)
}

/// The value, not above `high`, and then not below `low`. NaN stays NaN.
fn clamp(args: &[f64]) -> Option<f64> {
    let [value, low, high] = [args[0], args[1], args[2]];
    let capped = if value > high { high } else { value };
    Some(if capped < low { low } else { capped })
}

fn null_if_outside(args: &[f64]) -> Option<f64> {
    let [value, low, high] = [args[0], args[1], args[2]];
    (low <= value && value <= high).then_some(value)
}
