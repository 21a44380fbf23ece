//! The index of a Prometheus block, version 2: its symbols and its series with their chunks.
//!
//! Postings and label indices are not read: whoever imports a block wants all of its series, which lie
//! one after the other. The format is in `docs/formats/prometheus-blocks.md`.
//!
//! Invariant: every part is checked by its checksum before it is believed, and nothing is allocated
//! by a length that the file does not have.

use timberline_codec::crc::crc32c;
use timberline_model::{Labels, LabelsBuilder};

use super::bytes::{Bytes, Fault};

/// First bytes of an index.
pub(crate) const MAGIC: u32 = 0xBAAA_D700;
/// The version that is read and written.
pub(crate) const VERSION: u8 = 2;
/// Bytes of the table of contents: six offsets and a checksum.
pub(crate) const TOC_BYTES: usize = 6 * 8 + 4;
/// Series begin at multiples of this; their numbers count in it.
pub(crate) const SERIES_ALIGN: usize = 16;

/// Why an index cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Not an index, or one of another version.
    #[error("{0}")]
    Header(String),
    /// A checksum that does not match.
    #[error("the checksum of {what} at byte {at} does not match")]
    Checksum {
        /// Of which part.
        what: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// Bytes that make no sense.
    #[error("{what} at byte {at}: {reason}")]
    Part {
        /// Which part.
        what: &'static str,
        /// Where it begins.
        at: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Where a chunk lies, and from when to when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// Number of the segment in the upper half, offset within it in the lower.
    pub reference: u64,
    /// First instant, milliseconds.
    pub min_ms: i64,
    /// Last instant, milliseconds.
    pub max_ms: i64,
}

/// A series of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSeries {
    /// Its number: the offset of its entry, in units of 16 bytes.
    pub reference: u64,
    /// Its labels.
    pub labels: Labels,
    /// Its chunks, in order of time.
    pub chunks: Vec<ChunkPlace>,
}

/// Goes through the series of an index.
#[derive(Debug)]
pub struct IndexReader<'a> {
    bytes: &'a [u8],
    symbols: Vec<&'a str>,
    /// Where the next series begins.
    next: usize,
    /// Where the series end.
    end: usize,
    builder: LabelsBuilder,
}

impl<'a> IndexReader<'a> {
    /// Checks header, table of contents and symbols.
    ///
    /// # Errors
    /// Bytes that are not an index of version 2.
    pub fn open(bytes: &'a [u8]) -> Result<Self, IndexError> {
        let toc = check_header(bytes)?;
        let mut fields = Bytes::new(&bytes[toc..]);
        let mut offset = || fields.u64("an offset").map(|at| usize::try_from(at).unwrap_or(toc));
        let mut offsets = [0; 6];
        for place in &mut offsets {
            *place = offset().map_err(|fault| part("the table of contents", toc, &fault))?.min(toc);
        }
        let [symbols_at, series_at, ..] = offsets;
        let symbols = read_symbols(bytes, symbols_at)?;
        let end = offsets.iter().copied().filter(|at| *at > series_at).min().unwrap_or(toc);
        let next = series_at.next_multiple_of(SERIES_ALIGN);
        Ok(Self { bytes, symbols, next, end, builder: LabelsBuilder::default() })
    }

    /// The next series, or `None` behind the last.
    ///
    /// # Errors
    /// A damaged entry.
    pub fn next_series(&mut self) -> Result<Option<IndexSeries>, IndexError> {
        let at = self.next;
        let Some(bytes) = self.bytes.get(at..self.end).filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        let what = "the series";
        let mut entry = Bytes::new(bytes);
        let failed = |fault: Fault| part(what, at, &fault);
        let len = entry.count(1, "its length").map_err(failed)?;
        if len == 0 {
            // Zeros up to the next section.
            self.next = self.end;
            return Ok(None);
        }
        let content = entry.take(len, "its content").map_err(failed)?;
        if crc32c(content) != entry.u32("its checksum").map_err(failed)? {
            return Err(IndexError::Checksum { what, at });
        }
        self.next = (at + entry.position()).next_multiple_of(SERIES_ALIGN);
        let reference = (at / SERIES_ALIGN) as u64;
        let mut content = Bytes::new(content);
        let labels = self.read_labels(&mut content, at)?;
        let chunks = read_chunks(&mut content).map_err(failed)?;
        Ok(Some(IndexSeries { reference, labels, chunks }))
    }

    /// How far the reader has come, in bytes of the index.
    #[must_use]
    pub fn position(&self) -> usize {
        self.next
    }

    fn read_labels(&mut self, content: &mut Bytes<'_>, at: usize) -> Result<Labels, IndexError> {
        let what = "the series";
        let failed = |fault: Fault| part(what, at, &fault);
        let count = content.count(2, "a count of labels").map_err(failed)?;
        self.builder.clear();
        for _ in 0..count {
            let mut symbol = || {
                let number = content.uvarint("a symbol's number").map_err(failed)?;
                let found = usize::try_from(number).ok().and_then(|n| self.symbols.get(n));
                found.copied().ok_or_else(|| {
                    let reason = format!("symbol {number} of {}", self.symbols.len());
                    IndexError::Part { what, at, reason }
                })
            };
            let (name, value) = (symbol()?, symbol()?);
            self.builder.push(name, value);
        }
        let labels = self.builder.build();
        labels.map_err(|error| IndexError::Part { what, at, reason: error.to_string() })
    }
}

fn part(what: &'static str, at: usize, reason: &dyn std::fmt::Display) -> IndexError {
    IndexError::Part { what, at, reason: reason.to_string() }
}

/// Checks the ends of the file and returns where the table of contents begins.
fn check_header(bytes: &[u8]) -> Result<usize, IndexError> {
    let header = |reason: String| Err(IndexError::Header(reason));
    let Some(toc) = bytes.len().checked_sub(TOC_BYTES).filter(|toc| *toc >= 5) else {
        return header(format!("{} bytes are too few for an index", bytes.len()));
    };
    if bytes[..4] != MAGIC.to_be_bytes() {
        return header("it does not begin as a Prometheus index does".to_owned());
    }
    if bytes[4] != VERSION {
        return header(format!("index version {}; version {VERSION} is read", bytes[4]));
    }
    let (content, crc) = bytes[toc..].split_at(TOC_BYTES - 4);
    if crc32c(content).to_be_bytes() != crc {
        return Err(IndexError::Checksum { what: "the table of contents", at: toc });
    }
    Ok(toc)
}

fn read_symbols(bytes: &[u8], at: usize) -> Result<Vec<&str>, IndexError> {
    let what = "the symbol table";
    let failed = |fault: Fault| part(what, at, &fault);
    let mut section = Bytes::new(bytes.get(at..).unwrap_or_default());
    let len = section.u32("its length").map_err(failed)? as usize;
    let content = section.take(len, "its content").map_err(failed)?;
    if crc32c(content) != section.u32("its checksum").map_err(failed)? {
        return Err(IndexError::Checksum { what, at });
    }
    let mut content = Bytes::new(content);
    let count = content.u32("a count").map_err(failed)? as usize;
    // Each takes a byte at least.
    if count > len {
        return Err(part(what, at, &format!("{count} symbols in {len} bytes")));
    }
    (0..count).map(|_| content.text("a symbol").map_err(failed)).collect()
}

fn read_chunks(content: &mut Bytes<'_>) -> Result<Vec<ChunkPlace>, Fault> {
    let count = content.count(3, "a count of chunks")?;
    let mut chunks = Vec::with_capacity(count);
    let (mut reference, mut max_ms) = (0_u64, 0_i64);
    for index in 0..count {
        let first = index == 0;
        let at = content.fault("a chunk's time");
        let min_ms = if first {
            Some(content.varint("a chunk's time")?)
        } else {
            max_ms.checked_add_unsigned(content.uvarint("a chunk's time")?)
        };
        let min_ms = min_ms.ok_or(at.clone())?;
        max_ms = min_ms.checked_add_unsigned(content.uvarint("a chunk's end")?).ok_or(at)?;
        reference = if first {
            content.uvarint("a chunk's place")?
        } else {
            reference.wrapping_add_signed(content.varint("a chunk's place")?)
        };
        chunks.push(ChunkPlace { reference, min_ms, max_ms });
    }
    Ok(chunks)
}
