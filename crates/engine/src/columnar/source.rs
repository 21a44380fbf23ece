//! The engine as a source of series: scans, and questions about labels over the head and the blocks.
//!
//! Names and values are answered by whole places, as Prometheus does: a block, or the head, that
//! overlaps the range answers for all of its series.

use std::{collections::BTreeSet, num::NonZeroUsize};

use timberline_block::Block;
use timberline_model::{
    LabelQuery, Labels, Matcher, ScanError, Selector, SeriesExemplars, SeriesScan, SeriesSource,
};

use super::{
    engine::{Engine, Inner},
    head::Head,
    scan::{Places, scan, scan_sorted},
};
use crate::EngineError;

mod exemplars;

impl SeriesSource for Engine {
    fn scan(
        &self,
        selector: &Selector,
        partitions: NonZeroUsize,
    ) -> Result<Vec<Box<dyn SeriesScan>>, ScanError> {
        Ok(scan(&self.inner, selector, partitions)?)
    }

    fn scan_sorted(
        &self,
        selector: &Selector,
        series_max: usize,
    ) -> Result<Box<dyn SeriesScan>, ScanError> {
        scan_sorted(&self.inner, selector, series_max)
    }

    fn label_names(&self, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        let in_block = |block: &Block, series: Option<&[u32]>| Ok(block.label_names(series)?);
        let in_head = |head: &Head, matchers: &[Matcher]| head.label_names(matchers);
        Ok(union(&self.inner, query, in_block, in_head)?)
    }

    fn label_values(&self, name: &str, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        let in_block =
            |block: &Block, series: Option<&[u32]>| Ok(block.label_values(name, series)?);
        let in_head = |head: &Head, matchers: &[Matcher]| head.label_values(name, matchers);
        Ok(union(&self.inner, query, in_block, in_head)?)
    }

    fn series(&self, query: &LabelQuery) -> Result<Vec<Labels>, ScanError> {
        let places = Places::of(&self.inner, query.range)?;
        let in_head = |head: &Head, matchers: &[Matcher]| {
            let found = head.select(matchers).into_iter().filter(|series| places.in_head(*series));
            found.map(|series| head.labels(series)).collect()
        };
        Ok(union_of(&places, query, label_sets, in_head)?)
    }

    fn exemplars(&self, query: &LabelQuery) -> Result<Vec<SeriesExemplars>, ScanError> {
        Ok(exemplars::exemplars(&self.inner, query)?)
    }
}

/// The labels of a block's series, or of some of them.
fn label_sets(block: &Block, series: Option<&[u32]>) -> Result<Vec<Labels>, EngineError> {
    let labels = |ordinal: u32| Ok(block.labels(ordinal)?);
    match series {
        None => (0..block.series_count()).map(labels).collect(),
        Some(series) => series.iter().copied().map(labels).collect(),
    }
}

fn union<T: Ord>(
    inner: &Inner,
    query: &LabelQuery,
    in_block: impl Fn(&Block, Option<&[u32]>) -> Result<Vec<T>, EngineError>,
    in_head: impl Fn(&Head, &[Matcher]) -> Vec<T>,
) -> Result<Vec<T>, EngineError> {
    union_of(&Places::of(inner, query.range)?, query, in_block, in_head)
}

/// What all places answer, sorted, without repeats, and cut at the limit.
fn union_of<T: Ord>(
    places: &Places,
    query: &LabelQuery,
    in_block: impl Fn(&Block, Option<&[u32]>) -> Result<Vec<T>, EngineError>,
    in_head: impl Fn(&Head, &[Matcher]) -> Vec<T>,
) -> Result<Vec<T>, EngineError> {
    let mut answers = BTreeSet::new();
    for block in places.blocks() {
        let block = block.block();
        let series = selected(block, &query.selectors)?;
        answers.extend(in_block(block, series.as_deref())?);
    }
    if let Some(head) = places.head() {
        let every: &[Vec<Matcher>] = &[Vec::new()];
        let selectors = if query.selectors.is_empty() { every } else { &query.selectors };
        for matchers in selectors {
            answers.extend(in_head(head, matchers));
        }
    }
    let limit = if query.limit == 0 { usize::MAX } else { query.limit };
    Ok(answers.into_iter().take(limit).collect())
}

/// The series of a block that any of the selectors picks, ascending; `None` stands for all.
fn selected(block: &Block, selectors: &[Vec<Matcher>]) -> Result<Option<Vec<u32>>, EngineError> {
    if selectors.is_empty() {
        return Ok(None);
    }
    let mut series = Vec::new();
    for matchers in selectors {
        series.append(&mut block.select(matchers)?);
    }
    series.sort_unstable();
    series.dedup();
    Ok(Some(series))
}
