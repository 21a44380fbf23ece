//! An open index: verified bytes of its sections.
//!
//! Invariant: [`Index::bytes`] gives out only bytes whose granules have been verified.

use std::path::{Path, PathBuf};

use timberline_codec::crc::crc32c;
use timberline_io::Mapped;
use ulid::Ulid;

use super::{
    granules::Granules,
    names::{self, Name},
};
use crate::{
    BlockError,
    cursor::Cursor,
    format::{Footer, HEADER_BYTES, Header, INDEX_MAGIC, SERIES_PER_GROUP, VERSION, VERSION_MIN},
};

/// An open index.
#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    ulid: Ulid,
    pub(crate) version: u8,
    map: Mapped,
    granules: Granules,
    pub(crate) footer: Footer,
    pub(crate) names: Vec<Name>,
}

/// Which of the sections with groups of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grouped {
    Bodies,
    Timelines,
    Tails,
    LabelLists,
}

impl Index {
    /// Reads the ends of an index and its table of names.
    pub(crate) fn open(path: &Path, map: Mapped, ulid: Ulid) -> Result<Self, BlockError> {
        let version = check_header(path, &map, INDEX_MAGIC, ulid)?;
        let malformed = |what| BlockError::Malformed { path: path.to_owned(), what };
        let footer = Footer::decode(&map, version).ok_or_else(|| malformed("the footer"))?;
        let start = usize::try_from(footer.granules).map_err(|_| malformed("the footer"))?;
        let table = &map[start..map.len() - Footer::bytes(version)];
        let computed = crc32c(table);
        if computed != footer.granules_crc {
            return Err(BlockError::Checksum {
                path: path.to_owned(),
                start: footer.granules,
                end: footer.granules + table.len() as u64,
                stored: footer.granules_crc,
                computed,
            });
        }
        let granules = Granules::new(table, footer.granules)
            .ok_or_else(|| malformed("the table of checksums"))?;
        let names = Vec::new();
        let mut index = Self { path: path.to_owned(), ulid, version, map, granules, footer, names };
        index.bytes(0, HEADER_BYTES as u64)?;
        let table = index.bytes(footer.name_table, footer.page_granules - footer.name_table)?;
        let section = footer.values..footer.name_table;
        index.names = names::decode(table, footer.names, section, footer.series)
            .ok_or_else(|| malformed("the table of label names"))?;
        Ok(index)
    }

    /// The checksums of `pages`; none in version 1, whose chunks have their own.
    pub(crate) fn page_granules(&self) -> Result<Option<Granules>, BlockError> {
        if self.version == VERSION_MIN {
            return Ok(None);
        }
        let Footer { page_granules, granules, pages_bytes, .. } = self.footer;
        let table = self.bytes(page_granules, granules - page_granules)?;
        let granules = Granules::new(table, pages_bytes);
        granules.map(Some).ok_or_else(|| self.malformed("the checksums of pages"))
    }

    /// Some verified bytes.
    #[inline]
    pub(crate) fn bytes(&self, start: u64, len: u64) -> Result<&[u8], BlockError> {
        let covered = usize::try_from(self.footer.granules)
            .ok()
            .and_then(|end| self.map.get(..end))
            .ok_or_else(|| self.malformed("the footer"))?;
        let range = usize::try_from(start).ok().zip(usize::try_from(len).ok());
        let range = range.and_then(|(start, len)| Some((start, start.checked_add(len)?)));
        let (start, end) = range
            .filter(|(_, end)| *end <= covered.len())
            .ok_or_else(|| self.malformed("a position"))?;
        self.granules.verify(covered, start, end).map_err(|bad| BlockError::Checksum {
            path: self.path.clone(),
            start: bad.start,
            end: bad.end,
            stored: bad.stored,
            computed: bad.computed,
        })?;
        Ok(&covered[start..end])
    }

    /// The records of the group that record `number` is in, from the group's first.
    pub(crate) fn group(&self, section: Grouped, number: u32) -> Result<&[u8], BlockError> {
        let footer = &self.footer;
        let (start, table, records) = match section {
            Grouped::Bodies => (HEADER_BYTES as u64, footer.body_groups, footer.series),
            Grouped::Timelines => (footer.timeline_lists, footer.timeline_groups, footer.timelines),
            Grouped::Tails => (footer.tail_lists, footer.tail_groups, footer.tails),
            Grouped::LabelLists => (footer.label_lists, footer.label_groups, footer.series),
        };
        let (group, count) = (number / SERIES_PER_GROUP, records.div_ceil(SERIES_PER_GROUP));
        self.table_span(table, group, count, start, 0, table - start)
            .and_then(|(from, to)| self.bytes(from, to - from))
    }

    /// Where entry `entry` of a table of `count` starts and ends. What the table numbers starts at
    /// `start`, is `len` bytes long, and is counted from `base`: the absolute positions of groups
    /// from 0, the relative ones of values' blocks from the first.
    pub(crate) fn table_span(
        &self,
        table: u64,
        entry: u32,
        count: u32,
        start: u64,
        base: u64,
        len: u64,
    ) -> Result<(u64, u64), BlockError> {
        let malformed = || self.malformed("a table of positions");
        if entry >= count {
            return Err(malformed());
        }
        let last = entry + 1 == count;
        let entries = if last { 8 } else { 16 };
        let mut cursor = Cursor::new(self.bytes(table + 8 * u64::from(entry), entries)?);
        let mut absolute = || cursor.u64().and_then(|position| position.checked_add(base));
        let from = absolute().ok_or_else(malformed)?;
        let end = start + len;
        let to = if last { end } else { absolute().ok_or_else(malformed)? };
        let sound = start <= from && from <= to && to <= end && (entry > 0 || from == start);
        if sound { Ok((from, to)) } else { Err(malformed()) }
    }

    pub(crate) fn series_count(&self) -> u32 {
        self.footer.series
    }

    pub(crate) fn check_series(&self, series: u32) -> Result<(), BlockError> {
        let (ulid, count) = (self.ulid, self.footer.series);
        if series < count { Ok(()) } else { Err(BlockError::NoSuchSeries { ulid, series, count }) }
    }

    /// The number of a label name, if any series has it.
    pub(crate) fn name_number(&self, name: &str) -> Option<u32> {
        let found = self.names.binary_search_by(|entry| (*entry.name).cmp(name)).ok()?;
        u32::try_from(found).ok()
    }

    /// A name by its number.
    pub(crate) fn name(&self, number: u32) -> Result<&Name, BlockError> {
        self.names.get(number as usize).ok_or_else(|| self.malformed("the number of a label name"))
    }

    pub(crate) fn malformed(&self, what: &'static str) -> BlockError {
        BlockError::Malformed { path: self.path.clone(), what }
    }

    /// All the bytes, unverified.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.map
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Checks the header of a block's file and returns its version.
pub(crate) fn check_header(
    path: &Path,
    file: &[u8],
    magic: [u8; 8],
    expected: Ulid,
) -> Result<u8, BlockError> {
    let path = || path.to_owned();
    let header = Header::decode(file, magic)
        .map_err(|_| BlockError::Malformed { path: path(), what: "the header" })?;
    if !(VERSION_MIN..=VERSION).contains(&header.version) {
        let found = u64::from(header.version);
        return Err(BlockError::Version { path: path(), found, supported: VERSION });
    }
    if header.ulid != expected {
        return Err(BlockError::Foreign { path: path(), found: header.ulid, expected });
    }
    Ok(header.version)
}
