//! The functions that Timberline adds to SQL.
//!
//! | file | functions |
//! | --- | --- |
//! | `time_bucket` | `time_bucket` |
//! | `edges` | `first`, `last` |
//! | `rates` | `increase`, `rate`, `delta`, `deriv` |
//! | `histogram_quantile` | `histogram_quantile` |
//! | `gapfill` | `time_bucket_gapfill`, `locf`, `interpolate` |
//! | `promql` | `promql`, a table |
//! | `ring` | `ts_bucket`, `bucket_rate`, `clamp`, `align_time`, `null_if_outside`, `series_add/sub/mul/div` |
//!
//! [`register`] makes them known to a session. What the text of a statement may say beyond DataFusion's SQL
//! is in `dialect`.

mod edges;
mod gapfill;
mod histogram_quantile;
mod promql;
mod rates;
mod refusal;
mod registry;
mod ring;
mod time_bucket;
mod width;

pub(crate) use gapfill::Planner;
pub(crate) use promql::register_promql;
pub(crate) use refusal::{refused, wrong_count};
pub(crate) use registry::register;
pub(crate) use width::parse_width;

#[cfg(test)]
pub(crate) mod tests;
