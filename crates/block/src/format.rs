//! Names, magic numbers and the fixed parts of a block's files: see `docs/formats/block.md`.
//!
//! Invariant: what [`Header::decode`] and [`Footer::decode`] return has its checksum and describes
//! sections that lie in order within the file.

use timberline_codec::crc::crc32c;
use ulid::Ulid;

use crate::cursor::Cursor;

/// The version of the format that this release writes, and the only one that it reads.
pub const VERSION: u8 = 1;

/// What the directory of an unfinished block ends with. Such a directory is litter.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

pub(crate) const META_FILE: &str = "meta.json";
pub(crate) const CHUNKS_FILE: &str = "chunks";
pub(crate) const INDEX_FILE: &str = "index";

pub(crate) const CHUNKS_MAGIC: [u8; 8] = *b"tmbchunk";
pub(crate) const INDEX_MAGIC: [u8; 8] = *b"tmbindex";

/// Bytes of the header of `chunks` and `index`.
pub(crate) const HEADER_BYTES: usize = 32;
/// Bytes at the end of `index`.
pub(crate) const FOOTER_BYTES: usize = 72;
/// Bytes of `index` under one checksum.
pub(crate) const GRANULE_BYTES: usize = 16 << 10;
/// Series whose records share one entry of a group table.
pub(crate) const SERIES_PER_GROUP: u32 = 16;
/// Values of a label whose entries share one entry of the block table.
pub(crate) const VALUES_PER_BLOCK: u32 = 16;
/// Longest posting list that is stored as plain differences.
pub(crate) const SMALL_POSTING_MAX: u32 = 16;

/// The level of a block that was flushed from the head.
pub(crate) const LEVEL_FLUSHED: u8 = 0;

const _: () = assert!(GRANULE_BYTES.is_power_of_two() && HEADER_BYTES < GRANULE_BYTES);

/// How a file of a block begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) magic: [u8; 8],
    pub(crate) ulid: Ulid,
}

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Malformed,
    Version(u8),
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&self.magic);
        bytes[8] = VERSION;
        bytes[12..28].copy_from_slice(&self.ulid.to_bytes());
        let crc = crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header of a file that must have `magic`.
    pub(crate) fn decode(file: &[u8], magic: [u8; 8]) -> Result<Self, HeaderFault> {
        let fault = HeaderFault::Malformed;
        let bytes = file.get(..HEADER_BYTES).ok_or(fault)?;
        let mut cursor = Cursor::new(bytes);
        let (found, version) = (cursor.array().ok_or(fault)?, cursor.u8().ok_or(fault)?);
        let reserved: [u8; 3] = cursor.array().ok_or(fault)?;
        let ulid = Ulid::from_bytes(cursor.array().ok_or(fault)?);
        if cursor.u32() != Some(crc32c(&bytes[..28])) || found != magic {
            return Err(fault);
        }
        if version != VERSION {
            return Err(HeaderFault::Version(version));
        }
        if reserved != [0; 3] {
            return Err(fault);
        }
        Ok(Self { magic, ulid })
    }
}

/// How an index ends: where its sections start. Each ends where the next one starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) series: u32,
    pub(crate) names: u32,
    pub(crate) body_groups: u64,
    pub(crate) label_lists: u64,
    pub(crate) label_groups: u64,
    pub(crate) values: u64,
    pub(crate) name_table: u64,
    pub(crate) granules: u64,
    pub(crate) granules_crc: u32,
}

impl Footer {
    pub(crate) fn encode(&self) -> [u8; FOOTER_BYTES] {
        let mut bytes = Vec::with_capacity(FOOTER_BYTES);
        bytes.extend_from_slice(&self.series.to_le_bytes());
        bytes.extend_from_slice(&self.names.to_le_bytes());
        for start in self.starts() {
            bytes.extend_from_slice(&start.to_le_bytes());
        }
        bytes.extend_from_slice(&self.granules_crc.to_le_bytes());
        let crc = crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(&INDEX_MAGIC);
        bytes.try_into().expect("the fields add up to the footer's size")
    }

    /// Reads the footer of an index and checks that its sections fill the file.
    pub(crate) fn decode(file: &[u8]) -> Option<Self> {
        let (rest, bytes) = file.split_last_chunk::<FOOTER_BYTES>()?;
        let mut cursor = Cursor::new(bytes);
        let footer = Self {
            series: cursor.u32()?,
            names: cursor.u32()?,
            body_groups: cursor.u64()?,
            label_lists: cursor.u64()?,
            label_groups: cursor.u64()?,
            values: cursor.u64()?,
            name_table: cursor.u64()?,
            granules: cursor.u64()?,
            granules_crc: cursor.u32()?,
        };
        let sound = cursor.u32()? == crc32c(&bytes[..60]) && cursor.array()? == INDEX_MAGIC;
        (sound && footer.fills(rest.len() as u64)).then_some(footer)
    }

    const fn starts(&self) -> [u64; 6] {
        [
            self.body_groups,
            self.label_lists,
            self.label_groups,
            self.values,
            self.name_table,
            self.granules,
        ]
    }

    /// Whether the sections are in order, and with the granule table are `len` bytes.
    fn fills(&self, len: u64) -> bool {
        let mut ordered = self.body_groups >= HEADER_BYTES as u64 && self.granules <= len;
        for pair in self.starts().windows(2) {
            ordered &= pair[0] <= pair[1];
        }
        let groups = 8 * u64::from(self.series.div_ceil(SERIES_PER_GROUP));
        ordered
            && self.label_lists - self.body_groups == groups
            && self.values - self.label_groups == groups
            && len - self.granules == 4 * granule_count(self.granules)
    }
}

/// Granules that so many bytes have.
pub(crate) const fn granule_count(bytes: u64) -> u64 {
    bytes.div_ceil(GRANULE_BYTES as u64)
}
