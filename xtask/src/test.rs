//! Runs every test of the workspace and adds up the counts of all test programs.
//!
//! Invariant: the last line is `N passed, N failed`, and the exit code is zero only if nothing failed,
//! a program that does not compile or dies without a count included.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{ExitCode, Stdio},
};

use anyhow::{Context, Result};
use clap::Args;

use crate::command::{cargo, run as run_command, shown};

/// What to test.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Tests a release build: slower to build, much faster to run with many seeds.
    #[arg(long)]
    release: bool,
    /// Builds the server without SQL, which takes a small part of the time. Tests that ask it for SQL
    /// leave that out.
    #[arg(long)]
    without_sql: bool,
    /// Arguments for `cargo test`, for instance `-p timberline-log`. Without any: `--workspace`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs the tests.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    let profile: &[&str] = if options.release { &["--release"] } else { &[] };
    // Tests of the whole start the binary, which `cargo test` by itself need not build.
    let server: &[&str] = if options.without_sql {
        &["--package", "timberline-server", "--no-default-features"]
    } else {
        &["--workspace"]
    };
    run_command(cargo(root, &["build", "--quiet", "--bins"]).args(server).args(profile))?;

    let mut command = cargo(root, &["test", "--no-fail-fast"]);
    if options.without_sql {
        command.env("TIMBERLINE_WITHOUT_SQL", "1");
    }
    command.args(profile);
    if options.arguments.is_empty() {
        command.arg("--workspace");
    }
    command.args(&options.arguments).stdout(Stdio::piped());
    eprintln!("$ {}", shown(&command));
    let mut child = command.spawn().context("starting cargo test")?;
    let stdout = child.stdout.take().context("the output of cargo test")?;
    let mut counts = Counts::default();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("reading the output of cargo test")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.add(&line);
    }
    let succeeded = child.wait().context("waiting for cargo test")?.success();
    if !succeeded && counts.failed == 0 {
        // Something did not compile, or died before it could count.
        counts.failed = 1;
    }
    println!("{} passed, {} failed", counts.passed, counts.failed);
    Ok(if succeeded && counts.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tests counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl Counts {
    /// Adds a test program's last line, such as `test result: ok. 3 passed; 0 failed; 1 ignored`.
    fn add(&mut self, line: &str) {
        let Some((_, result)) = line.split_once("test result: ") else { return };
        for part in result.split([';', '.']) {
            let mut words = part.split_whitespace();
            let count = words.next().and_then(|word| word.parse::<u64>().ok());
            match (count, words.next()) {
                (Some(count), Some("passed")) => self.passed += count,
                (Some(count), Some("failed")) => self.failed += count,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_test_programs_are_added_up() {
        let mut counts = Counts::default();
        counts
            .add("test result: ok. 44 passed; 0 failed; 1 ignored; 0 measured; finished in 3.79s");
        counts.add("test log::a_test ... ok");
        counts.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; finished in 0.00s");
        assert_eq!(counts, Counts { passed: 47, failed: 2 });
    }
}
