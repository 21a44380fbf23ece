//! One stream of a scan: series after series, each merged from its places.
//!
//! Invariant: figures stand for a page only where no other sample of the series, from whatever place, lies
//! in the span of the page.

use std::{ops::Range, sync::Arc};

use timberline_block::Reading;
use timberline_model::{
    ColumnsMark, Labels, PageCounts, PageFigures, PageUse, ScanError, SeriesColumns, SeriesRef,
    SeriesScan, TimeRange,
};

use super::{
    Found, Places,
    labels_ahead::LabelsAhead,
    picked::{Joined, Picked},
};
use crate::{
    EngineError,
    columnar::{
        live_block::LiveSeries,
        merge::{keep_by_policy, settle_inputs},
    },
};

/// One stream.
pub(super) struct Stream {
    picked: Arc<Picked>,
    /// Which of the streams this is.
    number: usize,
    /// The series, and which of them are still to come; `None` until the first is asked for.
    joined: Option<(Arc<Joined>, Range<usize>)>,
    /// Which pages the reader takes as figures; `None` where it wants all samples.
    wanted: Option<Arc<PageUse>>,
    /// What the head has of a series.
    in_memory: SeriesColumns,
    /// Where each place's samples of a series end.
    ends: Vec<ColumnsMark>,
    reading: Reading,
    ahead: LabelsAhead,
    leaves_labels_out: bool,
    /// The group that was given last.
    last: usize,
}

impl Stream {
    /// One of the streams that share what was picked.
    pub(super) fn new(picked: Arc<Picked>, number: usize) -> Self {
        Self {
            picked,
            number,
            joined: None,
            wanted: None,
            in_memory: SeriesColumns::default(),
            ends: Vec::new(),
            reading: Reading::default(),
            ahead: LabelsAhead::default(),
            leaves_labels_out: false,
            last: usize::MAX,
        }
    }

    /// The next series, and where this stream's end.
    fn next_group(&mut self) -> Result<Option<(Arc<Joined>, usize, usize)>, EngineError> {
        if self.joined.is_none() {
            let joined = self.picked.join()?;
            let rest = self.picked.share(self.number, joined.groups.len());
            self.joined = Some((joined, rest));
        }
        let Some((joined, rest)) = &mut self.joined else { return Ok(None) };
        Ok(rest.next().map(|group| (Arc::clone(joined), group, rest.end)))
    }

    /// Reads one series from all its places.
    fn read(
        &mut self,
        places: &Places,
        group: &[Found],
        columns: &mut SeriesColumns,
    ) -> Result<(), EngineError> {
        self.reading.begin();
        if let Some(wanted) = self.wanted.clone() {
            return self.read_pages(places, group, &wanted, columns);
        }
        self.ends.clear();
        for found in group {
            places.read(*found, columns, &mut self.reading)?;
            self.ends.push(columns.mark());
        }
        if self.is_settled(columns) {
            return Ok(());
        }
        match group {
            // A block may be older than the policy.
            [_] => keep_by_policy(columns, ColumnsMark::default(), places.policy),
            _ => settle_inputs(columns, ColumnsMark::default(), &self.ends, places.policy),
        }
        Ok(())
    }

    /// Whether nothing is left to be done for the order of samples, as is known without looking.
    fn is_settled(&self, columns: &SeriesColumns) -> bool {
        self.reading.ascends() && columns.histograms.is_empty()
    }

    /// The same, with figures in place of pages that the reader takes so.
    fn read_pages(
        &mut self,
        places: &Places,
        group: &[Found],
        wanted: &PageUse,
        columns: &mut SeriesColumns,
    ) -> Result<(), EngineError> {
        self.in_memory.clear();
        let mut opened = Vec::with_capacity(group.len());
        for found in group {
            match places.blocks.get(found.place as usize) {
                Some(block) => opened.push(block.series(found.id as u32)?),
                // The head is the last of the places.
                None => places.read(*found, &mut self.in_memory, &mut self.reading)?,
            }
        }
        // Of the places that are blocks: where their floats lie.
        let spans: Vec<Option<TimeRange>> = opened.iter().map(LiveSeries::float_span).collect();
        let has_histograms =
            opened.iter().any(LiveSeries::has_histograms) || !self.in_memory.histograms.is_empty();
        self.ends.clear();
        for (index, series) in opened.iter().enumerate() {
            let alone = |page: &PageFigures| {
                let mut others = spans.iter().enumerate().filter(|(other, _)| *other != index);
                let overlaps =
                    others.any(|(_, span)| span.is_some_and(|span| span.overlaps(&page.range)));
                !has_histograms && !overlaps && !has_instant(&self.in_memory.timestamps, page.range)
            };
            let mut take = |page: &PageFigures| wanted.takes(page) && alone(page);
            series.read_pages(places.range, &mut take, columns, &mut self.reading)?;
            self.ends.push(columns.mark());
        }
        columns.append(&mut self.in_memory);
        self.ends.push(columns.mark());
        if !self.is_settled(columns) {
            settle_inputs(columns, ColumnsMark::default(), &self.ends, places.policy);
        }
        let mut pages = std::mem::take(&mut columns.pages);
        pages.sort_unstable_by_key(|page| page.range.start);
        for page in &mut pages {
            page.at = columns.timestamps.partition_point(|ts| *ts < page.range.start);
        }
        columns.pages = pages;
        Ok(())
    }
}

/// Whether one of some ascending instants lies in a range.
fn has_instant(instants: &[i64], range: TimeRange) -> bool {
    let first = instants.partition_point(|ts| *ts < range.start);
    instants.get(first).is_some_and(|ts| range.contains(*ts))
}

impl SeriesScan for Stream {
    fn next(&mut self, columns: &mut SeriesColumns) -> Result<Option<Labels>, ScanError> {
        while let Some((joined, index, end)) = self.next_group()? {
            let group = joined.groups[index].clone();
            let group = &joined.found[group.start as usize..group.end as usize];
            columns.clear();
            self.read(&joined.places, group, columns)?;
            if !columns.is_empty() {
                self.last = index;
                if self.leaves_labels_out {
                    return Ok(Some(Labels::empty()));
                }
                if let Some(labels) = joined.labels.get(index) {
                    return Ok(Some(labels.clone()));
                }
                let labels = self.ahead.take(&joined, index, end)?;
                return Ok(Some(labels.expect("a series stays while it has samples")));
            }
        }
        Ok(None)
    }

    fn leave_labels_out(&mut self) {
        self.leaves_labels_out = true;
    }

    fn take_figures(&mut self, wanted: &PageUse) {
        self.wanted = Some(Arc::new(wanted.clone()));
    }

    fn labels(&mut self) -> Result<Option<Labels>, ScanError> {
        let Some((joined, _)) = &self.joined else { return Ok(None) };
        let Joined { labels, groups, found, places } = &**joined;
        if let Some(labels) = labels.get(self.last) {
            return Ok(Some(labels.clone()));
        }
        let Some(group) = groups.get(self.last) else { return Ok(None) };
        Ok(places.labels(found[group.start as usize])?)
    }

    fn series_count_max(&self) -> usize {
        self.joined.as_ref().map_or_else(|| self.picked.series_max(), |(_, rest)| rest.len())
    }

    fn page_counts(&self) -> PageCounts {
        self.reading.counts
    }
}

impl Places {
    /// Appends the samples that one place has of a series.
    fn read(
        &self,
        found: Found,
        columns: &mut SeriesColumns,
        reading: &mut Reading,
    ) -> Result<(), EngineError> {
        match self.blocks.get(found.place as usize) {
            Some(block) => block.series(found.id as u32)?.read(self.range, columns, reading)?,
            None => {
                let series = SeriesRef(found.id);
                let epochs = (self.view.flushed, self.upto);
                let mark = columns.mark();
                self.head.read_upto(series, self.range, epochs, columns);
                // As a rule all that is in memory is later than the blocks.
                let known_end = self.known.iter().map(|known| known.end).max();
                let reaches_back = |times: &[i64], at: usize| {
                    times.get(at).zip(known_end).is_some_and(|(first, end)| *first <= end)
                };
                if reaches_back(&columns.timestamps, mark.floats)
                    || reaches_back(&columns.histograms.timestamps, mark.histograms)
                {
                    columns.retain(mark, |ts| !self.known.iter().any(|known| known.contains(ts)));
                }
                if columns.timestamps.len() > mark.floats {
                    reading.append_unknown();
                }
            }
        }
        Ok(())
    }
}
