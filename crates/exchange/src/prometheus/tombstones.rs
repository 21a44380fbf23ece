//! What was deleted of a Prometheus block, and is still in its chunks (`docs/formats/prometheus-blocks.md`).

use std::collections::HashMap;

use timberline_codec::crc::crc32c;
use timberline_model::{ColumnsMark, SeriesColumns, TimeRange};

use super::{
    bytes::{Bytes, Fault},
    chunks::nanos,
};

/// First bytes of the file.
pub(crate) const MAGIC: u32 = 0x0130_BA30;
/// The version that is read and written.
pub(crate) const VERSION: u8 = 1;

/// Spans of time that are deleted, by the number of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tombstones {
    deleted: HashMap<u64, Vec<TimeRange>>,
}

impl Tombstones {
    /// Reads a tombstones file.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let Some((covered, crc)) = bytes.split_last_chunk::<4>().filter(|(c, _)| c.len() >= 5)
        else {
            return Err(format!("{} bytes are too few", bytes.len()));
        };
        let (magic, content) = covered.split_at(4);
        let (version, content) = (content[0], &content[1..]);
        if magic != MAGIC.to_be_bytes() {
            return Err("it does not begin as a tombstones file does".to_owned());
        }
        if crc32c(content).to_be_bytes() != *crc {
            return Err("its checksum does not match".to_owned());
        }
        if version != VERSION {
            return Err(format!("version {version}; version {VERSION} is read"));
        }
        let mut tombstones = Self::default();
        let mut content = Bytes::new(content);
        let failed = |fault: Fault| fault.to_string();
        while !content.is_empty() {
            let series = content.uvarint("a series").map_err(failed)?;
            let min = content.varint("a begin").map_err(failed)?;
            let max = content.varint("an end").map_err(failed)?;
            tombstones.add(series, min, max);
        }
        Ok(tombstones)
    }

    /// Deletes what a series has between two instants in milliseconds, both included.
    pub(crate) fn add(&mut self, series: u64, min_ms: i64, max_ms: i64) {
        let range = TimeRange::new(
            nanos(min_ms).unwrap_or(i64::MIN),
            nanos(max_ms).unwrap_or(if max_ms < 0 { i64::MIN } else { i64::MAX }),
        );
        self.deleted.entry(series).or_default().push(range);
    }

    /// Takes what is deleted of a series out of its samples.
    pub(crate) fn apply(&self, series: u64, columns: &mut SeriesColumns) {
        if let Some(ranges) = self.deleted.get(&series) {
            columns.retain(ColumnsMark::default(), |ts| !ranges.iter().any(|r| r.contains(ts)));
        }
    }

    /// Whether nothing is deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deleted.is_empty()
    }
}

/// The file that says that nothing is deleted.
pub(crate) fn empty_file() -> Vec<u8> {
    let mut bytes = MAGIC.to_be_bytes().to_vec();
    bytes.push(VERSION);
    // The checksum is over what is deleted.
    bytes.extend_from_slice(&crc32c(&[]).to_be_bytes());
    bytes
}
