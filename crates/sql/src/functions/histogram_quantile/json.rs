//! Native histograms from the JSON of the column `histogram` (docs/import-export.md).

use serde_json::{Map, Value};
use timberline_model::{BucketCounts, BucketSpan, Histogram, ResetHint};

/// Reads a histogram.
///
/// # Errors
/// In words, what is wrong with it.
pub(super) fn read(text: &str) -> Result<Histogram, String> {
    let object = match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err("it is no JSON object".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let counts = if object.get("float") == Some(&Value::Bool(true)) {
        BucketCounts::Float {
            count: float(&object, "count")?,
            zero_count: float(&object, "zero_count")?,
            positive: list(&object, "positive", number)?,
            negative: list(&object, "negative", number)?,
        }
    } else {
        BucketCounts::Integer {
            count: one(&object, "count", Value::as_u64)?.unwrap_or(0),
            zero_count: one(&object, "zero_count", Value::as_u64)?.unwrap_or(0),
            positive: list(&object, "positive", Value::as_u64)?,
            negative: list(&object, "negative", Value::as_u64)?,
        }
    };
    let hint = one(&object, "reset_hint", Value::as_u64)?.unwrap_or(0);
    let histogram = Histogram {
        reset_hint: u8::try_from(hint)
            .ok()
            .and_then(ResetHint::from_code)
            .ok_or("reset_hint is not 0 to 3")?,
        schema: one(&object, "schema", |value| i8::try_from(value.as_i64()?).ok())?
            .ok_or("schema is missing")?,
        zero_threshold: float(&object, "zero_threshold")?,
        sum: float(&object, "sum")?,
        positive_spans: list(&object, "positive_spans", span)?,
        negative_spans: list(&object, "negative_spans", span)?,
        custom_values: list(&object, "custom_values", number)?,
        counts,
    };
    histogram.check().map_err(|error| error.to_string())?;
    Ok(histogram)
}

/// A member; `None` where it was left out.
fn one<T>(
    object: &Map<String, Value>,
    name: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| format!("{name} cannot be {value}")),
    }
}

fn float(object: &Map<String, Value>, name: &str) -> Result<f64, String> {
    Ok(one(object, name, number)?.unwrap_or(0.0))
}

fn list<T>(
    object: &Map<String, Value>,
    name: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, String> {
    let all = |value: &Value| value.as_array()?.iter().map(&read).collect();
    Ok(one(object, name, all)?.unwrap_or_default())
}

/// A number; what JSON cannot write is a text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    }
}

fn span(value: &Value) -> Option<BucketSpan> {
    let [offset, length] = value.as_array()?.as_slice() else { return None };
    let offset = i32::try_from(offset.as_i64()?).ok()?;
    Some(BucketSpan { offset, length: u32::try_from(length.as_u64()?).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_read_as_they_were_written() {
        for text in [
            r#"{"schema":0,"reset_hint":0,"zero_threshold":0.5,"zero_count":1,"count":6,"positive":[2,3],"sum":3.5,"positive_spans":[[0,2]]}"#,
            r#"{"schema":2,"reset_hint":3,"zero_threshold":0,"float":true,"zero_count":0.5,"count":2,"negative":[1.5],"sum":"NaN","negative_spans":[[-1,1]]}"#,
            r#"{"schema":-53,"reset_hint":0,"zero_threshold":0,"zero_count":0,"count":3,"positive":[1,2],"sum":1,"positive_spans":[[0,2]],"custom_values":[1,2.5]}"#,
        ] {
            assert_eq!(crate::scan::histogram_json::to_json(&read(text).unwrap()), text);
        }
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"schema":0,"count":1,"sum":1,"positive":[1],"positive_spans":[[0,4000000000]]}"#,
            r#"{"schema":0,"count":-1,"sum":1}"#,
            r#"{"schema":900,"count":1,"sum":1}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
