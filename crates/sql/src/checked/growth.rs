//! How much a function makes of its arguments.

use arrow::{
    array::{Array, ArrayRef, AsArray as _, Int64Array},
    compute::{cast, kernels::length::length},
    datatypes::{DataType, Int64Type, IntervalMonthDayNanoType, TimeUnit},
};
use datafusion::{
    error::Result,
    logical_expr::{ColumnarValue, Expr},
};

/// How the size of what is made follows from the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Growth {
    /// `(text, count)`: the text so often.
    Repeat,
    /// `(text, count [, fill])`: so many characters.
    Pad,
    /// `(item, count)`: the item so often.
    Items,
    /// `(list, count [, item])`: a list of so many items.
    Resize,
    /// `([start,] stop [, step])`: the numbers or times between.
    Range,
    /// `(text, from, to)`: at most one `to` for each `from` that fits into the text.
    Replace,
    /// `(text, pattern, to, ...)`: at most one `to` for each byte of the text, and what it repeats of the match is
    /// less than that.
    Matches,
}

/// The functions that make much of little.
pub(super) const GROWING: &[(&str, Growth)] = &[
    ("repeat", Growth::Repeat),
    ("lpad", Growth::Pad),
    ("rpad", Growth::Pad),
    ("array_repeat", Growth::Items),
    ("array_resize", Growth::Resize),
    ("range", Growth::Range),
    ("generate_series", Growth::Range),
    ("replace", Growth::Replace),
    ("regexp_replace", Growth::Matches),
];

/// Bytes of a replaced text up to which its size is not looked at: most texts have far fewer places to
/// replace than characters. Of a batch of 8,192 rows these may become 128 MiB.
const REPLACED_BYTES: u64 = 16 << 10;

const HOUR_NANOS: i128 = 3_600_000_000_000;
const DAY_NANOS: i128 = 24 * HOUR_NANOS;

impl Growth {
    /// Bytes that a call would make for a batch: at least roughly as many as it does.
    ///
    /// # Errors
    /// Arguments of types that the function does not take.
    pub(super) fn of_values(self, arguments: &[ColumnarValue], rows: usize) -> Result<u64> {
        let arrays: Vec<ArrayRef> = arguments.iter().map(one_or_all).collect::<Result<_>>()?;
        let scalar = arguments.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let all = self.of_arrays(&arrays, if scalar { 1 } else { rows })?;
        // A value that is the same for all rows becomes as many.
        let times = if scalar { u64::try_from(rows).unwrap_or(u64::MAX).max(1) } else { 1 };
        Ok(all.saturating_mul(times))
    }

    /// Bytes that a call with these arguments makes for one row; `None` if they are not all values.
    pub(super) fn of_literals(self, arguments: &[Expr]) -> Option<u64> {
        let values: Option<Vec<ColumnarValue>> = arguments.iter().map(literal).collect();
        self.of_values(&values?, 1).ok()
    }

    /// Sums up the rows of arrays, of which some have one row that stands for all.
    fn of_arrays(self, arrays: &[ArrayRef], rows: usize) -> Result<u64> {
        let sum = |of_row: &dyn Fn(usize) -> u64| -> u64 {
            (0..rows).fold(0, |sum: u64, row| sum.saturating_add(of_row(row)))
        };
        let bytes = match (self, arrays) {
            (Self::Repeat, [text, count]) => {
                let (text, count) = (sizes(text)?, whole(count)?);
                sum(&|row| at(&text, row).saturating_mul(at(&count, row)))
            }
            (Self::Pad, [text, count, fill @ ..]) => {
                let fill = fill.first().map(sizes).transpose()?;
                let (text, count) = (sizes(text)?, whole(count)?);
                sum(&|row| {
                    let wide = fill.as_ref().map_or(1, |fill| at(fill, row).clamp(1, 4));
                    at(&text, row).saturating_add(at(&count, row).saturating_mul(wide))
                })
            }
            (Self::Items, [item, count]) => {
                let count = whole(count)?;
                sum(&|row| item_size(item, row).saturating_mul(at(&count, row)))
            }
            (Self::Resize, [_, count, item @ ..]) => {
                let count = whole(count)?;
                sum(&|row| {
                    let size = item.first().map_or(8, |item| item_size(item, row));
                    size.saturating_mul(at(&count, row))
                })
            }
            (Self::Range, between) => sum(&|row| range_size(between, row)),
            (Self::Replace | Self::Matches, [text, from, to, ..]) => {
                let (text, from, to) = (sizes(text)?, sizes(from)?, sizes(to)?);
                sum(&|row| {
                    // A long pattern may match little.
                    let from = if self == Self::Matches { 1 } else { at(&from, row).max(1) };
                    let places = at(&text, row) / from + 1;
                    let bytes = places.saturating_mul(at(&to, row));
                    if bytes <= REPLACED_BYTES { 0 } else { bytes }
                })
            }
            _ => 0,
        };
        Ok(bytes)
    }
}

/// The value of a literal, also one that is cast to another type.
fn literal(expr: &Expr) -> Option<ColumnarValue> {
    match expr {
        Expr::Literal(value, _) => Some(ColumnarValue::Scalar(value.clone())),
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Literal(value, _) => {
                value.cast_to(cast.field.data_type()).ok().map(ColumnarValue::Scalar)
            }
            _ => None,
        },
        _ => None,
    }
}

/// One row for a value that is the same for all.
fn one_or_all(argument: &ColumnarValue) -> Result<ArrayRef> {
    Ok(match argument {
        ColumnarValue::Array(array) => ArrayRef::clone(array),
        ColumnarValue::Scalar(value) => value.to_array()?,
    })
}

/// Bytes of texts.
fn sizes(texts: &ArrayRef) -> Result<Int64Array> {
    let texts = match texts.data_type() {
        DataType::Dictionary(_, values) => &cast(texts, values)?,
        _ => texts,
    };
    if texts.data_type().is_null() {
        return Ok(Int64Array::from(vec![0]));
    }
    whole(&length(texts.as_ref())?)
}

fn whole(numbers: &ArrayRef) -> Result<Int64Array> {
    Ok(cast(numbers, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// The row's place in an array that may have one row for all.
fn place(array: &dyn Array, row: usize) -> Option<usize> {
    let place = if array.len() == 1 { 0 } else { row };
    (place < array.len() && array.is_valid(place)).then_some(place)
}

/// A number that is not below zero; NULL makes nothing.
fn at(numbers: &Int64Array, row: usize) -> u64 {
    let number = place(numbers, row).map_or(0, |place| numbers.value(place));
    u64::try_from(number).unwrap_or(0)
}

/// Bytes of one value, NULL too.
fn item_size(items: &ArrayRef, row: usize) -> u64 {
    let row = if items.len() == 1 { 0 } else { row };
    if row >= items.len() {
        return 0;
    }
    let size = match items.data_type().primitive_width() {
        Some(width) => width,
        None => items.slice(row, 1).to_data().get_slice_memory_size().unwrap_or(0).max(1),
    };
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// Bytes of the list of what lies between two values.
fn range_size(between: &[ArrayRef], row: usize) -> u64 {
    let value = |index: usize| between.get(index).and_then(|array| point(array, row));
    let (start, stop, steps) = match between.len() {
        1 => (Some(0), value(0), Some((1, 1))),
        2 => (value(0), value(1), Some((1, 1))),
        _ => (value(0), value(1), steps(&between[2], row)),
    };
    match (start, stop, steps) {
        // The function refuses it.
        (_, _, Some((0, 0))) => 0,
        // It may go nowhere, without end.
        (Some(_), Some(_), Some((low, high))) if low <= 0 && high >= 0 => u64::MAX,
        (Some(start), Some(stop), Some((low, high))) if (stop >= start) == (low > 0) => {
            let shortest = if low > 0 { low } else { high };
            let count = ((stop - start) / shortest).unsigned_abs().saturating_add(1);
            u64::try_from(count.saturating_mul(8)).unwrap_or(u64::MAX)
        }
        _ => 0,
    }
}

/// The least and the greatest that a step can be: a month has 28 to 31 days, and a day 23 to 25 hours.
fn steps(array: &ArrayRef, row: usize) -> Option<(i128, i128)> {
    if !matches!(array.data_type(), DataType::Interval(_)) {
        return point(array, row).map(|step| (step, step));
    }
    let step =
        array.as_primitive_opt::<IntervalMonthDayNanoType>()?.value(place(array.as_ref(), row)?);
    let (months, days) = (i128::from(step.months), i128::from(step.days));
    let ends = |least: i128, most: i128, count: i128| match count < 0 {
        true => (count * most, count * least),
        false => (count * least, count * most),
    };
    let (of_months, of_days) = (
        ends(28 * DAY_NANOS, 31 * DAY_NANOS, months),
        ends(23 * HOUR_NANOS, 25 * HOUR_NANOS, days),
    );
    let nanos = i128::from(step.nanoseconds);
    Some((of_months.0 + of_days.0 + nanos, of_months.1 + of_days.1 + nanos))
}

/// A whole number, or a time in nanoseconds.
fn point(array: &ArrayRef, row: usize) -> Option<i128> {
    let place = place(array.as_ref(), row)?;
    let number = |array: &ArrayRef| {
        let numbers = whole(array).ok()?;
        place_value(&numbers, place).map(i128::from)
    };
    match array.data_type() {
        DataType::Timestamp(_, zone) => {
            let nanos = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
            number(&cast(array, &nanos).ok()?)
        }
        DataType::Date32 | DataType::Date64 => {
            let days = cast(array, &DataType::Date32).ok()?;
            let days = cast(&days, &DataType::Int32).ok()?;
            number(&days).map(|days| days * DAY_NANOS)
        }
        _ => number(array),
    }
}

fn place_value(numbers: &Int64Array, place: usize) -> Option<i64> {
    numbers.is_valid(place).then(|| numbers.value(place))
}
