//! Prometheus remote read: questions for raw samples, answered in protobuf.
//!
//! The way of a request: decompress it ([`crate::prom_remote::decompress`]), [`decode_request`],
//! [`ReadRequest::response_type`]; then either a [`SampledResponse`], whole and compressed, or the frames
//! of a [`ChunkStream`], which hold Gorilla chunks as Prometheus' own storage has them.
//!
//! What this is not: it reads no series. Whoever answers scans, and hands series over in the order of
//! their labels.
//!
//! Times are milliseconds on the wire. Of samples that fall into one millisecond the last is sent, as the
//! receiver knows one sample per millisecond.

mod chunk;
mod frame;
mod request;
mod sampled;

pub use chunk::ChunkStream;
pub use frame::FRAME_BYTES_MAX;
pub use request::{ReadLimits, ReadQuery, ReadRequest, ResponseType, decode_request};
pub use sampled::SampledResponse;

/// The content type of a sampled response; its encoding is `snappy`.
pub const CONTENT_TYPE_SAMPLED: &str = "application/x-protobuf";
/// The content type of a stream of chunks, which has no encoding.
pub const CONTENT_TYPE_CHUNKS: &str =
    "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

#[cfg(test)]
mod tests;
