//! Storage engines: where batches go and scans come from.

pub mod columnar;
