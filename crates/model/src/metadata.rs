//! What is known of a metric beside its samples: its type, unit and help.

use std::{fmt, str::FromStr};

use crate::UnknownPolicy;

/// The type of a metric. The numbers are those of remote write 2.0 and of what is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MetricKind {
    /// Not said.
    #[default]
    Unknown = 0,
    /// Only rises, save for resets.
    Counter = 1,
    /// Goes up and down.
    Gauge = 2,
    /// A distribution of observations, classic or native.
    Histogram = 3,
    /// A distribution of current states.
    GaugeHistogram = 4,
    /// Quantiles computed by the source.
    Summary = 5,
    /// Facts in labels.
    Info = 6,
    /// One of several states.
    StateSet = 7,
}

impl MetricKind {
    /// All of them, by their numbers.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Counter,
        Self::Gauge,
        Self::Histogram,
        Self::GaugeHistogram,
        Self::Summary,
        Self::Info,
        Self::StateSet,
    ];

    /// The kind of a number, if it has one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The name that Prometheus' API and the text formats use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for MetricKind {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        // "untyped" is what the older text format says for unknown.
        let name_known = if name == "untyped" { "unknown" } else { name };
        Self::ALL.into_iter().find(|kind| kind.name() == name_known).ok_or_else(|| UnknownPolicy {
            what: "metric type",
            name: name.to_owned(),
            expected: "unknown, counter, gauge, histogram, gaugehistogram, summary, info, stateset",
        })
    }
}

/// What is known of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its type.
    pub kind: MetricKind,
    /// Its unit; empty if not said.
    pub unit: String,
    /// What it means, in words; empty if not said.
    pub help: String,
}

/// Metadata with the name of the metric family that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyMetadata {
    /// The metric family's name, without `_bucket`, `_count`, `_sum` or `_total` as its source has it.
    pub family: String,
    /// What is known of it.
    pub metadata: Metadata,
}
