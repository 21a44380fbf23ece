//! Checking a whole block: every checksum, and that its parts agree.

use std::path::Path;

use timberline_codec::crc::crc32c;
use timberline_model::{Labels, SeriesColumns};

use super::{Block, dictionary::Dictionary, label_lists::LabelReader};
use crate::{
    BlockError,
    format::{CHUNKS_FILE, INDEX_FILE},
};

/// Sums of what the series say, to be compared with what the rest of the block says.
#[derive(Default)]
struct Sums {
    chunks: u64,
    samples: u64,
    span: Option<(i64, i64)>,
    /// Sum of a mixed number for each label of each series.
    labels: u64,
}

impl Block {
    /// Reads and checks everything: checksums of the files, every chunk, every posting list, the
    /// order of the series, and that counts agree. Costs as much as decoding the whole block.
    ///
    /// # Errors
    /// The first damage found.
    pub fn verify(&self) -> Result<(), BlockError> {
        let index = self.index();
        let (path, chunks) = self.chunks();
        self.check_file(path, chunks, CHUNKS_FILE)?;
        self.check_file(index.path(), index.raw(), INDEX_FILE)?;
        let sums = self.check_series_records()?;
        let meta = self.meta();
        if (sums.chunks, sums.samples) != (meta.chunks, meta.samples) {
            return Err(self.contradiction("the counts of meta.json and index"));
        }
        if sums.span != Some((meta.min_ts, meta.max_ts)) {
            return Err(self.contradiction("the time spans of meta.json and index"));
        }
        if sums.labels != self.check_postings()? {
            return Err(self.contradiction("the labels and posting lists of index"));
        }
        Ok(())
    }

    fn check_file(&self, path: &Path, bytes: &[u8], name: &str) -> Result<(), BlockError> {
        let (stored, computed) = (self.meta().file(name).crc32c, crc32c(bytes));
        if stored == computed {
            return Ok(());
        }
        let (path, end) = (path.to_owned(), bytes.len() as u64);
        Err(BlockError::Checksum { path, start: 0, end, stored, computed })
    }

    fn check_series_records(&self) -> Result<Sums, BlockError> {
        let mut sums = Sums::default();
        let mut reader = LabelReader::new(self.index());
        let mut previous: Option<Labels> = None;
        let mut columns = SeriesColumns::default();
        for series in 0..self.series_count() {
            let labels = reader.labels(series)?;
            if previous.is_some_and(|previous| previous >= labels) {
                return Err(self.contradiction("the order of series and their labels"));
            }
            for &(name, value) in reader.pairs(series)? {
                sums.labels = sums.labels.wrapping_add(mix(series, name, value));
            }
            let body = self.index().body(series)?;
            if body.hash != labels.hash() {
                return Err(self.contradiction("the labels of a series and their hash"));
            }
            for entry in body {
                let entry = entry.ok_or_else(|| self.malformed_body())?;
                columns.clear();
                self.decode(series, &entry, &mut columns)?;
                sums.chunks += 1;
                sums.samples += u64::from(entry.count);
                let (min, max) = sums.span.unwrap_or((entry.min_ts, entry.max_ts));
                sums.span = Some((min.min(entry.min_ts), max.max(entry.max_ts)));
            }
            previous = Some(labels);
        }
        Ok(sums)
    }

    /// Checks every name's values and posting lists, and sums their labels.
    fn check_postings(&self) -> Result<u64, BlockError> {
        let index = self.index();
        let mut sum = 0_u64;
        for (number, name) in (0_u32..).zip(&index.names) {
            let dictionary = Dictionary::new(index, name);
            let (mut value_number, mut series_count) = (0, 0_u64);
            let mut absent = index.posting(dictionary.present())?;
            let mut previous: Option<String> = None;
            dictionary.scan("", &mut |value, list| {
                if previous.as_deref().is_some_and(|previous| previous >= value) {
                    return Err(self.contradiction("the order of values and their numbers"));
                }
                let posting = index.posting(list)?;
                for series in &posting {
                    sum = sum.wrapping_add(mix(series, number, value_number));
                }
                absent -= &posting;
                series_count += posting.len();
                value_number += 1;
                previous = Some(value.to_owned());
                Ok(())
            })?;
            if !absent.is_empty() || series_count != u64::from(name.series_count) {
                return Err(self.contradiction("the posting lists of a name and of its values"));
            }
        }
        Ok(sum)
    }
}

/// A number that is hardly the same for two labels of series (the finisher of SplitMix64).
fn mix(series: u32, name: u32, value: u32) -> u64 {
    let mut mixed = u64::from(series) << 32 | u64::from(value);
    mixed = mixed.wrapping_add(u64::from(name).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
