//! Names, values and label sets, gathered from the blocks and the head.
//!
//! Names and values are answered by whole places, as Prometheus does: a block, or the head, that
//! overlaps the range answers for all of its series. What is answered is sorted and without repeats.
//!
//! Invariant: no more than twice what is answered, and the answer of one place, are held at once.

use timberline_block::Block;
use timberline_model::{LabelQuery, Labels, Matcher, SeriesRef, Stop};

use crate::{
    EngineError,
    columnar::{engine::Inner, head::Head, scan::Places},
};

/// Answers gathered before they are sorted, at least.
const PENDING_MIN: usize = 1 << 16;
/// Label sets read between two looks at whether to go on.
const SETS_PER_LOOK: usize = 4_096;

/// The names of labels.
pub(super) fn label_names(inner: &Inner, query: &LabelQuery) -> Result<Vec<String>, EngineError> {
    let in_block = |block: &Block, series: Option<&[u32]>| Ok(block.label_names(series)?);
    let in_head = |head: &Head, matchers: &[Matcher]| Ok(head.label_names(matchers));
    union(&Places::of(inner, query.range)?, query, in_block, in_head)
}

/// The values of a label.
pub(super) fn label_values(
    inner: &Inner,
    name: &str,
    query: &LabelQuery,
) -> Result<Vec<String>, EngineError> {
    let in_block = |block: &Block, series: Option<&[u32]>| Ok(block.label_values(name, series)?);
    let in_head = |head: &Head, matchers: &[Matcher]| Ok(head.label_values(name, matchers));
    union(&Places::of(inner, query.range)?, query, in_block, in_head)
}

/// The label sets of series with samples in the range.
pub(super) fn series(inner: &Inner, query: &LabelQuery) -> Result<Vec<Labels>, EngineError> {
    let places = Places::of(inner, query.range)?;
    let in_block = |block: &Block, series: Option<&[u32]>| sets_in(block, series, &query.stop);
    let in_head = |head: &Head, matchers: &[Matcher]| {
        let mut sets = Vec::new();
        let has_samples = |series: &SeriesRef| places.in_head(*series);
        for series in head.select(matchers).into_iter().filter(has_samples) {
            look(sets.len(), &query.stop)?;
            sets.extend(head.labels(series));
        }
        Ok(sets)
    };
    union(&places, query, in_block, in_head)
}

/// The labels of a block's series, or of some of them.
fn sets_in(block: &Block, series: Option<&[u32]>, stop: &Stop) -> Result<Vec<Labels>, EngineError> {
    let mut reader = block.label_reader();
    let mut sets = Vec::with_capacity(series.map_or(0, <[u32]>::len));
    let mut read = |series: u32| {
        look(sets.len(), stop)?;
        sets.push(reader.labels(series)?);
        Ok::<(), EngineError>(())
    };
    match series {
        None => (0..block.series_count()).try_for_each(&mut read)?,
        Some(series) => series.iter().copied().try_for_each(&mut read)?,
    }
    Ok(sets)
}

fn look(done: usize, stop: &Stop) -> Result<(), EngineError> {
    if done.is_multiple_of(SETS_PER_LOOK) {
        stop.check()?;
    }
    Ok(())
}

/// What all places answer, sorted, without repeats, and cut at the limit.
fn union<T: Ord>(
    places: &Places,
    query: &LabelQuery,
    in_block: impl Fn(&Block, Option<&[u32]>) -> Result<Vec<T>, EngineError>,
    in_head: impl Fn(&Head, &[Matcher]) -> Result<Vec<T>, EngineError>,
) -> Result<Vec<T>, EngineError> {
    let mut answers = Answers::new(query.limit);
    for block in places.blocks() {
        query.stop.check()?;
        let block = block.block();
        let series = selected(block, &query.selectors)?;
        if series.as_ref().is_none_or(|series| !series.is_empty()) {
            answers.add(in_block(block, series.as_deref())?);
        }
    }
    if let Some(head) = places.head() {
        let every: &[Vec<Matcher>] = &[Vec::new()];
        let selectors = if query.selectors.is_empty() { every } else { &query.selectors };
        for matchers in selectors {
            query.stop.check()?;
            answers.add(in_head(head, matchers)?);
        }
    }
    query.stop.check()?;
    Ok(answers.finish())
}

/// Answers being gathered.
struct Answers<T> {
    limit: usize,
    /// Sorted, without repeats, within the limit.
    settled: Vec<T>,
    pending: Vec<T>,
}

impl<T: Ord> Answers<T> {
    const fn new(limit: usize) -> Self {
        let limit = if limit == 0 { usize::MAX } else { limit };
        Self { limit, settled: Vec::new(), pending: Vec::new() }
    }

    fn add(&mut self, mut answers: Vec<T>) {
        self.pending.append(&mut answers);
        if self.pending.len() > self.settled.len().max(PENDING_MIN) {
            self.settle();
        }
    }

    /// Takes in what is pending. Both are made of sorted runs, which the standard library's sort finds.
    fn settle(&mut self) {
        self.settled.append(&mut self.pending);
        if !self.settled.is_sorted_by(|a, b| a < b) {
            self.settled.sort();
            self.settled.dedup();
        }
        self.settled.truncate(self.limit);
    }

    fn finish(mut self) -> Vec<T> {
        self.settle();
        self.settled
    }
}

/// The series of a block that any of the selectors picks, ascending; `None` stands for all.
pub(super) fn selected(
    block: &Block,
    selectors: &[Vec<Matcher>],
) -> Result<Option<Vec<u32>>, EngineError> {
    let Some((first, others)) = selectors.split_first() else { return Ok(None) };
    let mut series = block.select(first)?;
    for matchers in others {
        series.append(&mut block.select(matchers)?);
    }
    if !others.is_empty() {
        series.sort();
        series.dedup();
    }
    Ok(Some(series))
}

#[cfg(test)]
mod tests {
    //! Answers of many places become one.

    use super::*;

    #[test]
    fn answers_are_sorted_without_repeats_and_cut() {
        let gather = |limit: usize| {
            let mut answers = Answers::new(limit);
            for place in 0..5_u32 {
                answers.add((0..PENDING_MIN as u32 / 2).map(|n| n * 3 + place).collect());
            }
            answers.finish()
        };
        let all = gather(0);
        assert!(all.is_sorted_by(|a, b| a < b));
        assert_eq!(all.len(), PENDING_MIN / 2 * 3 + 2);
        assert_eq!(gather(10), (0..10).collect::<Vec<_>>());
    }
}
