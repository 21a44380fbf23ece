//! A histogram as text: `{{schema:1 count:3 sum:2 buckets:[1 2] offset:-1 counter_reset_hint:gauge}}`.

use timberline_model::{
    BucketCounts, BucketSpan, CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint, SCHEMA_MAX, SCHEMA_MIN,
};

use crate::number;

/// What a literal says.
#[derive(Debug)]
pub(super) struct Literal {
    pub(super) histogram: Histogram,
    /// Whether the hint was written.
    pub(super) has_hint: bool,
}

/// Cuts the literal with which a token begins off the rest of it.
pub(super) fn split(token: &str) -> Result<(&str, &str), String> {
    let end = token.find("}}").ok_or("a histogram ends with }}")?;
    Ok((&token[2..end], &token[end + 2..]))
}

/// Reads what stands between the braces. Count and sum are what is written; nothing is worked out from
/// the buckets.
pub(super) fn parse(text: &str) -> Result<Literal, String> {
    let mut histogram = Histogram {
        schema: 0,
        sum: 0.0,
        counts: BucketCounts::Float {
            count: 0.0,
            zero_count: 0.0,
            positive: Vec::new(),
            negative: Vec::new(),
        },
        ..Histogram::stale()
    };
    let (mut offset, mut negative_offset, mut has_hint) = (0, 0, false);
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, tail) = rest.split_once(':').ok_or_else(|| format!("no `:` in {rest:?}"))?;
        let (written, tail) = value(tail)?;
        let BucketCounts::Float { count, zero_count, positive, negative } = &mut histogram.counts
        else {
            unreachable!("the counts are floats")
        };
        match key {
            "schema" => histogram.schema = schema(written)?,
            "sum" => histogram.sum = float(written)?,
            "count" => *count = float(written)?,
            "z_bucket" => *zero_count = float(written)?,
            "z_bucket_w" => histogram.zero_threshold = float(written)?,
            "buckets" => *positive = list(written)?,
            "n_buckets" => *negative = list(written)?,
            "offset" => offset = whole(written)?,
            "n_offset" => negative_offset = whole(written)?,
            "custom_values" => histogram.custom_values = list(written)?,
            "counter_reset_hint" => {
                histogram.reset_hint = hint(written)?;
                has_hint = true;
            }
            _ => return Err(format!("unknown field {key:?}")),
        }
        rest = tail.trim_start();
    }
    let (positive, negative) = histogram.counts.bucket_counts();
    histogram.positive_spans = span(offset, positive)?;
    histogram.negative_spans = span(negative_offset, negative)?;
    Ok(Literal { histogram, has_hint })
}

/// The value of a field and what is behind it; a list keeps its brackets.
fn value(text: &str) -> Result<(&str, &str), String> {
    let end = match text.strip_prefix('[') {
        Some(_) => text.find(']').ok_or("a list ends with ]")? + 1,
        None => text.find(char::is_whitespace).unwrap_or(text.len()),
    };
    Ok(text.split_at(end))
}

fn schema(text: &str) -> Result<i8, String> {
    match text.parse::<i8>() {
        Ok(schema)
            if schema == CUSTOM_BUCKETS_SCHEMA || (SCHEMA_MIN..=SCHEMA_MAX).contains(&schema) =>
        {
            Ok(schema)
        }
        _ => Err(format!("{text:?} is no schema")),
    }
}

fn float(text: &str) -> Result<f64, String> {
    number::any_base(text).ok_or_else(|| format!("{text:?} is no number"))
}

fn whole(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("{text:?} is no whole number"))
}

fn list(text: &str) -> Result<Vec<f64>, String> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let inner = inner.ok_or_else(|| format!("{text:?} is no list in brackets"))?;
    inner.split_whitespace().map(float).collect()
}

fn hint(text: &str) -> Result<ResetHint, String> {
    match text {
        "unknown" => Ok(ResetHint::Unknown),
        "reset" => Ok(ResetHint::Reset),
        "not_reset" => Ok(ResetHint::NotReset),
        "gauge" => Ok(ResetHint::Gauge),
        _ => Err(format!("unknown hint {text:?}")),
    }
}

fn span(offset: i32, length: usize) -> Result<Vec<BucketSpan>, String> {
    if length == 0 {
        return Ok(Vec::new());
    }
    let length = u32::try_from(length).map_err(|_| "too many buckets")?;
    Ok(vec![BucketSpan { offset, length }])
}
