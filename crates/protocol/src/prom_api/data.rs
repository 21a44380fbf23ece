//! The `data` of an answer. Every function appends one JSON value.

use std::sync::Arc;

use timberline_model::{Histogram, Labels};

use super::{
    histogram::push_histogram,
    number::{push_time, push_value},
    text::push_string,
};
use crate::TimeForm;

/// A scalar: `{"resultType":"scalar","result":[time,"value"]}`.
pub fn scalar(out: &mut Vec<u8>, ts: i64, value: f64, form: TimeForm) {
    result(out, "scalar", |out| push_sample(out, ts, value, form));
}

/// A string: `{"resultType":"string","result":[time,"text"]}`.
pub fn string(out: &mut Vec<u8>, ts: i64, text: &str, form: TimeForm) {
    result(out, "string", |out| {
        out.push(b'[');
        push_time(out, ts, form);
        out.push(b',');
        push_string(out, text);
        out.push(b']');
    });
}

/// The value of one series at one time.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'s> {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(&'s Histogram),
}

/// The values of one series over time.
#[derive(Clone, Copy, Debug)]
pub struct MatrixRow<'s> {
    /// The series.
    pub labels: &'s Labels,
    /// Times of the floats, nanoseconds.
    pub timestamps: &'s [i64],
    /// The floats, as many as times.
    pub values: &'s [f64],
    /// Native histograms with their times.
    pub histograms: &'s [(i64, Arc<Histogram>)],
}

/// A vector of series' labels, times and values.
pub fn vector<'s>(
    out: &mut Vec<u8>,
    samples: impl IntoIterator<Item = (&'s Labels, i64, ValueRef<'s>)>,
    form: TimeForm,
) {
    result(out, "vector", |out| {
        push_list(out, samples, |out, (labels, ts, value)| {
            out.extend_from_slice(b"{\"metric\":");
            push_labels(out, labels);
            match value {
                ValueRef::Float(value) => {
                    out.extend_from_slice(b",\"value\":");
                    push_sample(out, ts, value, form);
                }
                ValueRef::Histogram(histogram) => {
                    out.extend_from_slice(b",\"histogram\":");
                    push_histogram_sample(out, ts, histogram, form);
                }
            }
            out.push(b'}');
        });
    });
}

/// A matrix of series' labels and values. A series has `values`, `histograms`, or both.
pub fn matrix<'s>(
    out: &mut Vec<u8>,
    series: impl IntoIterator<Item = MatrixRow<'s>>,
    form: TimeForm,
) {
    result(out, "matrix", |out| {
        push_list(out, series, |out, row| {
            out.extend_from_slice(b"{\"metric\":");
            push_labels(out, row.labels);
            if !row.timestamps.is_empty() || row.histograms.is_empty() {
                out.extend_from_slice(b",\"values\":");
                push_list(out, row.timestamps.iter().zip(row.values), |out, (ts, value)| {
                    push_sample(out, *ts, *value, form);
                });
            }
            if !row.histograms.is_empty() {
                out.extend_from_slice(b",\"histograms\":");
                push_list(out, row.histograms, |out, (ts, histogram)| {
                    push_histogram_sample(out, *ts, histogram, form);
                });
            }
            out.push(b'}');
        });
    });
}

fn push_histogram_sample(out: &mut Vec<u8>, ts: i64, histogram: &Histogram, form: TimeForm) {
    out.push(b'[');
    push_time(out, ts, form);
    out.push(b',');
    push_histogram(out, histogram);
    out.push(b']');
}

/// A list of strings: label names, label values.
pub fn strings<'s>(out: &mut Vec<u8>, texts: impl IntoIterator<Item = &'s str>) {
    push_list(out, texts, push_string);
}

/// A list of label sets: series.
pub fn label_sets<'s>(out: &mut Vec<u8>, sets: impl IntoIterator<Item = &'s Labels>) {
    push_list(out, sets, push_labels);
}

fn result(out: &mut Vec<u8>, result_type: &str, contents: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"resultType\":\"");
    out.extend_from_slice(result_type.as_bytes());
    out.extend_from_slice(b"\",\"result\":");
    contents(out);
    out.push(b'}');
}

/// Values one after the other, in brackets.
pub fn push_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

fn push_sample(out: &mut Vec<u8>, ts: i64, value: f64, form: TimeForm) {
    out.push(b'[');
    push_time(out, ts, form);
    out.push(b',');
    push_value(out, value);
    out.push(b']');
}

/// An object of labels.
pub fn push_labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_string(out, name);
        out.push(b':');
        push_string(out, value);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests;
