//! JSON lines: a series and its samples on each, as VictoriaMetrics' `/api/v1/export` writes them.
//!
//! ```json
//! {"metric":{"__name__":"up","job":"x"},"values":[0,1],"timestamps":[1700000000000,1700000015000]}
//! ```
//!
//! Beside that, and left out where there is nothing: `starts` (milliseconds, one for each value, 0
//! where nobody said), `histograms` and `exemplars`. A time that is no whole millisecond is a string with
//! decimals.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use timberline::{
    Database, Exemplar, LabelQuery, Labels, LabelsBuilder, SeriesColumns, SeriesSource, TimeRange,
};
use timberline_model::{NANOS_PER_MILLI, SeriesExemplars};
use timberline_protocol::prom_api::{push_labels, push_list};

use crate::{
    ExchangeError, ExportReport, Progress, Selection,
    files::{InputFile, OutputFile},
    histogram_json,
    intake::Intake,
    number::{self, JsonFloat, JsonFloats},
};

/// Samples of one line; a longer series has several.
const LINE_SAMPLES_MAX: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    metric: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    values: JsonFloats,
    #[serde(default)]
    timestamps: Vec<Time>,
    #[serde(default)]
    starts: Vec<Time>,
    #[serde(default)]
    histograms: Vec<HistogramLine>,
    #[serde(default)]
    exemplars: Vec<ExemplarLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistogramLine {
    timestamp: Time,
    #[serde(default)]
    start: Time,
    histogram: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExemplarLine {
    timestamp: Time,
    value: JsonFloat,
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
}

/// Nanoseconds; milliseconds as a JSON number, or as a string with decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Time(i64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Time;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("milliseconds within the years 1677 to 2262")
            }

            fn visit_i64<E: de::Error>(self, ms: i64) -> Result<Time, E> {
                let nanos = ms.checked_mul(NANOS_PER_MILLI).map(Time);
                nanos.ok_or_else(|| E::invalid_value(de::Unexpected::Signed(ms), &self))
            }

            fn visit_u64<E: de::Error>(self, ms: u64) -> Result<Time, E> {
                let signed = i64::try_from(ms);
                signed
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(ms), &self))
                    .and_then(|ms| self.visit_i64(ms))
            }

            fn visit_f64<E: de::Error>(self, ms: f64) -> Result<Time, E> {
                if ms.trunc() == ms && ms.abs() < 9e15 {
                    return self.visit_i64(ms as i64);
                }
                Err(E::invalid_value(de::Unexpected::Float(ms), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                let nanos = crate::time::parse_decimal(text, NANOS_PER_MILLI).map(Time);
                nanos.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Reads a file.
pub(crate) fn import(mut file: InputFile, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
    let (mut line, mut builder) = (String::new(), LabelsBuilder::default());
    while file.next_line(&mut line)? {
        if line.trim().is_empty() {
            continue;
        }
        let parsed = parse_line(&line, &mut builder);
        let (labels, mut columns, exemplars) = parsed.map_err(|error| file.malformed(error))?;
        intake.push(&labels, &mut columns)?;
        for exemplar in exemplars {
            intake.push_exemplar(&labels, exemplar)?;
        }
        intake.advance_to(file.position());
    }
    Ok(())
}

type Parsed = (Labels, SeriesColumns, Vec<Exemplar>);

/// Reads a line: its series and the series' samples.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read_json_line(line: &str) -> Result<(Labels, SeriesColumns), String> {
    let (labels, columns, _) = parse_line(line, &mut LabelsBuilder::default())?;
    Ok((labels, columns))
}

fn parse_line(line: &str, builder: &mut LabelsBuilder) -> Result<Parsed, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let mut labels_of = |pairs: &std::collections::BTreeMap<String, String>| {
        builder.clear();
        pairs.iter().for_each(|(name, value)| builder.push(name, value));
        builder.build().map_err(|error| error.to_string())
    };
    let labels = labels_of(&line.metric)?;
    let (values, times) = (line.values.0, line.timestamps);
    if values.len() != times.len() {
        return Err(format!("{} values and {} timestamps", values.len(), times.len()));
    }
    if !line.starts.is_empty() && line.starts.len() != values.len() {
        return Err(format!("{} values and {} starts", values.len(), line.starts.len()));
    }
    let mut columns = SeriesColumns::default();
    for (index, (ts, value)) in times.iter().zip(&values).enumerate() {
        columns.push(ts.0, line.starts.get(index).copied().unwrap_or_default().0, *value);
    }
    for entry in line.histograms {
        let histogram = histogram_json::from_json(entry.histogram)?;
        columns.histograms.push(entry.timestamp.0, entry.start.0, histogram);
    }
    let mut exemplars = Vec::with_capacity(line.exemplars.len());
    for entry in line.exemplars {
        let labels = labels_of(&entry.labels)?;
        exemplars.push(Exemplar { labels, value: entry.value.0, ts: entry.timestamp.0 });
    }
    Ok((labels, columns, exemplars))
}

/// Writes what is selected.
pub(crate) fn export(
    database: &Database,
    selection: &Selection,
    out: &mut OutputFile,
    shown: &mut dyn FnMut(Progress),
) -> Result<ExportReport, ExchangeError> {
    let mut report = ExportReport::default();
    let mut line = Vec::new();
    selection.for_each(database, TimeRange::ALL, |labels, columns| {
        push_lines(&mut line, labels, columns);
        out.put(&line)?;
        line.clear();
        report.series += 1;
        report.samples += columns.sample_count() as u64;
        shown(Progress { samples: report.samples, ..Progress::default() });
        Ok(())
    })?;
    let query = LabelQuery {
        selectors: selection.selectors.clone(),
        range: selection.range,
        ..LabelQuery::default()
    };
    for series in database.exemplars(&query)? {
        push_exemplar_line(&mut line, &series);
        out.put(&line)?;
        line.clear();
        report.exemplars += series.exemplars.len() as u64;
    }
    Ok(report)
}

fn push_lines(out: &mut Vec<u8>, labels: &Labels, columns: &SeriesColumns) {
    let floats = columns.timestamps.len();
    for start in (0..floats).step_by(LINE_SAMPLES_MAX) {
        let part = start..floats.min(start + LINE_SAMPLES_MAX);
        push_metric(out, labels);
        push_member(out, ",\"values\":", &columns.values[part.clone()], |out, value| {
            push_json(out, *value);
        });
        push_member(out, ",\"timestamps\":", &columns.timestamps[part.clone()], |out, ts| {
            push_time(out, *ts);
        });
        if columns.starts.get(part.clone()).is_some_and(|starts| starts.iter().any(|s| *s != 0)) {
            push_member(out, ",\"starts\":", &columns.starts[part], |out, ts| push_time(out, *ts));
        }
        out.extend_from_slice(b"}\n");
    }
    let column = &columns.histograms;
    let indexes: Vec<usize> = (0..column.len()).collect();
    for part in indexes.chunks(LINE_SAMPLES_MAX) {
        push_metric(out, labels);
        out.extend_from_slice(b",\"values\":[],\"timestamps\":[]");
        push_member(out, ",\"histograms\":", part, |out, index| {
            out.extend_from_slice(b"{\"timestamp\":");
            push_time(out, column.timestamps[*index]);
            if let Some(start) = column.starts.get(*index).filter(|start| **start != 0) {
                out.extend_from_slice(b",\"start\":");
                push_time(out, *start);
            }
            out.extend_from_slice(b",\"histogram\":");
            let json = histogram_json::to_json(&column.values[*index]);
            out.extend_from_slice(json.to_string().as_bytes());
            out.push(b'}');
        });
        out.extend_from_slice(b"}\n");
    }
}

fn push_exemplar_line(out: &mut Vec<u8>, series: &SeriesExemplars) {
    push_metric(out, &series.labels);
    out.extend_from_slice(b",\"values\":[],\"timestamps\":[]");
    push_member(out, ",\"exemplars\":", &series.exemplars, |out, exemplar| {
        out.extend_from_slice(b"{\"timestamp\":");
        push_time(out, exemplar.ts);
        out.extend_from_slice(b",\"value\":");
        push_json(out, exemplar.value);
        out.extend_from_slice(b",\"labels\":");
        push_labels(out, &exemplar.labels);
        out.push(b'}');
    });
    out.extend_from_slice(b"}\n");
}

fn push_metric(out: &mut Vec<u8>, labels: &Labels) {
    out.extend_from_slice(b"{\"metric\":");
    push_labels(out, labels);
}

fn push_member<T>(out: &mut Vec<u8>, name: &str, items: &[T], push: impl Fn(&mut Vec<u8>, &T)) {
    out.extend_from_slice(name.as_bytes());
    push_list(out, items, push);
}

fn push_json(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        number::push_text(out, value);
    } else {
        out.extend_from_slice(JsonFloat(value).to_value().to_string().as_bytes());
    }
}

fn push_time(out: &mut Vec<u8>, ts: i64) {
    if ts % NANOS_PER_MILLI == 0 {
        out.extend_from_slice((ts / NANOS_PER_MILLI).to_string().as_bytes());
    } else {
        out.push(b'"');
        crate::time::push_decimal(out, ts, NANOS_PER_MILLI);
        out.push(b'"');
    }
}
