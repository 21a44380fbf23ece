//! Values as JSON and as text.

use std::sync::Arc;

use arrow::{
    array::{
        BinaryArray, BooleanArray, Date32Array, DictionaryArray, Float32Array, Float64Array,
        Int64Array, MapBuilder, NullArray, StringArray, StringBuilder, StructArray,
        TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
    },
    datatypes::{Field, Int32Type},
};
use proptest::prelude::*;

use super::*;

fn json(array: &dyn Array, row: usize) -> String {
    let mut out = Vec::new();
    write_json(&mut out, array, row);
    String::from_utf8(out).unwrap()
}

fn text(array: &dyn Array, row: usize) -> Option<String> {
    let mut out = Vec::new();
    write_text(&mut out, array, row).then(|| String::from_utf8(out).unwrap())
}

#[test]
fn floats_that_are_no_numbers_have_words() {
    let array = Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300]);
    let all: Vec<String> = (0..5).map(|row| json(&array, row)).collect();
    assert_eq!(all, ["\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "-0", "1e300"]);
    assert_eq!(text(&array, 1).unwrap(), "Infinity");
    assert_eq!(json(&Float32Array::from(vec![0.1]), 0), "0.1");
}

#[test]
fn times_are_rfc_3339() {
    let utc = TimestampNanosecondArray::from(vec![1_500_000_000]).with_timezone("UTC");
    assert_eq!(json(&utc, 0), "\"1970-01-01T00:00:01.500Z\"");
    assert_eq!(text(&utc, 0).unwrap(), "1970-01-01T00:00:01.500Z");
    let plain = TimestampMillisecondArray::from(vec![1_500]);
    assert_eq!(json(&plain, 0), "\"1970-01-01T00:00:01.500\"");
    let far = TimestampMillisecondArray::from(vec![i64::MAX]);
    assert!(serde_json_like(&json(&far, 0)));
    assert_eq!(json(&Date32Array::from(vec![1]), 0), "\"1970-01-02\"");
}

#[test]
fn maps_structs_and_lists_nest() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("host");
    map.values().append_value("a\"b");
    map.keys().append_value("none");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let map = map.finish();
    assert_eq!(json(&map, 0), r#"{"host":"a\"b","none":null}"#);
    assert_eq!(text(&map, 0).unwrap(), r#"{"host":"a\"b","none":null}"#);
    assert_eq!(text(&map, 1), None);
    let field = |name, kind| Arc::new(Field::new(name, kind, true));
    let structs = StructArray::from(vec![
        (field("n", DataType::Int64), Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        (field("b", DataType::Boolean), Arc::new(BooleanArray::from(vec![None])) as ArrayRef),
    ]);
    assert_eq!(json(&structs, 0), r#"{"n":1,"b":null}"#);
}

#[test]
fn dictionaries_are_their_values() {
    let array: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
    assert_eq!(json(&array, 0), "\"x\"");
    assert_eq!(json(&array, 1), "null");
    assert_eq!(text(&array, 2).unwrap(), "x");
    assert_eq!(type_name(array.data_type()), "string");
}

#[test]
fn other_kinds() {
    assert_eq!(json(&UInt64Array::from(vec![u64::MAX]), 0), "18446744073709551615");
    assert_eq!(json(&BinaryArray::from_vec(vec![b"\x00\xff"]), 0), "\"00ff\"");
    assert_eq!(json(&NullArray::new(1), 0), "null");
    assert_eq!(text(&NullArray::new(1), 0), None);
}

/// Whether a text begins and ends as a JSON value in quotes does.
fn serde_json_like(text: &str) -> bool {
    text.len() > 2 && text.starts_with('"') && text.ends_with('"')
}

proptest! {
    #[test]
    fn strings_come_back_from_their_json(written in ".*") {
        let array = StringArray::from(vec![written.as_str()]);
        let out = json(&array, 0);
        let inner = &out[1..out.len() - 1];
        let mut read = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                prop_assert!(c >= ' ' && c != '"');
                read.push(c);
                continue;
            }
            match chars.next().unwrap() {
                'n' => read.push('\n'),
                'r' => read.push('\r'),
                't' => read.push('\t'),
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    read.push(char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap());
                }
                other => read.push(other),
            }
        }
        prop_assert_eq!(read, written);
    }

    #[test]
    fn floats_come_back_from_their_json(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
        let out = json(&Float64Array::from(vec![value]), 0);
        prop_assert_eq!(out.parse::<f64>().unwrap().to_bits(), value.to_bits());
    }
}
