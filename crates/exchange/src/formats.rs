//! The formats, and the two things one can do with each.

use std::path::{Path, PathBuf};

use timberline::{Database, ImportOptions};
use timberline_model::TimeUnit;

use crate::{
    ExchangeError, ExportReport, ImportReport, Progress, Selection, csv,
    files::{InputFile, OutputFile},
    intake::Intake,
    ndjson, open_metrics, parquet, prometheus,
};

/// What files are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A Prometheus data directory, or one block of it.
    Prometheus,
    /// OpenMetrics text, times required.
    OpenMetrics,
    /// Comma-separated values with a header.
    Csv,
    /// A JSON object for each line, with a series and its samples.
    NdJson,
    /// Apache Parquet.
    Parquet,
}

/// How files are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportSettings {
    /// How the database takes them.
    pub options: ImportOptions,
    /// What bare numbers count as times in CSV and Parquet. `None`: milliseconds from
    /// [`MILLIS_FROM`](timberline_protocol::MILLIS_FROM) on, else seconds.
    pub time_unit: Option<TimeUnit>,
}

/// Reads files into a database. All samples become visible at once, at the end; after an error, none
/// are.
///
/// # Errors
/// A file that cannot be read, or is not of the format (with the place); a database that cannot be
/// written.
pub fn import(
    database: &Database,
    format: Format,
    paths: &[PathBuf],
    settings: &ImportSettings,
    shown: &mut dyn FnMut(Progress),
) -> Result<ImportReport, ExchangeError> {
    if format == Format::Prometheus {
        let mut directories = Vec::with_capacity(paths.len());
        for path in paths {
            directories.push(prometheus::Directory::open(path)?);
        }
        let total = directories.iter().map(|directory| directory.bytes).sum();
        let mut intake = Intake::begin(database, settings.options, total, shown)?;
        for directory in &directories {
            directory.import(&mut intake)?;
        }
        return intake.finish();
    }
    let mut files = Vec::with_capacity(paths.len());
    let mut total = 0;
    for path in paths {
        let file = InputFile::open(path)?;
        total += file.bytes();
        files.push(file);
    }
    let mut intake = Intake::begin(database, settings.options, total, shown)?;
    for file in files {
        let bytes = file.bytes();
        match format {
            Format::OpenMetrics => open_metrics::import(file, &mut intake)?,
            Format::Csv => csv::import(file, settings.time_unit, &mut intake)?,
            Format::NdJson => ndjson::import(file, &mut intake)?,
            Format::Parquet => parquet::import(file, settings.time_unit, &mut intake)?,
            Format::Prometheus => {}
        }
        intake.end_file(bytes);
    }
    intake.finish()
}

/// Writes what is selected of a database.
///
/// # Errors
/// A path that is taken or cannot be written; a database that cannot be read.
pub fn export(
    database: &Database,
    format: Format,
    selection: &Selection,
    path: &Path,
    shown: &mut dyn FnMut(Progress),
) -> Result<ExportReport, ExchangeError> {
    if format == Format::Prometheus {
        return prometheus::export(database, selection, path, shown);
    }
    let mut out = OutputFile::create(path)?;
    let report = match format {
        Format::OpenMetrics => open_metrics::export(database, selection, &mut out, shown),
        Format::Csv => csv::export(database, selection, &mut out, shown),
        Format::NdJson => ndjson::export(database, selection, &mut out, shown),
        _ => parquet::export(database, selection, &mut out, shown),
    }?;
    out.finish()?;
    Ok(report)
}
