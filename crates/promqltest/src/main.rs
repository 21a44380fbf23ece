//! `promqltest FILE_OR_DIR...`: runs scripts and prints what failed, then `N passed, N failed, N skipped`.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use timberline_promqltest::{Counts, Options, ScriptError, Skips, Verdict, run_files, scripts};

/// What is left out unless another list is named.
const SKIPS: &str = include_str!("../skips.txt");

/// Runs scripts of PromQL with their expected answers.
#[derive(Debug, Parser)]
#[command(name = "promqltest")]
struct Arguments {
    /// Scripts, and directories of scripts that end in `.test`.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// A list of what is left out, instead of the one of this project.
    #[arg(long)]
    skips: Option<PathBuf>,
    /// Leaves nothing out.
    #[arg(long, conflicts_with = "skips")]
    no_skips: bool,
    /// Prints also what was left out.
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(counts) => {
            println!("{counts}");
            if counts.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Counts, ScriptError> {
    let skips = match &arguments.skips {
        _ if arguments.no_skips => Skips::default(),
        None => Skips::parse(SKIPS)?,
        Some(path) => Skips::parse(&fs::read_to_string(path)?)?,
    };
    let options = Options { skips, ..Options::default() };
    let mut all = Counts::default();
    let paths = scripts(&arguments.paths)?;
    for (path, outcomes) in paths.iter().zip(run_files(&paths, &options)) {
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => {
                println!("{}: FAILED: {error}", path.display());
                all.failed += 1;
                continue;
            }
        };
        for outcome in &outcomes {
            let place = format!("{}:{}: {}", path.display(), outcome.line, outcome.text);
            match &outcome.verdict {
                Verdict::Failed(reason) => println!("{place}\n    FAILED: {reason}"),
                Verdict::Skipped(reason) if arguments.verbose => {
                    println!("{place}\n    skipped: {reason}");
                }
                _ => {}
            }
        }
        let counts = Counts::of(&outcomes);
        println!("{}: {counts}", path.display());
        all.add(counts);
    }
    Ok(all)
}
