//! Runs this project's own scripts, and Prometheus' where they are.
//!
//! Prometheus' scripts are no part of this repository. They are read from the directory that
//! `TIMBERLINE_PROMQLTEST` names, else from `shared/promqltest` beside the repository.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use timberline_promqltest::{Counts, Options, Skips, Verdict, run_file, scripts};

/// Statements that must pass in each of Prometheus' scripts at least. Where a script is not listed, none
/// may fail.
const FLOORS: &str = include_str!("floors.txt");

/// Runs all scripts of a folder: the counts of each, and what failed.
fn run_all(folder: &Path) -> BTreeMap<String, (Counts, Vec<String>)> {
    let options = Options {
        skips: Skips::parse(include_str!("../skips.txt")).unwrap(),
        ..Options::default()
    };
    let mut all = BTreeMap::new();
    for path in scripts(&[folder.to_owned()]).unwrap() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let outcomes = run_file(&path, &options)
            .unwrap_or_else(|error| panic!("{} cannot be run: {error}", path.display()));
        let failures = outcomes.iter().filter_map(|outcome| match &outcome.verdict {
            Verdict::Failed(reason) => {
                Some(format!("{name}:{} {}\n    {reason}", outcome.line, outcome.text))
            }
            _ => None,
        });
        all.insert(name.clone(), (Counts::of(&outcomes), failures.collect()));
    }
    all
}

#[test]
fn our_own_scripts_pass() {
    let all = run_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts"));
    let failures: Vec<String> = all.values().flat_map(|(_, failures)| failures.clone()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let passed: usize = all.values().map(|(counts, _)| counts.passed).sum();
    assert!(passed > 70, "only {passed} statements in {} scripts", all.len());
}

#[test]
fn prometheus_scripts_pass() {
    let folder = env::var_os("TIMBERLINE_PROMQLTEST").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/promqltest"),
        PathBuf::from,
    );
    if !folder.is_dir() {
        println!("no scripts of Prometheus here; our own are run by `our_own_scripts_pass`");
        return;
    }
    let floors: BTreeMap<&str, usize> = FLOORS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, count)| (name, count.parse().unwrap()))
        .collect();
    let (mut all, mut wrong) = (Counts::default(), Vec::new());
    for (name, (counts, failures)) in run_all(&folder) {
        println!("{name:22} {counts}");
        all.add(counts);
        match floors.get(name.as_str()) {
            Some(floor) if counts.passed >= *floor => {}
            Some(floor) => {
                wrong.push(format!("{name}: only {} of {floor} pass", counts.passed));
                wrong.extend(failures);
            }
            None => wrong.extend(failures),
        }
    }
    println!("{all}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
