//! Runs Prometheus' conformance scripts.
//!
//! The scripts are not part of this repository. They are read from the directory that
//! `TIMBERLINE_PROMQLTEST` names, else from `shared/promqltest` beside the repository; where there are
//! none, only the runner's own tests run.
//!
//! Statements that need what is not evaluated yet (native histograms above all) count as skipped. Any
//! other failure must be listed in `known_failures.txt`, and everything listed there must fail.

mod format;
mod pin;
mod run;
mod values;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use run::{Outcome, run_script};

/// Statements that must pass in each script at least, so that none is lost by being skipped.
const FLOORS: &str = include_str!("floors.txt");
const KNOWN_FAILURES: &str = include_str!("known_failures.txt");

fn scripts() -> Option<PathBuf> {
    let folder = std::env::var_os("TIMBERLINE_PROMQLTEST").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/promqltest"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

/// Lines of a checked-in table, comments left out.
fn lines(table: &str) -> impl Iterator<Item = &str> {
    table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn conformance_scripts_pass_but_for_the_known_failures() {
    let Some(folder) = scripts() else {
        println!("no conformance scripts found: nothing was run");
        return;
    };
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    paths.sort();
    let mut unexpected = Vec::new();
    let mut known: BTreeMap<&str, bool> =
        lines(KNOWN_FAILURES).map(|line| (line.split(' ').next().unwrap(), false)).collect();
    let floors: BTreeMap<&str, usize> = lines(FLOORS)
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, count)| (name, count.parse().unwrap()))
        .collect();
    for path in &paths {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let results = run_script(&fs::read_to_string(path).unwrap());
        let count = |wanted: fn(&Outcome) -> bool| {
            results.iter().filter(|(_, outcome)| wanted(outcome)).count()
        };
        let passed = count(|outcome| matches!(outcome, Outcome::Passed));
        let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        println!("{name:22} passed {passed:4}  skipped {skipped:4}  failed {failed:4}");
        for (line, outcome) in results {
            let place = format!("{name}:{line}");
            match outcome {
                Outcome::Failed(reason) => match known.get_mut(place.as_str()) {
                    Some(seen) => *seen = true,
                    None => unexpected.push(format!("{place} {reason}")),
                },
                Outcome::Skipped(reason) if std::env::var_os("SHOW_SKIPPED").is_some() => {
                    println!("  skipped {place} {reason}");
                }
                _ => {}
            }
        }
        let floor = floors.get(name).copied().unwrap_or(0);
        if passed < floor {
            unexpected.push(format!("{name}: only {passed} of {floor} passed"));
        }
    }
    let gone = known.iter().filter(|(_, seen)| !**seen).map(|(place, _)| place);
    unexpected.extend(gone.map(|place| format!("{place} is listed as failing and does not fail")));
    assert!(unexpected.is_empty(), "{} failures:\n{}", unexpected.len(), unexpected.join("\n"));
}
