//! Developer tasks: `cargo xtask <task>`.
//!
//! What it is not: part of the product. Nothing in `crates/` depends on it.

mod bench;
mod check;
mod command;
mod fuzz;
mod http;
mod port;
mod promqltest;
mod record;
mod test;
mod tidy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Developer tasks of Timberline.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Checks format, lints, house rules and documentation.
    Check,
    /// Checks the house rules: floors, lengths, formats, links, names.
    Tidy,
    /// Runs all tests and prints `N passed, N failed` as the last line.
    Test(test::Options),
    /// Builds the fuzz targets with coverage on the stable toolchain and runs them.
    Fuzz(fuzz::Options),
    /// Runs scripts of PromQL with their expected answers, in the format of Prometheus' own.
    Promqltest(promqltest::Options),
    /// Records the metrics of real exporters, as data for `bench storage`.
    Record(record::Options),
    /// Measures beside the peers.
    Bench {
        #[command(subcommand)]
        bench: bench::Bench,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let root = root();
    match task {
        Task::Check => check::run(&root)?,
        Task::Tidy => tidy::run(&root)?,
        Task::Test(options) => return test::run(&root, &options),
        Task::Fuzz(options) => fuzz::run(&root, &options)?,
        Task::Promqltest(options) => return promqltest::run(&root, &options),
        Task::Record(options) => record::run(&options)?,
        Task::Bench { bench } => bench::run(&root, &bench)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The root of the workspace, whatever the current directory.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}
