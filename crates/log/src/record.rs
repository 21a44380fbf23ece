//! The record: what a database puts into a frame. Definitions of series and columns of samples.
//!
//! The format is described in `docs/formats/log.md`.
//!
//! What it is not: it keeps no wire format's bytes, and it does not checksum itself, as the frame
//! around it does.
//!
//! Invariant: a record decodes to exactly the definitions and columns it was encoded from, bit for
//! bit.

mod decoder;
mod encoder;

pub use decoder::Record;
pub use encoder::RecordEncoder;

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;
/// The section of series definitions.
const DEFINITIONS: u8 = 1;
/// The section of float samples.
const SAMPLES: u8 = 2;
/// The timestamps of a samples section are one value for all.
const TIMES_EQUAL: u8 = 0;
/// The timestamps of a samples section are differences.
const TIMES_DELTA: u8 = 1;

/// What a kind of section is, or is reserved for.
const fn section_name(kind: u8) -> &'static str {
    match kind {
        DEFINITIONS => "definitions",
        SAMPLES => "samples",
        3 => "histograms",
        4 => "exemplars",
        5 => "metadata",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests;
