//! Native histograms as JSON, in the text formats that have no form of their own for them.
//!
//! ```json
//! {"schema":0,"zero_threshold":0.001,"zero_count":1,"count":6,"sum":3.5,"reset_hint":0,
//!  "positive_spans":[[0,2]],"positive":[2,3],"negative_spans":[],"negative":[],"custom_values":[]}
//! ```
//!
//! Counts are those of each bucket; spans are pairs of offset and length. A histogram of float counts
//! has `"float":true`. Floats that JSON cannot write are strings ([`number`]). Lists that are empty
//! may be left out.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use timberline_model::{BucketCounts, BucketSpan, Histogram, ResetHint};

use crate::number::{JsonFloat, JsonFloats};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: i8,
    #[serde(default)]
    float: bool,
    #[serde(default)]
    reset_hint: u8,
    #[serde(default)]
    zero_threshold: JsonFloat,
    #[serde(default)]
    zero_count: Value,
    count: Value,
    sum: JsonFloat,
    #[serde(default)]
    positive_spans: Vec<(i32, u32)>,
    #[serde(default)]
    positive: Value,
    #[serde(default)]
    negative_spans: Vec<(i32, u32)>,
    #[serde(default)]
    negative: Value,
    #[serde(default)]
    custom_values: JsonFloats,
}

/// The JSON value of a histogram.
pub(crate) fn to_json(histogram: &Histogram) -> Value {
    let spans = |spans: &[BucketSpan]| spans.iter().map(|s| (s.offset, s.length)).collect();
    let float = |value: f64| JsonFloat(value).to_value();
    let floats = |values: &[f64]| Value::Array(values.iter().map(|v| float(*v)).collect());
    let (count, zero_count, positive, negative) = match &histogram.counts {
        BucketCounts::Integer { count, zero_count, positive, negative } => (
            (*count).into(),
            (*zero_count).into(),
            positive.clone().into(),
            negative.clone().into(),
        ),
        BucketCounts::Float { count, zero_count, positive, negative } => {
            (float(*count), float(*zero_count), floats(positive), floats(negative))
        }
    };
    let document = Document {
        schema: histogram.schema,
        float: histogram.is_float(),
        reset_hint: histogram.reset_hint as u8,
        zero_threshold: JsonFloat(histogram.zero_threshold),
        zero_count,
        count,
        sum: JsonFloat(histogram.sum),
        positive_spans: spans(&histogram.positive_spans),
        positive,
        negative_spans: spans(&histogram.negative_spans),
        negative,
        custom_values: JsonFloats(histogram.custom_values.clone()),
    };
    serde_json::to_value(document).unwrap_or(Value::Null)
}

/// Reads a histogram's JSON value.
pub(crate) fn from_json(value: Value) -> Result<Histogram, String> {
    let document: Document = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let spans = |spans: Vec<(i32, u32)>| {
        spans.into_iter().map(|(offset, length)| BucketSpan { offset, length }).collect()
    };
    let counts = if document.float {
        BucketCounts::Float {
            count: one::<JsonFloat>(document.count, "count")?.0,
            zero_count: one::<JsonFloat>(document.zero_count, "zero_count")?.0,
            positive: one::<JsonFloats>(document.positive, "positive")?.0,
            negative: one::<JsonFloats>(document.negative, "negative")?.0,
        }
    } else {
        BucketCounts::Integer {
            count: one(document.count, "count")?,
            zero_count: one(document.zero_count, "zero_count")?,
            positive: one(document.positive, "positive")?,
            negative: one(document.negative, "negative")?,
        }
    };
    let histogram = Histogram {
        reset_hint: ResetHint::from_code(document.reset_hint)
            .ok_or_else(|| format!("reset_hint {} is not 0 to 3", document.reset_hint))?,
        schema: document.schema,
        zero_threshold: document.zero_threshold.0,
        sum: document.sum.0,
        positive_spans: spans(document.positive_spans),
        negative_spans: spans(document.negative_spans),
        custom_values: document.custom_values.0,
        counts,
    };
    histogram.check().map_err(|error| error.to_string())?;
    Ok(histogram)
}

/// A member, or its default where it was left out.
fn one<T: Default + for<'de> Deserialize<'de>>(value: Value, name: &str) -> Result<T, String> {
    if value.is_null() {
        return Ok(T::default());
    }
    serde_json::from_value(value).map_err(|error| format!("{name}: {error}"))
}
