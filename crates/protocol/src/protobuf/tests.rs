//! The protobuf reader on sound and hostile bytes.

use proptest::prelude::*;

use super::*;

fn numbers(bytes: &[u8]) -> Result<Vec<u32>, ProtocolError> {
    let mut reader = Reader::new(bytes);
    let mut numbers = Vec::new();
    while let Some(field) = reader.next()? {
        numbers.push(field.number);
    }
    Ok(numbers)
}

fn fault(bytes: &[u8]) -> (usize, &'static str) {
    match numbers(bytes) {
        Err(ProtocolError::Protobuf { position, reason }) => (position, reason),
        other => panic!("{bytes:x?} gave {other:?}"),
    }
}

#[test]
fn fields_are_read_in_order() {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, 1, b"abc");
    put_int64(&mut bytes, 2, -1);
    put_double(&mut bytes, 300, -0.0);
    bytes.extend([0x25, 1, 2, 3, 4]);
    let mut reader = Reader::new(&bytes);
    let mut next = || reader.next().unwrap().unwrap();
    assert_eq!(next().bytes().unwrap(), b"abc");
    assert_eq!(next().varint().unwrap() as i64, -1);
    let double = next();
    assert_eq!((double.number, double.double().unwrap().to_bits()), (300, (-0.0_f64).to_bits()));
    assert_eq!(next().number, 4);
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn faults_are_named_with_their_place() {
    assert_eq!(fault(&[0x0a, 5, 1]).0, 2);
    assert!(fault(&[0x0a, 5, 1]).1.contains("beyond the end"));
    assert!(fault(&[0x08, 0x80]).1.contains("cut off"));
    assert!(fault(&[0x09, 1, 2, 3]).1.contains("within a number"));
    assert!(fault(&[0x00, 1]).1.contains("field number"));
    assert!(fault(&[0x0b]).1.contains("wire type"));
    assert!(fault(&[[0x0a].as_slice(), &[0xff; 9], &[1]].concat()).1.contains("beyond the end"));
}

#[test]
fn a_nested_fault_is_placed_in_the_whole_body() {
    let mut inner = Vec::new();
    put_bytes(&mut inner, 1, b"xy");
    inner.extend([0x09, 0]);
    let mut body = Vec::new();
    put_bytes(&mut body, 1, b"first");
    put_bytes(&mut body, 2, &inner);
    let mut reader = Reader::new(&body);
    reader.next().unwrap();
    let mut message = reader.next().unwrap().unwrap().message().unwrap();
    message.next().unwrap();
    let Err(ProtocolError::Protobuf { position, .. }) = message.next() else {
        panic!("the number is cut off");
    };
    assert_eq!(position, body.len() - 1);
}

#[test]
fn another_wire_type_than_the_schema_says_is_an_error() {
    let mut bytes = Vec::new();
    put_int64(&mut bytes, 1, 5);
    let field = Reader::new(&bytes).next().unwrap().unwrap();
    assert!(field.bytes().is_err() && field.double().is_err() && field.message().is_err());
    let mut collected = Vec::new();
    field.for_each_varint(|number| collected.push(number)).unwrap();
    assert_eq!(collected, [5]);
}

#[test]
fn a_run_of_short_fields_is_skipped_up_to_what_is_none() {
    let long = [7; 200];
    for behind in [&[0x12, 1, 9][..], &[0x0a, 5, 1], &[0x0a], &[]] {
        let mut bytes = Vec::new();
        for contents in [&b"abc"[..], b"", &long[..127]] {
            put_bytes(&mut bytes, 1, contents);
        }
        let end = bytes.len();
        bytes.extend(behind);
        let mut reader = Reader::new(&bytes);
        reader.skip_short(1);
        assert_eq!(reader.position(), end);
    }
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, 1, &long);
    let mut reader = Reader::new(&bytes);
    reader.skip_short(1);
    assert_eq!(reader.position(), 0);
}

proptest! {
    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = Reader::new(&bytes);
        while let Ok(Some(field)) = reader.next() {
            let _ = field.for_each_varint(|_| {});
            let _ = field.message().map(|mut message| message.next().map(|_| ()));
        }
    }
}
