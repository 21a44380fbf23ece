//! Values in both formats.

use std::sync::Arc;

use arrow::array::{
    BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray, NullArray,
    StringArray, TimestampNanosecondArray, UInt64Array,
};

use super::*;

fn text(array: &dyn Array) -> String {
    let mut out = Vec::new();
    write_plain(&mut out, array, 0);
    String::from_utf8(out).unwrap()
}

fn binary(array: &dyn Array) -> Vec<u8> {
    let mut out = Vec::new();
    write_binary(&mut out, array, 0);
    out
}

#[test]
fn scalars() {
    assert_eq!(text(&BooleanArray::from(vec![true])), "t");
    assert_eq!(binary(&BooleanArray::from(vec![true])), [1]);
    assert_eq!(binary(&Int64Array::from(vec![258])), [0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(text(&Float64Array::from(vec![f64::NAN])), "NaN");
    let time = TimestampNanosecondArray::from(vec![946_684_801_500_000_000]).with_timezone("UTC");
    assert_eq!(text(&time), "2000-01-01 00:00:01.5+00");
    assert_eq!(binary(&time), 1_500_000_i64.to_be_bytes());
    assert_eq!(text(&UInt64Array::from(vec![u64::MAX])), u64::MAX.to_string());
    assert_eq!(
        numeric::read(&binary(&UInt64Array::from(vec![u64::MAX]))).unwrap(),
        u64::MAX.to_string()
    );
}

#[test]
fn lists_are_arrays() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None])]);
    assert_eq!(text(&list), "{1,NULL}");
    assert_eq!(
        binary(&list),
        [
            0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1,
            255, 255, 255, 255
        ]
    );
}

#[test]
fn lists_of_what_is_no_scalar_are_json() {
    let inner = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    let list = |items: ArrayRef| {
        let field = arrow::datatypes::Field::new_list_field(items.data_type().clone(), true);
        let offsets = arrow::buffer::OffsetBuffer::from_lengths([items.len()]);
        ListArray::new(Arc::new(field), offsets, items, None)
    };
    let nested = list(Arc::new(inner));
    assert_eq!(type_of(nested.data_type()), Type::JSON);
    assert_eq!(text(&nested), "[[1,null],null,[]]");
    assert_eq!(binary(&nested), text(&nested).as_bytes());
    assert_eq!(text(&list(Arc::new(nested))), "[[[1,null],null,[]]]");
    let field = Arc::new(arrow::datatypes::Field::new("a", DataType::Utf8, true));
    let values: ArrayRef = Arc::new(StringArray::from(vec!["x\"y", "z"]));
    let structs = arrow::array::StructArray::from(vec![(field, values)]);
    assert_eq!(text(&list(Arc::new(structs))), "[{\"a\":\"x\\\"y\"},{\"a\":\"z\"}]");
}

#[test]
fn rows_have_lengths_and_nulls() {
    let batch = RecordBatch::try_from_iter([
        ("a", Arc::new(Int32Array::from(vec![7])) as ArrayRef),
        ("n", Arc::new(NullArray::new(1)) as ArrayRef),
        ("s", Arc::new(StringArray::from(vec!["xy"])) as ArrayRef),
    ])
    .unwrap();
    let mut out = BytesMut::new();
    write_row(&mut out, &batch, 0, &[true, false, false]);
    assert_eq!(&out[..], b"\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff\0\0\0\x02xy");
}

#[test]
fn batches_take_the_types_that_were_told() {
    let words: DictionaryArray<Int32Type> = vec!["x"].into_iter().collect();
    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new(Int32Array::from(vec![7])) as ArrayRef),
        ("w", Arc::new(words) as ArrayRef),
        ("u", Arc::new(Int64Array::from(vec![8])) as ArrayRef),
    ])
    .unwrap();
    let told = [DataType::Int64, DataType::Utf8, DataType::Null];
    let writable = writable(&batch, &told).unwrap();
    assert_eq!(writable.column(0).data_type(), &DataType::Int64);
    assert_eq!(text(writable.column(1).as_ref()), "x");
    assert_eq!(text(writable.column(2).as_ref()), "8");
}
