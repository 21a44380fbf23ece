//! What a function of windows has to tell about one series: each thing once, however many windows.

use super::{
    evaluator::Evaluator,
    notes::{Gravity, Notes},
};
use crate::{ast::Span, quote::quote};

/// Something met in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RangeNote {
    /// Floats and histograms, where they do not go together.
    MixedKinds,
    /// Exponential and custom buckets.
    MixedSchemas,
    /// Histograms among floats, which are left out.
    HistogramsIgnored,
    /// A gauge where a counter was wanted.
    NotCounter,
    /// A counter where a gauge was wanted.
    NotGauge,
    /// Starts of counting that lie before the sample before.
    StartsOverlap,
    /// Reset hints that contradict each other.
    ResetsContradict,
    /// Custom buckets with different bounds, in an operation of this name.
    BoundsReconciled(&'static str),
}

/// What was met in the windows of a series.
#[derive(Debug, Default)]
pub(super) struct RangeNotes(Vec<RangeNote>);

impl RangeNotes {
    pub(super) fn add(&mut self, note: RangeNote) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// Puts the notes among those of the query. `place` is where the range stands.
    pub(super) fn tell(&mut self, name: &str, place: Span, notes: &mut Notes) {
        for note in self.0.drain(..) {
            let (gravity, message) = note.message(name);
            notes.add(gravity, message, place);
        }
    }
}

impl RangeNote {
    fn message(self, name: &str) -> (Gravity, String) {
        let name = quote(name);
        match self {
            Self::MixedKinds => (
                Gravity::Warning,
                format!("encountered a mix of histograms and floats for metric name {name}"),
            ),
            Self::MixedSchemas => (Gravity::Warning, mixed_schemas(&name)),
            Self::HistogramsIgnored => (
                Gravity::Info,
                format!(
                    "ignored histograms in a range containing both floats and histograms for \
                     metric name {name}"
                ),
            ),
            Self::NotCounter => {
                (Gravity::Warning, format!("this native histogram metric is not a counter: {name}"))
            }
            Self::NotGauge => {
                (Gravity::Warning, format!("this native histogram metric is not a gauge: {name}"))
            }
            Self::StartsOverlap => (Gravity::Warning, overlapping_starts(&name)),
            Self::ResetsContradict => (Gravity::Warning, contradicting_resets("aggregation")),
            Self::BoundsReconciled(operation) => (Gravity::Info, reconciled_bounds(operation)),
        }
    }
}

/// Exponential and custom buckets among the histograms of a metric, whose name is quoted.
pub(super) fn mixed_schemas(quoted_name: &str) -> String {
    format!(
        "vector contains a mix of histograms with exponential and custom buckets schemas for metric \
         name {quoted_name}"
    )
}

/// Samples that began to count before the sample before them, of a metric whose name is quoted.
pub(super) fn overlapping_starts(quoted_name: &str) -> String {
    format!(
        "sample has start time that overlaps with previous sample timestamp for metric {quoted_name}"
    )
}

/// Reset hints that contradict each other, in an operation.
pub(super) fn contradicting_resets(operation: &str) -> String {
    format!("conflicting counter resets during histogram {operation}")
}

/// Custom buckets with different bounds, in an operation.
pub(super) fn reconciled_bounds(operation: &str) -> String {
    format!("mismatched custom buckets were reconciled during {operation}")
}

impl Evaluator<'_> {
    /// Keeps what was met in the windows of a series.
    pub(super) fn note_range(&self, mut found: RangeNotes, name: &str, place: Span) {
        let mut notes = Notes::default();
        found.tell(name, place, &mut notes);
        self.add_notes(notes);
    }
}
