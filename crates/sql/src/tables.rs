//! The tables that series are seen as: one over all of them, and one for each metric.
//!
//! Nothing is enumerated to look one up: a metric's table is made of the names of its labels when a
//! statement names it, and forgotten after it.

mod layout;
mod lookup;
mod provider;

pub(crate) use layout::{Layout, Source, tags_type, time_type};
pub(crate) use lookup::{exists, metric_names, series_table};
pub(crate) use provider::SeriesTable;

/// The table over all series.
pub(crate) const WHOLE: &str = "metrics";
