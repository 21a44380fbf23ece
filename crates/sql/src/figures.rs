//! Aggregates from figures of pages: groups of series by buckets of time, answered without a row.
//!
//! An optimizer rule finds an aggregation that reads series directly, groups by what their samples share and
//! at most one bucket of time, and asks for counts, sums, means, extremes, variances, or first and last values
//! by time. Its conditions may compare values with numbers. The plan in its place asks storage for the figures
//! of pages: those that lie within one bucket, and wholly in or out of the wanted values, are not decoded, and
//! the floats of others are added up straight from the columns.
//!
//! Invariant: what it answers is what the plan that it replaces answers (sums to rounding). Where it finds
//! that it cannot be sure of that (native histograms, no memory left), it
//! runs that plan.

mod below;
mod bucket;
mod cell;
mod groups;
mod matching;
mod output;
mod plan;
mod question;
mod rule;
mod spread;
mod worker;

pub(crate) use rule::FigureRule;
