//! How much one write request may hold.

use crate::ProtocolError;

/// The most of everything that a decoder takes from one request. A request that exceeds one is refused
/// whole ([`ProtocolError::TooMany`](crate::ProtocolError::TooMany)), as whoever sent it must send less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Samples, of all series together.
    pub samples_max: usize,
    /// Series messages; two messages of one series count twice.
    pub series_max: usize,
    /// Strings in the symbol table of a remote write 2.0 request.
    pub symbols_max: usize,
    /// Native histograms, of all series together.
    pub histograms_max: usize,
    /// Buckets, spans and custom bounds of all native histograms together.
    pub buckets_max: usize,
    /// Exemplars, of all series together.
    pub exemplars_max: usize,
    /// Metadata entries; in remote write 2.0, metric families that differ.
    pub metadata_max: usize,
    /// Bytes of all names, units and helps of metadata, once references are resolved.
    pub metadata_bytes_max: usize,
    /// Bytes of all series' labels, once the references of a remote write 2.0 request are resolved. The
    /// references make a short request name very long labels very often.
    pub labels_bytes_max: usize,
}

impl DecodeLimits {
    /// The error of a request with more samples than allowed.
    #[cold]
    pub(crate) const fn too_many_samples(&self) -> ProtocolError {
        ProtocolError::TooMany { what: "samples", max: self.samples_max }
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            samples_max: 1_000_000,
            series_max: 1_000_000,
            symbols_max: 4_000_000,
            histograms_max: 200_000,
            buckets_max: 8_000_000,
            exemplars_max: 200_000,
            metadata_max: 100_000,
            metadata_bytes_max: 32 << 20,
            labels_bytes_max: 256 << 20,
        }
    }
}
