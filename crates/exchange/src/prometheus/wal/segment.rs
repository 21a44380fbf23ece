//! Segments of the log: pages of 32 KiB with the pieces of records in them.
//!
//! Each piece has a header of seven bytes: a type (with flags for the compression), a length and a
//! CRC32C of the piece as it is stored. The rest of a page behind a zero byte is padding. A record is
//! compressed as a whole, then cut into pieces.

use timberline_codec::crc::crc32c;

/// Bytes of a page.
const PAGE_BYTES: usize = 32 << 10;
const HEADER_BYTES: usize = 7;
const TYPE_MASK: u8 = 0b111;
const SNAPPY_FLAG: u8 = 1 << 3;
const ZSTD_FLAG: u8 = 1 << 4;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// A record never has more bytes than this, compressed or not: ten times what Prometheus writes.
const RECORD_BYTES_MAX: usize = 256 << 20;
/// Compressed bytes give at most so many times as many: snappy's densest element makes 64 of three.
const EXPANSION_MAX: usize = 32;

/// Why a segment cannot be read further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// It ends within a piece or a record.
    #[error("it ends within a record")]
    Torn,
    /// A checksum that does not match.
    #[error("the checksum of a piece does not match")]
    Checksum,
    /// A piece of no known type, or out of order.
    #[error("a piece of type {0:#04x} where none can be")]
    Type(u8),
    /// Padding that is not zero.
    #[error("padding that is not zero")]
    Padding,
    /// A record larger than any.
    #[error("a record of more than {RECORD_BYTES_MAX} bytes")]
    TooLarge,
    /// Bytes that cannot be decompressed.
    #[error("a record cannot be decompressed: {0}")]
    Compression(String),
}

/// Goes through the records of a segment.
#[derive(Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Where the record that is being put together begins.
    start: usize,
    stored: Vec<u8>,
    plain: Vec<u8>,
}

impl<'a> Records<'a> {
    /// Starts at the first byte of a segment.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, start: 0, stored: Vec::new(), plain: Vec::new() }
    }

    /// Where the record begins that was returned last, or that failed.
    #[must_use]
    pub fn record_start(&self) -> usize {
        self.start
    }

    /// The next record, decompressed; `None` at the end.
    ///
    /// # Errors
    /// Bytes that are no records. There is nothing to be read after an error.
    pub fn next_record(&mut self) -> Result<Option<&[u8]>, SegmentError> {
        self.stored.clear();
        self.start = self.position;
        // The flags of the first piece, which may be empty: Prometheus writes one where a page has room
        // for a header and no more.
        let mut begun = None;
        loop {
            let Some((head, piece)) = self.next_piece()? else {
                return if begun.is_some() { Err(SegmentError::Torn) } else { Ok(None) };
            };
            let kind = head & TYPE_MASK;
            if matches!(kind, FULL | FIRST) == begun.is_some() || !(FULL..=LAST).contains(&kind) {
                return Err(SegmentError::Type(head));
            }
            let flags = *begun.get_or_insert(head & !TYPE_MASK);
            self.stored.extend_from_slice(piece);
            if self.stored.len() > RECORD_BYTES_MAX {
                return Err(SegmentError::TooLarge);
            }
            if matches!(kind, FULL | LAST) {
                return self.decompress(flags).map(Some);
            }
        }
    }

    /// The next piece with its type; `None` at the end of the segment.
    fn next_piece(&mut self) -> Result<Option<(u8, &'a [u8])>, SegmentError> {
        loop {
            let page_end = (self.position / PAGE_BYTES + 1) * PAGE_BYTES;
            let page = &self.bytes[self.position..page_end.min(self.bytes.len())];
            let Some(&head) = page.first() else { return Ok(None) };
            if head & TYPE_MASK == 0 {
                if page.iter().any(|byte| *byte != 0) {
                    return Err(SegmentError::Padding);
                }
                self.position += page.len();
                continue;
            }
            let header = page.first_chunk::<HEADER_BYTES>().ok_or(SegmentError::Torn)?;
            let len = usize::from(u16::from_be_bytes([header[1], header[2]]));
            let crc = u32::from_be_bytes([header[3], header[4], header[5], header[6]]);
            let end = HEADER_BYTES + len;
            let piece = page.get(HEADER_BYTES..end).ok_or(SegmentError::Torn)?;
            if crc32c(piece) != crc {
                return Err(SegmentError::Checksum);
            }
            self.position += end;
            return Ok(Some((head, piece)));
        }
    }

    fn decompress(&mut self, flags: u8) -> Result<&[u8], SegmentError> {
        let failed = |reason: String| SegmentError::Compression(reason);
        let len_max = self.stored.len().saturating_mul(EXPANSION_MAX).saturating_add(64);
        match flags {
            0 => Ok(&self.stored),
            SNAPPY_FLAG => {
                let len = snap::raw::decompress_len(&self.stored)
                    .map_err(|error| failed(error.to_string()))?;
                if len > len_max.min(RECORD_BYTES_MAX) {
                    return Err(SegmentError::TooLarge);
                }
                self.plain.resize(len, 0);
                snap::raw::Decoder::new()
                    .decompress(&self.stored, &mut self.plain)
                    .map_err(|error| failed(error.to_string()))?;
                Ok(&self.plain)
            }
            ZSTD_FLAG => {
                let decoder = zstd::stream::Decoder::new(self.stored.as_slice());
                let mut decoder = decoder.map_err(|error| failed(error.to_string()))?;
                self.plain.clear();
                let limit = RECORD_BYTES_MAX as u64 + 1;
                std::io::Read::read_to_end(
                    &mut std::io::Read::take(&mut decoder, limit),
                    &mut self.plain,
                )
                .map_err(|error| failed(error.to_string()))?;
                if self.plain.len() > RECORD_BYTES_MAX {
                    return Err(SegmentError::TooLarge);
                }
                Ok(&self.plain)
            }
            flags => Err(SegmentError::Type(flags)),
        }
    }
}

#[cfg(test)]
mod tests;
