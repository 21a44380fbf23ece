//! Import and export: other systems' files into a Timberline database, and out of it.

mod csv;
mod error;
mod files;
mod formats;
mod histogram_json;
mod intake;
mod ndjson;
mod number;
mod open_metrics;
mod parquet;
pub mod prometheus;
mod rows;
mod selection;
mod time;

pub use error::ExchangeError;
pub use formats::{Format, ImportSettings, export, import};
pub use intake::{ImportReport, Progress};
pub use selection::{ExportReport, Selection};
