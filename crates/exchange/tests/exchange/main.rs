//! What is exported and imported again is the same, and Prometheus' own tools agree.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod open_metrics;
mod parquet;
mod prometheus_peer;
mod round_trips;
mod support;
