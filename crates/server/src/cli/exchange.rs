//! `timberline import` and `timberline export`: they open the database's directory themselves, so no
//! server may have it open.

use std::{
    io::{IsTerminal as _, stderr},
    path::Path,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use timberline::{Database, EngineError, Error, ImportOptions, Options, Retention, TimeRange};
use timberline_exchange::{
    ExchangeError, Format, ImportReport, ImportSettings, Progress, Selection,
};
use timberline_model::TimeUnit;
use timberline_promql::parse_matchers;

mod args;

pub(super) use args::{ExportArgs, ImportArgs};

use args::{FileFormat, TimeUnitArg};

use super::{
    Failure,
    local_time::parse_time,
    table::{count, counted},
};
use crate::clock::now_millis;

/// Reads files into a database.
pub(super) fn import(args: &ImportArgs) -> Result<(), Failure> {
    let database = open(&args.data_dir)?;
    let settings = ImportSettings {
        options: ImportOptions { buffer_bytes: args.memory.as_usize() },
        time_unit: args.time_unit.map(|unit| match unit {
            TimeUnitArg::S => TimeUnit::Second,
            TimeUnitArg::Ms => TimeUnit::Milli,
            TimeUnitArg::Us => TimeUnit::Micro,
            TimeUnitArg::Ns => TimeUnit::Nano,
        }),
    };
    let bar = Bar::begin("importing");
    let report = timberline_exchange::import(
        &database,
        format(args.format),
        &args.paths,
        &settings,
        &mut |progress| bar.show(progress),
    );
    bar.end();
    let report = report.map_err(failure)?;
    database.close().map_err(Failure::new)?;
    show_import(&report);
    Ok(())
}

/// Writes a database into files.
pub(super) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let now = now_millis();
    let time = |text: &Option<String>| text.as_deref().map(|t| parse_time(t, now)).transpose();
    let range = TimeRange::new(
        time(&args.start)?.unwrap_or(i64::MIN),
        time(&args.end)?.unwrap_or(i64::MAX),
    );
    let selectors = args.matches.iter().map(|text| {
        let braced = || parse_matchers(&format!("{{{text}}}")).ok();
        parse_matchers(text)
            .or_else(|refused| braced().ok_or(refused))
            .map_err(|error| Failure::usage(format!("--match {text:?}: {error}")))
    });
    let selection = Selection { selectors: selectors.collect::<Result<_, _>>()?, range };
    if !args.data_dir.join("manifest").exists() {
        let dir = args.data_dir.display();
        return Err(Failure::new(format!("{dir} is not the directory of a Timberline database")));
    }
    let database = open(&args.data_dir)?;
    let bar = Bar::begin("exporting");
    let report = timberline_exchange::export(
        &database,
        format(args.format),
        &selection,
        &args.path,
        &mut |progress| bar.show(progress),
    );
    bar.end();
    let report = report.map_err(failure)?;
    database.close().map_err(Failure::new)?;
    let mut parts = vec![
        format!("exported {}", counted(report.samples, "samples")),
        counted(report.series, "series"),
    ];
    if report.blocks > 0 {
        parts.push(counted(report.blocks, "blocks"));
    }
    if report.exemplars > 0 {
        parts.push(counted(report.exemplars, "exemplars"));
    }
    eprintln!("{}", parts.join(", "));
    report.notes.iter().for_each(|note| eprintln!("note: {note}"));
    Ok(())
}

/// Opens the directory for this command alone. Nothing is compacted or removed while it works: the
/// server does that, by its own settings.
fn open(dir: &Path) -> Result<Database, Failure> {
    let options =
        Options { background: false, retention: Retention::default(), ..Options::default() };
    let database = Database::open(dir, options).map_err(|error| match error {
        Error::Engine(EngineError::Locked { .. }) => {
            Failure::new(format!("{error}. Stop the server first: this command needs it to itself"))
        }
        error => Failure::new(error),
    })?;
    for damage in database.damage() {
        eprintln!("warning: {}: {}", damage.place, damage.reason);
    }
    Ok(database)
}

fn format(format: FileFormat) -> Format {
    match format {
        FileFormat::Prometheus => Format::Prometheus,
        FileFormat::Openmetrics => Format::OpenMetrics,
        FileFormat::Csv => Format::Csv,
        FileFormat::Ndjson => Format::NdJson,
        FileFormat::Parquet => Format::Parquet,
    }
}

fn failure(error: ExchangeError) -> Failure {
    Failure::new(error)
}

fn show_import(report: &ImportReport) {
    let mut parts = vec![format!("imported {}", counted(report.samples_written, "samples"))];
    parts.push(counted(report.blocks, "blocks"));
    let repeated = report.samples_taken.saturating_sub(report.samples_written);
    for (number, what) in [
        (repeated, "repeats left out"),
        (report.exemplars_written, "exemplars"),
        (report.metadata_entries, "metadata entries"),
        (report.samples_rejected, "samples rejected"),
        (report.exemplars_rejected, "exemplars rejected"),
    ] {
        if number > 0 {
            parts.push(format!("{} {what}", count(number)));
        }
    }
    eprintln!("{}", parts.join(", "));
    report.rejections.iter().for_each(|rejection| eprintln!("rejected: {rejection}"));
    report.notes.iter().for_each(|note| eprintln!("note: {note}"));
}

/// A bar on a terminal, and nothing elsewhere.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn begin(what: &'static str) -> Self {
        if !stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(0).with_message(what);
        let template = "{msg} [{bar:40}] {percent}% {elapsed} (left: {eta}) {prefix}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(Some(bar))
    }

    fn show(&self, progress: Progress) {
        if let Some(bar) = &self.0 {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            bar.set_prefix(counted(progress.samples, "samples"));
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
