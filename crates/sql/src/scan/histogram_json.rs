//! Native histograms as JSON: the form that import and export have for them (docs/import-export.md).
//!
//! Counts are those of each bucket; spans are pairs of offset and length. Floats that JSON cannot write are
//! strings.

use std::fmt::Write as _;

use timberline_model::{BucketCounts, BucketSpan, Histogram};

/// All observations.
pub(crate) fn count(histogram: &Histogram) -> f64 {
    match &histogram.counts {
        BucketCounts::Integer { count, .. } => *count as f64,
        BucketCounts::Float { count, .. } => *count,
    }
}

/// The JSON object of a histogram.
pub(crate) fn to_json(histogram: &Histogram) -> String {
    let mut text = String::with_capacity(256);
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "{{\"schema\":{},\"reset_hint\":{}",
        histogram.schema, histogram.reset_hint as u8
    );
    push_float(&mut text, "zero_threshold", histogram.zero_threshold);
    match &histogram.counts {
        BucketCounts::Integer { count, zero_count, positive, negative } => {
            let _ = write!(text, ",\"zero_count\":{zero_count},\"count\":{count}");
            push_list(&mut text, "positive", positive, push_whole);
            push_list(&mut text, "negative", negative, push_whole);
        }
        BucketCounts::Float { count, zero_count, positive, negative } => {
            text.push_str(",\"float\":true");
            push_float(&mut text, "zero_count", *zero_count);
            push_float(&mut text, "count", *count);
            push_list(&mut text, "positive", positive, |count, text| push_number(text, *count));
            push_list(&mut text, "negative", negative, |count, text| push_number(text, *count));
        }
    }
    push_float(&mut text, "sum", histogram.sum);
    let span = |span: &BucketSpan, text: &mut String| {
        let _ = write!(text, "[{},{}]", span.offset, span.length);
    };
    push_list(&mut text, "positive_spans", &histogram.positive_spans, span);
    push_list(&mut text, "negative_spans", &histogram.negative_spans, span);
    let bounds = &histogram.custom_values;
    push_list(&mut text, "custom_values", bounds, |bound, text| push_number(text, *bound));
    text.push('}');
    text
}

fn push_float(text: &mut String, name: &str, value: f64) {
    let _ = write!(text, ",\"{name}\":");
    push_number(text, value);
}

fn push_whole(count: &u64, text: &mut String) {
    let _ = write!(text, "{count}");
}

fn push_number(text: &mut String, value: f64) {
    let _ = if value.is_finite() {
        write!(text, "{value}")
    } else if value.is_nan() {
        write!(text, "\"NaN\"")
    } else {
        write!(text, "\"{}Infinity\"", if value < 0.0 { "-" } else { "" })
    };
}

fn push_list<T>(text: &mut String, name: &str, list: &[T], push: impl Fn(&T, &mut String)) {
    if list.is_empty() {
        return;
    }
    let _ = write!(text, ",\"{name}\":[");
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push(item, text);
    }
    text.push(']');
}
