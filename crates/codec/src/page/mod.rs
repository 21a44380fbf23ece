//! Pages: up to 1,024 values of one column of one series, as they lie in columnar blocks.
//!
//! A column is a series' `f64` values, or its native histograms, or timestamps as integers of a unit that
//! the caller knows. A page of any is one codec byte, the count, the codec's parameters and its payload
//! (`docs/formats/page.md`); the writer looks at the data and takes the smallest codec that fits.
//! [`PageStats`] describe a page of values from outside, so that many questions need no decoding.
//!
//! What this module is not: a container. A page knows neither its series, nor its place, nor its own
//! length, and has no checksum: whoever stores pages stores those, and covers them with a CRC32C.
//!
//! Invariants: what is decoded is bit for bit what was encoded (each page is decoded once before it is
//! handed out). Decoding arbitrary bytes gives an error or columns of at most [`VALUES_MAX`] entries;
//! it never panics and allocates nothing else that grows with what the bytes say. What histograms hold
//! together is limited too, to [`HISTOGRAM_CELLS_MAX`].
//!
//! ```
//! use timberline_codec::page;
//!
//! let values: Vec<f64> = (0..1_000).map(|n| f64::from(n % 7) / 10.0).collect();
//! let mut bytes = Vec::new();
//! let info = page::encode_values(&values, &mut bytes);
//! assert!(info.bytes < 600);
//!
//! let mut decoded = Vec::new();
//! page::decode_values(&bytes, page::VALUES_MAX, &mut decoded)?;
//! assert_eq!(decoded, values);
//! # Ok::<(), page::PageError>(())
//! ```

mod cursor;
mod decimal;
mod dictionary;
mod error;
pub(crate) mod figure;
mod gorilla;
mod histograms;
mod integers;
mod linear;
mod mantissa;
mod pack;
mod patches;
mod scale;
mod statistics;
mod timestamps;
mod values;

pub use error::PageError;
pub use histograms::{
    HISTOGRAM_CELLS_MAX, HistogramCodec, HistogramPageInfo, HistogramPageStats, decode_histograms,
    encode_histograms, histograms_that_fit,
};
pub use statistics::PageStats;
pub use timestamps::{TimestampCodec, TimestampPageInfo, decode_timestamps, encode_timestamps};
pub use values::{PageInfo, ValueCodec, decode_values, encode_values};

/// Most entries of a page.
pub const VALUES_MAX: usize = 1_024;

#[cfg(test)]
mod tests;
