//! OpenMetrics, written line by line.

use std::io::Write as _;

use timberline_model::{Exemplar, Labels, METRIC_NAME, MetricKind};

use super::line::is_name;

/// Appends `# TYPE`.
pub fn push_type(out: &mut Vec<u8>, family: &str, kind: MetricKind) {
    push_comment(out, "TYPE", family);
    out.extend_from_slice(kind.name().as_bytes());
    out.push(b'\n');
}

/// Appends `# UNIT`.
pub fn push_unit(out: &mut Vec<u8>, family: &str, unit: &str) {
    push_comment(out, "UNIT", family);
    out.extend_from_slice(unit.as_bytes());
    out.push(b'\n');
}

/// Appends `# HELP`.
pub fn push_help(out: &mut Vec<u8>, family: &str, help: &str) {
    push_comment(out, "HELP", family);
    push_escaped(out, help);
    out.push(b'\n');
}

fn push_comment(out: &mut Vec<u8>, keyword: &str, family: &str) {
    out.extend_from_slice(b"# ");
    out.extend_from_slice(keyword.as_bytes());
    out.push(b' ');
    if is_name(family, true) {
        out.extend_from_slice(family.as_bytes());
    } else {
        push_quoted(out, family);
    }
    out.push(b' ');
}

/// Appends a series: its name and its labels, under another name if one is given. A name that is not
/// plain goes into the braces, in quotes.
pub fn push_series(out: &mut Vec<u8>, labels: &Labels, name: Option<&str>) {
    let name = name.or(labels.metric_name()).unwrap_or_default();
    let plain = is_name(name, true);
    if plain {
        out.extend_from_slice(name.as_bytes());
    }
    let others = labels.iter().filter(|(label, _)| *label != METRIC_NAME);
    push_braces(out, (!plain && !name.is_empty()).then_some(name), others, !plain);
}

fn push_braces<'s>(
    out: &mut Vec<u8>,
    name: Option<&str>,
    labels: impl Iterator<Item = (&'s str, &'s str)>,
    always: bool,
) {
    let mut open = false;
    let mut next = |out: &mut Vec<u8>| {
        out.push(if std::mem::replace(&mut open, true) { b',' } else { b'{' });
    };
    if let Some(name) = name {
        next(out);
        push_quoted(out, name);
    }
    for (label, value) in labels {
        next(out);
        if is_name(label, false) {
            out.extend_from_slice(label.as_bytes());
        } else {
            push_quoted(out, label);
        }
        out.push(b'=');
        push_quoted(out, value);
    }
    if open {
        out.push(b'}');
    } else if always {
        out.extend_from_slice(b"{}");
    }
}

/// Appends a sample after its series: value and time, without the end of the line.
pub fn push_sample_start(out: &mut Vec<u8>, value: f64, ts: i64) {
    out.push(b' ');
    push_value(out, value);
    out.push(b' ');
    push_seconds(out, ts);
}

/// Appends an exemplar after a sample, without the end of the line.
pub fn push_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    out.extend_from_slice(b" # ");
    push_braces(out, None, exemplar.labels.iter(), true);
    push_sample_start(out, exemplar.value, exemplar.ts);
}

/// Appends a value. Of NaN, only that it is one.
pub fn push_value(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    let _ = if value.is_nan() {
        write!(out, "NaN")
    } else if value.is_infinite() {
        write!(out, "{}Inf", if value > 0.0 { '+' } else { '-' })
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        write!(out, "{value:e}")
    } else {
        write!(out, "{value}")
    };
}

/// Appends a time in seconds, with as many decimals as it needs.
pub fn push_seconds(out: &mut Vec<u8>, ts: i64) {
    let (whole, fraction) = (ts.unsigned_abs() / 1_000_000_000, ts.unsigned_abs() % 1_000_000_000);
    let sign = if ts < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{whole}");
    if fraction != 0 {
        let text = format!("{fraction:09}");
        out.push(b'.');
        out.extend_from_slice(text.trim_end_matches('0').as_bytes());
    }
}

fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

fn push_escaped(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.push(other),
        }
    }
}
