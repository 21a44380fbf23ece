//! Names and values of the HTTP headers of remote write. Names are in lower case.

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
