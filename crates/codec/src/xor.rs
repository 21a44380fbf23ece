//! The Gorilla codec: timestamps as deltas of deltas, values as the XOR with their predecessor.
//!
//! The layout is, bit for bit, that of a Prometheus XOR chunk (`docs/formats/chunk.md`), so that
//! chunks whose unit is the millisecond can be sent to Prometheus as they are. Timestamps are plain
//! integers in a unit that the caller knows; differences wrap, so that every `i64` round-trips.

mod decode;
mod encode;

pub use decode::{decode, sample_count};
pub use encode::XorEncoder;

/// Bytes of the sample count that a payload starts with.
const COUNT_BYTES: usize = 2;

/// How a delta of deltas is written: prefix, bits of the prefix, bits of the number, narrowest first.
/// A number of n bits lies in `-(2^(n-1) - 1) ..= 2^(n-1)`.
const DELTA_CLASSES: [(u64, u32, u32); 3] = [(0b10, 2, 14), (0b110, 3, 17), (0b1110, 4, 20)];

/// Leading zeros are written in five bits.
const LEADING_MAX: u32 = 31;

#[cfg(test)]
mod tests;
