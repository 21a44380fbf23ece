//! Which benchmark, and in a build that is fit to measure with.

use std::{path::Path, process::Command};

use anyhow::Result;
use clap::Subcommand;

use super::{ingest, query, scan, series, sql, storage, subscribe};
use crate::command::{cargo, run as run_command};

/// The benchmarks.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Prometheus remote write: samples per second of wall and of processor time, latency, bytes on
    /// disk and memory, beside VictoriaMetrics and Prometheus.
    Ingest(ingest::Options),
    /// Bytes on disk for each sample, after all compaction, of recorded and of generated data.
    Storage(storage::Options),
    /// Many series: memory after the load and after a query of all, restart after a kill, churn.
    Series(series::Options),
    /// Reading whole series out over HTTP.
    Scan(scan::Options),
    /// Queries of PromQL: latency and processor time, beside VictoriaMetrics and Prometheus.
    Query(query::Options),
    /// Questions in SQL: latency and processor time, beside DuckDB and ClickHouse.
    Sql(sql::Options),
    /// Continuous queries: what passes through ten, how soon windows come, a thousand at once.
    Subscribe(subscribe::Options),
}

/// Runs a benchmark, through a release build of this program.
pub(crate) fn run(root: &Path, bench: &Bench) -> Result<()> {
    if cfg!(debug_assertions) {
        let mut command = cargo(root, &["run", "--quiet", "--release", "--package", "xtask", "--"]);
        command.args(std::env::args_os().skip(1));
        return run_command(&mut command);
    }
    match bench {
        Bench::Ingest(options) => ingest::run(root, options),
        Bench::Storage(options) => storage::run(root, options),
        Bench::Series(options) => series::run(root, options),
        Bench::Scan(options) => scan::run(root, options),
        Bench::Query(options) => query::run(root, options),
        Bench::Sql(options) => sql::run(root, options),
        Bench::Subscribe(options) => subscribe::run(root, options),
    }
}

/// The command that repeats this run, as one would type it.
pub(super) fn typed() -> String {
    let mut command = Command::new("cargo");
    command.arg("xtask").args(std::env::args_os().skip(1));
    crate::command::shown(&command)
}
