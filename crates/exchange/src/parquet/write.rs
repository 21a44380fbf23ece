//! Rows of a database, a group of them at a time.

use std::sync::Arc;

use parquet::{
    basic::{Compression, ZstdLevel},
    data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::parser::parse_message_type,
};
use timberline::{Database, Labels, TimeRange};
use timberline_model::METRIC_NAME;

use crate::{ExchangeError, ExportReport, Progress, Selection, files::OutputFile, histogram_json};

/// The table.
const SCHEMA: &str = "message samples {
  optional binary metric (STRING);
  required group labels (MAP) {
    repeated group key_value {
      required binary key (STRING);
      required binary value (STRING);
    }
  }
  required int64 timestamp (TIMESTAMP(NANOS,true));
  optional int64 start (TIMESTAMP(NANOS,true));
  optional double value;
  optional binary histogram (JSON);
}";
/// Rows of a group, which is written at once.
const GROUP_ROWS: usize = 128 << 10;

/// The columns of a group of rows, with their levels: what is there, and what continues a list.
#[derive(Default)]
struct Group {
    rows: usize,
    metric: (Vec<ByteArray>, Vec<i16>),
    keys: Vec<ByteArray>,
    label_values: Vec<ByteArray>,
    labels_there: Vec<i16>,
    labels_continue: Vec<i16>,
    timestamps: Vec<i64>,
    starts: (Vec<i64>, Vec<i16>),
    values: (Vec<f64>, Vec<i16>),
    histograms: (Vec<ByteArray>, Vec<i16>),
}

/// Writes what is selected.
pub(crate) fn export(
    database: &Database,
    selection: &Selection,
    out: &mut OutputFile,
    shown: &mut dyn FnMut(Progress),
) -> Result<ExportReport, ExchangeError> {
    let path = out.path().to_owned();
    let failed = |error: ParquetError| {
        ExchangeError::io("write", &path)(std::io::Error::other(error.to_string()))
    };
    let schema = Arc::new(parse_message_type(SCHEMA).map_err(failed)?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("timberline".to_owned())
        .build();
    let mut writer =
        SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(failed)?;
    let mut report = ExportReport::default();
    let mut group = Group::default();
    selection.for_each(database, TimeRange::ALL, |labels, columns| {
        let series = Series::of(labels);
        let start = |starts: &[i64], index: usize| starts.get(index).copied().unwrap_or(0);
        let mut push = |ts, start, value| {
            group.push(&series, ts, start, value);
            if group.rows < GROUP_ROWS {
                return Ok(());
            }
            group.write(writer.next_row_group().map_err(failed)?).map_err(failed)
        };
        for (index, ts) in columns.timestamps.iter().enumerate() {
            push(*ts, start(&columns.starts, index), Ok(columns.values[index]))?;
        }
        let column = &columns.histograms;
        for (index, ts) in column.timestamps.iter().enumerate() {
            let json = histogram_json::to_json(&column.values[index]).to_string();
            push(*ts, start(&column.starts, index), Err(json))?;
        }
        report.series += 1;
        report.samples += columns.sample_count() as u64;
        shown(Progress { samples: report.samples, ..Progress::default() });
        Ok(())
    })?;
    if group.rows > 0 {
        group.write(writer.next_row_group().map_err(failed)?).map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    Ok(report)
}

/// The texts of a series, which its rows share.
struct Series {
    metric: Option<ByteArray>,
    labels: Vec<(ByteArray, ByteArray)>,
}

impl Series {
    fn of(labels: &Labels) -> Self {
        let others = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
        Self {
            metric: labels.metric_name().map(ByteArray::from),
            labels: others.map(|(n, v)| (ByteArray::from(n), ByteArray::from(v))).collect(),
        }
    }
}

impl Group {
    fn push(&mut self, series: &Series, ts: i64, start: i64, value: Result<f64, String>) {
        self.rows += 1;
        optional(&mut self.metric, series.metric.clone());
        for (index, (name, value)) in series.labels.iter().enumerate() {
            self.keys.push(name.clone());
            self.label_values.push(value.clone());
            self.labels_there.push(1);
            self.labels_continue.push(i16::from(index > 0));
        }
        if series.labels.is_empty() {
            self.labels_there.push(0);
            self.labels_continue.push(0);
        }
        self.timestamps.push(ts);
        optional(&mut self.starts, (start != 0).then_some(start));
        optional(&mut self.values, value.as_ref().ok().copied());
        optional(&mut self.histograms, value.err().map(|json| ByteArray::from(json.into_bytes())));
    }

    /// Writes the rows, column by column in the order of the schema, and forgets them.
    fn write<W: std::io::Write + Send>(
        &mut self,
        mut group: SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let (there, list) = (&self.labels_there, &self.labels_continue);
        strings(&mut group, &self.metric.0, Some(&self.metric.1), None)?;
        strings(&mut group, &self.keys, Some(there), Some(list))?;
        strings(&mut group, &self.label_values, Some(there), Some(list))?;
        let mut column = next(&mut group)?;
        column.typed::<Int64Type>().write_batch(&self.timestamps, None, None)?;
        column.close()?;
        let mut column = next(&mut group)?;
        column.typed::<Int64Type>().write_batch(&self.starts.0, Some(&self.starts.1), None)?;
        column.close()?;
        let mut column = next(&mut group)?;
        column.typed::<DoubleType>().write_batch(&self.values.0, Some(&self.values.1), None)?;
        column.close()?;
        strings(&mut group, &self.histograms.0, Some(&self.histograms.1), None)?;
        group.close()?;
        *self = Self::default();
        Ok(())
    }
}

/// Adds a value that may be missing.
fn optional<T>((values, there): &mut (Vec<T>, Vec<i16>), value: Option<T>) {
    there.push(i16::from(value.is_some()));
    values.extend(value);
}

fn next<'a, W: std::io::Write + Send>(
    group: &'a mut SerializedRowGroupWriter<'_, W>,
) -> Result<SerializedColumnWriter<'a>, ParquetError> {
    group.next_column()?.ok_or_else(|| ParquetError::General("a column is missing".to_owned()))
}

fn strings<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[ByteArray],
    there: Option<&[i16]>,
    list: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = next(group)?;
    column.typed::<ByteArrayType>().write_batch(values, there, list)?;
    column.close()
}
