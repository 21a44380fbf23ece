//! Clients of Prometheus as they are: promtool, a library of Python's, and the requests that Grafana makes.
//! A Debian Prometheus with the same samples stands beside, and answers must be the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api_client;
mod federation;
mod grafana;
mod promtool;
mod shape;
mod twins;
