//! The record: what a database puts into a frame. Definitions of series, columns of samples, exemplars
//! and metadata.
//!
//! The format is described in `docs/formats/log.md`.
//!
//! What it is not: it keeps no wire format's bytes, it does not look into encoded histograms, and it
//! does not checksum itself, as the frame around it does.
//!
//! Invariant: a record decodes to exactly what it was encoded from, bit for bit.

mod columns;
mod decoder;
mod encoder;
mod family;

pub use decoder::{Record, RecordHistogram};
pub use encoder::RecordEncoder;
pub(crate) use family::{FAMILY_BYTES_MIN, family, put_family};

use crate::LogError;

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;
/// The section of series definitions.
const DEFINITIONS: u8 = 1;
/// The section of float samples.
const SAMPLES: u8 = 2;
/// The section of native histograms.
const HISTOGRAMS: u8 = 3;
/// The section of exemplars.
const EXEMPLARS: u8 = 4;
/// The section of what is known of metric families.
const METADATA: u8 = 5;
/// The section of the float samples' start timestamps.
const STARTS: u8 = 6;
/// The timestamps of a section are one value for all.
const TIMES_EQUAL: u8 = 0;
/// The timestamps of a section are differences.
const TIMES_DELTA: u8 = 1;
/// No histogram of the section has a start timestamp.
const STARTS_NONE: u8 = 0;
/// The start timestamps of all histograms follow.
const STARTS_ALL: u8 = 1;

const fn malformed(reason: &'static str) -> LogError {
    LogError::MalformedRecord { reason }
}

#[cfg(test)]
mod tests;
