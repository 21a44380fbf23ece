//! A write request in JSON, decoded.

use serde::Deserialize;
use timberline_model::{Labels, LabelsBuilder, LabelsError, METRIC_NAME, RejectReason};

use super::item::{Item, Name, Pair, Timestamp};
use crate::{
    DecodeLimits, Decoded, ProtocolError,
    time_text::{Number, parse_rfc3339},
};

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    timeseries: Vec<Series<'a>>,
}

#[derive(Deserialize)]
struct Series<'a> {
    #[serde(borrow, default)]
    labels: Vec<Pair<'a, Name>>,
    #[serde(borrow, default)]
    samples: Vec<Pair<'a, Timestamp>>,
}

/// Decodes a body of the form that the [module](super) shows.
///
/// # Errors
/// A body that is not JSON or not of that form, named by line and column, or that exceeds a limit.
pub fn decode_write(body: &[u8], limits: &DecodeLimits) -> Result<Decoded<'static>, ProtocolError> {
    let request: Request<'_> = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    if request.timeseries.len() > limits.series_max {
        return Err(ProtocolError::TooMany { what: "series", max: limits.series_max });
    }
    let mut decoded = Decoded::default();
    let mut builder = LabelsBuilder::default();
    for (index, series) in request.timeseries.iter().enumerate() {
        if series.samples.len() > decoded.sample_room(limits) {
            return Err(limits.too_many_samples());
        }
        let labels = read_labels(&series.labels, &mut builder);
        builder.clear();
        match labels {
            Ok(_) if series.samples.is_empty() => {
                decoded.reject(
                    index,
                    0,
                    RejectReason::Protocol("series has no samples".to_owned()),
                );
            }
            Ok(labels) => push_samples(&mut decoded, index, labels, &series.samples),
            Err(reason) => decoded.reject(index, series.samples.len() as u64, reason),
        }
    }
    Ok(decoded)
}

fn read_labels(
    labels: &[Pair<'_, Name>],
    builder: &mut LabelsBuilder,
) -> Result<Labels, RejectReason> {
    for (index, label) in labels.iter().enumerate() {
        let Pair::Fields { first, value } = label else {
            return Err(RejectReason::Protocol(format!("label {index} is not an object")));
        };
        let (Item::Text(name), Item::Text(text)) = (first, value) else {
            let words =
                format!("label {index} has name {first} and value {value}, not two strings");
            return Err(RejectReason::Protocol(words));
        };
        builder.push(name, text);
    }
    let labels = builder.build()?;
    if labels.is_empty() {
        return Err(LabelsError::Empty.into());
    }
    if labels.get(METRIC_NAME).is_none() {
        return Err(LabelsError::MissingMetricName { labels: labels.to_string() }.into());
    }
    Ok(labels)
}

fn push_samples(
    decoded: &mut Decoded<'_>,
    series_index: usize,
    labels: Labels,
    samples: &[Pair<'_, Timestamp>],
) {
    decoded.batch.push_labels(labels);
    for (index, sample) in samples.iter().enumerate() {
        match read_sample(sample) {
            Ok((ts, value)) => decoded.batch.push_sample(ts, value),
            Err(words) => {
                let words = format!("sample {index}: {words}");
                decoded.reject(series_index, 1, RejectReason::Protocol(words));
            }
        }
    }
}

fn read_sample(sample: &Pair<'_, Timestamp>) -> Result<(i64, f64), String> {
    let Pair::Fields { first, value } = sample else {
        return Err("not an object with timestamp and value".to_owned());
    };
    let ts = read_time(first).ok_or_else(|| {
        format!(
            "timestamp {first} is not a time from 1677 to 2262 (milliseconds, seconds or RFC 3339)"
        )
    })?;
    let value = read_value(value).ok_or_else(|| format!("value {value} is not a number"))?;
    Ok((ts, value))
}

fn read_time(item: &Item<'_>) -> Option<i64> {
    let number = match item {
        Item::Integer(number) => Number::from_integer(*number),
        Item::Float(number) => Number::from_float(*number)?,
        // Times beyond the range come back as its ends, which no sample may have.
        Item::Text(text) => {
            return parse_rfc3339(text).filter(|ts| !matches!(*ts, i64::MIN | i64::MAX));
        }
        Item::Missing | Item::Other(_) => return None,
    };
    number.nanos(number.form())
}

fn read_value(item: &Item<'_>) -> Option<f64> {
    match item {
        Item::Integer(number) => Some(*number as f64),
        Item::Float(number) => Some(*number),
        Item::Text(text) => text.parse().ok(),
        Item::Missing | Item::Other(_) => None,
    }
}

fn malformed(error: &serde_json::Error) -> ProtocolError {
    let (line, column) = (error.line(), error.column());
    let mut reason = error.to_string();
    // The position stands in the error's fields.
    if let Some(end) = reason.rfind(" at line ") {
        reason.truncate(end);
    }
    ProtocolError::Json { line, column, reason }
}

#[cfg(test)]
mod tests;
