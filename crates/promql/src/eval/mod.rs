//! The evaluator: a tree, a source of series and limits go in, values come out.
//!
//! Columnar: every selector is scanned once, over all times that its steps need. Each series is
//! decoded once and becomes a column of one value per step; functions, operators and aggregations
//! work on columns. Aggregations take series as they come from the scan, on as many threads as the
//! limits allow, and keep memory in proportion to groups, not series.
//!
//! What it is not: it does no I/O of its own.
//!
//! Native histograms lie beside the floats of a column, at the steps that have them: whatever has none
//! is computed as if there were none anywhere.
//!
//! Invariant: nothing in proportion to the data is allocated before the query's limits are asked.

mod accumulator;
mod aggregate;
mod binary;
mod budget;
mod calendar;
mod call;
mod classic;
mod column;
mod compensated;
mod counter_notes;
mod duration;
mod elementwise;
mod error;
mod evaluator;
mod explain;
mod extended;
mod extended_histograms;
mod figures;
mod grouping;
mod histogram_calls;
mod histogram_operators;
mod histogram_rate;
mod histogram_states;
mod histograms;
mod info;
mod invariance;
mod labels;
mod lanes;
mod leaf;
mod matching;
pub mod memory;
mod notes;
mod order;
mod over_time;
mod quantiles;
mod query;
mod range_histograms;
mod range_notes;
mod rate;
mod regression;
mod selection;
mod sets;
mod shape;
mod sliding;
mod starts;
mod steps;
mod subquery;
mod support;
mod window;

pub use classic::{ClassicBucket, classic_quantile};
pub use error::EvalError;
pub use evaluator::evaluate;
pub use explain::{PlanNode, ScanNode};
pub use quantiles::native_quantile;
pub use query::{
    InstantSample, LOOKBACK_DEFAULT, Limits, Query, QueryResult, QueryStats, RangeSeries,
    SUBQUERY_STEP_DEFAULT, SampleValue, Value,
};

#[cfg(test)]
mod tests;
