//! Bits, the highest first, written to and read from bytes.
//!
//! Invariant of the writer: after every call the bytes are whole, with zeros in the unused low bits
//! of the last one. Invariant of the reader: behind the end there are zeros, and whoever reads checks
//! once, at his end, whether he went past it ([`BitReader::is_past_end`]).

/// By how many bytes a full buffer grows. Most buffers hold an open chunk each, by the million, so
/// room unused is dearer than a few more reallocations.
const GROWTH_BYTES: usize = 32;

/// Appends bits to a byte vector that outlives it.
#[derive(Debug)]
pub struct BitWriter<'a> {
    bytes: &'a mut Vec<u8>,
    free: u8,
}

impl<'a> BitWriter<'a> {
    /// Goes on writing where `free` (0 to 7) low bits of the last byte are unused.
    ///
    /// # Panics
    /// When `free` exceeds 7, or is not zero for a vector without bytes.
    #[inline]
    pub fn resume(bytes: &'a mut Vec<u8>, free: u8) -> Self {
        assert!(free < 8 && (free == 0 || !bytes.is_empty()), "{free} free bits in no byte");
        Self { bytes, free }
    }

    /// Unused low bits of the last byte, 0 to 7.
    #[inline]
    #[must_use]
    pub const fn free(&self) -> u8 {
        self.free
    }

    /// Appends the low `count` (0 to 64) bits of `value`. Higher bits of `value` must be zero.
    #[inline]
    pub fn write(&mut self, value: u64, count: u32) {
        debug_assert!(
            count <= 64 && (count == 64 || value >> count == 0),
            "{count} bits of {value:#x}"
        );
        if count > 56 {
            self.write_word(value >> 32, count - 32);
            self.write_word(value & 0xffff_ffff, 32);
        } else if count > 0 {
            self.write_word(value, count);
        }
    }

    /// Up to 56 bits, so that they and the rest of a byte fit in one word.
    #[inline]
    fn write_word(&mut self, value: u64, count: u32) {
        if self.bytes.capacity() - self.bytes.len() < 8 {
            self.bytes.reserve_exact(GROWTH_BYTES);
        }
        let used = u32::from(8 - self.free) & 7;
        let mut word = value << (64 - used - count);
        if used > 0 {
            word |= u64::from(self.bytes.pop().unwrap_or(0)) << 56;
        }
        let bits = used + count;
        let len = self.bytes.len() + bits.div_ceil(8) as usize;
        // Eight bytes at once and then the right length: cheaper than copying a varying number.
        self.bytes.extend_from_slice(&word.to_be_bytes());
        self.bytes.truncate(len);
        self.free = (bits.wrapping_neg() & 7) as u8;
    }
}

/// Reads bits from bytes by position.
#[derive(Clone, Copy, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// Bits that [`BitReader::peek`] shows at least.
    pub const PEEK_BITS: u32 = 57;

    /// Starts at the first bit.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next bits in the word's high end, at least [`BitReader::PEEK_BITS`] of them.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> u64 {
        let start = self.position >> 3;
        let word = match self.bytes.get(start..).and_then(<[u8]>::first_chunk::<8>) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => self.last_word(start),
        };
        word << (self.position & 7)
    }

    #[cold]
    #[inline(never)]
    fn last_word(&self, start: usize) -> u64 {
        let mut word = [0; 8];
        if let Some(rest) = self.bytes.get(start..) {
            word[..rest.len()].copy_from_slice(rest);
        }
        u64::from_be_bytes(word)
    }

    /// Goes on by `count` bits.
    #[inline]
    pub const fn skip(&mut self, count: u32) {
        self.position += count as usize;
    }

    /// Reads `count` (1 to 64) bits into the word's low end.
    #[inline]
    pub fn read(&mut self, count: u32) -> u64 {
        debug_assert!((1..=64).contains(&count), "{count} bits do not fit a word");
        let mut word = self.peek();
        if count > Self::PEEK_BITS {
            // What the byte-aligned word lost at its high end is what the ninth byte gives.
            let ninth = self.bytes.get((self.position >> 3) + 8).copied().unwrap_or(0);
            word |= u64::from(ninth) >> (8 - (self.position & 7));
        }
        self.skip(count);
        word >> (64 - count)
    }

    /// Bits read so far, which may be more than there are.
    #[inline]
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Whether more was read than there is.
    #[inline]
    #[must_use]
    pub const fn is_past_end(&self) -> bool {
        self.position > self.bytes.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bits_fill_bytes_from_the_top() {
        let mut bytes = Vec::new();
        let mut writer = BitWriter::resume(&mut bytes, 0);
        writer.write(0b101, 3);
        assert_eq!(writer.free(), 5);
        writer.write(0b11_1110_0001, 10);
        assert_eq!(writer.free(), 3);
        assert_eq!(bytes, [0b1011_1111, 0b0000_1000]);
    }

    #[test]
    fn behind_the_end_are_zeros() {
        let mut reader = BitReader::new(&[0xff]);
        assert_eq!(reader.read(12), 0xff0);
        assert!(reader.is_past_end());
        assert_eq!(reader.read(64), 0);
        assert_eq!(BitReader::new(&[]).peek(), 0);
    }

    proptest! {
        #[test]
        fn bits_round_trip(items in prop::collection::vec((any::<u64>(), 0..=64_u32), 0..200)) {
            let items: Vec<(u64, u32)> = items
                .into_iter()
                .map(|(value, count)| (if count == 0 { 0 } else { value >> (64 - count) }, count))
                .collect();
            let (mut bytes, mut free) = (Vec::new(), 0);
            for &(value, count) in &items {
                let mut writer = BitWriter::resume(&mut bytes, free);
                writer.write(value, count);
                free = writer.free();
            }
            let total: u32 = items.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(bytes.len() * 8, (total + u32::from(free)) as usize);
            let mut reader = BitReader::new(&bytes);
            for &(value, count) in items.iter().filter(|(_, count)| *count > 0) {
                prop_assert_eq!(reader.read(count), value);
            }
            prop_assert!(!reader.is_past_end());
        }
    }
}
