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

use timberline_promqltest::{Counts, Options, Skips, Verdict, run_files, scripts};

/// Runs all scripts of a folder: the counts of each, and what failed.
fn run_all(folder: &Path) -> BTreeMap<String, (Counts, Vec<String>)> {
    let options = Options {
        skips: Skips::parse(include_str!("../skips.txt")).unwrap(),
        ..Options::default()
    };
    let mut all = BTreeMap::new();
    let paths = scripts(&[folder.to_owned()]).unwrap();
    for (path, outcomes) in paths.iter().zip(run_files(&paths, &options)) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let outcomes =
            outcomes.unwrap_or_else(|error| panic!("{} cannot be run: {error}", path.display()));
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
    assert!(passed > 250, "only {passed} statements in {} scripts", all.len());
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
    let (mut all, mut wrong) = (Counts::default(), Vec::new());
    for (name, (counts, failures)) in run_all(&folder) {
        println!("{name:22} {counts}");
        all.add(counts);
        wrong.extend(failures);
    }
    println!("{all}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
