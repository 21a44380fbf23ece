//! Checking a whole block: every checksum, and that its parts agree.

use std::path::Path;

use timberline_codec::{crc::crc32c, page::PageStats};
use timberline_model::{Exemplar, Labels, SeriesColumns, TimeRange};

use super::{
    Block,
    bodies::{Body, Floats},
    dictionary::Dictionary,
    label_lists::LabelReader,
    samples::Reader,
};
use crate::{
    BlockError,
    format::{INDEX_FILE, data_file},
};

/// Sums of what the series say, to be compared with what the rest of the block says.
#[derive(Default)]
struct Sums {
    pages: u64,
    samples: u64,
    histograms: u64,
    exemplars: u64,
    span: Option<(i64, i64)>,
    /// Sum of a mixed number for each label of each series.
    labels: u64,
}

impl Block {
    /// Reads and checks everything: checksums of the files, every page or chunk with its figures, every
    /// posting list, the order of the series, and that counts agree. Costs as much as decoding the whole block.
    ///
    /// # Errors
    /// The first damage found.
    pub fn verify(&self) -> Result<(), BlockError> {
        let index = self.index();
        let data = self.data();
        self.check_file(data.path(), data.raw(), data_file(self.meta().version))?;
        self.check_file(index.path(), index.raw(), INDEX_FILE)?;
        let sums = self.check_series_records()?;
        let meta = self.meta();
        let counts = [sums.pages, sums.samples, sums.histograms, sums.exemplars];
        if counts != [meta.pages, meta.samples, meta.histograms, meta.exemplars] {
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
        let (mut columns, mut exemplars) = (SeriesColumns::default(), Vec::new());
        for series in 0..self.series_count() {
            let labels = reader.labels(series)?;
            if previous.is_some_and(|previous| previous >= labels) {
                return Err(self.contradiction("the order of series and their labels"));
            }
            for &(name, value) in reader.pairs(series)? {
                sums.labels = sums.labels.wrapping_add(mix(series, name, value));
            }
            let body = self.index().body(series)?;
            if body.hash != labels.hash() as u32 || self.index().label_hash(series)? != body.hash {
                return Err(self.contradiction("the labels of a series and their hash"));
            }
            columns.clear();
            self.read(series, TimeRange::ALL, &mut columns)?;
            self.check_stats(series, &body)?;
            exemplars.clear();
            self.exemplars(series, TimeRange::ALL, &mut exemplars)?;
            sums.add(&body, &columns, &exemplars);
            previous = Some(labels);
        }
        Ok(sums)
    }

    /// Compares stored figures with those of the values.
    fn check_stats(&self, series: u32, body: &Body<'_>) -> Result<(), BlockError> {
        let Floats::Pages { pages, .. } = &body.floats else {
            return if body.stats_end() { Ok(()) } else { Err(self.malformed_body()) };
        };
        let reader = Reader { block: self, series };
        let mut stored = body.stats();
        for page in pages.iter().filter(|page| page.has_stats) {
            let stats = stored.next().flatten().ok_or_else(|| self.malformed_body())?;
            if figures(&stats) != figures(&reader.computed(page)?) {
                return Err(self.contradiction("the figures of a page and its values"));
            }
        }
        if body.stats_end() { Ok(()) } else { Err(self.malformed_body()) }
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

impl Sums {
    fn add(&mut self, body: &Body<'_>, columns: &SeriesColumns, exemplars: &[Exemplar]) {
        self.pages += match &body.floats {
            Floats::None => 0,
            Floats::Pages { pages, .. } => pages.len() as u64,
            Floats::Chunks { chunks, .. } => chunks.len() as u64,
        };
        self.pages += body.histograms.as_ref().map_or(0, |column| column.pages.len() as u64);
        self.samples += columns.sample_count() as u64;
        self.histograms += columns.histograms.len() as u64;
        self.exemplars += exemplars.len() as u64;
        let columns = [&columns.timestamps, &columns.histograms.timestamps];
        let ends = columns.into_iter().flat_map(|times| [times.first(), times.last()]).flatten();
        let exemplars = [exemplars.first(), exemplars.last()].into_iter().flatten();
        for ts in ends.copied().chain(exemplars.map(|exemplar| exemplar.ts)) {
            let (min, max) = self.span.unwrap_or((ts, ts));
            self.span = Some((min.min(ts), max.max(ts)));
        }
    }
}

/// A page's figures as bits, so that NaNs compare.
fn figures(stats: &PageStats) -> [u64; 11] {
    let PageStats { first, last, min, max, sum, compensation, drops, .. } = *stats;
    let [first, last, min, max, sum, compensation, drops] =
        [first, last, min, max, sum, compensation, drops].map(f64::to_bits);
    let counts = [stats.count, stats.stale, stats.resets].map(|count| count as u64);
    let [count, stale, resets] = counts;
    let integral = u64::from(stats.is_integral);
    [first, last, min, max, sum, compensation, drops, count, stale, resets, integral]
}

/// A number that is hardly the same for two labels of series (the finisher of SplitMix64).
fn mix(series: u32, name: u32, value: u32) -> u64 {
    let mut mixed = u64::from(series) << 32 | u64::from(value);
    mixed = mixed.wrapping_add(u64::from(name).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
