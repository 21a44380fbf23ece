//! The evaluator: a tree, a source of series and limits go in, values come out.
//!
//! Columnar: every selector is scanned once, over all times that its steps need. Each series is
//! decoded once and becomes a column of one value per step; functions, operators and aggregations
//! work on columns. Aggregations take series as they come from the scan, on as many threads as the
//! limits allow, and keep memory in proportion to groups, not series.
//!
//! What it is not: it does no I/O of its own. Native histograms come back from plain selectors; of
//! the functions, operators and aggregations, those that compute with them answer the same.
//!
//! Invariant: nothing in proportion to the data is allocated before the query's limits are asked.

mod accumulator;
mod aggregate;
mod binary;
mod budget;
mod calendar;
mod call;
mod column;
mod compensated;
mod duration;
mod elementwise;
mod error;
mod evaluator;
mod extended;
mod grouping;
mod histograms;
mod info;
mod invariance;
mod labels;
mod leaf;
mod matching;
pub mod memory;
mod notes;
mod order;
mod over_time;
mod query;
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

pub use error::EvalError;
pub use evaluator::evaluate;
pub use query::{
    InstantSample, LOOKBACK_DEFAULT, Limits, Query, QueryResult, QueryStats, RangeSeries,
    SUBQUERY_STEP_DEFAULT, SampleValue, Value,
};

#[cfg(test)]
mod tests;
