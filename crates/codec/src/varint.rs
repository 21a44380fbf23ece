//! Integers of one to ten bytes: LEB128, and zigzag LEB128 for signed ones.

/// Most bytes that a varint takes.
pub const VARINT_BYTES_MAX: usize = 10;

/// Appends an unsigned integer.
#[inline]
pub fn put_uvarint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads an unsigned integer and returns it with the bytes behind it; `None` when the bytes end
/// within it or it exceeds 64 bits.
#[inline]
#[must_use]
pub fn uvarint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((u64::from(first), rest));
    }
    match rest.split_first() {
        Some((&second, rest)) if second < 0x80 => {
            Some((u64::from(first & 0x7f) | u64::from(second) << 7, rest))
        }
        _ => long_uvarint(bytes),
    }
}

fn long_uvarint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().enumerate().take(VARINT_BYTES_MAX) {
        // The tenth byte has room for one bit only.
        if index == VARINT_BYTES_MAX - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

/// Maps small integers of either sign to small unsigned ones.
#[inline]
#[must_use]
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
#[must_use]
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Appends a signed integer, zigzag.
#[inline]
pub fn put_ivarint(bytes: &mut Vec<u8>, value: i64) {
    put_uvarint(bytes, zigzag(value));
}

/// Reads a signed integer, zigzag, and returns it with the bytes behind it; `None` as [`uvarint`].
#[inline]
#[must_use]
pub fn ivarint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    uvarint(bytes).map(|(value, rest)| (unzigzag(value), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_bytes() {
        let bytes = |value| {
            let mut bytes = Vec::new();
            put_uvarint(&mut bytes, value);
            bytes
        };
        assert_eq!(bytes(0), [0]);
        assert_eq!(bytes(127), [0x7f]);
        assert_eq!(bytes(300), [0xac, 0x02]);
        assert_eq!(bytes(u64::MAX), [[0xff; 9].as_slice(), &[1]].concat());
        assert_eq!([0, -1, 1, -2, 2].map(zigzag), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn cut_and_overlong_varints_are_refused() {
        assert_eq!(uvarint(&[]), None);
        assert_eq!(uvarint(&[0x80]), None);
        assert_eq!(uvarint(&[0xff; 10]), None);
        assert_eq!(uvarint(&[[0x80; 9].as_slice(), &[2]].concat()), None);
        assert_eq!(uvarint(&[[0x80; 10].as_slice(), &[0]].concat()), None);
    }

    proptest! {
        #[test]
        fn varints_round_trip(unsigned: u64, shift in 0..64_u32, signed: i64) {
            let mut bytes = Vec::new();
            put_uvarint(&mut bytes, unsigned >> shift);
            put_ivarint(&mut bytes, signed >> shift);
            bytes.push(7);
            let (first, rest) = uvarint(&bytes).unwrap();
            let (second, rest) = ivarint(rest).unwrap();
            prop_assert_eq!((first, second), (unsigned >> shift, signed >> shift));
            prop_assert_eq!(rest, &[7]);
        }
    }
}
