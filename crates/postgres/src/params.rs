//! Parameters of statements: from PostgreSQL's text and binary formats.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalMonthDayNano};
use bytes::{Buf as _, Bytes};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use pgwire::api::Type;
use timberline_sql::ScalarValue;

use crate::{
    numeric,
    refusal::Refusal,
    times::{EPOCH_DAYS, EPOCH_MICROS},
    types::type_of,
};

/// Values of one array.
const ITEMS_MAX: usize = 100_000;

/// The type of a parameter: what the client says, or else what the statement needs.
#[derive(Clone, Debug)]
pub(crate) struct ParameterType {
    /// What the client is told.
    pub(crate) kind: Type,
    /// What the statement needs, if it says so.
    pub(crate) needed: Option<DataType>,
}

impl ParameterType {
    /// The type of an OID that the client gave (0 if it gave none), and of what the statement needs.
    pub(crate) fn new(oid: u32, needed: Option<DataType>) -> Self {
        let said = Type::from_oid(oid).filter(|kind| *kind != Type::UNKNOWN);
        let kind = said.or_else(|| needed.as_ref().map(type_of)).unwrap_or(Type::TEXT);
        Self { kind, needed }
    }

    /// NULL of this type.
    pub(crate) fn null(&self) -> ScalarValue {
        let needed = self.needed.as_ref().map(ScalarValue::try_from);
        if let Some(Ok(null)) = needed {
            return null;
        }
        match self.kind {
            Type::BOOL => ScalarValue::Boolean(None),
            Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => ScalarValue::Int64(None),
            Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => ScalarValue::Float64(None),
            Type::TIMESTAMPTZ => ScalarValue::TimestampNanosecond(None, Some("UTC".into())),
            Type::TIMESTAMP => ScalarValue::TimestampNanosecond(None, None),
            Type::DATE => ScalarValue::Date32(None),
            _ => ScalarValue::Utf8(None),
        }
    }

    /// The value of the parameter of this number, from 1.
    ///
    /// # Errors
    /// Bytes that are no value of the type.
    pub(crate) fn value(
        &self,
        number: usize,
        bytes: Option<&Bytes>,
        binary: bool,
    ) -> Result<ScalarValue, Refusal> {
        let Some(bytes) = bytes else { return Ok(self.null()) };
        let value = if binary {
            from_binary(&self.kind, bytes)
        } else {
            str::from_utf8(bytes).ok().and_then(|text| from_text(&self.kind, text))
        };
        value.ok_or_else(|| {
            let code = if binary { "22P03" } else { "22P02" };
            Refusal::new(code, format!("parameter ${number} is no value of type {}", self.kind))
        })
    }
}

fn nanos(micros_since_2000: i64) -> Option<i64> {
    micros_since_2000.checked_add(EPOCH_MICROS)?.checked_mul(1_000)
}

fn from_binary(kind: &Type, bytes: &[u8]) -> Option<ScalarValue> {
    let mut rest = bytes;
    let sized = |size: usize| (bytes.len() == size).then_some(());
    Some(match *kind {
        Type::BOOL => {
            sized(1)?;
            ScalarValue::Boolean(Some(rest.get_u8() != 0))
        }
        Type::INT2 => {
            sized(2)?;
            ScalarValue::Int64(Some(i64::from(rest.get_i16())))
        }
        Type::INT4 => {
            sized(4)?;
            ScalarValue::Int64(Some(i64::from(rest.get_i32())))
        }
        Type::OID => {
            sized(4)?;
            ScalarValue::Int64(Some(i64::from(rest.get_u32())))
        }
        Type::INT8 => {
            sized(8)?;
            ScalarValue::Int64(Some(rest.get_i64()))
        }
        Type::FLOAT4 => {
            sized(4)?;
            ScalarValue::Float64(Some(f64::from(rest.get_f32())))
        }
        Type::FLOAT8 => {
            sized(8)?;
            ScalarValue::Float64(Some(rest.get_f64()))
        }
        Type::NUMERIC => number(&numeric::read(bytes)?)?,
        Type::BYTEA => ScalarValue::Binary(Some(bytes.to_vec())),
        Type::TIMESTAMPTZ => {
            sized(8)?;
            ScalarValue::TimestampNanosecond(Some(nanos(rest.get_i64())?), Some("UTC".into()))
        }
        Type::TIMESTAMP => {
            sized(8)?;
            ScalarValue::TimestampNanosecond(Some(nanos(rest.get_i64())?), None)
        }
        Type::DATE => {
            sized(4)?;
            ScalarValue::Date32(Some(rest.get_i32().checked_add(EPOCH_DAYS)?))
        }
        Type::TIME => {
            sized(8)?;
            ScalarValue::Time64Microsecond(Some(rest.get_i64()))
        }
        Type::INTERVAL => {
            sized(16)?;
            let (micros, days, months) = (rest.get_i64(), rest.get_i32(), rest.get_i32());
            let nanos = micros.checked_mul(1_000)?;
            let value = IntervalMonthDayNano::new(months, days, nanos);
            ScalarValue::IntervalMonthDayNano(Some(value))
        }
        Type::JSONB => text_value(bytes.strip_prefix(&[1])?)?,
        _ => match item_type(kind) {
            Some(item) => array(&item, bytes)?,
            None => text_value(bytes)?,
        },
    })
}

fn text_value(bytes: &[u8]) -> Option<ScalarValue> {
    Some(ScalarValue::Utf8(Some(str::from_utf8(bytes).ok()?.to_owned())))
}

fn number(text: &str) -> Option<ScalarValue> {
    if let Ok(whole) = text.parse() {
        return Some(ScalarValue::Int64(Some(whole)));
    }
    if let Ok(whole) = text.parse() {
        return Some(ScalarValue::UInt64(Some(whole)));
    }
    Some(ScalarValue::Float64(Some(text.parse().ok()?)))
}

fn item_type(kind: &Type) -> Option<Type> {
    Some(match *kind {
        Type::BOOL_ARRAY => Type::BOOL,
        Type::INT2_ARRAY => Type::INT2,
        Type::INT4_ARRAY => Type::INT4,
        Type::INT8_ARRAY => Type::INT8,
        Type::OID_ARRAY => Type::OID,
        Type::FLOAT4_ARRAY => Type::FLOAT4,
        Type::FLOAT8_ARRAY => Type::FLOAT8,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::NAME_ARRAY => Type::TEXT,
        Type::TIMESTAMPTZ_ARRAY => Type::TIMESTAMPTZ,
        _ => return None,
    })
}

/// An array of one dimension.
fn array(item: &Type, bytes: &[u8]) -> Option<ScalarValue> {
    let mut rest = bytes;
    let take = |rest: &mut &[u8]| (rest.len() >= 4).then(|| rest.get_i32());
    let dimensions = take(&mut rest)?;
    let _has_nulls = take(&mut rest)?;
    let _item_oid = take(&mut rest)?;
    let mut items = Vec::new();
    if dimensions > 0 {
        let count = usize::try_from(take(&mut rest)?).ok()?;
        let _first_index = take(&mut rest)?;
        if dimensions > 1 || count > ITEMS_MAX {
            return None;
        }
        for _ in 0..count {
            let length = take(&mut rest)?;
            match usize::try_from(length) {
                Ok(length) => {
                    items.push(from_binary_item(item, rest.get(..length)?)?);
                    rest = &rest[length..];
                }
                Err(_) => items.push(null_item(item)?),
            }
        }
    }
    list(item, &items)
}

/// An item of an array is no array, so this goes no deeper.
fn from_binary_item(item: &Type, bytes: &[u8]) -> Option<ScalarValue> {
    if item_type(item).is_some() { None } else { from_binary(item, bytes) }
}

fn null_item(item: &Type) -> Option<ScalarValue> {
    Some(ParameterType { kind: item.clone(), needed: None }.null())
}

fn list(item: &Type, items: &[ScalarValue]) -> Option<ScalarValue> {
    let kind = items.first().map_or_else(|| null_item(item), |first| Some(first.clone()))?;
    Some(ScalarValue::List(Arc::clone(&ScalarValue::new_list(items, &kind.data_type(), true))))
}

fn from_text(kind: &Type, text: &str) -> Option<ScalarValue> {
    let trimmed = text.trim();
    Some(match *kind {
        Type::BOOL => ScalarValue::Boolean(Some(match trimmed.to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => true,
            "f" | "false" | "n" | "no" | "off" | "0" => false,
            _ => return None,
        })),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => {
            ScalarValue::Int64(Some(trimmed.parse().ok()?))
        }
        Type::FLOAT4 | Type::FLOAT8 => ScalarValue::Float64(Some(trimmed.parse().ok()?)),
        Type::NUMERIC => number(trimmed)?,
        Type::BYTEA => ScalarValue::Binary(Some(bytea(text)?)),
        Type::TIMESTAMPTZ => {
            let time = zoned(trimmed)?;
            ScalarValue::TimestampNanosecond(Some(time), Some("UTC".into()))
        }
        Type::TIMESTAMP => ScalarValue::TimestampNanosecond(Some(unzoned(trimmed)?), None),
        Type::DATE => {
            let days = NaiveDate::parse_from_str(trimmed, "%Y-%m-%d").ok()?;
            let since = days.signed_duration_since(NaiveDate::from_ymd_opt(1970, 1, 1)?);
            ScalarValue::Date32(Some(i32::try_from(since.num_days()).ok()?))
        }
        Type::TIME => {
            let time = NaiveTime::parse_from_str(trimmed, "%H:%M:%S%.f").ok()?;
            let since = time.signed_duration_since(NaiveTime::MIN);
            ScalarValue::Time64Microsecond(Some(since.num_microseconds()?))
        }
        _ => match item_type(kind) {
            Some(item) => {
                let items: Option<Vec<ScalarValue>> = array_items(text)?
                    .into_iter()
                    .map(|item_text| match item_text {
                        Some(text) if item_type(&item).is_none() => from_text(&item, &text),
                        Some(_) => None,
                        None => null_item(&item),
                    })
                    .collect();
                list(&item, &items?)?
            }
            // Intervals too: DataFusion reads their text.
            None => ScalarValue::Utf8(Some(text.to_owned())),
        },
    })
}

/// `{a,"b c",NULL}` of one dimension.
fn array_items(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    let mut items = Vec::new();
    let mut chars = inner.chars();
    let mut item = String::new();
    let (mut quoted, mut inside) = (false, false);
    while let Some(c) = chars.next() {
        match c {
            '\\' => item.push(chars.next()?),
            '"' => {
                quoted = true;
                inside = !inside;
            }
            ',' if !inside => {
                items.push((std::mem::take(&mut item), std::mem::take(&mut quoted)));
            }
            '{' | '}' if !inside => return None,
            other => item.push(other),
        }
    }
    items.push((item, quoted));
    if inside || items.len() > ITEMS_MAX {
        return None;
    }
    let of = |(item, quoted): (String, bool)| {
        (quoted || !item.trim().eq_ignore_ascii_case("null")).then_some(item)
    };
    Some(items.into_iter().map(of).collect())
}

fn bytea(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?;
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A point in time in nanoseconds; in UTC if it names no zone.
fn zoned(text: &str) -> Option<i64> {
    // PostgreSQL writes whole hours without minutes.
    for format in ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"] {
        if let Ok(time) = DateTime::parse_from_str(text, format) {
            return time.timestamp_nanos_opt();
        }
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.timestamp_nanos_opt(),
        Err(_) => unzoned(text),
    }
}

fn unzoned(text: &str) -> Option<i64> {
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return time.and_utc().timestamp_nanos_opt();
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    day.and_time(NaiveTime::MIN).and_utc().timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(kind: &Type, text: &str) -> Option<ScalarValue> {
        from_text(kind, text)
    }

    #[test]
    fn texts_of_every_usual_type() {
        assert_eq!(text(&Type::BOOL, "on"), Some(ScalarValue::Boolean(Some(true))));
        assert_eq!(text(&Type::INT4, " 7 "), Some(ScalarValue::Int64(Some(7))));
        assert_eq!(text(&Type::NUMERIC, "1.5"), Some(ScalarValue::Float64(Some(1.5))));
        let second = ScalarValue::TimestampNanosecond(Some(1_000_000_000), Some("UTC".into()));
        for time in ["1970-01-01 01:00:01+01", "1970-01-01T00:00:01Z", "1970-01-01 00:00:01"] {
            assert_eq!(text(&Type::TIMESTAMPTZ, time), Some(second.clone()), "{time}");
        }
        assert_eq!(text(&Type::DATE, "1970-01-02"), Some(ScalarValue::Date32(Some(1))));
        assert_eq!(text(&Type::BYTEA, "\\x00ff"), Some(ScalarValue::Binary(Some(vec![0, 255]))));
        assert_eq!(text(&Type::INT4, "x"), None);
        assert_eq!(
            array_items("{a,\"b,\\\"c\",NULL}"),
            Some(vec![Some("a".into()), Some("b,\"c".into()), None])
        );
    }

    #[test]
    fn a_parameter_that_is_no_value_says_which_it_is() {
        let kind = ParameterType::new(Type::INT8.oid(), None);
        let error = kind.value(3, Some(&Bytes::from_static(b"x")), false).unwrap_err();
        assert_eq!((error.code, error.message.contains("$3")), ("22P02", true));
        let error = kind.value(1, Some(&Bytes::from_static(b"x")), true).unwrap_err();
        assert_eq!(error.code, "22P03");
        assert_eq!(kind.value(1, None, true).unwrap(), ScalarValue::Int64(None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_value_or_none(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            kind in proptest::sample::select(vec![
                Type::BOOL, Type::INT8, Type::NUMERIC, Type::TIMESTAMPTZ, Type::INTERVAL,
                Type::INT4_ARRAY, Type::TEXT_ARRAY, Type::JSONB, Type::DATE,
            ]),
            binary: bool,
        ) {
            let kind = ParameterType { kind, needed: None };
            let _ = kind.value(1, Some(&Bytes::from(bytes)), binary);
        }
    }
}
