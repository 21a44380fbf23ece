//! Conditions of statements as conditions that storage understands: spans of time, and matchers of labels.

mod time;

pub(crate) use time::time_range_of;

mod labels;

pub(crate) use labels::matchers_of;
