//! Names, magic numbers and the fixed parts of a block's files: see `docs/formats/block.md`
//! and `docs/formats/block-v1.md`.
//!
//! Invariant: what [`Header::decode`] and [`Footer::decode`] return has its checksum and describes
//! sections that lie in order within the file.

use timberline_codec::crc::crc32c;
use ulid::Ulid;

use crate::cursor::Cursor;

/// The version of the format that this release writes.
pub const VERSION: u8 = 2;
/// The oldest version that this release reads: Gorilla chunks, listed series by series.
pub const VERSION_MIN: u8 = 1;

/// What the directory of an unfinished block ends with. Such a directory is litter.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

pub(crate) const META_FILE: &str = "meta.json";
pub(crate) const INDEX_FILE: &str = "index";
const CHUNKS_FILE: &str = "chunks";
const PAGES_FILE: &str = "pages";

pub(crate) const INDEX_MAGIC: [u8; 8] = *b"tmbindex";
pub(crate) const PAGES_MAGIC: [u8; 8] = *b"tmbpages";
const CHUNKS_MAGIC: [u8; 8] = *b"tmbchunk";

/// The file with the samples in a block of some version.
pub(crate) const fn data_file(version: u8) -> &'static str {
    if version == VERSION_MIN { CHUNKS_FILE } else { PAGES_FILE }
}

/// How that file begins.
pub(crate) const fn data_magic(version: u8) -> [u8; 8] {
    if version == VERSION_MIN { CHUNKS_MAGIC } else { PAGES_MAGIC }
}

/// Bytes of the header of `pages` (or `chunks`) and `index`.
pub(crate) const HEADER_BYTES: usize = 32;
/// Bytes at the end of `index`.
pub(crate) const FOOTER_BYTES: usize = 128;
/// The same in version 1.
const FOOTER_BYTES_1: usize = 72;
/// Bytes of a file under one checksum.
pub(crate) const GRANULE_BYTES: usize = 16 << 10;
/// Series, timelines or tails whose records share one entry of a group table.
pub(crate) const SERIES_PER_GROUP: u32 = 16;
/// Values of a label whose entries share one entry of the block table.
pub(crate) const VALUES_PER_BLOCK: u32 = 16;
/// Longest posting list that is stored as plain differences.
pub(crate) const SMALL_POSTING_MAX: u32 = 16;

/// Flags of a series' body: how its floats lie (the two lowest bits), and what else it has.
pub(crate) const BODY_FLOATS: u8 = 3;
pub(crate) const BODY_FLOATS_CONSTANT: u8 = 1;
pub(crate) const BODY_FLOATS_PAGES: u8 = 2;
pub(crate) const BODY_FLOATS_CHUNKS: u8 = 3;
pub(crate) const BODY_FLOAT_STARTS: u8 = 1 << 2;
pub(crate) const BODY_HISTOGRAMS: u8 = 1 << 3;
pub(crate) const BODY_HISTOGRAM_STARTS: u8 = 1 << 4;
pub(crate) const BODY_EXEMPLARS: u8 = 1 << 5;
pub(crate) const BODY_RUN: u8 = 1 << 7;
/// The flag without a meaning.
pub(crate) const BODY_RESERVED: u8 = 1 << 6;

/// Kinds of a page of floats, in the lowest bits of its length.
pub(crate) const PAGE_KIND_BITS: u32 = 2;
pub(crate) const PAGE_PLAIN: u64 = 0;
pub(crate) const PAGE_WITH_STATS: u64 = 1;
pub(crate) const PAGE_CONSTANT: u64 = 2;
pub(crate) const PAGE_SHORT: u64 = 3;

/// The level of a block that was flushed from the head.
pub(crate) const LEVEL_FLUSHED: u8 = 0;

const _: () = assert!(GRANULE_BYTES.is_power_of_two() && HEADER_BYTES < GRANULE_BYTES);

/// How a file of a block begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u8,
    pub(crate) ulid: Ulid,
}

/// A header that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedHeader;

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&self.magic);
        bytes[8] = self.version;
        bytes[12..28].copy_from_slice(&self.ulid.to_bytes());
        let crc = crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header of a file that must have `magic`. The version is the caller's to judge.
    pub(crate) fn decode(file: &[u8], magic: [u8; 8]) -> Result<Self, MalformedHeader> {
        let fault = MalformedHeader;
        let bytes = file.get(..HEADER_BYTES).ok_or(fault)?;
        let mut cursor = Cursor::new(bytes);
        let (found, version) = (cursor.array().ok_or(fault)?, cursor.u8().ok_or(fault)?);
        let reserved: [u8; 3] = cursor.array().ok_or(fault)?;
        let ulid = Ulid::from_bytes(cursor.array().ok_or(fault)?);
        let sound = cursor.u32() == Some(crc32c(&bytes[..28])) && found == magic;
        if sound && reserved == [0; 3] { Ok(Self { magic, version, ulid }) } else { Err(fault) }
    }
}

/// How an index ends: where its sections start. Each ends where the next one starts. In version 1 there
/// are no timelines and no tails, and their sections are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) series: u32,
    pub(crate) names: u32,
    pub(crate) timelines: u32,
    pub(crate) tails: u32,
    /// Bytes of `pages`; in version 1 the file of chunks is not covered.
    pub(crate) pages_bytes: u64,
    pub(crate) body_groups: u64,
    pub(crate) timeline_lists: u64,
    pub(crate) timeline_groups: u64,
    pub(crate) tail_lists: u64,
    pub(crate) tail_groups: u64,
    pub(crate) label_lists: u64,
    pub(crate) label_groups: u64,
    pub(crate) values: u64,
    pub(crate) name_table: u64,
    /// Checksums of the granules of `pages`.
    pub(crate) page_granules: u64,
    pub(crate) granules: u64,
    pub(crate) granules_crc: u32,
}

impl Footer {
    pub(crate) fn encode(&self) -> [u8; FOOTER_BYTES] {
        let mut bytes = Vec::with_capacity(FOOTER_BYTES);
        for count in [self.series, self.names, self.timelines, self.tails] {
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        bytes.extend_from_slice(&self.pages_bytes.to_le_bytes());
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
    pub(crate) fn decode(file: &[u8], version: u8) -> Option<Self> {
        let (rest, bytes) = file.split_at_checked(file.len().checked_sub(Self::bytes(version))?)?;
        let (sealed, seal) = bytes.split_at_checked(bytes.len() - 12)?;
        let mut cursor = Cursor::new(seal);
        let sound = cursor.u32()? == crc32c(sealed) && cursor.array()? == INDEX_MAGIC;
        let footer = Self::read(&mut Cursor::new(sealed), version)?;
        (sound && footer.fills(rest.len() as u64)).then_some(footer)
    }

    /// Bytes of a footer.
    pub(crate) const fn bytes(version: u8) -> usize {
        if version == VERSION_MIN { FOOTER_BYTES_1 } else { FOOTER_BYTES }
    }

    fn read(cursor: &mut Cursor<'_>, version: u8) -> Option<Self> {
        let mut footer = Self { series: cursor.u32()?, names: cursor.u32()?, ..Self::default() };
        if version > VERSION_MIN {
            footer.timelines = cursor.u32()?;
            footer.tails = cursor.u32()?;
            footer.pages_bytes = cursor.u64()?;
        }
        footer.body_groups = cursor.u64()?;
        if version > VERSION_MIN {
            footer.timeline_lists = cursor.u64()?;
            footer.timeline_groups = cursor.u64()?;
            footer.tail_lists = cursor.u64()?;
            footer.tail_groups = cursor.u64()?;
        }
        footer.label_lists = cursor.u64()?;
        if version == VERSION_MIN {
            let start = footer.label_lists;
            (footer.timeline_lists, footer.timeline_groups) = (start, start);
            (footer.tail_lists, footer.tail_groups) = (start, start);
        }
        footer.label_groups = cursor.u64()?;
        footer.values = cursor.u64()?;
        footer.name_table = cursor.u64()?;
        if version > VERSION_MIN {
            footer.page_granules = cursor.u64()?;
        }
        footer.granules = cursor.u64()?;
        if version == VERSION_MIN {
            footer.page_granules = footer.granules;
        }
        footer.granules_crc = cursor.u32()?;
        Some(footer)
    }

    const fn starts(&self) -> [u64; 11] {
        [
            self.body_groups,
            self.timeline_lists,
            self.timeline_groups,
            self.tail_lists,
            self.tail_groups,
            self.label_lists,
            self.label_groups,
            self.values,
            self.name_table,
            self.page_granules,
            self.granules,
        ]
    }

    /// Whether the sections are in order, and with the granule table are `len` bytes.
    fn fills(&self, len: u64) -> bool {
        let mut ordered = self.body_groups >= HEADER_BYTES as u64 && self.granules <= len;
        for pair in self.starts().windows(2) {
            ordered &= pair[0] <= pair[1];
        }
        let groups = |count: u32| 8 * u64::from(count.div_ceil(SERIES_PER_GROUP));
        ordered
            && self.timeline_lists - self.body_groups == groups(self.series)
            && self.tail_lists - self.timeline_groups == groups(self.timelines)
            && self.label_lists - self.tail_groups == groups(self.tails)
            && self.values - self.label_groups == groups(self.series)
            && self.granules - self.page_granules == 4 * granule_count(self.pages_bytes)
            && len - self.granules == 4 * granule_count(self.granules)
    }
}

/// Granules that so many bytes have.
pub(crate) const fn granule_count(bytes: u64) -> u64 {
    bytes.div_ceil(GRANULE_BYTES as u64)
}
