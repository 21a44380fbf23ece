//! Columns and their names.

use super::*;

fn names(layout: &Layout) -> Vec<&str> {
    layout.schema().fields().iter().map(|field| field.name().as_str()).collect()
}

fn of_labels(labels: &[&str]) -> Layout {
    let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    Layout::of_metric("m", &labels, false)
}

#[test]
fn labels_lie_between_time_and_value() {
    let layout = of_labels(&["__name__", "dc", "host"]);
    assert_eq!(names(&layout), ["time", "dc", "host", "value"]);
    assert_eq!(layout.source("host").and_then(Source::label), Some("host"));
}

#[test]
fn a_label_that_is_called_like_a_column_gets_a_prefix() {
    let layout = of_labels(&["__name__", "label_time", "time", "value"]);
    assert_eq!(names(&layout), ["time", "label_time", "label_label_time", "label_value", "value"]);
    assert_eq!(layout.source("label_label_time").and_then(Source::label), Some("time"));
    assert_eq!(layout.source("label_time").and_then(Source::label), Some("label_time"));
}
