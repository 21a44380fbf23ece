//! What the server says about itself: log lines and metrics.
//!
//! What it is not: it decides nothing. Counting must never fail, block or allocate per sample.

mod exposition;
mod instruments;
mod logging;
mod metrics;
mod process;

pub(crate) use exposition::Exposition;
pub(crate) use logging::start_logging;
pub(crate) use metrics::Metrics;
pub(crate) use process::describe_process;
