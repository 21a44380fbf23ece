//! Pure functions between bytes and columns: checksums, varints, bits, the Gorilla codec, chunks, pages,
//! histograms, Prometheus' chunks, sealed texts.
//!
//! What this crate is not: it does no I/O, holds no locks, reads no clock, and knows nothing of
//! labels, series or units of time (a unit is a code that the chunk carries). Of the model it knows
//! native histograms alone.
//!
//! Invariants: what is decoded is bit for bit what was encoded, NaN payloads, `-0.0` and every `i64`
//! timestamp included. Decoding arbitrary bytes returns an error or columns; it never panics and
//! never allocates more than the sample count that the bytes can hold.
//!
//! ```
//! use timberline_codec::{chunk, xor::XorEncoder};
//!
//! let mut encoder = XorEncoder::new();
//! encoder.append(1_700_000_000_000, 0.5);
//! encoder.append(1_700_000_015_000, 0.75);
//! let sealed = chunk::seal(chunk::UNIT_MILLI, &encoder);
//!
//! let (mut timestamps, mut values) = (Vec::new(), Vec::new());
//! chunk::decode(&sealed, &mut timestamps, &mut values)?;
//! assert_eq!(timestamps, [1_700_000_000_000_000_000, 1_700_000_015_000_000_000]);
//! assert_eq!(values, [0.5, 0.75]);
//! # Ok::<(), timberline_codec::CodecError>(())
//! ```

pub mod bits;
pub mod chunk;
pub mod crc;
mod error;
pub mod histogram;
pub mod page;
pub mod prometheus;
pub mod sealed_text;
pub mod varint;
pub mod xor;

pub use error::CodecError;
