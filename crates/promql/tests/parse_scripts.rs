//! Every expression of the upstream conformance scripts parses, and prints to what parses the same.

mod shape;

use std::{env, fs, path::PathBuf};

use shape::canonical;
use timberline_promql::parse;

/// What a script expects to fail may already fail to parse.
struct Eval {
    place: String,
    text: String,
    fails: bool,
}

/// Where the scripts are, if they are there: they are no part of this repository.
fn scripts() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/promqltest");
    let folder =
        env::var_os("TIMBERLINE_PROMQLTEST").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// The expressions of one script, with whether they are to fail.
fn evals(name: &str, script: &str) -> Vec<Eval> {
    let mut evals: Vec<Eval> = Vec::new();
    for (index, line) in script.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("expect fail") {
            if let Some(last) = evals.last_mut() {
                last.fails = true;
            }
            continue;
        }
        let Some((command, rest)) = line.split_once(' ').filter(|(c, _)| c.starts_with("eval"))
        else {
            continue;
        };
        let words = if rest.starts_with("instant") { 3 } else { 7 };
        let text = (0..words).try_fold(rest, |rest, _| {
            rest.trim_start().split_once(char::is_whitespace).map(|(_, tail)| tail)
        });
        let text = text.unwrap_or_else(|| panic!("{name}:{}: {line}", index + 1));
        evals.push(Eval {
            place: format!("{name}:{}", index + 1),
            text: text.trim().to_owned(),
            fails: command == "eval_fail",
        });
    }
    evals
}

#[test]
fn expressions_of_the_conformance_scripts_parse_and_print() {
    let Some(folder) = scripts() else {
        eprintln!("SKIPPED: no conformance scripts; set TIMBERLINE_PROMQLTEST to their folder");
        return;
    };
    let (mut parsed, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "test") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for eval in evals(&name, &fs::read_to_string(&path).unwrap()) {
            match parse(&eval.text) {
                Ok(_) => {
                    canonical(&eval.text);
                    parsed += 1;
                }
                Err(error) if eval.fails => refused.push(format!("{}: {error}", eval.place)),
                Err(error) => wrong.push(format!("{}: {}\n    {error}", eval.place, eval.text)),
            }
        }
    }
    eprintln!("{parsed} parsed; refused as the scripts want: {refused:#?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(parsed > 1_000, "only {parsed} expressions found in {}", folder.display());
}
