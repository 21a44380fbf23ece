//! The arguments of `timberline import` and `timberline export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use timberline_model::ByteSize;

/// What files are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum FileFormat {
    /// A Prometheus data directory, or one block of it.
    Prometheus,
    /// OpenMetrics text.
    Openmetrics,
    /// Comma-separated values with a header.
    Csv,
    /// A JSON object for each series and line, as VictoriaMetrics exports them.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

const IMPORT_HELP: &str = "\
Examples:
  timberline import prometheus /var/lib/prometheus/data --data-dir ./data
  timberline import csv measurements.csv --time-unit s --data-dir ./data

All samples become visible at once, at the end. The formats are described in docs/import-export.md.";

/// `timberline import`.
#[derive(Args, Debug)]
#[command(after_help = IMPORT_HELP)]
pub(in crate::cli) struct ImportArgs {
    /// What the files are written in.
    #[arg(value_enum)]
    pub(in crate::cli) format: FileFormat,
    /// The files, or directories of Prometheus.
    #[arg(required = true, value_name = "PATH")]
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// The database's directory; created if it does not exist.
    #[arg(long, value_name = "DIR", env = "TIMBERLINE_DATA_DIR", default_value = "data")]
    pub(in crate::cli) data_dir: PathBuf,
    /// What bare numbers count as times in CSV and Parquet [default: milliseconds from 1e11 on, else
    /// seconds].
    #[arg(long, value_enum)]
    pub(in crate::cli) time_unit: Option<TimeUnitArg>,
    /// Memory for samples that wait to be written.
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    pub(in crate::cli) memory: ByteSize,
}

/// The unit of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum TimeUnitArg {
    /// Seconds, with decimals.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

const EXPORT_HELP: &str = "\
Examples:
  timberline export prometheus ./blocks --data-dir ./data
  timberline export openmetrics out.om --match '{job=\"node\"}' --start -1d --data-dir ./data
  timberline export csv - --match up --data-dir ./data

The formats are described in docs/import-export.md.";

/// `timberline export`.
#[derive(Args, Debug)]
#[command(after_help = EXPORT_HELP)]
pub(in crate::cli) struct ExportArgs {
    /// What to write.
    #[arg(value_enum)]
    pub(in crate::cli) format: FileFormat,
    /// The file to write, `-` for the standard output, or the new or empty directory of Prometheus
    /// blocks.
    #[arg(value_name = "PATH")]
    pub(in crate::cli) path: PathBuf,
    /// The database's directory.
    #[arg(long, value_name = "DIR", env = "TIMBERLINE_DATA_DIR", default_value = "data")]
    pub(in crate::cli) data_dir: PathBuf,
    /// Only series that this selector picks; may be repeated, and any of them picks.
    #[arg(long = "match", value_name = "SELECTOR")]
    pub(in crate::cli) matches: Vec<String>,
    /// Only samples from this time on: `-1d`, RFC 3339, a date, or a Unix time.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(in crate::cli) start: Option<String>,
    /// Only samples up to this time.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(in crate::cli) end: Option<String>,
}
