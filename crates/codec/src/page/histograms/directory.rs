//! Which layouts a page's histograms have, and which columns follow from them.
//!
//! Histograms of a series gain buckets as time goes by, so that their layouts differ while most of their
//! buckets are the same. So a column is not of a layout but of a bucket: it has the counts of all
//! histograms of one schema that have the bucket, in their order. Nothing about columns is stored;
//! reader and writer work them out from the layouts.

use std::collections::HashMap;

use timberline_model::{BucketSpan, Histogram, HistogramError};

use super::HISTOGRAM_CELLS_MAX;
use crate::{
    CodecError,
    histogram::{Layout, put_layout, take_layout},
    page::{PageError, cursor::Cursor},
    varint::put_uvarint,
};

/// A layout, and whether the counts are floats.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) is_float: bool,
    pub(super) layout: Layout,
    /// The column of each bucket, positive ones first.
    pub(super) columns: Vec<usize>,
    /// Histograms of this kind.
    members: usize,
}

impl Kind {
    fn take(bytes: &mut &[u8]) -> Result<Self, PageError> {
        let (flag, rest) = bytes.split_first().ok_or(PageError::Cut { field: "layouts" })?;
        if *flag > 1 {
            let (field, value) = ("layout flag", u64::from(*flag));
            return Err(PageError::Range { field, value, max: 1 });
        }
        *bytes = rest;
        let layout = take_layout(bytes).map_err(PageError::Histogram)?;
        Ok(Self { is_float: *flag == 1, layout, columns: Vec::new(), members: 0 })
    }

    /// As [`super::cells_of`] a histogram of this kind.
    const fn cells(&self) -> usize {
        let Layout { positive_count, negative_count, .. } = self.layout;
        let spans = self.layout.positive_spans.len() + self.layout.negative_spans.len();
        positive_count + negative_count + spans + self.layout.custom_values.len()
    }
}

/// A bucket, by what it counts: columns lie in the order of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bucket {
    pub(super) is_float: bool,
    schema: i8,
    is_negative: bool,
    index: i32,
}

/// What a page's histograms look like.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) kinds: Vec<Kind>,
    /// The kind of each histogram.
    pub(super) members: Vec<u16>,
    /// The bucket of each column.
    pub(super) buckets: Vec<Bucket>,
    /// Where each column begins when all lie behind each other, and the end of the last.
    pub(super) starts: Vec<usize>,
}

impl Directory {
    /// Looks at the histograms, and appends what it finds.
    pub(super) fn write(histograms: &[Histogram], bytes: &mut Vec<u8>) -> Result<Self, PageError> {
        let (mut known, mut layouts) = (HashMap::new(), Vec::new());
        let mut members: Vec<u16> = Vec::with_capacity(histograms.len());
        for (index, histogram) in histograms.iter().enumerate() {
            let before =
                index.checked_sub(1).filter(|before| is_alike(&histograms[*before], histogram));
            let member = match before {
                Some(before) => members[before],
                None => {
                    let mut layout = vec![u8::from(histogram.is_float())];
                    put_layout(histogram, &mut layout);
                    // Not more than histograms, of which there are 1,024 at most.
                    let next = layouts.len() as u16;
                    *known.entry(layout.clone()).or_insert_with(|| {
                        layouts.push(layout);
                        next
                    })
                }
            };
            members.push(member);
        }
        put_uvarint(bytes, layouts.len() as u64);
        let mut kinds = Vec::with_capacity(layouts.len());
        for layout in &layouts {
            bytes.extend_from_slice(layout);
            kinds.push(Kind::take(&mut layout.as_slice())?);
        }
        if layouts.len() > 1 {
            for run in members.chunk_by(|a, b| a == b) {
                put_uvarint(bytes, u64::from(run[0]));
                put_uvarint(bytes, run.len() as u64 - 1);
            }
        }
        Self::new(kinds, members)
    }

    /// Reads what [`Directory::write`] appended.
    pub(super) fn read(cursor: &mut Cursor<'_>, count: usize) -> Result<Self, PageError> {
        let layout_count = cursor.count(1, count)?;
        let mut bytes = cursor.remaining();
        let (mut kinds, mut cells) = (Vec::new(), 0);
        for _ in 0..layout_count {
            let kind = Kind::take(&mut bytes)?;
            cells += kind.cells();
            within_cells(cells)?;
            kinds.push(kind);
        }
        *cursor = Cursor::new(bytes);
        let mut members: Vec<u16> = Vec::with_capacity(count);
        if layout_count == 1 {
            members.resize(count, 0);
        }
        let mut seen = 0;
        while members.len() < count {
            let index = cursor.uvarint("layout")?;
            // Layouts are numbered as they come up, so that each has a histogram.
            let max = seen.min(layout_count as u64 - 1);
            if index > max {
                return Err(PageError::Range { field: "layout", value: index, max });
            }
            seen = seen.max(index + 1);
            let run = cursor.count(0, count - members.len() - 1)? + 1;
            members.resize(members.len() + run, index as u16);
        }
        if layout_count > 1 && seen != layout_count as u64 {
            let (value, max) = (layout_count as u64, seen);
            return Err(PageError::Range { field: "layouts", value, max });
        }
        Self::new(kinds, members)
    }

    fn new(mut kinds: Vec<Kind>, members: Vec<u16>) -> Result<Self, PageError> {
        for member in &members {
            kinds[usize::from(*member)].members += 1;
        }
        within_cells(kinds.iter().map(|kind| kind.cells() * kind.members).sum())?;
        let mut found = Vec::with_capacity(kinds.len());
        for kind in &kinds {
            found.push(buckets_of(kind)?);
        }
        let mut buckets = found.concat();
        buckets.sort_unstable();
        buckets.dedup();
        let mut starts = vec![0; buckets.len() + 1];
        for (kind, found) in kinds.iter_mut().zip(found) {
            let place = |bucket: &Bucket| buckets.partition_point(|other| other < bucket);
            kind.columns = found.iter().map(place).collect();
            for column in &kind.columns {
                starts[column + 1] += kind.members;
            }
        }
        for column in 1..starts.len() {
            starts[column] += starts[column - 1];
        }
        Ok(Self { kinds, members, buckets, starts })
    }

    /// The kind of each histogram, in their order.
    pub(super) fn kinds_in_order(&self) -> impl Iterator<Item = &Kind> {
        self.members.iter().map(|member| &self.kinds[usize::from(*member)])
    }

    /// How many histograms have float counts.
    pub(super) fn float_count(&self) -> usize {
        self.kinds.iter().filter(|kind| kind.is_float).map(|kind| kind.members).sum()
    }
}

fn within_cells(cells: usize) -> Result<(), PageError> {
    let (value, max) = (cells as u64, HISTOGRAM_CELLS_MAX as u64);
    if value > max { Err(PageError::Range { field: "cells", value, max }) } else { Ok(()) }
}

/// The buckets that a kind's spans cover, positive ones first, each once.
fn buckets_of(kind: &Kind) -> Result<Vec<Bucket>, PageError> {
    let Layout { schema, positive_spans, negative_spans, .. } = &kind.layout;
    let mut buckets = Vec::with_capacity(kind.layout.positive_count + kind.layout.negative_count);
    for (is_negative, spans) in [(false, positive_spans), (true, negative_spans)] {
        let bucket =
            |index| Bucket { is_float: kind.is_float, schema: *schema, is_negative, index };
        for_each_index(spans, |index| buckets.push(bucket(index))).ok_or_else(|| {
            let side = if is_negative { "negative" } else { "positive" };
            PageError::Histogram(CodecError::Histogram(HistogramError::SpanOffset { side }))
        })?;
    }
    Ok(buckets)
}

/// Visits the indexes of spans; `None` when they run backwards or out of range.
fn for_each_index(spans: &[BucketSpan], mut visit: impl FnMut(i32)) -> Option<()> {
    let mut end = 0_i64;
    for (place, span) in spans.iter().enumerate() {
        if place > 0 && span.offset < 0 {
            return None;
        }
        end += i64::from(span.offset);
        for _ in 0..span.length {
            visit(i32::try_from(end).ok()?);
            end += 1;
        }
    }
    Some(())
}

/// Whether two histograms have the same layout, to the bit.
fn is_alike(a: &Histogram, b: &Histogram) -> bool {
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
    a.is_float() == b.is_float()
        && a.schema == b.schema
        && same((&a.zero_threshold, &b.zero_threshold))
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && a.custom_values.len() == b.custom_values.len()
        && a.custom_values.iter().zip(&b.custom_values).all(same)
}
