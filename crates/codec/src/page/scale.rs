//! From integers to the decimals that they stand for: `value = integer / 10^exponent`.
//!
//! Division rounds to the nearest float, which is what reading the decimal as text gives, so it is
//! exact for data that was once text. It is also slow. Where the integers leave room, the product
//! with the reciprocal in two parts is used in its place: the first part has so few bits that its
//! product is exact, and the second adds what is missing, to far beyond the last bit of the result.

use super::PageError;

/// Powers of ten that a float holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Largest exponent.
pub(super) const EXPONENT_MAX: u8 = POWERS.len() as u8 - 1;

/// Largest exponent for which the reciprocal in two parts is exact enough.
const RECIPROCAL_EXPONENT_MAX: u8 = 7;

/// The flag of the reciprocal in the stored byte.
const RECIPROCAL: u8 = 0x80;

/// Integers lie in `-LIMIT..LIMIT`, so that adding [`SHIFTER`] makes a float of them and back.
pub(super) const LIMIT: i64 = 1 << 51;

/// 1.5 * 2^52: floats around it are the integers, so that its bits plus an integer are it plus that
/// integer. Unlike the conversion instruction this works on vectors on every processor.
const SHIFTER: f64 = 6_755_399_441_055_744.0;

/// How integers become values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    exponent: u8,
    reciprocal: bool,
}

impl Scale {
    /// Divides by `10^exponent` (0 to [`EXPONENT_MAX`]).
    pub(super) const fn divide(exponent: u8) -> Self {
        Self { exponent, reciprocal: false }
    }

    /// The fastest way that is exact for integers of up to `magnitude`.
    pub(super) const fn for_magnitude(exponent: u8, magnitude: u64) -> Self {
        let reciprocal = exponent > 0
            && exponent <= RECIPROCAL_EXPONENT_MAX
            && magnitude >> (50 - power_bits(exponent)) == 0;
        Self { exponent, reciprocal }
    }

    pub(super) const fn to_byte(self) -> u8 {
        self.exponent | if self.reciprocal { RECIPROCAL } else { 0 }
    }

    pub(super) fn from_byte(byte: u8) -> Result<Self, PageError> {
        let (exponent, reciprocal) = (byte & !RECIPROCAL, byte & RECIPROCAL != 0);
        let max = if reciprocal { RECIPROCAL_EXPONENT_MAX } else { EXPONENT_MAX };
        // There is no reciprocal of one, which nobody needs to multiply with.
        if exponent > max || (reciprocal && exponent == 0) {
            let (value, max) = (u64::from(exponent), u64::from(max));
            return Err(PageError::Range { field: "exponent", value, max });
        }
        Ok(Self { exponent, reciprocal })
    }

    /// Makes values of integers, as many as there are in the shorter slice.
    ///
    /// # Errors
    /// An integer beyond [`LIMIT`].
    pub(super) fn apply(self, integers: &[u64], values: &mut [f64]) -> Result<(), PageError> {
        let power = POWERS[usize::from(self.exponent)];
        let pairs = values.iter_mut().zip(integers);
        let mut seen = 0;
        if self.exponent == 0 {
            for (value, integer) in pairs {
                seen |= integer.wrapping_add(LIMIT as u64);
                *value = float(*integer);
            }
        } else if self.reciprocal {
            let (high, low) = reciprocal(self.exponent);
            for (value, integer) in pairs {
                seen |= integer.wrapping_add(LIMIT as u64);
                let integer = float(*integer);
                *value = integer * high + integer * low;
            }
        } else {
            for (value, integer) in pairs {
                seen |= integer.wrapping_add(LIMIT as u64);
                *value = float(*integer) / power;
            }
        }
        if seen >= 2 * LIMIT as u64 { Err(PageError::Decimal) } else { Ok(()) }
    }
}

const fn power_bits(exponent: u8) -> u32 {
    u64::BITS - (POWERS[exponent as usize] as u64).leading_zeros()
}

/// The reciprocal of `10^exponent` (1 to [`RECIPROCAL_EXPONENT_MAX`]) in two parts. The first has
/// three bits more than the power, so its product with an integer of the other 50 bits is exact. That
/// the sum of both products is the rounded quotient is shown in `docs/formats/page.md`.
fn reciprocal(exponent: u8) -> (f64, f64) {
    let power = POWERS[usize::from(exponent)];
    let dropped = f64::MANTISSA_DIGITS - (power_bits(exponent) + 3);
    let high = f64::from_bits((1.0 / power).to_bits() >> dropped << dropped);
    (high, (1.0 - high * power) / power)
}

#[inline]
fn float(integer: u64) -> f64 {
    f64::from_bits(integer.wrapping_add(SHIFTER.to_bits())) - SHIFTER
}

/// The integer that a value is at an exponent, if dividing gives back the very bits.
#[inline]
pub(super) fn integer_of(value: f64, exponent: u8) -> Option<i64> {
    let power = POWERS[usize::from(exponent)];
    let shifted = value * power + SHIFTER;
    let integer = shifted.to_bits().wrapping_sub(SHIFTER.to_bits()) as i64;
    let back = (shifted - SHIFTER) / power;
    (back.to_bits() == value.to_bits() && (-LIMIT..LIMIT).contains(&integer)).then_some(integer)
}
