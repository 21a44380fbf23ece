//! Apache Parquet: a sample in each row.
//!
//! Columns as in CSV: `metric`, `labels` (a map of strings), `timestamp`, `start`, `value` and `histogram`
//! (JSON). Read are tables with any of them, in any order; a column of strings with another name is
//! the label of that name.

mod read;
mod write;

pub(crate) use read::import;
pub(crate) use write::export;
