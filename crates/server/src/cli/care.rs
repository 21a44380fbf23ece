//! `timberline check` and `timberline repair`: looking after a database whose server is stopped.

use std::path::PathBuf;

use clap::Args;
use timberline::{CheckReport, DuplicatePolicy, RepairOptions};

use super::{
    Failure, backup,
    others::tell_others,
    progress::Bar,
    table::{counted, size},
};

const CHECK_HELP: &str = "\
Examples:
  timberline check --data-dir data                check a database whose server is stopped
  timberline check --backup /mnt/backups          check all backups of a place
  timberline check --backup s3://bucket/prefix

Reads everything and changes nothing. Each finding is a line: `damage:` or `note:`, the file, what is wrong.
Exit codes: 0 nothing is damaged, 1 something is, or it could not be checked.";

/// `timberline check`.
#[derive(Args, Debug)]
#[command(after_help = CHECK_HELP)]
#[group(required = true, multiple = false)]
pub(super) struct CheckArgs {
    /// The data directory to check.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The place with backups to check: a directory or `s3://bucket/prefix`.
    #[arg(long, value_name = "PLACE")]
    backup: Option<String>,
}

const REPAIR_HELP: &str = "\
Examples:
  timberline repair --data-dir data               say what would be done and what would be lost
  timberline repair --data-dir data --yes         do it

Damaged files are moved to `quarantine/` in the data directory, never deleted. Make a copy of the directory
first if you can.
Exit codes: 0 nothing is damaged (any more), 1 something is.";

/// `timberline repair`.
#[derive(Args, Debug)]
#[command(after_help = REPAIR_HELP)]
pub(super) struct RepairArgs {
    /// The data directory to repair; its server is stopped.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Do it, instead of saying what would be done.
    #[arg(long)]
    yes: bool,
    /// The duplicate policy, for when no manifest can tell any more: last, first, all or reject.
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    duplicates: Option<DuplicatePolicy>,
}

fn policy(text: &str) -> Result<DuplicatePolicy, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// Checks a database or backups.
pub(super) fn check(args: &CheckArgs) -> Result<(), Failure> {
    match (&args.data_dir, &args.backup) {
        (Some(dir), _) => {
            let report = timberline::check(dir);
            let report = report.map_err(|error| {
                Failure::new(format!("cannot check {}: {error}", dir.display()))
            })?;
            report.findings.iter().for_each(|finding| println!("{finding}"));
            println!("checked {}: {}", dir.display(), described(&report));
            tell_others(dir, "not checked");
            verdict(&report)
        }
        (None, Some(place)) => check_backups(place),
        (None, None) => Err(Failure::usage("--data-dir or --backup says what to check")),
    }
}

fn check_backups(place: &str) -> Result<(), Failure> {
    let depot = backup::open(place)?;
    let bar = Bar::new("checking");
    let report = timberline_backup::check(depot.as_ref(), &bar);
    drop(bar);
    let report = report.map_err(Failure::new)?;
    report.findings.iter().for_each(|finding| println!("{finding}"));
    println!(
        "checked {}: {}, {} ({})",
        depot.name(),
        counted(report.backups, "backups"),
        counted(report.objects, "objects"),
        size(report.bytes)
    );
    let damaged = report.findings.iter().filter(|finding| finding.is_damage).count();
    verdict_of(damaged)
}

/// Repairs a database, or says what that would take.
pub(super) fn repair(args: &RepairArgs) -> Result<(), Failure> {
    let dir = args.data_dir.display();
    let options = RepairOptions { apply: args.yes, duplicates: args.duplicates };
    let report = timberline::repair(&args.data_dir, options);
    let report = report.map_err(|error| Failure::new(format!("cannot repair {dir}: {error}")))?;
    print!("{report}");
    tell_others(&args.data_dir, "not looked at");
    if report.acts.is_empty() && report.losses.is_empty() {
        println!("nothing to repair in {dir}: {}", described(&report.result));
        return verdict(&report.result);
    }
    if let Some(quarantine) = &report.quarantine {
        println!("the damaged files are in {}", quarantine.display());
    }
    println!("afterwards {dir} has {}", described(&report.result));
    if args.yes {
        return verdict(&report.result);
    }
    Err(Failure::new("nothing was changed: this is what would be done; --yes does it"))
}

fn described(report: &CheckReport) -> String {
    format!(
        "{} in {}, {} in the log only, {}",
        counted(report.block_samples, "samples"),
        counted(report.blocks, "blocks"),
        counted(report.log_samples, "samples"),
        counted(report.series, "series")
    )
}

fn verdict(report: &CheckReport) -> Result<(), Failure> {
    verdict_of(report.findings.iter().filter(|finding| finding.is_damage).count())
}

fn verdict_of(damaged: usize) -> Result<(), Failure> {
    match damaged {
        0 => {
            println!("nothing is damaged");
            Ok(())
        }
        1 => Err(Failure::new("1 thing is damaged")),
        many => Err(Failure::new(format!("{many} things are damaged"))),
    }
}
