//! The columns of a table, and what of a sample each of them shows.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use timberline_model::METRIC_NAME;

/// What a column shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// The sample's time.
    Time,
    /// Its value, NULL for a native histogram.
    Value,
    /// How many observations a native histogram has, NULL for a float.
    HistogramCount,
    /// Their sum, NULL for a float.
    HistogramSum,
    /// The whole native histogram as JSON, NULL for a float.
    Histogram,
    /// The name of the series' metric, NULL without one.
    Metric,
    /// One label of the series, NULL where it has none of the name.
    Label(Arc<str>),
    /// All labels of the series but its metric's name.
    Tags,
    /// A number that is the same for the same labels, in any database.
    SeriesId,
}

impl Source {
    /// Whether all samples of a series have the same.
    pub(crate) fn is_of_series(&self) -> bool {
        matches!(self, Self::Metric | Self::Label(_) | Self::Tags | Self::SeriesId)
    }

    /// The label that the column shows and nothing else.
    pub(crate) fn label(&self) -> Option<&str> {
        match self {
            Self::Metric => Some(METRIC_NAME),
            Self::Label(name) => Some(name),
            _ => None,
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Time => time_type(),
            Self::Value | Self::HistogramCount | Self::HistogramSum => DataType::Float64,
            Self::Histogram => DataType::Utf8,
            Self::Metric | Self::Label(_) => label_type(),
            Self::Tags => tags_type(),
            Self::SeriesId => DataType::UInt64,
        }
    }

    fn field(&self, name: &str) -> Field {
        let nullable = !matches!(self, Self::Time | Self::Tags | Self::SeriesId);
        Field::new(name, self.data_type(), nullable)
    }
}

/// Nanoseconds since the epoch, in UTC.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some(Arc::from("UTC")))
}

fn label_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Names and values of labels.
pub(crate) fn tags_type() -> DataType {
    let pair =
        [Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, true)];
    let entries = Field::new("entries", DataType::Struct(pair.into_iter().collect()), false);
    DataType::Map(Arc::new(entries), false)
}

/// The columns of one table.
#[derive(Debug)]
pub(crate) struct Layout {
    schema: SchemaRef,
    sources: Vec<Source>,
    /// The metric whose table it is.
    metric: Option<String>,
}

/// Columns of a metric's table that are not labels.
const OWN: [&str; 5] = ["time", "value", "histogram_count", "histogram_sum", "histogram"];

impl Layout {
    /// Of the table over all series.
    pub(crate) fn whole() -> Self {
        Self::new(
            None,
            vec![
                ("time".to_owned(), Source::Time),
                ("metric".to_owned(), Source::Metric),
                ("tags".to_owned(), Source::Tags),
                ("value".to_owned(), Source::Value),
                ("series_id".to_owned(), Source::SeriesId),
            ],
        )
    }

    /// Of a metric's own table. A label whose name is a column's already gets `label_` before its name,
    /// as often as it takes.
    pub(crate) fn of_metric(metric: &str, labels: &[String], has_histograms: bool) -> Self {
        let mut columns = vec![("time".to_owned(), Source::Time)];
        for label in labels.iter().filter(|label| *label != METRIC_NAME) {
            let mut name = label.clone();
            while OWN.contains(&name.as_str()) || (name != *label && labels.contains(&name)) {
                name.insert_str(0, "label_");
            }
            columns.push((name, Source::Label(Arc::from(label.as_str()))));
        }
        columns.push(("value".to_owned(), Source::Value));
        if has_histograms {
            columns.push(("histogram_count".to_owned(), Source::HistogramCount));
            columns.push(("histogram_sum".to_owned(), Source::HistogramSum));
            columns.push(("histogram".to_owned(), Source::Histogram));
        }
        Self::new(Some(metric.to_owned()), columns)
    }

    fn new(metric: Option<String>, columns: Vec<(String, Source)>) -> Self {
        let fields: Vec<Field> = columns.iter().map(|(name, of)| of.field(name)).collect();
        let sources = columns.into_iter().map(|(_, source)| source).collect();
        Self { schema: Arc::new(Schema::new(fields)), sources, metric }
    }

    /// Names and types.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the columns show, in their order.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What the column of a name shows.
    pub(crate) fn source(&self, column: &str) -> Option<&Source> {
        let index = self.schema.index_of(column).ok()?;
        self.sources.get(index)
    }

    /// The metric whose table it is; `None` of the table over all.
    pub(crate) fn metric(&self) -> Option<&str> {
        self.metric.as_deref()
    }
}

#[cfg(test)]
mod tests;
