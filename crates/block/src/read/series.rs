//! One series of a block: its body read once, its samples read as floats or as figures of pages.
//!
//! Invariant: figures are handed out only for pages whose floats have them exactly: whole pages of a
//! timeline on which no instant comes twice, without stale markers, of series without histograms.

use timberline_codec::page::PageStats;
use timberline_model::{PageFigures, SeriesColumns, TimeRange};

use super::{
    Block,
    bodies::{Body, FloatPage, Floats, Values},
    reading::Reading,
    samples::Reader,
};
use crate::BlockError;

/// A series of an open block.
#[derive(Debug)]
pub struct BlockSeries<'a> {
    reader: Reader<'a>,
    body: Body<'a>,
}

impl Block {
    /// Finds out where the pages of a series are.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn series(&self, series: u32) -> Result<BlockSeries<'_>, BlockError> {
        self.index().check_series(series)?;
        let body = self.index().body(series)?;
        Ok(BlockSeries { reader: Reader { block: self, series }, body })
    }
}

impl BlockSeries<'_> {
    /// A span in which all floats of the series lie, if it has any.
    #[must_use]
    pub fn float_span(&self) -> Option<TimeRange> {
        match &self.body.floats {
            Floats::None => None,
            Floats::Pages { unit, pages, .. } => {
                let (first, last) = (pages.first()?, pages.last()?);
                Some(TimeRange::new(first.times.min * unit, last.times.max * unit))
            }
            Floats::Chunks { chunks, .. } => {
                Some(TimeRange::new(chunks.first()?.min_ts, chunks.last()?.max_ts))
            }
        }
    }

    /// Whether the series has histograms.
    #[must_use]
    pub const fn has_histograms(&self) -> bool {
        self.body.histograms.is_some()
    }

    /// Appends the samples within a span of time, and counts the pages that were decoded: as
    /// [`Block::read`].
    ///
    /// # Errors
    /// Damage; the columns are as they were then.
    pub fn read(
        &self,
        range: TimeRange,
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), BlockError> {
        let mark = columns.mark();
        let result = self.read_all(range, columns, reading);
        if result.is_err() {
            columns.truncate(mark);
        }
        result
    }

    fn read_all(
        &self,
        range: TimeRange,
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), BlockError> {
        self.reader.floats(&self.body, range, columns, reading)?;
        if let Some(histograms) = &self.body.histograms {
            reading.counts.decoded += self.reader.histograms(histograms, range, columns)?;
        }
        Ok(())
    }

    /// The same, but leaves out the floats of pages whose figures are known and `wanted`, and appends
    /// these to [`SeriesColumns::pages`]. What is asked about lies within the span; floats before it that
    /// are in the columns already count for [`PageFigures::at`].
    ///
    /// # Errors
    /// Damage; the columns are as they were then.
    pub fn read_pages(
        &self,
        range: TimeRange,
        wanted: &mut dyn FnMut(&PageFigures) -> bool,
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), BlockError> {
        if !matches!(self.body.floats, Floats::Pages { .. }) || self.has_histograms() {
            return self.read(range, columns, reading);
        }
        let (mark, pages) = (columns.mark(), columns.pages.len());
        let result = self.read_each(range, wanted, columns, reading);
        if result.is_err() {
            columns.truncate(mark);
            columns.pages.truncate(pages);
        }
        result
    }

    fn read_each(
        &self,
        range: TimeRange,
        wanted: &mut dyn FnMut(&PageFigures) -> bool,
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), BlockError> {
        let Floats::Pages { timeline, unit, pages, starts } = &self.body.floats else {
            return Ok(());
        };
        let block = self.reader.block;
        let mut stored = self.body.stats();
        for (number, page) in pages.iter().enumerate() {
            let stats = match page.has_stats {
                true => Some(stored.next().flatten().ok_or_else(|| block.malformed_body())?),
                false => None,
            };
            let span = page.span(*unit);
            if span.start > range.end {
                return Ok(());
            }
            if !range.overlaps(&span) {
                continue;
            }
            let within = range.start <= span.start && span.end <= range.end;
            if let Some(mut figures) = figures(page, stats, span).filter(|_| within) {
                figures.at = columns.timestamps.len();
                if wanted(&figures) && block.strict().check(self.reader, *timeline)? {
                    columns.pages.push(figures);
                    reading.counts.skipped += 1;
                    continue;
                }
            }
            self.reader.page_in(range, *unit, page, (starts, number), columns, reading)?;
        }
        Ok(())
    }
}

/// What is known of a page without its floats, if that is enough to do without them.
fn figures(page: &FloatPage, stored: Option<PageStats>, range: TimeRange) -> Option<PageFigures> {
    if page.skip > 0 || page.count != page.times.count {
        // Its ends are not those of the page of timestamps.
        return None;
    }
    let stats = match page.values {
        Values::Constant(value) => PageStats::of_equal(value, page.count as usize),
        _ => stored?,
    };
    (stats.stale == 0 && stats.count > 0).then_some(PageFigures {
        at: 0,
        range,
        count: stats.count,
        first: stats.first,
        last: stats.last,
        min: stats.min,
        max: stats.max,
        sum: stats.sum,
        compensation: stats.compensation,
        is_integral: stats.is_integral,
        resets: stats.resets,
        drops: stats.drops,
    })
}
