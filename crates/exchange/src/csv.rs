//! Comma-separated values: a header, then a sample on each line.
//!
//! Columns, in any order: `metric` (or `__name__`, `name`), `labels` (a JSON object), `timestamp` (or `time`,
//! `ts`), `value`, `start`, `histogram` (JSON). Any other column is the label of its name; an empty cell
//! means that the series has not got it.

use std::collections::BTreeMap;

use timberline::{Database, Labels, LabelsBuilder, SeriesColumns, TimeRange};
use timberline_model::{METRIC_NAME, TimeUnit};
use timberline_protocol::prom_api::push_labels;

use crate::{
    ExchangeError, ExportReport, Progress, Selection,
    files::{InputFile, OutputFile},
    histogram_json,
    intake::Intake,
    number,
    rows::{Cell, Role, Rows},
    time,
};

const HEADER: [&str; 6] = ["metric", "labels", "timestamp", "start", "value", "histogram"];

/// A line, read.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) ts: i64,
    pub(crate) start: i64,
    pub(crate) cell: Cell,
}

/// Reads a file.
pub(crate) fn import(
    file: InputFile,
    unit: Option<TimeUnit>,
    intake: &mut Intake<'_>,
) -> Result<(), ExchangeError> {
    let path = file.path().to_owned();
    let mut reader =
        csv::ReaderBuilder::new().buffer_capacity(1 << 20).from_reader(file.into_inner());
    let failed = |error: csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        ExchangeError::malformed(&path, format!("line {line}"), error)
    };
    let header = reader.headers().map_err(failed)?;
    let roles: Vec<Role> = header.iter().map(Role::of).collect();
    Role::check_all(&roles).map_err(|error| ExchangeError::malformed(&path, "line 1", error))?;
    let mut builder = LabelsBuilder::default();
    let (mut record, mut rows) = (csv::StringRecord::new(), Rows::default());
    while reader.read_record(&mut record).map_err(failed)? {
        let (line, byte) = record.position().map_or((0, 0), |at| (at.line(), at.byte()));
        let bad = |reason: String| ExchangeError::malformed(&path, format!("line {line}"), reason);
        let row = read_row(record.iter().zip(&roles), unit, &mut builder).map_err(bad)?;
        rows.push(&mut builder, (row.ts, row.start), row.cell, intake)?.map_err(bad)?;
        if line % 4_096 == 0 {
            intake.advance_to(byte);
        }
    }
    rows.end(intake)
}

/// Reads a whole text and returns how many samples it has.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read_csv(bytes: &[u8]) -> Result<u64, String> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(|error| error.to_string())?;
    let roles: Vec<Role> = header.iter().map(Role::of).collect();
    Role::check_all(&roles)?;
    let (mut builder, mut record) = (LabelsBuilder::default(), csv::StringRecord::new());
    let mut count = 0;
    while reader.read_record(&mut record).map_err(|error| error.to_string())? {
        read_row(record.iter().zip(&roles), None, &mut builder)?;
        builder.build().map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok(count)
}

/// Reads a line's cells; its labels go to the builder.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn read_row<'a>(
    cells: impl Iterator<Item = (&'a str, &'a Role)>,
    unit: Option<TimeUnit>,
    builder: &mut LabelsBuilder,
) -> Result<Row, String> {
    builder.clear();
    let (mut ts, mut start, mut value, mut histogram) = (None, 0, None, None);
    for (text, role) in cells.filter(|(text, _)| !text.is_empty()) {
        match role {
            Role::Metric => builder.push(METRIC_NAME, text),
            Role::Labels => {
                let labels: BTreeMap<String, String> =
                    serde_json::from_str(text).map_err(|error| format!("labels: {error}"))?;
                labels.iter().for_each(|(name, value)| builder.push(name, value));
            }
            Role::Timestamp => ts = Some(time::parse(text, unit)?),
            Role::Start => start = time::parse(text, unit)?,
            Role::Value => {
                let parsed = number::parse_text(text.trim());
                value = Some(parsed.ok_or_else(|| format!("not a value: {text:?}"))?);
            }
            Role::Histogram => {
                let json = serde_json::from_str(text).map_err(|error| error.to_string());
                let read = json.and_then(histogram_json::from_json);
                histogram = Some(read.map_err(|error| format!("histogram: {error}"))?);
            }
            Role::Label(name) => builder.push(name, text),
        }
    }
    let ts = ts.ok_or("it has no timestamp")?;
    let cell = match (value, histogram) {
        (Some(value), None) => Cell::Float(value),
        (None, Some(histogram)) => Cell::Histogram(Box::new(histogram)),
        (None, None) => return Err("it has neither a value nor a histogram".to_owned()),
        (Some(_), Some(_)) => return Err("it has both a value and a histogram".to_owned()),
    };
    Ok(Row { ts, start, cell })
}

/// Writes what is selected.
pub(crate) fn export(
    database: &Database,
    selection: &Selection,
    out: &mut OutputFile,
    shown: &mut dyn FnMut(Progress),
) -> Result<ExportReport, ExchangeError> {
    let path = out.path().to_owned();
    let mut report = ExportReport::default();
    let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 20).from_writer(out);
    let failed = |error: csv::Error| ExchangeError::io("write", &path)(error.into());
    writer.write_record(HEADER).map_err(failed)?;
    selection.for_each(database, TimeRange::ALL, |labels, columns| {
        write_series(&mut writer, labels, columns).map_err(failed)?;
        report.series += 1;
        report.samples += columns.sample_count() as u64;
        shown(Progress { samples: report.samples, ..Progress::default() });
        Ok(())
    })?;
    writer.flush().map_err(ExchangeError::io("write", &path))?;
    Ok(report)
}

fn write_series<W: std::io::Write>(
    writer: &mut csv::Writer<W>,
    labels: &Labels,
    columns: &SeriesColumns,
) -> Result<(), csv::Error> {
    let metric = labels.metric_name().unwrap_or_default();
    let mut others = Vec::new();
    push_labels(&mut others, &labels.filter(|name| name != METRIC_NAME));
    let start_of = |starts: &[i64], index: usize| {
        starts
            .get(index)
            .filter(|start| **start != 0)
            .map_or(String::new(), |ts| time::rfc3339(*ts))
    };
    let mut value = Vec::new();
    for (index, ts) in columns.timestamps.iter().enumerate() {
        value.clear();
        number::push_text(&mut value, columns.values[index]);
        let (ts, start) = (time::rfc3339(*ts), start_of(&columns.starts, index));
        let cells: [&[u8]; 6] =
            [metric.as_bytes(), &others, ts.as_bytes(), start.as_bytes(), &value, b""];
        writer.write_record(cells)?;
    }
    let column = &columns.histograms;
    for (index, ts) in column.timestamps.iter().enumerate() {
        let json = histogram_json::to_json(&column.values[index]).to_string();
        let (ts, start) = (time::rfc3339(*ts), start_of(&column.starts, index));
        let cells: [&[u8]; 6] =
            [metric.as_bytes(), &others, ts.as_bytes(), start.as_bytes(), b"", json.as_bytes()];
        writer.write_record(cells)?;
    }
    Ok(())
}
