//! Exemplars of one series in the head: those that are in no block yet, and the newest for ever.
//!
//! What is in the log is kept, whatever its order: the commit decides before it logs which exemplars
//! are taken, so that a replay needs to decide nothing.

use timberline_model::{Exemplar, TimeRange, limits};

use super::epoch::{Epoch, EpochSpan};

/// The exemplars of one series.
#[derive(Debug)]
pub(super) struct Exemplars {
    /// Outlives the others, so that a sender that repeats it is recognized.
    newest: Exemplar,
    /// In order of arrival, and so of their epochs.
    held: Vec<(Epoch, Exemplar)>,
}

/// What becomes of an exemplar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExemplarFate {
    /// It is to be logged and kept.
    New,
    /// It is there already: a sender repeats itself.
    Known,
    /// It is older than the newest of its series.
    OutOfOrder,
    /// Its series has as many as it may until the next flush.
    TooMany,
}

impl Exemplars {
    pub(super) const fn new(first: Exemplar) -> Self {
        Self { newest: first, held: Vec::new() }
    }

    /// Adds one; returns the bytes that it takes.
    pub(super) fn push(&mut self, exemplar: Exemplar, epoch: Epoch) -> u64 {
        if exemplar.ts >= self.newest.ts {
            self.newest = exemplar.clone();
        }
        let bytes = held_bytes(&exemplar);
        self.held.push((epoch, exemplar));
        bytes
    }

    /// The instant of the newest, which may have gone.
    pub(super) const fn newest_ts(&self) -> i64 {
        self.newest.ts
    }

    /// Whether all of them are in blocks.
    pub(super) const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// What is to become of one that comes after `more` others that are not here yet.
    pub(super) fn fate(&self, exemplar: &Exemplar, more: usize) -> ExemplarFate {
        if *exemplar == self.newest {
            return ExemplarFate::Known;
        }
        if exemplar.ts <= self.newest.ts && self.held.iter().any(|(_, held)| held == exemplar) {
            return ExemplarFate::Known;
        }
        if exemplar.ts < self.newest.ts {
            return ExemplarFate::OutOfOrder;
        }
        if self.held.len() + more >= limits::EXEMPLARS_PER_SERIES_MAX {
            return ExemplarFate::TooMany;
        }
        ExemplarFate::New
    }

    pub(super) fn has_any(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        self.held.iter().any(|(epoch, held)| epochs.contains(*epoch) && range.contains(held.ts))
    }

    /// Those of some epochs in a range, ascending by time and without repeats.
    pub(super) fn read(&self, range: &TimeRange, epochs: &EpochSpan) -> Vec<Exemplar> {
        let wanted =
            |entry: &&(Epoch, Exemplar)| epochs.contains(entry.0) && range.contains(entry.1.ts);
        let mut found: Vec<Exemplar> =
            self.held.iter().filter(wanted).map(|(_, held)| held.clone()).collect();
        found.sort_by_key(|exemplar| exemplar.ts);
        // Repeats have one time, but others may stand between them.
        let mut kept: Vec<Exemplar> = Vec::with_capacity(found.len());
        for exemplar in found {
            let same_time = kept.iter().rev().take_while(|other| other.ts == exemplar.ts);
            if !same_time.into_iter().any(|other| *other == exemplar) {
                kept.push(exemplar);
            }
        }
        kept
    }

    /// Lets go of those of `upto` and older epochs; returns the bytes that this frees.
    pub(super) fn release(&mut self, upto: Epoch, garbage: &mut Vec<Exemplar>) -> u64 {
        let gone = self.held.partition_point(|(epoch, _)| *epoch <= upto);
        let mut bytes = 0;
        garbage.extend(self.held.drain(..gone).map(|(_, exemplar)| {
            bytes += held_bytes(&exemplar);
            exemplar
        }));
        if self.held.is_empty() {
            self.held = Vec::new();
        }
        bytes
    }
}

/// Bytes that an exemplar takes, about.
fn held_bytes(exemplar: &Exemplar) -> u64 {
    (size_of::<(Epoch, Exemplar)>() + exemplar.labels.as_bytes().len() + 2 * size_of::<usize>())
        as u64
}
