//! Values in the text and the binary format of PostgreSQL.
//!
//! Invariant: the type that a value is written as is that of [`type_of`] its column.

use arrow::{
    array::{Array, ArrayRef, AsArray as _, RecordBatch},
    compute::cast,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
        Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit,
        IntervalYearMonthType, Time64MicrosecondType, Time64NanosecondType, TimeUnit, UInt8Type,
        UInt16Type, UInt32Type, UInt64Type,
    },
    error::ArrowError,
};
use bytes::{BufMut as _, BytesMut};
use pgwire::api::Type;
use timberline_sql::render::{is_null, text_of, timestamp_nanos, write_json, write_text};

use crate::{numeric, times, types::type_of};

/// Writes one row of a batch: the length and the bytes of each value.
pub(crate) fn write_row(out: &mut BytesMut, batch: &RecordBatch, row: usize, binary: &[bool]) {
    let mut scratch = Vec::new();
    for (column, binary) in batch.columns().iter().zip(binary) {
        write_field(out, column.as_ref(), row, *binary, &mut scratch);
    }
}

/// A batch whose columns all have types that can be written as they stand: dictionaries of anything but
/// text are unpacked, and other columns take the type that the client was told.
///
/// # Errors
/// A value that cannot be cast.
pub(crate) fn writable(batch: &RecordBatch, told: &[DataType]) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    let mut names = Vec::with_capacity(batch.num_columns());
    for ((column, told), field) in batch.columns().iter().zip(told).zip(batch.schema_ref().fields())
    {
        let kind = column.data_type();
        let column = match (kind, told) {
            (DataType::Null, _) => column.clone(),
            (DataType::Dictionary(_, values), _) if type_of(values) != Type::TEXT => {
                cast(column, values)?
            }
            (kind, told) if type_of(kind) == type_of(told) => column.clone(),
            (_, DataType::Null) => cast(column, &DataType::Utf8)?,
            (_, told) => cast(column, told)?,
        };
        names.push(arrow::datatypes::Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    RecordBatch::try_new(std::sync::Arc::new(arrow::datatypes::Schema::new(names)), columns)
}

fn write_field(
    out: &mut BytesMut,
    array: &dyn Array,
    row: usize,
    binary: bool,
    scratch: &mut Vec<u8>,
) {
    if is_null(array, row) {
        out.put_i32(-1);
        return;
    }
    scratch.clear();
    if binary {
        write_binary(scratch, array, row);
    } else {
        write_plain(scratch, array, row);
    }
    // A value of more than 2 GiB cannot be in an answer: batches are smaller.
    out.put_i32(i32::try_from(scratch.len()).unwrap_or(i32::MAX));
    out.put_slice(scratch);
}

/// A value as text. Not for NULL.
pub(crate) fn write_plain(out: &mut Vec<u8>, array: &dyn Array, row: usize) {
    if let Some(text) = text_of(array, row) {
        // PostgreSQL's texts hold no zero.
        out.extend(text.bytes().filter(|byte| *byte != 0));
        return;
    }
    match array.data_type() {
        DataType::Boolean => out.push(if array.as_boolean().value(row) { b't' } else { b'f' }),
        DataType::Timestamp(_, zone) => match micros(array, row) {
            Some(micros) => times::write_timestamp(out, micros, zone.is_some()),
            None => {
                write_text(out, array, row);
            }
        },
        DataType::Time64(_) => times::write_time(out, time_micros(array, row)),
        DataType::Interval(_) | DataType::Duration(_) => {
            times::write_interval(out, interval(array, row));
        }
        DataType::List(_) if type_of(array.data_type()) != Type::JSON => {
            write_array_text(out, &array.as_list::<i32>().value(row));
        }
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            out.extend_from_slice(b"\\x");
            write_text(out, array, row);
        }
        kind if type_of(kind) == Type::JSON => write_json(out, array, row),
        _ => {
            write_text(out, array, row);
        }
    }
}

fn write_binary(out: &mut Vec<u8>, array: &dyn Array, row: usize) {
    match array.data_type() {
        DataType::Boolean => out.put_u8(u8::from(array.as_boolean().value(row))),
        DataType::Int8 => out.put_i16(i16::from(array.as_primitive::<Int8Type>().value(row))),
        DataType::UInt8 => out.put_i16(i16::from(array.as_primitive::<UInt8Type>().value(row))),
        DataType::Int16 => out.put_i16(array.as_primitive::<Int16Type>().value(row)),
        DataType::UInt16 => out.put_i32(i32::from(array.as_primitive::<UInt16Type>().value(row))),
        DataType::Int32 => out.put_i32(array.as_primitive::<Int32Type>().value(row)),
        DataType::UInt32 => out.put_i64(i64::from(array.as_primitive::<UInt32Type>().value(row))),
        DataType::Int64 => out.put_i64(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => {
            numeric::write(out, &array.as_primitive::<UInt64Type>().value(row).to_string());
        }
        DataType::Decimal128(..) => {
            numeric::write(out, &array.as_primitive::<Decimal128Type>().value_as_string(row));
        }
        DataType::Float32 => out.put_f32(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => out.put_f64(array.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(..) => {
            let micros = micros(array, row).unwrap_or(i64::MAX);
            out.put_i64(micros.saturating_sub(times::EPOCH_MICROS));
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            out.put_i32(days.saturating_sub(times::EPOCH_DAYS));
        }
        DataType::Time64(_) => out.put_i64(time_micros(array, row)),
        DataType::Interval(_) | DataType::Duration(_) => {
            let (months, days, micros) = interval(array, row);
            out.put_i64(micros);
            out.put_i32(days);
            out.put_i32(months);
        }
        DataType::Binary => out.put_slice(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => out.put_slice(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => out.put_slice(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => out.put_slice(array.as_fixed_size_binary().value(row)),
        DataType::List(item) if type_of(array.data_type()) != Type::JSON => {
            let items = array.as_list::<i32>().value(row);
            write_array_binary(out, &items, &type_of(item.data_type()));
        }
        // Texts and JSON are the same in both formats.
        _ => write_plain(out, array, row),
    }
}

fn micros(array: &dyn Array, row: usize) -> Option<i64> {
    match timestamp_nanos(array, row) {
        Some(nanos) => Some(nanos.div_euclid(1_000)),
        None => {
            let utc = DataType::Timestamp(TimeUnit::Microsecond, None);
            let one = cast(&array.slice(row, 1), &utc).ok()?;
            (!one.is_null(0))
                .then(|| one.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().value(0))
        }
    }
}

fn time_micros(array: &dyn Array, row: usize) -> i64 {
    match array.data_type() {
        DataType::Time64(TimeUnit::Nanosecond) => {
            array.as_primitive::<Time64NanosecondType>().value(row) / 1_000
        }
        _ => array.as_primitive::<Time64MicrosecondType>().value(row),
    }
}

/// Months, days and microseconds.
fn interval(array: &dyn Array, row: usize) -> (i32, i32, i64) {
    match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            (array.as_primitive::<IntervalYearMonthType>().value(row), 0, 0)
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let value = array.as_primitive::<IntervalDayTimeType>().value(row);
            (0, value.days, i64::from(value.milliseconds) * 1_000)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            (value.months, value.days, value.nanoseconds / 1_000)
        }
        DataType::Duration(unit) => {
            let count = cast(&array.slice(row, 1), &DataType::Int64);
            let count = count.map_or(0, |one| one.as_primitive::<Int64Type>().value(0));
            let micros = match unit {
                TimeUnit::Second => count.saturating_mul(1_000_000),
                TimeUnit::Millisecond => count.saturating_mul(1_000),
                TimeUnit::Microsecond => count,
                TimeUnit::Nanosecond => count / 1_000,
            };
            (0, 0, micros)
        }
        _ => (0, 0, 0),
    }
}

/// `{1,2,NULL}`; items with odd characters in quotes.
fn write_array_text(out: &mut Vec<u8>, items: &ArrayRef) {
    out.push(b'{');
    let mut text = Vec::new();
    for item in 0..items.len() {
        if item > 0 {
            out.push(b',');
        }
        if is_null(items.as_ref(), item) {
            out.extend_from_slice(b"NULL");
            continue;
        }
        text.clear();
        write_plain(&mut text, items.as_ref(), item);
        let odd = text.is_empty()
            || text.eq_ignore_ascii_case(b"null")
            || text.iter().any(|byte| b"{},\"\\".contains(byte) || byte.is_ascii_whitespace());
        if !odd {
            out.extend_from_slice(&text);
            continue;
        }
        out.push(b'"');
        for byte in &text {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        out.push(b'"');
    }
    out.push(b'}');
}

fn write_array_binary(out: &mut Vec<u8>, items: &ArrayRef, kind: &Type) {
    let count = i32::try_from(items.len()).unwrap_or(i32::MAX);
    out.put_i32(i32::from(count > 0));
    out.put_i32(i32::from(items.null_count() > 0));
    out.put_u32(kind.oid());
    if count > 0 {
        out.put_i32(count);
        // Arrays count from one.
        out.put_i32(1);
    }
    let mut text = Vec::new();
    for item in 0..items.len() {
        if is_null(items.as_ref(), item) {
            out.put_i32(-1);
            continue;
        }
        text.clear();
        write_binary(&mut text, items.as_ref(), item);
        out.put_i32(i32::try_from(text.len()).unwrap_or(i32::MAX));
        out.put_slice(&text);
    }
}

#[cfg(test)]
mod tests;
