//! Reading series as rows: what a statement wants of them, the plan that reads it, and the batches that it
//! makes.
//!
//! A plan's partitions are the streams of one `SeriesSource::scan`, which is opened when the statement is
//! planned: what is known of it then (how many streams, how many series in each) is true when it runs.
//! Reading blocks a thread, so it happens on threads for that, a few batches at a time; between two turns a
//! partition holds none.

mod columns;
mod filter;
pub(crate) mod histogram_json;
mod label_column;
mod opened;
mod plan;
mod reader;
mod rows;
mod series_row;

pub(crate) use filter::{SeriesCondition, Wanted};
pub(crate) use label_column::LabelColumn;
pub(crate) use opened::Opened;
pub(crate) use plan::SeriesScanPlan;
pub(crate) use reader::drop_stale;
pub(crate) use series_row::SeriesRow;
