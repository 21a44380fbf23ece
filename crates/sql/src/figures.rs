//! Aggregates from figures of pages: groups of series by buckets of time, answered without a row.
//!
//! An optimizer rule finds an aggregation that reads series directly, groups by what their samples share and
//! at most one bucket of time, and asks for counts, sums, means, extremes, or first and last values by time.
//! The plan in its place reads with `SeriesSource::scan_pages`: pages within one bucket are not decoded, and
//! the floats of others are added up straight from the columns.
//!
//! Invariant: what it answers is what the plan that it replaces answers (sums to rounding). Where it finds
//! that it cannot be sure of that (native histograms, NaN in a page that was not decoded, no memory left), it
//! runs that plan.

mod bucket;
mod cell;
mod groups;
mod matching;
mod output;
mod plan;
mod rule;
mod worker;

pub(crate) use rule::FigureRule;
