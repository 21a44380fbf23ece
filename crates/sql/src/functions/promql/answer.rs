//! The rows of an evaluation: time, metric, tags, value, and the columns of native histograms.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, Float64Builder, MapBuilder, MapFieldNames, RecordBatch, StringBuilder,
        StringDictionaryBuilder, TimestampNanosecondBuilder,
    },
    datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit},
};
use datafusion::error::Result;
use timberline::{Labels, SampleValue, Value};

use super::NAME;
use crate::{functions::refusal::refused, scan::histogram_json};

const BATCH_ROWS: usize = 8192;

/// Columns of the table: those of `metrics` without the number of the series, and those that tables of
/// metrics have for native histograms.
pub(super) fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let metric = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let pair =
        vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, true)];
    let entries = Field::new("entries", DataType::Struct(pair.into()), false);
    Arc::new(Schema::new(vec![
        Field::new("time", time, false),
        Field::new("metric", metric, true),
        Field::new("tags", DataType::Map(Arc::new(entries), false), false),
        Field::new("value", DataType::Float64, true),
        Field::new("histogram_count", DataType::Float64, true),
        Field::new("histogram_sum", DataType::Float64, true),
        Field::new("histogram", DataType::Utf8, true),
    ]))
}

/// One series of the answer.
struct Series {
    labels: Labels,
    /// By time.
    samples: Vec<(i64, SampleValue)>,
}

/// The series, and how far they have become rows.
pub(super) struct Answer {
    series: Vec<Series>,
    place: usize,
    row: usize,
}

impl Answer {
    /// # Errors
    /// A text, which has no place in the table.
    pub(super) fn new(value: Value) -> Result<Self> {
        let one = |labels, ts, value| Series { labels, samples: vec![(ts, value)] };
        let series = match value {
            Value::Scalar(sample) => {
                vec![one(Labels::empty(), sample.ts, SampleValue::Float(sample.value))]
            }
            Value::String { .. } => {
                return Err(refused(NAME, "the expression gives a text, not numbers"));
            }
            Value::Vector(samples) => samples
                .into_iter()
                .map(|sample| one(sample.labels, sample.ts, sample.value))
                .collect(),
            Value::Matrix(series) => series
                .into_iter()
                .map(|series| {
                    let floats = series.timestamps.into_iter().zip(series.values);
                    let histograms = series.histograms.into_iter();
                    let mut samples: Vec<_> = floats
                        .map(|(ts, value)| (ts, SampleValue::Float(value)))
                        .chain(histograms.map(|(ts, found)| (ts, SampleValue::Histogram(found))))
                        .collect();
                    samples.sort_by_key(|(ts, _)| *ts);
                    Series { labels: series.labels, samples }
                })
                .collect(),
        };
        Ok(Self { series, place: 0, row: 0 })
    }

    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let of_series = |series: &Series| {
            let samples = series.samples.capacity() * size_of::<(i64, SampleValue)>();
            size_of::<Series>() + series.labels.as_bytes().len() + samples
        };
        self.series.iter().map(of_series).sum()
    }

    /// The next rows, if there are any.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut rows = Rows::new();
        while rows.count < BATCH_ROWS
            && let Some(series) = self.series.get_mut(self.place)
        {
            let end = series.samples.len().min(self.row + BATCH_ROWS - rows.count);
            for (ts, value) in &series.samples[self.row..end] {
                rows.push(*ts, &series.labels, value)?;
            }
            self.row = end;
            if end == series.samples.len() {
                series.samples = Vec::new();
                (self.place, self.row) = (self.place + 1, 0);
            }
        }
        if rows.count == 0 { Ok(None) } else { rows.finish().map(Some) }
    }
}

/// Columns under construction.
struct Rows {
    count: usize,
    times: TimestampNanosecondBuilder,
    metrics: StringDictionaryBuilder<Int32Type>,
    tags: MapBuilder<StringBuilder, StringBuilder>,
    values: Float64Builder,
    counts: Float64Builder,
    sums: Float64Builder,
    histograms: StringBuilder,
}

impl Rows {
    fn new() -> Self {
        let names = MapFieldNames {
            entry: "entries".to_owned(),
            key: "keys".to_owned(),
            value: "values".to_owned(),
        };
        Self {
            count: 0,
            times: TimestampNanosecondBuilder::new().with_timezone("UTC"),
            metrics: StringDictionaryBuilder::new(),
            tags: MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()),
            values: Float64Builder::new(),
            counts: Float64Builder::new(),
            sums: Float64Builder::new(),
            histograms: StringBuilder::new(),
        }
    }

    fn push(&mut self, ts: i64, labels: &Labels, value: &SampleValue) -> Result<()> {
        self.count += 1;
        self.times.append_value(ts);
        self.metrics.append_option(labels.metric_name());
        for (name, value) in
            labels.iter().filter(|(name, _)| *name != timberline_model::METRIC_NAME)
        {
            self.tags.keys().append_value(name);
            self.tags.values().append_value(value);
        }
        self.tags.append(true)?;
        let histogram = match value {
            SampleValue::Float(_) => None,
            SampleValue::Histogram(histogram) => Some(histogram),
        };
        self.values.append_option(value.float());
        self.counts.append_option(histogram.map(|histogram| histogram_json::count(histogram)));
        self.sums.append_option(histogram.map(|histogram| histogram.sum));
        self.histograms
            .append_option(histogram.map(|histogram| histogram_json::to_json(histogram)));
        Ok(())
    }

    fn finish(mut self) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.times.finish()),
            Arc::new(self.metrics.finish()),
            Arc::new(self.tags.finish()),
            Arc::new(self.values.finish()),
            Arc::new(self.counts.finish()),
            Arc::new(self.sums.finish()),
            Arc::new(self.histograms.finish()),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}
