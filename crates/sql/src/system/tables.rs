//! What the tables of the schema `system` have in them.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Float64Array, MapBuilder, RecordBatch, StringArray, StringBuilder,
        TimestampNanosecondArray, UInt8Array, UInt64Array,
    },
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
};
use datafusion::error::{DataFusionError, Result};
use timberline_model::{LabelQuery, Labels, METRIC_NAME, SeriesSource as _, TimeRange};

use super::schema::Origin;
use crate::tables::{tags_type, time_type};

/// Exemplars read at most: they are all in memory at once.
const EXEMPLARS_MAX: usize = 1_000_000;

/// A table of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SystemTable {
    Exemplars,
    MetricMetadata,
    Databases,
    Blocks,
    Queries,
}

impl SystemTable {
    pub(super) const ALL: [Self; 5] =
        [Self::Blocks, Self::Databases, Self::Exemplars, Self::MetricMetadata, Self::Queries];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Exemplars => "exemplars",
            Self::MetricMetadata => "metric_metadata",
            Self::Databases => "databases",
            Self::Blocks => "blocks",
            Self::Queries => "queries",
        }
    }

    pub(super) fn schema(self) -> SchemaRef {
        let text = |name| Field::new(name, DataType::Utf8, true);
        let number = |name| Field::new(name, DataType::UInt64, true);
        let float = |name| Field::new(name, DataType::Float64, true);
        let time = |name| Field::new(name, time_type(), true);
        let tags = |name| Field::new(name, tags_type(), false);
        Arc::new(Schema::new(match self {
            Self::Exemplars => {
                vec![time("time"), text("metric"), tags("tags"), tags("labels"), float("value")]
            }
            Self::MetricMetadata => vec![text("metric"), text("type"), text("unit"), text("help")],
            Self::Databases => vec![
                text("name"),
                Field::new("is_current", DataType::Boolean, false),
                number("series"),
                number("samples"),
                number("blocks"),
                number("bytes"),
                time("min_time"),
                time("max_time"),
                text("engine"),
                text("store"),
                text("format"),
                text("retention"),
                text("retention_size"),
                text("duplicates"),
                text("durability"),
                number("series_max"),
                text("error"),
            ],
            Self::Blocks => vec![
                text("ulid"),
                time("min_time"),
                time("max_time"),
                Field::new("level", DataType::UInt8, false),
                number("series"),
                number("samples"),
                number("histograms"),
                number("pages"),
                number("bytes"),
            ],
            Self::Queries => vec![
                number("id"),
                text("database"),
                text("text"),
                time("start"),
                float("elapsed"),
                number("rows"),
            ],
        }))
    }

    /// The rows of this moment.
    pub(super) fn read(self, origin: &Origin, range: TimeRange) -> Result<RecordBatch> {
        let arrays = match self {
            Self::Exemplars => exemplars(origin, range)?,
            Self::MetricMetadata => metadata(origin),
            Self::Databases => databases(origin),
            Self::Blocks => blocks(origin),
            Self::Queries => queries(origin),
        };
        Ok(RecordBatch::try_new(self.schema(), arrays)?)
    }
}

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn numbers(values: impl IntoIterator<Item = Option<u64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<UInt64Array>())
}

fn times(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

fn exemplars(origin: &Origin, range: TimeRange) -> Result<Vec<ArrayRef>> {
    let query = LabelQuery { range, ..LabelQuery::default() };
    let found = origin.database.exemplars(&query);
    let found = found.map_err(|error| DataFusionError::External(Box::new(error)))?;
    let rows: Vec<_> =
        found.iter().flat_map(|of| of.exemplars.iter().map(|one| (&of.labels, one))).collect();
    if rows.len() > EXEMPLARS_MAX {
        let message = format!("more than {EXEMPLARS_MAX} exemplars; narrow the time");
        return Err(DataFusionError::ResourcesExhausted(message));
    }
    let values = rows.iter().map(|(_, one)| one.value).collect::<Vec<f64>>();
    Ok(vec![
        times(rows.iter().map(|(_, one)| Some(one.ts))),
        texts(rows.iter().map(|(labels, _)| labels.metric_name())),
        maps(rows.iter().map(|(labels, _)| *labels))?,
        maps(rows.iter().map(|(_, one)| &one.labels))?,
        Arc::new(Float64Array::from(values)),
    ])
}

fn maps<'a>(all: impl Iterator<Item = &'a Labels>) -> Result<ArrayRef, ArrowError> {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for labels in all {
        for (name, value) in labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
            maps.keys().append_value(name);
            maps.values().append_value(value);
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}

fn metadata(origin: &Origin) -> Vec<ArrayRef> {
    let all = origin.database.metadata(None, 0);
    vec![
        texts(all.iter().map(|of| Some(&of.family))),
        texts(all.iter().map(|of| Some(of.metadata.kind.name()))),
        texts(all.iter().map(|of| Some(&of.metadata.unit))),
        texts(all.iter().map(|of| Some(&of.metadata.help))),
    ]
}

fn databases(origin: &Origin) -> Vec<ArrayRef> {
    let all = origin.databases.list();
    let stats: Vec<_> = all.iter().map(|one| one.database.as_ref().map(|of| of.stats())).collect();
    let number = |of: fn(&timberline::EngineStats) -> u64| {
        numbers(stats.iter().map(|stats| stats.as_ref().map(of)))
    };
    let time = |of: fn(&timberline::EngineStats) -> Option<i64>| {
        times(stats.iter().map(|stats| stats.as_ref().and_then(of)))
    };
    let setting = |name| texts(all.iter().map(|one| one.setting(name)));
    let current: Vec<bool> = all.iter().map(|one| one.name == origin.name).collect();
    let series_max = all.iter().map(|one| one.setting("series_max")?.parse().ok());
    vec![
        texts(all.iter().map(|one| Some(&one.name))),
        Arc::new(BooleanArray::from(current)),
        number(|stats| stats.series),
        number(|stats| stats.head_samples + stats.block_samples),
        number(|stats| stats.blocks),
        number(|stats| stats.block_bytes),
        time(|stats| stats.min_ts),
        time(|stats| stats.max_ts),
        setting("engine"),
        setting("store"),
        setting("format"),
        setting("retention"),
        setting("retention_size"),
        setting("duplicates"),
        setting("durability"),
        numbers(series_max),
        texts(all.iter().map(|one| one.error.as_ref())),
    ]
}

fn blocks(origin: &Origin) -> Vec<ArrayRef> {
    let all = origin.database.blocks();
    let number = |of: fn(&timberline::BlockSummary) -> Option<u64>| numbers(all.iter().map(of));
    vec![
        texts(all.iter().map(|block| Some(&block.ulid))),
        times(all.iter().map(|block| Some(block.min_ts))),
        times(all.iter().map(|block| Some(block.max_ts))),
        Arc::new(UInt8Array::from_iter_values(all.iter().map(|block| block.level))),
        number(|block| Some(block.series)),
        number(|block| Some(block.samples)),
        number(|block| block.details.map(|details| details.histograms)),
        number(|block| block.details.map(|details| details.pages)),
        number(|block| Some(block.bytes)),
    ]
}

fn queries(origin: &Origin) -> Vec<ArrayRef> {
    let all = origin.queries.all();
    let elapsed: Vec<f64> = all.iter().map(|query| query.elapsed().as_secs_f64()).collect();
    vec![
        numbers(all.iter().map(|query| Some(query.id))),
        texts(all.iter().map(|query| Some(&query.database))),
        texts(all.iter().map(|query| Some(&query.text))),
        times(all.iter().map(|query| Some(query.start))),
        Arc::new(Float64Array::from(elapsed)),
        numbers(all.iter().map(|query| Some(query.rows()))),
    ]
}
