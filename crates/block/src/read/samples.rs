//! Reading a series: pages into columns, each checked against what the index says of it.

use timberline_codec::{
    chunk,
    page::{self, PageError, PageStats, VALUES_MAX},
};
use timberline_model::{ColumnsMark, Exemplar, HistogramColumn, SeriesColumns, TimeRange};

use super::{
    Block,
    bodies::{Body, ChunkMeta, Extent, FloatPage, Floats, Histograms, Starts, Values},
    reading::Reading,
    timelines::TimePage,
};
use crate::{BlockError, exemplars, short};

impl Block {
    /// Appends the samples of a series within a span of time: floats and histograms, each ascending.
    /// Pages outside the span are not decoded. After an error the columns are as they were.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn read(
        &self,
        series: u32,
        range: TimeRange,
        columns: &mut SeriesColumns,
    ) -> Result<(), BlockError> {
        self.series(series)?.read(range, columns, &mut Reading::default())
    }

    /// Appends the exemplars of a series within a span of time, ascending.
    ///
    /// # Errors
    /// No such series, or damage; then the list is as it was.
    pub fn exemplars(
        &self,
        series: u32,
        range: TimeRange,
        exemplars: &mut Vec<Exemplar>,
    ) -> Result<(), BlockError> {
        self.index().check_series(series)?;
        let body = self.index().body(series)?;
        let mut all = Vec::new();
        let unit = body.exemplars.unit;
        for (extent, count) in &body.exemplars.pages {
            let bytes = self.data().bytes(extent.position, extent.bytes)?;
            exemplars::decode(bytes, *count as usize, unit, &mut all)
                .ok_or_else(|| self.page_mismatch(series, extent.position))?;
        }
        if !all.is_sorted_by_key(|exemplar| exemplar.ts) {
            return Err(self.contradiction("the order of exemplars and their pages"));
        }
        exemplars.extend(all.into_iter().filter(|exemplar| range.contains(exemplar.ts)));
        Ok(())
    }
}

const fn span(entry: &ChunkMeta) -> TimeRange {
    TimeRange::new(entry.min_ts, entry.max_ts)
}

/// Reads the pages of one series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) block: &'a Block,
    pub(crate) series: u32,
}

impl Reader<'_> {
    /// Appends the floats within a span of time.
    pub(crate) fn floats(
        &self,
        body: &Body<'_>,
        range: TimeRange,
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), BlockError> {
        match &body.floats {
            Floats::None => Ok(()),
            Floats::Pages { unit, pages, starts, .. } => {
                for (number, page) in pages.iter().enumerate() {
                    let span = page.span(*unit);
                    if span.start > range.end {
                        break;
                    }
                    if range.overlaps(&span) {
                        self.page_in(range, *unit, page, (starts, number), columns, reading)?;
                    }
                }
                Ok(())
            }
            Floats::Chunks { chunks, starts } => {
                reading.append_unknown();
                reading.counts.decoded += self.chunked_floats(chunks, starts, range, columns)?;
                Ok(())
            }
        }
    }

    /// Appends what a page has in a span of time, and counts it. `starts` are the start timestamps of all pages, with the
    /// number of this one.
    pub(crate) fn page_in(
        &self,
        range: TimeRange,
        unit: i64,
        page: &FloatPage,
        (starts, number): (&Starts, usize),
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), BlockError> {
        let floats = columns.timestamps.len();
        self.whole_page(unit, page, (starts, number), columns, reading)?;
        reading.counts.decoded += 1;
        let span = page.span(unit);
        if span.start < range.start || span.end > range.end {
            columns.trim(ColumnsMark { floats, histograms: columns.histograms.len() }, range);
        }
        Ok(())
    }

    /// Decodes a page of floats with its times and starts.
    pub(crate) fn whole_page(
        &self,
        unit: i64,
        page: &FloatPage,
        (starts, number): (&Starts, usize),
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), BlockError> {
        let floats = columns.timestamps.len();
        let entries = (page.skip as usize, page.count as usize);
        reading.append_times(*self, unit, &page.times, entries, &mut columns.timestamps)?;
        self.values(page, &mut columns.values)?;
        if let Some(extent) = starts.pages.get(number) {
            columns.starts.resize(floats, 0);
            self.starts(starts.unit, *extent, page.count as usize, &mut columns.starts)?;
        } else if !columns.starts.is_empty() {
            columns.starts.resize(columns.timestamps.len(), 0);
        }
        Ok(())
    }

    fn values(&self, page: &FloatPage, values: &mut Vec<f64>) -> Result<(), BlockError> {
        let (known, count) = (values.len(), page.count as usize);
        match page.values {
            Values::Constant(value) => values.resize(known + count, value),
            Values::Short(extent) => {
                let bytes = self.block.data().bytes(extent.position, extent.bytes)?;
                short::decode(bytes, count, values)
                    .ok_or_else(|| self.block.page_mismatch(self.series, extent.position))?;
            }
            Values::Page(extent) => {
                let bytes = self.block.data().bytes(extent.position, extent.bytes)?;
                page::decode_values(bytes, count, values)
                    .map_err(|source| self.page_error(extent.position, source))?;
                if values.len() != known + count {
                    return Err(self.block.page_mismatch(self.series, extent.position));
                }
            }
        }
        Ok(())
    }

    /// Figures of a page for which none are stored.
    pub(crate) fn computed(&self, page: &FloatPage) -> Result<PageStats, BlockError> {
        let mut values = Vec::with_capacity(page.count as usize);
        self.values(page, &mut values)?;
        Ok(PageStats::of(&values))
    }

    /// Decodes a page of timestamps and checks that it is the one which the index describes.
    pub(crate) fn times(
        &self,
        unit: i64,
        page: &TimePage,
        timestamps: &mut Vec<i64>,
    ) -> Result<(), BlockError> {
        let mark = timestamps.len();
        let bytes = self.block.data().bytes(page.position, page.bytes)?;
        page::decode_timestamps(bytes, page.count as usize, timestamps)
            .map_err(|source| self.page_error(page.position, source))?;
        let decoded = &mut timestamps[mark..];
        let expected = decoded.len() == page.count as usize
            && decoded.first() == Some(&page.min)
            && decoded.last() == Some(&page.max)
            && decoded.is_sorted();
        if !expected {
            return Err(self.block.page_mismatch(self.series, page.position));
        }
        // The ends fit as nanoseconds, so all between them do.
        for ts in decoded {
            *ts *= unit;
        }
        Ok(())
    }

    /// Decodes a page of start timestamps.
    fn starts(
        &self,
        unit: i64,
        extent: Extent,
        count: usize,
        starts: &mut Vec<i64>,
    ) -> Result<(), BlockError> {
        let mark = starts.len();
        let bytes = self.block.data().bytes(extent.position, extent.bytes)?;
        page::decode_timestamps(bytes, count, starts)
            .map_err(|source| self.page_error(extent.position, source))?;
        let mut fits = starts.len() == mark + count;
        for start in &mut starts[mark..] {
            let nanos = start.checked_mul(unit);
            fits &= nanos.is_some();
            *start = nanos.unwrap_or(0);
        }
        if fits { Ok(()) } else { Err(self.block.page_mismatch(self.series, extent.position)) }
    }

    pub(crate) fn chunked_floats(
        &self,
        chunks: &[ChunkMeta],
        starts: &Starts,
        range: TimeRange,
        columns: &mut SeriesColumns,
    ) -> Result<u64, BlockError> {
        let mark = columns.mark();
        if !starts.pages.is_empty() {
            // Starts are paged over all chunks, so that all are read.
            for entry in chunks {
                self.chunk(entry, columns)?;
            }
            columns.starts.resize(mark.floats, 0);
            let mut left = columns.timestamps.len() - mark.floats;
            for extent in &starts.pages {
                let count = left.min(VALUES_MAX);
                self.starts(starts.unit, *extent, count, &mut columns.starts)?;
                left -= count;
            }
            columns.trim(mark, range);
            return Ok(chunks.len() as u64);
        }
        let mut decoded = 0;
        for entry in chunks.iter().filter(|entry| range.overlaps(&span(entry))) {
            self.chunk(entry, columns)?;
            decoded += 1;
        }
        if !columns.starts.is_empty() {
            columns.starts.resize(columns.timestamps.len(), 0);
        }
        columns.trim(mark, range);
        Ok(decoded)
    }

    /// Decodes a chunk and checks that it is the one which the index describes.
    pub(crate) fn chunk(
        &self,
        entry: &ChunkMeta,
        columns: &mut SeriesColumns,
    ) -> Result<(), BlockError> {
        let mark = columns.timestamps.len();
        let bytes = self.block.chunk_bytes(entry)?;
        let (path, series) = (|| self.block.data().path().to_owned(), self.series);
        let position = entry.position;
        chunk::decode(bytes, &mut columns.timestamps, &mut columns.values)
            .map_err(|source| BlockError::Chunk { path: path(), series, position, source })?;
        let timestamps = &columns.timestamps[mark..];
        let expected = timestamps.len() == entry.count as usize
            && timestamps.first() == Some(&entry.min_ts)
            && timestamps.last() == Some(&entry.max_ts)
            && timestamps.is_sorted();
        if expected {
            Ok(())
        } else {
            Err(BlockError::ChunkMismatch { path: path(), series, position })
        }
    }

    /// Appends the histograms within a span of time, and returns how many pages were decoded.
    pub(crate) fn histograms(
        &self,
        column: &Histograms,
        range: TimeRange,
        columns: &mut SeriesColumns,
    ) -> Result<u64, BlockError> {
        let times = self.column_times(column)?;
        let mark = columns.mark();
        let (mut start, mut decoded) = (0, 0);
        for (number, (_, count)) in column.pages.iter().enumerate() {
            let count = *count as usize;
            let times = &times[start..start + count];
            start += count;
            let overlaps = match times {
                [] => false,
                [first, .., last] => range.overlaps(&TimeRange::new(*first, *last)),
                [only] => range.contains(*only),
            };
            if !overlaps {
                continue;
            }
            self.histogram_page(column, number, times, &mut columns.histograms)?;
            decoded += 1;
        }
        columns.trim(ColumnsMark { floats: columns.timestamps.len(), ..mark }, range);
        Ok(decoded)
    }

    /// Decodes a page of histograms, whose times are known, with their starts.
    pub(crate) fn histogram_page(
        &self,
        column: &Histograms,
        number: usize,
        times: &[i64],
        out: &mut HistogramColumn,
    ) -> Result<(), BlockError> {
        let (known, count) = (out.timestamps.len(), times.len());
        let (extent, _) = column.pages[number];
        let bytes = self.block.data().bytes(extent.position, extent.bytes)?;
        page::decode_histograms(bytes, count, &mut out.values)
            .map_err(|source| self.page_error(extent.position, source))?;
        if out.values.len() != known + count {
            return Err(self.block.page_mismatch(self.series, extent.position));
        }
        out.timestamps.extend_from_slice(times);
        if let Some(extent) = column.starts.pages.get(number) {
            out.starts.resize(known, 0);
            self.starts(column.starts.unit, *extent, count, &mut out.starts)?;
        } else if !out.starts.is_empty() {
            out.starts.resize(known + count, 0);
        }
        Ok(())
    }

    /// All times of a column of histograms.
    pub(crate) fn column_times(&self, column: &Histograms) -> Result<Vec<i64>, BlockError> {
        let timeline = &column.timeline;
        let (first, count) = (column.first as usize, column.count as usize);
        let pages = first / VALUES_MAX..=(first + count - 1) / VALUES_MAX;
        let skip = first % VALUES_MAX;
        let mut times = Vec::new();
        let pages = timeline.pages.get(pages).ok_or_else(|| self.block.malformed_body())?;
        for page in pages {
            self.times(timeline.unit, page, &mut times)?;
        }
        times.truncate(skip + count);
        times.drain(..skip);
        Ok(times)
    }

    fn page_error(&self, position: u64, source: PageError) -> BlockError {
        let path = self.block.data().path().to_owned();
        BlockError::Page { path, series: self.series, position, source }
    }
}
