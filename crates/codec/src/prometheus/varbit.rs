//! Integers of a variable number of bits, and floats by the XOR with their predecessor.

use crate::{
    CodecError,
    bits::{BitReader, BitWriter},
};

/// Bits of a number behind so many ones (and, but for the last, a zero).
const WIDTHS: [u32; 9] = [0, 3, 6, 9, 12, 18, 25, 56, 64];
const ONES_MAX: u32 = 8;

/// Bits of the prefix of a class.
const fn prefix_bits(ones: u32) -> u32 {
    if ones < ONES_MAX { ones + 1 } else { ones }
}

fn write_class(writer: &mut BitWriter<'_>, ones: usize, number: u64) {
    let count = prefix_bits(ones as u32);
    let prefix = (1_u64 << ones) - 1;
    writer.write(prefix << (count - ones as u32), count);
    let width = WIDTHS[ones];
    if width > 0 {
        writer.write(number & (u64::MAX >> (64 - width)), width);
    }
}

/// Writes a signed integer: n bits hold `-(2^(n-1) - 1) ..= 2^(n-1)`.
pub(super) fn write_int(writer: &mut BitWriter<'_>, value: i64) {
    let fits = |width: &u32| match *width {
        0 => value == 0,
        64 => true,
        width => (1 - (1_i64 << (width - 1))..=1 << (width - 1)).contains(&value),
    };
    let ones = WIDTHS.iter().position(fits).unwrap_or(WIDTHS.len() - 1);
    write_class(writer, ones, value as u64);
}

/// Writes an unsigned integer.
pub(super) fn write_uint(writer: &mut BitWriter<'_>, value: u64) {
    let bits = u64::BITS - value.leading_zeros();
    let ones = WIDTHS.iter().position(|width| bits <= *width).unwrap_or(WIDTHS.len() - 1);
    write_class(writer, ones, value);
}

/// Reads the number of a class and its width.
fn read_class(reader: &mut BitReader<'_>) -> (u64, u32) {
    let ones = (!reader.peek()).leading_zeros().min(ONES_MAX);
    reader.skip(prefix_bits(ones));
    let width = WIDTHS[ones as usize];
    (if width > 0 { reader.read(width) } else { 0 }, width)
}

/// Reads a signed integer.
pub(super) fn read_int(reader: &mut BitReader<'_>) -> i64 {
    let (number, width) = read_class(reader);
    if width == 0 || width == u64::BITS || number <= 1 << (width - 1) {
        return number as i64;
    }
    number as i64 - (1_i64 << width)
}

/// Reads an unsigned integer.
pub(super) fn read_uint(reader: &mut BitReader<'_>) -> u64 {
    read_class(reader).0
}

/// No window of significant bits yet.
const NO_WINDOW: u32 = u32::MAX;

/// Leading zeros are written in five bits.
const LEADING_MAX: u32 = 31;

/// A float that changes from sample to sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct XorFloat {
    bits: u64,
    leading: u32,
    trailing: u32,
}

impl XorFloat {
    /// The first value, which was written whole.
    pub(super) const fn new(value: f64) -> Self {
        Self { bits: value.to_bits(), leading: NO_WINDOW, trailing: 0 }
    }

    pub(super) const fn value(&self) -> f64 {
        f64::from_bits(self.bits)
    }

    pub(super) fn write(&mut self, writer: &mut BitWriter<'_>, value: f64) {
        let xor = value.to_bits() ^ self.bits;
        self.bits = value.to_bits();
        if xor == 0 {
            return writer.write(0, 1);
        }
        let (leading, trailing) = (xor.leading_zeros().min(LEADING_MAX), xor.trailing_zeros());
        if self.leading != NO_WINDOW && leading >= self.leading && trailing >= self.trailing {
            writer.write(0b10, 2);
            writer.write(xor >> self.trailing, u64::BITS - self.leading - self.trailing);
            return;
        }
        let significant = u64::BITS - leading - trailing;
        // 64 significant bits are written as none.
        writer.write(0b11 << 11 | u64::from(leading) << 6 | u64::from(significant & 63), 13);
        writer.write(xor >> trailing, significant);
        (self.leading, self.trailing) = (leading, trailing);
    }

    /// Reads the next value; `index` is that of the sample.
    pub(super) fn read(
        &mut self,
        reader: &mut BitReader<'_>,
        index: usize,
    ) -> Result<f64, CodecError> {
        let word = reader.peek();
        if word >> 63 == 0 {
            reader.skip(1);
            return Ok(self.value());
        }
        if word >> 62 == 0b11 {
            let leading = (word >> 57 & 0x1f) as u32;
            let significant = ((word >> 51 & 0x3f) as u32).wrapping_sub(1) % 64 + 1;
            if leading + significant > u64::BITS {
                return Err(CodecError::Window { leading, significant, index });
            }
            reader.skip(13);
            (self.leading, self.trailing) = (leading, u64::BITS - leading - significant);
        } else {
            reader.skip(2);
        }
        // Without a window before, all bits are significant.
        let leading = if self.leading == NO_WINDOW { 0 } else { self.leading };
        self.bits ^= reader.read(u64::BITS - leading - self.trailing) << self.trailing;
        Ok(self.value())
    }
}
