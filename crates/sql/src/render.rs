//! Values as JSON and as text, the way all wires write them.
//!
//! What it is not: Arrow's own JSON, which has no words for `NaN` and for infinities, and the text
//! formats of PostgreSQL, which its wire knows.
//!
//! Invariant: whatever is written is valid JSON, for every type and every value.

use std::io::Write as _;

use arrow::{
    array::{Array, ArrayRef, AsArray as _},
    datatypes::{
        DataType, Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type, Float64Type,
        Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
        UInt16Type, UInt32Type, UInt64Type,
    },
    util::display::array_value_to_string,
};
use chrono::{DateTime, SecondsFormat};

mod csv;

pub use csv::{write_csv_head, write_csv_row};

/// Values within values within values; what lies deeper is written as text.
const DEPTH_MAX: usize = 16;

/// The short name of a type: `timestamp`, `float64`, `string`, `map` and so on.
#[must_use]
pub fn type_name(kind: &DataType) -> &'static str {
    match kind {
        DataType::Null => "null",
        DataType::Boolean => "boolean",
        DataType::Int8 => "int8",
        DataType::Int16 => "int16",
        DataType::Int32 => "int32",
        DataType::Int64 => "int64",
        DataType::UInt8 => "uint8",
        DataType::UInt16 => "uint16",
        DataType::UInt32 => "uint32",
        DataType::UInt64 => "uint64",
        DataType::Float16 | DataType::Float32 => "float32",
        DataType::Float64 => "float64",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "decimal",
        DataType::Timestamp(..) => "timestamp",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Duration(_) => "duration",
        DataType::Interval(_) => "interval",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "binary",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Dictionary(_, values) => type_name(values),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
        DataType::Map(..) => "map",
        DataType::Struct(_) => "struct",
        DataType::Union(..) => "union",
        _ => "list",
    }
}

/// The nanoseconds of a timestamp, if they can be counted in 64 bits.
#[must_use]
pub fn timestamp_nanos(array: &dyn Array, row: usize) -> Option<i64> {
    let DataType::Timestamp(unit, _) = array.data_type() else { return None };
    match unit {
        TimeUnit::Second => {
            array.as_primitive::<TimestampSecondType>().value(row).checked_mul(1_000_000_000)
        }
        TimeUnit::Millisecond => {
            array.as_primitive::<TimestampMillisecondType>().value(row).checked_mul(1_000_000)
        }
        TimeUnit::Microsecond => {
            array.as_primitive::<TimestampMicrosecondType>().value(row).checked_mul(1_000)
        }
        TimeUnit::Nanosecond => Some(array.as_primitive::<TimestampNanosecondType>().value(row)),
    }
}

/// Writes one value as JSON. Floats that are no numbers are the strings `"NaN"`, `"Infinity"` and
/// `"-Infinity"`; timestamps are RFC 3339 in UTC; maps with keys of text, and structs, are objects; binary
/// is hexadecimal; decimals are strings.
pub fn write_json(out: &mut Vec<u8>, array: &dyn Array, row: usize) {
    write_at(out, array, row, 0);
}

/// Writes one value as plain text: strings as they are, the others as [`write_json`] has them, without
/// its quotes. Nothing is written for NULL, and `false` given back.
pub fn write_text(out: &mut Vec<u8>, array: &dyn Array, row: usize) -> bool {
    if is_null(array, row) {
        return false;
    }
    if let Some(text) = text_of(array, row) {
        out.extend_from_slice(text.as_bytes());
        return true;
    }
    let start = out.len();
    write_at(out, array, row, 0);
    // A string in quotes is none of the kinds that need escapes: numbers, times, hexadecimal digits.
    if out.get(start) == Some(&b'"') && out.last() == Some(&b'"') {
        out.pop();
        out.remove(start);
    }
    true
}

/// Whether a value is NULL, also where it is the dictionary that says so.
#[must_use]
pub fn is_null(array: &dyn Array, row: usize) -> bool {
    if array.data_type() == &DataType::Null || array.is_null(row) {
        return true;
    }
    match array.as_any_dictionary_opt() {
        Some(dictionary) => {
            let key = dictionary.normalized_key(row);
            dictionary.values().is_null(key)
        }
        None => false,
    }
}

/// A text value as it is, also from a dictionary; `None` for other types.
#[must_use]
pub fn text_of(array: &dyn Array, row: usize) -> Option<&str> {
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary_opt()?;
            let values = dictionary.values();
            match values.data_type() {
                DataType::Dictionary(..) => None,
                _ => text_of(values.as_ref(), dictionary.normalized_key(row)),
            }
        }
        _ => None,
    }
}

/// The place of one row's value among a dictionary's values.
trait NormalizedKey {
    fn normalized_key(&self, row: usize) -> usize;
}

impl NormalizedKey for dyn arrow::array::AnyDictionaryArray + '_ {
    fn normalized_key(&self, row: usize) -> usize {
        let keys = self.keys();
        match keys.data_type() {
            DataType::Int8 => usize::try_from(keys.as_primitive::<Int8Type>().value(row)),
            DataType::Int16 => usize::try_from(keys.as_primitive::<Int16Type>().value(row)),
            DataType::Int32 => usize::try_from(keys.as_primitive::<Int32Type>().value(row)),
            DataType::Int64 => usize::try_from(keys.as_primitive::<Int64Type>().value(row)),
            DataType::UInt8 => Ok(usize::from(keys.as_primitive::<UInt8Type>().value(row))),
            DataType::UInt16 => Ok(usize::from(keys.as_primitive::<UInt16Type>().value(row))),
            DataType::UInt32 => usize::try_from(keys.as_primitive::<UInt32Type>().value(row)),
            _ => usize::try_from(keys.as_primitive::<UInt64Type>().value(row)),
        }
        .unwrap_or(0)
    }
}

fn write_at(out: &mut Vec<u8>, array: &dyn Array, row: usize, depth: usize) {
    if is_null(array, row) {
        out.extend_from_slice(b"null");
        return;
    }
    if let Some(text) = text_of(array, row) {
        return write_string(out, text);
    }
    macro_rules! number {
        ($($kind:ident => $primitive:ty),+ $(,)?) => {
            match array.data_type() {
                $(DataType::$kind => {
                    // Writing to memory does not fail.
                    let _ = write!(out, "{}", array.as_primitive::<$primitive>().value(row));
                    return;
                })+
                _ => {}
            }
        };
    }
    number!(Int8 => Int8Type, Int16 => Int16Type, Int32 => Int32Type, Int64 => Int64Type,
        UInt8 => UInt8Type, UInt16 => UInt16Type, UInt32 => UInt32Type, UInt64 => UInt64Type);
    match array.data_type() {
        DataType::Boolean => {
            out.extend_from_slice(if array.as_boolean().value(row) { b"true" } else { b"false" });
        }
        DataType::Float64 => write_float(out, array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => write_float32(out, array.as_primitive::<Float32Type>().value(row)),
        DataType::Float16 => {
            write_float32(out, array.as_primitive::<Float16Type>().value(row).to_f32());
        }
        DataType::Timestamp(_, zone) => write_time(out, array, row, zone.is_some()),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value_as_date(row);
            quoted(out, |out| match days {
                Some(date) => write!(out, "{date}"),
                None => write!(out, "{}", array.as_primitive::<Date32Type>().value(row)),
            });
        }
        DataType::Date64 => {
            let days = array.as_primitive::<Date64Type>().value_as_date(row);
            quoted(out, |out| match days {
                Some(date) => write!(out, "{date}"),
                None => write!(out, "{}", array.as_primitive::<Date64Type>().value(row)),
            });
        }
        DataType::Decimal128(..) => {
            let value = array.as_primitive::<Decimal128Type>().value_as_string(row);
            quoted(out, |out| write!(out, "{value}"));
        }
        DataType::Binary => write_hex(out, array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => write_hex(out, array.as_binary::<i64>().value(row)),
        DataType::BinaryView => write_hex(out, array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => write_hex(out, array.as_fixed_size_binary().value(row)),
        _ if depth < DEPTH_MAX => write_nested(out, array, row, depth),
        _ => write_other(out, array, row),
    }
}

/// Values made of values. `depth` bounds the recursion.
fn write_nested(out: &mut Vec<u8>, array: &dyn Array, row: usize, depth: usize) {
    let list = |out: &mut Vec<u8>, items: &ArrayRef| {
        out.push(b'[');
        for item in 0..items.len() {
            comma(out, item);
            write_at(out, items.as_ref(), item, depth + 1);
        }
        out.push(b']');
    };
    match array.data_type() {
        DataType::Dictionary(..) => match array.as_any_dictionary_opt() {
            Some(dictionary) => {
                let key = dictionary.normalized_key(row);
                write_at(out, dictionary.values().as_ref(), key, depth + 1);
            }
            None => write_other(out, array, row),
        },
        DataType::List(_) => list(out, &array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(out, &array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(out, &array.as_fixed_size_list().value(row)),
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            out.push(b'{');
            for item in 0..entries.len() {
                comma(out, item);
                let mut key = Vec::new();
                write_text(&mut key, entries.column(0).as_ref(), item);
                write_string(out, &String::from_utf8_lossy(&key));
                out.push(b':');
                write_at(out, entries.column(1).as_ref(), item, depth + 1);
            }
            out.push(b'}');
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            out.push(b'{');
            for (item, (field, column)) in fields.iter().zip(columns).enumerate() {
                comma(out, item);
                write_string(out, field.name());
                out.push(b':');
                write_at(out, column.as_ref(), row, depth + 1);
            }
            out.push(b'}');
        }
        _ => write_other(out, array, row),
    }
}

fn comma(out: &mut Vec<u8>, item: usize) {
    if item > 0 {
        out.push(b',');
    }
}

/// Times of day, durations, intervals and whatever is rare: as Arrow shows them.
fn write_other(out: &mut Vec<u8>, array: &dyn Array, row: usize) {
    let text = array_value_to_string(array, row).unwrap_or_default();
    write_string(out, &text);
}

/// A timestamp as RFC 3339; without a zone if it has none. One outside the years that have a name is its
/// number.
fn write_time(out: &mut Vec<u8>, array: &dyn Array, row: usize, zoned: bool) {
    let DataType::Timestamp(unit, _) = array.data_type() else { return };
    let time = match (unit, timestamp_nanos(array, row)) {
        (_, Some(nanos)) => Some(DateTime::from_timestamp_nanos(nanos)),
        (TimeUnit::Second, None) => {
            DateTime::from_timestamp(array.as_primitive::<TimestampSecondType>().value(row), 0)
        }
        (TimeUnit::Millisecond, None) => DateTime::from_timestamp_millis(
            array.as_primitive::<TimestampMillisecondType>().value(row),
        ),
        (_, None) => DateTime::from_timestamp_micros(
            array.as_primitive::<TimestampMicrosecondType>().value(row),
        ),
    };
    let Some(time) = time else { return write_other(out, array, row) };
    let text = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let text = if zoned { &*text } else { text.trim_end_matches('Z') };
    quoted(out, |out| write!(out, "{text}"));
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) {
    out.push(b'"');
    let _ = write(out);
    out.push(b'"');
}

/// Writes a float as [`write_json`] has it.
pub fn write_float(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        // The shortest text that reads back as the same float; an exponent where it is long without.
        let magnitude = value.abs();
        let _ = if magnitude != 0.0 && !(1e-5..1e17).contains(&magnitude) {
            write!(out, "{value:e}")
        } else {
            write!(out, "{value}")
        };
    } else {
        out.extend_from_slice(non_finite(value).as_bytes());
    }
}

fn write_float32(out: &mut Vec<u8>, value: f32) {
    if value.is_finite() {
        let magnitude = value.abs();
        let _ = if magnitude != 0.0 && !(1e-5..1e17).contains(&magnitude) {
            write!(out, "{value:e}")
        } else {
            write!(out, "{value}")
        };
    } else {
        out.extend_from_slice(non_finite(f64::from(value)).as_bytes());
    }
}

fn non_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "\"NaN\""
    } else if value > 0.0 {
        "\"Infinity\""
    } else {
        "\"-Infinity\""
    }
}

fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    quoted(out, |out| bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}")));
}

/// Writes a text as a JSON string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests;
