//! Bytes that nobody encoded: an error or a column within bounds, never a panic.

use proptest::prelude::*;

use super::*;

/// Decodes as all that bytes could be, and checks what must hold whatever they are.
fn decode_all(bytes: &[u8]) {
    let mut values = vec![0.5];
    let known = values.len();
    match decode_values(bytes, VALUES_MAX, &mut values) {
        Ok(()) => assert!((1..=VALUES_MAX).contains(&(values.len() - known))),
        Err(error) => assert!(values.len() == known && !error.to_string().is_empty()),
    }
    let mut timestamps = vec![5];
    match decode_timestamps(bytes, VALUES_MAX, &mut timestamps) {
        Ok(()) => assert!((1..=VALUES_MAX).contains(&(timestamps.len() - known))),
        Err(_) => assert_eq!(timestamps, [5]),
    }
    let _ = PageStats::read(bytes);
}

/// One page of each codec.
fn pages() -> Vec<Vec<u8>> {
    let mut numbers = Numbers(21);
    let values = |value: &mut dyn FnMut(usize) -> f64| (0..200).map(value).collect::<Vec<_>>();
    let mut decimals = values(&mut |n| (n * n % 37) as f64 / 100.0);
    decimals[7] = f64::NAN;
    decimals[8] = f64::NAN;
    decimals[90] = 1e12;
    let columns = [
        values(&mut |_| 2.5),
        values(&mut |n| n as f64),
        values(&mut |n| (((n * n % 7) as f64) + 2.0).sqrt()),
        decimals,
        values(&mut |n| (((n * n % 1_009) as f64) + 2.0).sqrt()),
        values(&mut |_| f64::from_bits(numbers.below(1 << 32) << 32 | numbers.below(1 << 32))),
        values(&mut |n| ((n / 2) as f64 / 50.0).sin()),
    ];
    let mut pages: Vec<Vec<u8>> = columns.iter().map(|column| value_page(column).1).collect();
    let mut gorilla = vec![ValueCodec::Xor.code(), 3];
    gorilla::encode(&[0.1, 0.1, 0.2], &mut gorilla);
    pages.push(gorilla);
    let jitter: Vec<i64> = (0..300).map(|n| n * 15_000 + n * n % 5).collect();
    pages.push(timestamp_page(&jitter).1);
    pages.push(timestamp_page(&[1, 2, 3]).1);
    pages
}

#[test]
fn there_is_a_page_of_each_codec() {
    let mut codes: Vec<u8> = pages().iter().map(|page| page[0]).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 0x41, 0x42]);
}

#[test]
fn a_page_cut_anywhere_or_with_bytes_behind_it_is_an_error() {
    for page in pages() {
        for len in 0..page.len() {
            let (mut values, mut timestamps) = (Vec::new(), Vec::new());
            assert!(decode_values(&page[..len], VALUES_MAX, &mut values).is_err(), "{len}");
            assert!(decode_timestamps(&page[..len], VALUES_MAX, &mut timestamps).is_err(), "{len}");
        }
        let longer = [&page[..], &[0]].concat();
        assert!(decode_values(&longer, VALUES_MAX, &mut Vec::new()).is_err());
        assert!(decode_timestamps(&longer, VALUES_MAX, &mut Vec::new()).is_err());
    }
}

#[test]
fn any_byte_changed_is_an_error_or_a_column() {
    for page in pages() {
        for place in 0..page.len() {
            for change in [0x01, 0x10, 0x80, 0xff] {
                let mut bytes = page.clone();
                bytes[place] ^= change;
                decode_all(&bytes);
            }
        }
    }
}

#[test]
fn more_than_the_caller_takes_is_refused() {
    let (_, page) = value_page(&[1.0; 100]);
    let error = decode_values(&page, 99, &mut Vec::new()).unwrap_err();
    assert_eq!(error, PageError::Count { count: 100, max: 99 });
    let (_, page) = timestamp_page(&[1, 2, 3]);
    assert!(decode_timestamps(&page, 2, &mut Vec::new()).is_err());
}

#[test]
fn counts_that_no_page_has_are_refused() {
    for count in [&[0][..], &[0x81, 0x08], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]] {
        let bytes = [&[ValueCodec::Constant.code()], count, &[0; 8]].concat();
        let error = decode_values(&bytes, usize::MAX, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, PageError::Count { max: VALUES_MAX, .. }), "{error}");
    }
}

#[test]
fn pages_of_the_other_kind_of_column_are_refused_by_name() {
    let (_, values) = value_page(&[1.0]);
    let (_, timestamps) = timestamp_page(&[1]);
    let error = decode_timestamps(&values, VALUES_MAX, &mut Vec::new()).unwrap_err();
    assert_eq!(error, PageError::UnknownCodec { column: "timestamps", code: 1 });
    let error = decode_values(&timestamps, VALUES_MAX, &mut Vec::new()).unwrap_err();
    assert_eq!(error, PageError::UnknownCodec { column: "values", code: 0x41 });
}

#[test]
fn an_integer_that_no_decimal_has_is_refused() {
    let mut bytes = vec![ValueCodec::Linear.code(), 2, 0];
    crate::varint::put_ivarint(&mut bytes, (1 << 51) - 1);
    crate::varint::put_ivarint(&mut bytes, 1);
    assert_eq!(decode_values(&bytes, 2, &mut Vec::new()), Err(PageError::Decimal));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_an_error_or_a_column(
        code in prop_oneof![0_u8..9, Just(0x41), Just(0x42)],
        bytes in prop::collection::vec(prop_oneof![Just(0), Just(1), 0_u8..80, any::<u8>()], 0..400),
    ) {
        decode_all(&bytes);
        decode_all(&[&[code], &bytes[..]].concat());
    }

    #[test]
    fn pages_with_several_changes_are_an_error_or_a_column(
        page in prop::sample::select(pages()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = page;
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        decode_all(&bytes);
    }
}
