//! Runs scripts of PromQL with their expected answers, by the project's own runner.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::command::{cargo, shown};

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Builds the runner optimized: slower to build, much faster to run.
    #[arg(long)]
    release: bool,
    /// Scripts, and directories of scripts that end in `.test`; also options of the runner, such as
    /// `--verbose` and `--no-skips`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<String>,
}

/// Runs the scripts; what the runner prints ends with `N passed, N failed, N skipped`.
///
/// The current directory stays what it is, as paths are relative to it.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    let here = std::env::current_dir().context("the current directory")?;
    let mut command = cargo(&here, &["run", "--quiet", "--package", "timberline-promqltest"]);
    command.arg("--manifest-path").arg(root.join("Cargo.toml"));
    if options.release {
        command.arg("--release");
    }
    command.arg("--").args(&options.arguments);
    let shown = shown(&command);
    eprintln!("$ {shown}");
    let status = command.status().with_context(|| format!("starting `{shown}`"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
