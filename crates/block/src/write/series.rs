//! One series, encoded: its run of pages, and the body that the index has for it.
//!
//! Invariant: every page was decoded and compared by its encoder before it gets here.

use timberline_codec::{
    chunk, page,
    page::{PageStats, ValueCodec},
    varint::{put_ivarint, put_uvarint},
    xor::XorEncoder,
};
use timberline_model::{Exemplar, HistogramColumn, SeriesColumns, TimeUnit};

use super::{
    block_writer::FloatCodec,
    timelines::{TimeColumn, Timelines},
};
use crate::{
    exemplars, figure, format,
    short::{self, SHORT_MAX},
};

/// Pages of fewer values have no figures: decoding them costs hardly more than reading those.
const STATS_FROM_VALUES: usize = 64;

/// What one series adds to a block.
#[derive(Debug, Default)]
pub(crate) struct SeriesEncoder {
    /// What goes to `pages`.
    pub(crate) run: Vec<u8>,
    /// What goes to the index.
    pub(crate) body: Vec<u8>,
    /// Pages of values in the run, or chunks; a page that lies in the index counts.
    pub(crate) pages: u64,
    columns: Vec<u8>,
    stats: Vec<u8>,
    page: Vec<u8>,
}

/// Where in a column each page of values starts and ends.
type Cuts = Vec<(usize, usize)>;

impl SeriesEncoder {
    /// Encodes a series whose run is going to start at `position`. `None` when the block has more
    /// timelines than can be numbered.
    pub(crate) fn encode(
        &mut self,
        hash: u32,
        columns: &SeriesColumns,
        exemplars: &[Exemplar],
        codec: FloatCodec,
        timelines: &mut Timelines,
        position: u64,
    ) -> Option<()> {
        for bytes in [&mut self.run, &mut self.body, &mut self.columns, &mut self.stats] {
            bytes.clear();
        }
        self.pages = 0;
        let mut flags = 0;
        if !columns.timestamps.is_empty() {
            flags |= match codec {
                FloatCodec::Smallest => self.put_floats(columns, timelines, position)?,
                FloatCodec::Gorilla => self.put_chunks(columns),
            };
        }
        if !columns.histograms.is_empty() {
            flags |= self.put_histograms(&columns.histograms, timelines, position)?;
        }
        if !exemplars.is_empty() {
            flags |= format::BODY_EXEMPLARS;
            self.put_exemplars(exemplars);
        }
        if !self.run.is_empty() {
            flags |= format::BODY_RUN;
        }
        self.body.push(flags);
        if !self.run.is_empty() {
            put_uvarint(&mut self.body, self.run.len() as u64);
        }
        self.body.extend_from_slice(&hash.to_le_bytes());
        self.body.extend_from_slice(&self.columns);
        self.body.extend_from_slice(&self.stats);
        Some(())
    }

    fn put_floats(
        &mut self,
        columns: &SeriesColumns,
        timelines: &mut Timelines,
        position: u64,
    ) -> Option<u8> {
        let time = timelines.place(&columns.timestamps, &mut self.run, position)?;
        self.put_time_column(time);
        let values = &columns.values;
        let cuts = cuts(time.first, values.len());
        self.pages += cuts.len() as u64;
        let first = values[0].to_bits();
        let mut flags = format::BODY_FLOATS_PAGES;
        if values.iter().all(|value| value.to_bits() == first) {
            flags = format::BODY_FLOATS_CONSTANT;
            figure::put(values[0], &mut self.columns);
        } else {
            for (start, end) in &cuts {
                self.put_float_page(&values[*start..*end]);
            }
        }
        if !columns.starts.is_empty() {
            flags |= format::BODY_FLOAT_STARTS;
            self.put_starts(&columns.starts, &cuts);
        }
        Some(flags)
    }

    fn put_float_page(&mut self, values: &[f64]) {
        let first = values[0].to_bits();
        if values.len() <= SHORT_MAX && values.iter().any(|value| value.to_bits() != first) {
            let start = self.run.len();
            short::encode(values, &mut self.run);
            let mut decoded = Vec::with_capacity(values.len());
            let read = short::decode(&self.run[start..], values.len(), &mut decoded);
            let pairs = values.iter().zip(&decoded);
            let same = pairs.into_iter().all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(read.is_some() && same, "a short page decodes to what was encoded");
            let bytes = (self.run.len() - start) as u64;
            let number = bytes << format::PAGE_KIND_BITS | format::PAGE_SHORT;
            put_uvarint(&mut self.columns, number);
            return;
        }
        self.page.clear();
        let info = page::encode_values(values, &mut self.page);
        if info.codec == ValueCodec::Constant {
            put_uvarint(&mut self.columns, format::PAGE_CONSTANT);
            figure::put(values[0], &mut self.columns);
            return;
        }
        let bytes = self.page.len() as u64;
        let kind = if values.len() < STATS_FROM_VALUES {
            format::PAGE_PLAIN
        } else {
            PageStats::of(values).put(&mut self.stats);
            format::PAGE_WITH_STATS
        };
        put_uvarint(&mut self.columns, bytes << format::PAGE_KIND_BITS | kind);
        self.run.append(&mut self.page);
    }

    /// Gorilla chunks of as many samples as a chunk holds, each with its own times.
    fn put_chunks(&mut self, columns: &SeriesColumns) -> u8 {
        let ends = columns.timestamps.iter().copied();
        let unit = ends.map(TimeUnit::of).max().unwrap_or(TimeUnit::Milli);
        let max = chunk::SAMPLES_MAX;
        let chunks = columns.timestamps.chunks(max).zip(columns.values.chunks(max));
        self.columns.push(unit as u8);
        put_uvarint(&mut self.columns, chunks.len() as u64);
        let mut previous = None;
        for (timestamps, values) in chunks {
            self.page.clear();
            seal_chunk(timestamps, values, &mut self.page);
            put_uvarint(&mut self.columns, self.page.len() as u64);
            put_uvarint(&mut self.columns, timestamps.len() as u64);
            let (min, max) =
                (timestamps[0] / unit.nanos(), timestamps[timestamps.len() - 1] / unit.nanos());
            match previous {
                None => put_ivarint(&mut self.columns, min),
                Some(previous) => {
                    put_uvarint(&mut self.columns, min.wrapping_sub(previous).cast_unsigned());
                }
            }
            put_uvarint(&mut self.columns, max.wrapping_sub(min).cast_unsigned());
            previous = Some(max);
            self.pages += 1;
            self.run.append(&mut self.page);
        }
        let mut flags = format::BODY_FLOATS_CHUNKS;
        if !columns.starts.is_empty() {
            flags |= format::BODY_FLOAT_STARTS;
            self.put_starts(&columns.starts, &cuts(0, columns.starts.len()));
        }
        flags
    }

    fn put_histograms(
        &mut self,
        column: &HistogramColumn,
        timelines: &mut Timelines,
        position: u64,
    ) -> Option<u8> {
        let time = timelines.place(&column.timestamps, &mut self.run, position)?;
        self.put_time_column(time);
        let mut cuts = Cuts::new();
        let mut start = 0;
        while start < column.len() {
            let end = start + page::histograms_that_fit(&column.values[start..]);
            cuts.push((start, end));
            start = end;
        }
        put_uvarint(&mut self.columns, cuts.len() as u64);
        for (start, end) in &cuts {
            let info = page::encode_histograms(&column.values[*start..*end], &mut self.run);
            put_uvarint(&mut self.columns, info.bytes as u64);
            put_uvarint(&mut self.columns, (end - start) as u64);
            self.pages += 1;
        }
        let mut flags = format::BODY_HISTOGRAMS;
        if !column.starts.is_empty() {
            flags |= format::BODY_HISTOGRAM_STARTS;
            self.put_starts(&column.starts, &cuts);
        }
        Some(flags)
    }

    fn put_exemplars(&mut self, exemplars: &[Exemplar]) {
        let times = exemplars.iter().map(|exemplar| TimeUnit::of(exemplar.ts));
        let unit = times.max().unwrap_or(TimeUnit::Milli);
        self.columns.push(unit as u8);
        let pages = exemplars.chunks(page::VALUES_MAX);
        put_uvarint(&mut self.columns, pages.len() as u64);
        for page in pages {
            let before = self.run.len();
            exemplars::encode(page, unit, &mut self.run);
            put_uvarint(&mut self.columns, (self.run.len() - before) as u64);
            put_uvarint(&mut self.columns, page.len() as u64);
        }
    }

    /// Start timestamps, a page for each page of values.
    fn put_starts(&mut self, starts: &[i64], cuts: &Cuts) {
        let unit = starts.iter().map(|ts| TimeUnit::of(*ts)).max().unwrap_or(TimeUnit::Milli);
        self.columns.push(unit as u8);
        for (start, end) in cuts {
            let page: Vec<i64> = starts[*start..*end].iter().map(|ts| ts / unit.nanos()).collect();
            let info = page::encode_timestamps(&page, &mut self.run);
            put_uvarint(&mut self.columns, info.bytes as u64);
        }
    }

    fn put_time_column(&mut self, time: TimeColumn) {
        let is_part = u64::from(time.part.is_some());
        put_uvarint(&mut self.columns, u64::from(time.timeline) << 1 | is_part);
        if let Some((first, count)) = time.part {
            put_uvarint(&mut self.columns, u64::from(first));
            put_uvarint(&mut self.columns, u64::from(count));
        }
    }
}

/// Cuts a column of `count` values, whose first lies at `first` of its timeline, where that has its
/// pages.
fn cuts(first: u32, count: usize) -> Cuts {
    let offset = first as usize % page::VALUES_MAX;
    let mut cuts = Cuts::with_capacity(count / page::VALUES_MAX + 2);
    let mut start = 0;
    while start < count {
        let end = (start + page::VALUES_MAX - (offset + start) % page::VALUES_MAX).min(count);
        cuts.push((start, end));
        start = end;
    }
    cuts
}

/// Appends the chunk of at most [`chunk::SAMPLES_MAX`] samples, in the coarsest unit that holds them.
fn seal_chunk(timestamps: &[i64], values: &[f64], bytes: &mut Vec<u8>) {
    let unit = timestamps.iter().map(|ts| TimeUnit::of(*ts)).max().unwrap_or(TimeUnit::Milli);
    let mut encoder = XorEncoder::new();
    for (ts, value) in timestamps.iter().zip(values) {
        encoder.append(ts / unit.nanos(), *value);
    }
    chunk::seal_into(unit as u8, &encoder, bytes);
}
