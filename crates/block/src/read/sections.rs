//! What a block's bytes are spent on.

use super::Block;
use crate::{
    BlockError,
    format::{HEADER_BYTES, VERSION_MIN},
};

/// A part of a block's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Which: the file, and the part of it.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
}

impl Block {
    /// The sizes of all parts, which add up to the block's. Reads the index's list of timelines.
    ///
    /// # Errors
    /// Damage in that list.
    pub fn sections(&self) -> Result<Vec<Section>, BlockError> {
        let footer = &self.index().footer;
        let mut times = 0_u64;
        for number in 0..footer.timelines {
            times = times.saturating_add(self.index().timeline(number)?.bytes);
        }
        let data = self.data();
        let meta = self.meta();
        let files = meta.files.iter().map(|file| file.bytes).sum::<u64>();
        let data_name = if meta.version == VERSION_MIN { "chunks" } else { "pages: values" };
        let section = |name, bytes| Section { name, bytes };
        Ok(vec![
            section("meta.json", meta.bytes.saturating_sub(files)),
            section(data_name, (data.raw().len() as u64).saturating_sub(times)),
            section("pages: timestamps", times),
            section("index: checksums of pages", footer.granules - footer.page_granules),
            section("index: bodies", footer.timeline_lists - HEADER_BYTES as u64),
            section("index: timelines", footer.tail_lists - footer.timeline_lists),
            section("index: tails", footer.label_lists - footer.tail_lists),
            section("index: label lists", footer.values - footer.label_lists),
            section("index: values and postings", footer.name_table - footer.values),
            section("index: label names", footer.page_granules - footer.name_table),
            section(
                "index: checksums",
                self.index().raw().len() as u64 - footer.granules + HEADER_BYTES as u64,
            ),
        ])
    }
}
