//! Prometheus' own chunks, bit for bit: what remote read streams and what Prometheus' blocks hold.
//!
//! Three encodings: 1 is XOR (floats), 2 native histograms of whole counts, 3 those of float counts
//! (`docs/formats/prometheus-chunks.md`). Timestamps are milliseconds. What this module is not: a reader of
//! block files, of their index or of tombstones; it takes a chunk's bytes without length and checksum.
//!
//! Invariants: what is encoded is what Prometheus decodes to the same samples, and floats and
//! histograms that came from such a chunk encode to its very bytes where it was cut as this module
//! cuts. Decoding arbitrary bytes gives an error or samples; nothing is allocated for more than the
//! bytes can hold, and [`CELLS_MAX`] limits what histograms hold together.
//!
//! ```
//! use timberline_codec::prometheus;
//!
//! let mut chunks = Vec::new();
//! prometheus::encode_floats(&[1_000, 16_000], &[0.5, 0.75], &mut chunks);
//! let (mut timestamps, mut values) = (Vec::new(), Vec::new());
//! prometheus::decode_floats(&chunks[0].bytes, &mut timestamps, &mut values)?;
//! assert_eq!((timestamps, values), (vec![1_000, 16_000], vec![0.5, 0.75]));
//! # Ok::<(), timberline_codec::CodecError>(())
//! ```

mod chunks;
mod decode;
mod encode;
mod layout;
mod resets;
mod varbit;

pub use chunks::{CELLS_MAX, Chunk, Encoding, SAMPLES_MAX, encode_floats, encode_histograms};
pub use decode::{decode_floats, decode_histograms};

/// Bytes before the bits of a chunk of histograms: the count and the header.
const HEADER_BYTES: usize = 3;

/// Where in the header byte the reset hint of the chunk is.
const HINT_SHIFT: u32 = 6;

#[cfg(test)]
mod tests;
