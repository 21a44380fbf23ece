//! Groups of an aggregation: the labels by which series fall together.

use std::collections::HashMap;

use timberline_model::Labels;

use super::{
    column::Series,
    error::EvalError,
    labels::{encode_kept, is_reserved},
};
use crate::ast::Aggregate;

/// Gives every series the number of its group.
pub(super) struct Grouping<'a> {
    aggregate: &'a Aggregate,
    /// Labels of the metric count as dropped already.
    nameless: bool,
    bytes: Vec<u8>,
    places: HashMap<Vec<u8>, usize>,
    labels: Vec<Labels>,
}

impl<'a> Grouping<'a> {
    pub(super) fn new(aggregate: &'a Aggregate, nameless: bool) -> Self {
        Self { aggregate, nameless, bytes: Vec::new(), places: HashMap::new(), labels: Vec::new() }
    }

    /// The group of a series; the next free number if it is the first of its group.
    pub(super) fn of(&mut self, labels: &Labels) -> Result<usize, EvalError> {
        self.bytes.clear();
        let Aggregate { without, grouping, .. } = self.aggregate;
        if *without || !grouping.is_empty() {
            encode_kept(labels, &mut self.bytes, |name| {
                let listed = grouping.iter().any(|label| label == name);
                let kept = if *without { !listed && !is_reserved(name) } else { listed };
                kept && !(self.nameless && is_reserved(name))
            });
        }
        self.place()
    }

    /// The group with these labels.
    pub(super) fn of_group(&mut self, labels: &Labels) -> Result<usize, EvalError> {
        self.bytes.clear();
        self.bytes.extend_from_slice(labels.as_bytes());
        self.place()
    }

    fn place(&mut self) -> Result<usize, EvalError> {
        if let Some(place) = self.places.get(self.bytes.as_slice()) {
            return Ok(*place);
        }
        let place = self.labels.len();
        self.labels.push(Labels::from_bytes(&self.bytes)?);
        self.places.insert(self.bytes.clone(), place);
        Ok(place)
    }

    /// The labels of all groups.
    pub(super) fn into_labels(self) -> Vec<Labels> {
        self.labels
    }
}

/// The series of one group, as places in their vector.
pub(super) struct Members {
    pub(super) labels: Labels,
    pub(super) places: Vec<usize>,
}

/// Splits a vector into groups, in order of their first series.
pub(super) fn members(aggregate: &Aggregate, series: &[Series]) -> Result<Vec<Members>, EvalError> {
    let mut grouping = Grouping::new(aggregate, false);
    let mut places: Vec<Vec<usize>> = Vec::new();
    for (place, one) in series.iter().enumerate() {
        let group = grouping.of(&one.labels)?;
        if group == places.len() {
            places.push(Vec::new());
        }
        places[group].push(place);
    }
    let labels = grouping.into_labels();
    Ok(labels.into_iter().zip(places).map(|(labels, places)| Members { labels, places }).collect())
}
