//! A single float in few bytes: a decimal of few digits where it is one.
//!
//! `uvarint(zigzag(integer) * 16 + exponent)` for `integer / 10^exponent` with an exponent of 0 to 14,
//! or the number 15 and the 8 bytes of any other float. The integer lies in -2^51 to 2^51 - 1. What is
//! read is bit for bit what was put.

use timberline_codec::varint::put_uvarint;

use crate::cursor::Cursor;

/// Powers of ten that a float holds exactly.
const POWERS: [f64; 15] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// In place of an exponent: the bits follow.
pub(crate) const RAW: u64 = 15;

/// Integers lie in `-LIMIT..LIMIT`, so that their differences and their zigzag numbers times 16 fit.
const LIMIT: i64 = 1 << 51;

/// Appends a float.
pub(crate) fn put(value: f64, bytes: &mut Vec<u8>) {
    let decimal = exponent_of(value).and_then(|e| integer_at(value, e).map(|integer| (e, integer)));
    match decimal {
        Some((exponent, integer)) => put_uvarint(bytes, zigzag(integer) << 4 | exponent),
        None => {
            put_uvarint(bytes, RAW);
            bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        }
    }
}

/// Reads a float; `None` when the bytes are not one.
pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<f64> {
    let number = cursor.uvarint()?;
    if number == RAW {
        return cursor.u64().map(f64::from_bits);
    }
    value_of(unzigzag(number >> 4), number & 15)
}

/// The least exponent at which a float is a decimal.
pub(crate) fn exponent_of(value: f64) -> Option<u64> {
    (0..POWERS.len() as u64).find(|exponent| integer_at(value, *exponent).is_some())
}

/// The integer that a float is at an exponent, if dividing gives back the very bits.
pub(crate) fn integer_at(value: f64, exponent: u64) -> Option<i64> {
    let power = POWERS[exponent as usize];
    // Beyond 64 bits this ends at their ends, and NaN is 0: both differ in the comparison.
    let integer = (value * power).round_ties_even() as i64;
    let same = (integer as f64 / power).to_bits() == value.to_bits();
    (same && (-LIMIT..LIMIT).contains(&integer)).then_some(integer)
}

/// The float of an integer at an exponent; `None` when one of them is beyond its limit.
pub(crate) fn value_of(integer: i64, exponent: u64) -> Option<f64> {
    let power = POWERS.get(usize::try_from(exponent).ok()?)?;
    (-LIMIT..LIMIT).contains(&integer).then(|| integer as f64 / power)
}

pub(crate) const fn zigzag(integer: i64) -> u64 {
    ((integer << 1) ^ (integer >> 63)).cast_unsigned()
}

pub(crate) const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    //! Floats come back to the bit, and small ones are short.

    use proptest::prelude::*;

    use super::*;

    fn round_trip(value: f64) -> usize {
        let mut bytes = Vec::new();
        put(value, &mut bytes);
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(read(&mut cursor).map(f64::to_bits), Some(value.to_bits()), "{value}");
        assert!(cursor.is_empty());
        bytes.len()
    }

    #[test]
    fn small_decimals_are_short_and_odd_floats_come_back() {
        assert_eq!([0.0, 1.0, -1.0, 3.0].map(round_trip), [1; 4]);
        assert_eq!(round_trip(0.25), 2);
        assert_eq!(round_trip(1_795_257_533.12), 7);
        let odd = [
            -0.0,
            f64::NAN,
            f64::INFINITY,
            f64::MIN,
            1e300,
            5e-324,
            LIMIT as f64,
            -LIMIT as f64,
            0.1 + 0.2,
        ];
        for value in odd {
            round_trip(value);
        }
    }

    proptest! {
        #[test]
        fn any_float_comes_back(bits in any::<u64>(), digits in any::<i32>(), power in 0..15_i32) {
            round_trip(f64::from_bits(bits));
            round_trip(f64::from(digits) / 10_f64.powi(power));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let _ = read(&mut Cursor::new(&bytes));
        }
    }
}
