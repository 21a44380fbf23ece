//! Import and export: other systems' files into a Timberline database, and out of it.
//!
//! | format | module | what it is |
//! | --- | --- | --- |
//! | [`Format::Prometheus`] | [`prometheus`] | a data directory: blocks, and the write-ahead log |
//! | [`Format::OpenMetrics`] | `open_metrics` | text with times |
//! | [`Format::Csv`] | `csv` | a sample on each line |
//! | [`Format::NdJson`] | `ndjson` | a series on each line, as JSON |
//! | [`Format::Parquet`] | `parquet` | a sample in each row |
//!
//! What each of them carries is in `docs/import-export.md`.
//!
//! What this crate is not: it stores nothing itself ([`timberline::BulkImport`] does), knows no
//! sockets and draws no progress bars. It reads and writes foreign files with the standard library;
//! the database's own files are the database's.
//!
//! Invariants: an import is visible as a whole or not at all. Foreign bytes never panic, and never
//! allocate by a length that they only claim; what is wrong is named with its file and place. What a
//! format cannot carry is counted and said, never dropped in silence.
//!
//! ```
//! use timberline::{Database, Options, TimeRange};
//! use timberline_exchange::{Format, ImportSettings, Selection, export, import};
//!
//! # let directory = tempfile::tempdir()?;
//! # let (csv, blocks) = (directory.path().join("a.csv"), directory.path().join("blocks"));
//! std::fs::write(&csv, "metric,host,timestamp,value\ncpu,a,2026-01-31T07:00:00Z,0.5\n")?;
//! let options = Options { retention: Default::default(), ..Options::default() };
//! let database = Database::open(directory.path().join("data"), options)?;
//! let report = import(&database, Format::Csv, &[csv], &ImportSettings::default(), &mut |_| {})?;
//! assert_eq!(report.samples_written, 1);
//!
//! let everything = Selection { selectors: Vec::new(), range: TimeRange::ALL };
//! let report = export(&database, Format::Prometheus, &everything, &blocks, &mut |_| {})?;
//! assert_eq!((report.samples, report.blocks), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
pub mod text;
mod time;

pub use error::ExchangeError;
pub use formats::{Format, ImportSettings, export, import};
pub use intake::{ImportReport, Progress};
pub use selection::{ExportReport, Selection};
