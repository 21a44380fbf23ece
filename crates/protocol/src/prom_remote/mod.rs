//! Prometheus remote write, versions 1.0 and 2.0.
//!
//! The way of a request: [`negotiate`] by its headers, [`decompress`], then [`decode_v1`] or
//! [`decode_v2`], which borrow from the decompressed body; after the write, `Decoded::report`.
//!
//! What this is not: it does not know which series exist. Labels go on as the bytes they came in
//! wherever those lie together, with a function that reads them, so that known series are never parsed.
//!
//! Times are milliseconds on the wire and nanoseconds behind it; a time that 64 bits of nanoseconds
//! cannot hold (before 1677, after 2262) rejects its sample.

mod contents;
pub(crate) mod encode;
mod exemplar;
mod hand_on;
mod headers;
pub(crate) mod histogram;
pub(crate) mod labels;
mod metadata;
mod negotiate;
mod sample;
mod snappy;
mod symbols;
#[cfg(test)]
pub(crate) mod testing;
mod v1;
mod v2;

pub use encode::{SeriesParts, encode_v1, encode_v1_parts};
pub use headers::{
    CONTENT_TYPE_V1, CONTENT_TYPE_V2, HEADER_EXEMPLARS_WRITTEN, HEADER_HISTOGRAMS_WRITTEN,
    HEADER_SAMPLES_WRITTEN, HEADER_VERSION,
};
pub use negotiate::{RemoteWriteVersion, negotiate};
pub use snappy::{compress, decompress};
pub use v1::decode_v1;
pub use v2::{Arena, decode_v2};
