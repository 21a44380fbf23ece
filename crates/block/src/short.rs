//! Pages of a few floats, which are decoded by hand in no time and have no parameters to pay for.
//!
//! `uvarint(zigzag(first) * 16 + exponent)` and then the differences of the others as ivarints, all of
//! them integers that are divided by `10^exponent` (0 to 14); or the number 15 and 8 bytes for each
//! float. Integers lie in -2^51 to 2^51 - 1. What is read is bit for bit what was put.

use timberline_codec::varint::{put_ivarint, put_uvarint};

use crate::{
    cursor::Cursor,
    figure::{self, RAW},
};

/// Most floats of such a page.
pub(crate) const SHORT_MAX: usize = 16;

/// Appends a page of 1 to [`SHORT_MAX`] floats.
pub(crate) fn encode(values: &[f64], bytes: &mut Vec<u8>) {
    debug_assert!((1..=SHORT_MAX).contains(&values.len()), "a page of {}", values.len());
    let decimals = || values.iter().map(|value| figure::exponent_of(*value));
    let exponent = decimals().try_fold(0, |most, exponent| Some(exponent?.max(most)));
    let integers = exponent.and_then(|exponent| {
        let mut integers = [0_i64; SHORT_MAX];
        for (place, value) in integers.iter_mut().zip(values) {
            *place = figure::integer_at(*value, exponent)?;
        }
        Some((exponent, integers))
    });
    let Some((exponent, integers)) = integers else {
        put_uvarint(bytes, RAW);
        for value in values {
            bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        return;
    };
    put_uvarint(bytes, figure::zigzag(integers[0]) << 4 | exponent);
    for pair in integers[..values.len()].windows(2) {
        put_ivarint(bytes, pair[1] - pair[0]);
    }
}

/// Reads a page of `count` floats and appends them; `None` when the bytes are not one, and then the
/// values are as they were.
pub(crate) fn decode(bytes: &[u8], count: usize, values: &mut Vec<f64>) -> Option<()> {
    let known = values.len();
    let read = decode_all(bytes, count, values);
    if read.is_none() {
        values.truncate(known);
    }
    read
}

fn decode_all(bytes: &[u8], count: usize, values: &mut Vec<f64>) -> Option<()> {
    if !(1..=SHORT_MAX).contains(&count) {
        return None;
    }
    let mut cursor = Cursor::new(bytes);
    let number = cursor.uvarint()?;
    if number == RAW {
        for _ in 0..count {
            values.push(f64::from_bits(cursor.u64()?));
        }
    } else {
        let exponent = number & 15;
        let mut integer = figure::unzigzag(number >> 4);
        values.push(figure::value_of(integer, exponent)?);
        for _ in 1..count {
            integer = integer.checked_add(cursor.ivarint()?)?;
            values.push(figure::value_of(integer, exponent)?);
        }
    }
    cursor.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    //! Floats come back to the bit; other bytes are refused.

    use proptest::prelude::*;

    use super::*;

    fn round_trip(values: &[f64]) -> usize {
        let (mut bytes, mut read) = (Vec::new(), vec![7.0]);
        encode(values, &mut bytes);
        decode(&bytes, values.len(), &mut read).expect("what was encoded");
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read[1..]), bits(values));
        bytes.len()
    }

    #[test]
    fn counters_are_short() {
        assert_eq!(round_trip(&[1_000_031.0, 1_000_038.0, 1_000_049.0]), 6);
        assert_eq!(round_trip(&[0.25, 0.5]), 3);
        assert_eq!(round_trip(&[f64::NAN, 1.0]), 17);
        round_trip(&[-0.0, 0.0, 1e14, 1e-14, (1_u64 << 51) as f64, 0.1 + 0.2]);
    }

    proptest! {
        #[test]
        fn any_floats_come_back(
            bits in prop::collection::vec(any::<u64>(), 1..=SHORT_MAX),
            digits in prop::collection::vec(any::<i32>(), 1..=SHORT_MAX),
            power in 0..16_i32,
        ) {
            round_trip(&bits.into_iter().map(f64::from_bits).collect::<Vec<_>>());
            let decimals = digits.into_iter().map(|digits| f64::from(digits) / 10_f64.powi(power));
            round_trip(&decimals.collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            count in 0..20_usize,
        ) {
            let mut values = vec![1.0];
            let expected = if decode(&bytes, count, &mut values).is_some() { 1 + count } else { 1 };
            prop_assert_eq!(values.len(), expected);
        }
    }
}
