//! Samples in, payload out.

use super::{COUNT_BYTES, DELTA_CLASSES, LEADING_MAX};
use crate::{bits::BitWriter, varint};

/// What an encoder without samples has written.
const EMPTY: &[u8] = &[0; COUNT_BYTES];

/// No window of significant bits yet.
const NO_WINDOW: u8 = u8::MAX;

/// Encodes one series' samples as they come. 56 bytes, and the payload's own.
///
/// Invariant: [`XorEncoder::payload`] is a whole payload after every append.
#[derive(Clone, Debug)]
pub struct XorEncoder {
    bytes: Vec<u8>,
    ts: i64,
    delta: u64,
    value: u64,
    count: u16,
    free: u8,
    leading: u8,
    trailing: u8,
}

const _: () = assert!(size_of::<XorEncoder>() <= 56);

impl Default for XorEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl XorEncoder {
    /// An encoder without samples. Allocates nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            ts: 0,
            delta: 0,
            value: 0,
            count: 0,
            free: 0,
            leading: NO_WINDOW,
            trailing: 0,
        }
    }

    /// Adds a sample. Any timestamp may follow any other; even steps cost least.
    ///
    /// # Panics
    /// When there are 65,535 samples already; chunks are sealed long before.
    #[inline]
    pub fn append(&mut self, ts: i64, value: f64) {
        let count = self.count.checked_add(1).expect("a chunk is sealed before 65,536 samples");
        let bits = value.to_bits();
        match self.count {
            0 => self.append_first(ts, bits),
            1 => self.append_second(ts, bits),
            _ => self.append_next(ts, bits),
        }
        self.ts = ts;
        self.value = bits;
        self.count = count;
        self.bytes[..COUNT_BYTES].copy_from_slice(&count.to_be_bytes());
    }

    fn append_first(&mut self, ts: i64, value: u64) {
        self.bytes.reserve_exact(32);
        self.bytes.extend_from_slice(EMPTY);
        varint::put_ivarint(&mut self.bytes, ts);
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    fn append_second(&mut self, ts: i64, value: u64) {
        self.delta = ts.wrapping_sub(self.ts) as u64;
        varint::put_uvarint(&mut self.bytes, self.delta);
        self.append_value(value, 0, 0);
    }

    #[inline]
    fn append_next(&mut self, ts: i64, value: u64) {
        let delta = ts.wrapping_sub(self.ts) as u64;
        let change = delta.wrapping_sub(self.delta) as i64;
        self.delta = delta;
        if change == 0 {
            return self.append_value(value, 0, 1);
        }
        for (prefix, prefix_bits, bits) in DELTA_CLASSES {
            let half = 1_i64 << (bits - 1);
            if (1 - half..=half).contains(&change) {
                let number = change as u64 & ((1 << bits) - 1);
                return self.append_value(value, prefix << bits | number, prefix_bits + bits);
            }
        }
        let mut writer = BitWriter::resume(&mut self.bytes, self.free);
        writer.write(0b1111, 4);
        writer.write(change as u64, 64);
        self.free = writer.free();
        self.append_value(value, 0, 0);
    }

    /// Writes `before_bits` (at most 24) bits of `before` and then the value against its predecessor:
    /// together, as each write costs.
    #[inline]
    fn append_value(&mut self, value: u64, before: u64, before_bits: u32) {
        let mut writer = BitWriter::resume(&mut self.bytes, self.free);
        let xor = value ^ self.value;
        if xor == 0 {
            writer.write(before << 1, before_bits + 1);
            self.free = writer.free();
            return;
        }
        let leading = xor.leading_zeros().min(LEADING_MAX);
        let trailing = xor.trailing_zeros();
        let window = (u32::from(self.leading), u32::from(self.trailing));
        if self.leading != NO_WINDOW && leading >= window.0 && trailing >= window.1 {
            writer.write(before << 2 | 0b10, before_bits + 2);
            writer.write(xor >> window.1, 64 - window.0 - window.1);
        } else {
            let significant = 64 - leading - trailing;
            let header = 0b11 << 11 | u64::from(leading) << 6 | u64::from(significant & 63);
            writer.write(before << 13 | header, before_bits + 13);
            writer.write(xor >> trailing, significant);
            self.leading = leading as u8;
            self.trailing = trailing as u8;
        }
        self.free = writer.free();
    }

    /// Samples so far.
    #[inline]
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// The timestamp appended last, if any.
    #[inline]
    #[must_use]
    pub const fn last_ts(&self) -> Option<i64> {
        if self.count == 0 { None } else { Some(self.ts) }
    }

    /// The value appended last, if any.
    #[inline]
    #[must_use]
    pub const fn last_value(&self) -> Option<f64> {
        if self.count == 0 { None } else { Some(f64::from_bits(self.value)) }
    }

    /// The payload of the samples so far, which [`decode`](super::decode) reads.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        if self.bytes.is_empty() { EMPTY } else { &self.bytes }
    }

    /// Bytes that the encoder holds on the heap.
    #[inline]
    #[must_use]
    pub const fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}
