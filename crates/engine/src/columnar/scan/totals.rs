//! Totals of whole blocks: what a block holds of a selector never changes, so that it is added up once and
//! remembered.
//!
//! Invariant: a block counts as a whole only where all of it lies in the range and no other place has samples
//! in its span of time, so that nothing of it is a duplicate of something elsewhere.

use std::{collections::HashMap, fmt::Write as _, num::NonZeroUsize, thread};

use parking_lot::Mutex;
use timberline_model::{
    Cuts, PageUse, ScanError, Selector, SeriesColumns, SeriesScan, Stop, Streams, TimeRange,
    Totals, ValueSpan,
};

use super::{Places, streams};
use crate::{
    EngineError,
    columnar::{engine::Inner, live_block::LiveBlock},
};

/// Selectors that a block remembers, at most; all are forgotten when another one comes.
const SELECTORS_MAX: usize = 128;
/// A longer selector is not remembered.
const SELECTOR_BYTES_MAX: usize = 1_024;

/// The totals that are known of a block, by the selector as text; `None` where there are none, as of
/// histograms.
#[derive(Debug, Default)]
pub(in crate::columnar) struct TotalsMemo(Mutex<HashMap<String, Option<Totals>>>);

impl TotalsMemo {
    /// What is known, or what `make` finds out. Two who ask at once may both find out.
    fn get(
        &self,
        selector: &str,
        make: impl FnOnce() -> Result<Option<Totals>, ScanError>,
    ) -> Result<Option<Totals>, ScanError> {
        if let Some(known) = self.0.lock().get(selector) {
            return Ok(*known);
        }
        let made = make()?;
        if selector.len() <= SELECTOR_BYTES_MAX {
            let mut known = self.0.lock();
            if known.len() >= SELECTORS_MAX {
                known.clear();
            }
            known.insert(selector.to_owned(), made);
        }
        Ok(made)
    }
}

/// The totals of whole blocks, each within one bucket, and streams over the rest.
pub(in crate::columnar) fn totals(
    inner: &Inner,
    selector: &Selector,
    cuts: &Cuts,
    stop: &Stop,
    partitions: NonZeroUsize,
) -> Result<(Vec<Totals>, Streams), ScanError> {
    // As for any scan, the head is asked before the view is taken.
    let in_head = inner.head.unflushed_range();
    let mut places = Places::of(inner, selector.range)?;
    let ranges: Vec<TimeRange> =
        places.blocks.iter().map(LiveBlock::range).chain(in_head).collect();
    let is_alone =
        |range: TimeRange| ranges.iter().filter(|other| other.overlaps(&range)).count() == 1;
    let text = text(selector);
    let mut all = Vec::new();
    let mut rest = Vec::with_capacity(places.blocks.len());
    for block in std::mem::take(&mut places.blocks) {
        let range = block.range();
        let is_whole = selector.range.start <= range.start && range.end <= selector.range.end;
        let known = if is_whole && is_alone(range) && !cuts.is_within(range) {
            let make = || of_block(&places, &block, inner, selector, stop, partitions);
            block.totals().get(&text, make)?
        } else {
            None
        };
        match known {
            Some(totals) => {
                places.known.push(range);
                all.extend((totals.count > 0).then_some(totals));
            }
            None => rest.push(block),
        }
    }
    places.blocks = rest;
    Ok((all, streams(places, inner, selector, partitions)?))
}

/// The selector's conditions as text, to tell it from others.
fn text(selector: &Selector) -> String {
    selector.matchers.iter().fold(String::new(), |mut text, matcher| {
        // Names may have any characters, so they are quoted, too. Writing to a string does not fail.
        let (name, op, value) = (matcher.name(), matcher.op(), matcher.value());
        let _ = write!(text, "{name:?}{op}{value:?},");
        text
    })
}

/// Adds up one block; `None` where it has what totals are not made of.
fn of_block(
    places: &Places,
    block: &LiveBlock,
    inner: &Inner,
    selector: &Selector,
    stop: &Stop,
    partitions: NonZeroUsize,
) -> Result<Option<Totals>, ScanError> {
    let only =
        Places { blocks: vec![block.clone()], in_head: false, known: Vec::new(), ..places.clone() };
    let mut scans = streams(only, inner, selector, partitions)?.into_iter();
    let Some(first) = scans.next() else { return Ok(Some(Totals::NOTHING)) };
    // Threads for streams beside this one: of a large block there is a second.
    let parts: Vec<Result<Option<Totals>, ScanError>> = thread::scope(|scope| {
        let others: Vec<_> = scans.map(|scan| scope.spawn(|| add_up(scan, stop))).collect();
        let first = add_up(first, stop);
        let others = others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        std::iter::once(first).chain(others).collect()
    });
    let mut totals = Totals::NOTHING;
    for part in parts {
        match part? {
            Some(part) => totals.add(&part),
            None => return Ok(None),
        }
    }
    Ok(Some(totals))
}

fn add_up(mut scan: Box<dyn SeriesScan>, stop: &Stop) -> Result<Option<Totals>, ScanError> {
    // Pages in which values may be NaN come as floats.
    let wanted = PageUse { values: Some(ValueSpan::ALL), ..PageUse::default() };
    scan.take_figures(&wanted);
    scan.leave_labels_out();
    let (mut totals, mut columns) = (Totals::NOTHING, SeriesColumns::default());
    while scan.next(&mut columns)?.is_some() {
        stop.check().map_err(EngineError::from)?;
        let Some(of_series) = Totals::of_series(&columns) else { return Ok(None) };
        totals.add(&of_series);
    }
    Ok(Some(totals))
}
