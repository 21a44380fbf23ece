//! Why bytes are not a page.

use super::VALUES_MAX;
use crate::CodecError;

/// Why bytes cannot be decoded as a page. Always the bytes' fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The page ends before what it says it holds.
    #[error("page ends within its {field}")]
    Cut {
        /// What was being read.
        field: &'static str,
    },
    /// The page goes on after its last value.
    #[error("page has {extra} bytes after its last value")]
    Trailing {
        /// Bytes left over.
        extra: usize,
    },
    /// A codec that this version does not know, or one of the other kind of column.
    #[error("page of {column} is in codec {code}, which this version does not read there")]
    UnknownCodec {
        /// `values`, `timestamps` or `histograms`.
        column: &'static str,
        /// The codec byte.
        code: u8,
    },
    /// A count that a page cannot have, or more than the caller has room for.
    #[error(
        "page says it holds {count} entries; 1 to {max} are expected (and {VALUES_MAX} at most)"
    )]
    Count {
        /// As stored.
        count: u64,
        /// The most that the caller takes.
        max: usize,
    },
    /// A number in the header that is out of its range.
    #[error("page has {field} {value}, which exceeds {max}")]
    Range {
        /// Which number.
        field: &'static str,
        /// As stored.
        value: u64,
        /// The largest that makes sense.
        max: u64,
    },
    /// An integer that no decimal value has.
    #[error("page holds an integer beyond 51 bits where decimals are expected")]
    Decimal,
    /// The Gorilla payload within the page is not one.
    #[error("page of codec xor: {0}")]
    Xor(#[from] CodecError),
    /// What the page holds is no histogram.
    #[error("page of histograms: {0}")]
    Histogram(#[source] CodecError),
    /// The pco payload within the page is not one.
    #[error("page of codec pco: {reason}")]
    Pco {
        /// What its decoder found.
        reason: String,
    },
}
