//! `histogram_quantile(q, le, count)`: a quantile of a classic histogram, whose buckets are rows; and
//! `histogram_quantile(q, histogram)`, of native ones.

mod json;
mod native;

use std::collections::BTreeMap;

use arrow::{
    array::{Array as _, ArrayRef, Float64Array, cast::AsArray as _},
    datatypes::{DataType, Field, FieldRef, Float64Type},
};
use datafusion::{
    common::{exec_datafusion_err, utils::SingleRowListArrayBuilder},
    error::Result,
    logical_expr::{
        Accumulator, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
    scalar::ScalarValue,
};
use std::sync::Arc;
use timberline_promql::eval::{ClassicBucket, classic_quantile};

use self::native::Histograms;
use super::refusal::{refused, wrong_count};

const NAME: &str = "histogram_quantile";
const USAGE: &str = "histogram_quantile(q, le, count), or histogram_quantile(q, histogram)";
/// More buckets than a histogram has; a group with more mixes other things.
const BUCKETS_MAX: usize = 100_000;

/// The function. `le` is a bucket's upper bound, a number or a text such as `'0.5'` and `'+Inf'`; `count` how
/// many observations are not above it. Counts of one bound are added up. Rows with a NULL, and those whose
/// `le` is a text and no number, do not count. The rest is as in PromQL.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct HistogramQuantile {
    signature: Signature,
}

impl HistogramQuantile {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for HistogramQuantile {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (q, le, count) = match types {
            [q, histogram] => {
                if !(q.is_numeric() || q.is_null()) {
                    return Err(refused(NAME, format_args!("q is a number, not {q}")));
                }
                if !(histogram.is_string() || histogram.is_null()) {
                    let what = "histogram is a column of native histograms";
                    return Err(refused(NAME, format_args!("{what}, not {histogram}")));
                }
                return Ok(vec![DataType::Float64, DataType::Utf8]);
            }
            [q, le, count] => (q, le, count),
            _ => return Err(wrong_count(NAME, USAGE, types.len())),
        };
        for (argument, given) in [("q", q), ("count", count)] {
            if !(given.is_numeric() || given.is_null()) {
                return Err(refused(NAME, format_args!("{argument} is a number, not {given}")));
            }
        }
        let kind = if let DataType::Dictionary(_, kind) = le { kind } else { le };
        let le = if kind.is_numeric() {
            DataType::Float64
        } else if kind.is_string() || kind.is_null() {
            DataType::Utf8
        } else {
            return Err(refused(
                NAME,
                format_args!("le, the upper bound, is a number or a text such as '0.5', not {le}"),
            ));
        };
        Ok(vec![DataType::Float64, le, DataType::Float64])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.exprs.len() == 2 {
            return Ok(Box::new(Histograms::default()));
        }
        Ok(Box::new(Buckets { q: None, counts: BTreeMap::new() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |name: &str, kind| -> FieldRef {
            Arc::new(Field::new(format!("{}[{name}]", args.name), kind, true))
        };
        if args.input_fields.len() == 2 {
            return Ok(vec![field("q", DataType::Float64), field("sum", DataType::Utf8)]);
        }
        let list = DataType::new_list(DataType::Float64, true);
        Ok(vec![
            field("q", DataType::Float64),
            field("bounds", list.clone()),
            field("counts", list),
        ])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The buckets of a group.
#[derive(Debug)]
struct Buckets {
    q: Option<f64>,
    /// Counts by bounds, which [`key`] makes comparable.
    counts: BTreeMap<i64, f64>,
}

impl Buckets {
    fn add(&mut self, q: f64, bound: f64, count: f64) -> Result<()> {
        share(&mut self.q, q)?;
        *self.counts.entry(key(bound)).or_insert(0.0) += count;
        if self.counts.len() > BUCKETS_MAX {
            let what = format_args!("a group has more than {BUCKETS_MAX} buckets");
            return Err(refused(NAME, what));
        }
        Ok(())
    }
}

/// Notes the share of a group, which is the same for all of its rows.
fn share(known: &mut Option<f64>, q: f64) -> Result<()> {
    let same = *known.get_or_insert(q);
    if same.to_bits() != q.to_bits() {
        return Err(refused(NAME, "q is the same for all rows of a group"));
    }
    Ok(())
}

/// A number's bits such that integers order as the numbers do.
fn key(bound: f64) -> i64 {
    let bits = (bound + 0.0).to_bits().cast_signed();
    bits ^ (((bits >> 63).cast_unsigned()) >> 1).cast_signed()
}

/// The number of a [`key`].
fn bound(key: i64) -> f64 {
    let bits = key ^ (((key >> 63).cast_unsigned()) >> 1).cast_signed();
    f64::from_bits(bits.cast_unsigned())
}

impl Accumulator for Buckets {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        // A text that is no number becomes NULL.
        let bounds = match columns[1].data_type() {
            DataType::Float64 => Arc::clone(&columns[1]),
            _ => {
                let texts = columns[1].as_string::<i32>().iter();
                let numbers =
                    texts.map(|text| text.and_then(|text| text.trim().parse::<f64>().ok()));
                Arc::new(numbers.collect::<Float64Array>())
            }
        };
        let counts = columns[2].as_primitive::<Float64Type>();
        let rows = columns[0].as_primitive::<Float64Type>().iter();
        for ((q, bound), count) in rows.zip(bounds.as_primitive::<Float64Type>()).zip(counts) {
            if let (Some(q), Some(bound), Some(count)) = (q, bound, count) {
                self.add(q, bound, count)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let Some(q) = self.q else { return Ok(ScalarValue::Float64(None)) };
        let buckets = self.counts.iter();
        let buckets =
            buckets.map(|(key, count)| ClassicBucket { bound: bound(*key), count: *count });
        Ok(ScalarValue::Float64(Some(classic_quantile(q, buckets.collect()))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.len() * 2 * size_of::<(i64, f64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |values: Float64Array| {
            SingleRowListArrayBuilder::new(Arc::new(values)).build_list_scalar()
        };
        Ok(vec![
            ScalarValue::Float64(self.q),
            list(self.counts.keys().map(|key| Some(bound(*key))).collect()),
            list(self.counts.values().map(|count| Some(*count)).collect()),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let qs = states[0].as_primitive::<Float64Type>();
        for row in 0..qs.len() {
            if qs.is_null(row) {
                continue;
            }
            let list = |state: &ArrayRef| state.as_list::<i32>().value(row);
            let (bounds, counts) = (list(&states[1]), list(&states[2]));
            let counts = counts.as_primitive::<Float64Type>();
            for (index, bound) in bounds.as_primitive::<Float64Type>().values().iter().enumerate() {
                let count = counts.values().get(index).copied();
                let count = count.ok_or_else(|| exec_datafusion_err!("a state lacks a count"))?;
                self.add(qs.value(row), *bound, count)?;
            }
        }
        Ok(())
    }
}
