//! Samples in words: `name{label="value"} START STEP VALUE VALUE ...`
//!
//! `START` is an RFC 3339 time, `STEP` a duration (`10s`), and a value is a float, `stale`, `_` for none at
//! that time, or `hist:COUNT:SUM` for a native histogram with one bucket.

use timberline::{
    BucketCounts, BucketSpan, Database, Histogram, HistogramSample, Labels, ResetHint, WriteBatch,
};
use timberline_model::{STALE_NAN, parse_duration};

/// Writes the samples of some lines; all must be taken.
pub(crate) fn load(database: &Database, lines: &[String]) -> Result<(), String> {
    let mut batch = WriteBatch::default();
    for line in lines {
        push(&mut batch, line).map_err(|error| format!("{line}: {error}"))?;
    }
    let outcome = database.write(&batch).map_err(|error| error.to_string())?;
    match outcome.rejections.first() {
        Some(rejection) => Err(rejection.to_string()),
        None => Ok(()),
    }
}

fn push(batch: &mut WriteBatch<'_>, line: &str) -> Result<(), String> {
    let (labels, rest) = labels(line)?;
    batch.push_labels(labels);
    let mut words = rest.split_whitespace();
    let start = words.next().ok_or("no start")?;
    let start = arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(start)
        .map_err(|error| error.to_string())?;
    let step = parse_duration(words.next().ok_or("no step")?).map_err(|error| error.to_string())?;
    for (index, word) in words.enumerate() {
        let ts = start + step * index as i64;
        match word {
            "_" => {}
            "stale" => batch.push_sample(ts, STALE_NAN),
            _ => match word.strip_prefix("hist:") {
                Some(figures) => {
                    batch.push_histogram(HistogramSample {
                        ts,
                        start: 0,
                        histogram: histogram(figures)?,
                    });
                }
                None => {
                    let value: f64 = word.parse().map_err(|_| format!("{word} is no value"))?;
                    batch.push_sample(ts, value);
                }
            },
        }
    }
    Ok(())
}

fn histogram(figures: &str) -> Result<Histogram, String> {
    let (count, sum) = figures.split_once(':').ok_or("hist:COUNT:SUM")?;
    let count: u64 = count.parse().map_err(|_| "no count")?;
    let sum: f64 = sum.parse().map_err(|_| "no sum")?;
    Ok(Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 0,
        zero_threshold: 0.0,
        sum,
        positive_spans: vec![BucketSpan { offset: 0, length: 1 }],
        negative_spans: Vec::new(),
        custom_values: Vec::new(),
        counts: BucketCounts::Integer {
            count,
            zero_count: 0,
            positive: vec![count],
            negative: Vec::new(),
        },
    })
}

fn labels(line: &str) -> Result<(Labels, &str), String> {
    let name_end = line.find(['{', ' ']).ok_or("no samples")?;
    let (name, mut rest) = line.split_at(name_end);
    let mut pairs: Vec<(String, String)> = Vec::new();
    if !name.is_empty() {
        pairs.push(("__name__".to_owned(), name.to_owned()));
    }
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").ok_or("label=\"value\"")?;
            let (value, after) = after.split_once('"').ok_or("a quote that does not end")?;
            pairs.push((label.trim_start_matches([',', ' ']).to_owned(), value.to_owned()));
            rest = after;
        }
        rest = &rest[1..];
    }
    Ok((Labels::from_pairs(pairs).map_err(|error| error.to_string())?, rest))
}
