//! Exemplars: single observations that stand for a sample, usually with the trace they came from.

use crate::{Labels, limits};

/// One exemplar of a series.
#[derive(Clone, Debug)]
pub struct Exemplar {
    /// Its own labels (`trace_id`, for example); there may be none.
    pub labels: Labels,
    /// What was observed.
    pub value: f64,
    /// Nanoseconds since the Unix epoch.
    pub ts: i64,
}

impl Exemplar {
    /// Whether its labels are within [`limits::EXEMPLAR_LABELS_CHARS_MAX`], the limit of OpenMetrics.
    #[must_use]
    pub fn labels_fit(&self) -> bool {
        let chars = |text: &str| text.chars().count();
        let all: usize = self.labels.iter().map(|(name, value)| chars(name) + chars(value)).sum();
        all <= limits::EXEMPLAR_LABELS_CHARS_MAX
    }
}

impl PartialEq for Exemplar {
    /// Every bit counts.
    fn eq(&self, other: &Self) -> bool {
        self.ts == other.ts
            && self.value.to_bits() == other.value.to_bits()
            && self.labels == other.labels
    }
}

impl Eq for Exemplar {}

/// The exemplars of one series, ascending by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesExemplars {
    /// The series.
    pub labels: Labels,
    /// Its exemplars.
    pub exemplars: Vec<Exemplar>,
}
