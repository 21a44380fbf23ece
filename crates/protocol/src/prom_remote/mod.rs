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

mod encode;
mod negotiate;
mod sample;
mod snappy;
#[cfg(test)]
pub(crate) mod testing;
mod v1;
mod v2;

pub use encode::encode_v1;
pub use negotiate::{RemoteWriteVersion, negotiate};
pub use snappy::{compress, decompress};
pub use v1::decode_v1;
pub use v2::{Arena, decode_v2};

/// The header that says how many samples of a request were written.
pub const HEADER_SAMPLES_WRITTEN: &str = "x-prometheus-remote-write-samples-written";
/// The header that says how many native histograms of a request were written.
pub const HEADER_HISTOGRAMS_WRITTEN: &str = "x-prometheus-remote-write-histograms-written";
/// The header that says how many exemplars of a request were written.
pub const HEADER_EXEMPLARS_WRITTEN: &str = "x-prometheus-remote-write-exemplars-written";
/// The header by which a sender says the version it speaks. Not needed: the content type decides.
pub const HEADER_VERSION: &str = "x-prometheus-remote-write-version";
/// The content type of version 1.0.
pub const CONTENT_TYPE_V1: &str = "application/x-protobuf";
/// The content type of version 2.0.
pub const CONTENT_TYPE_V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
