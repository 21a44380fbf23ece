//! Readers of text in memory, which files are read with too: for those who have no file.

pub use crate::{csv::read_csv, ndjson::read_json_line};
