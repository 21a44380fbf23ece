//! The whole life of data: flushed, merged, deleted, passed by the retention, and the process killed at
//! every named step of each; the same answers before, during and after.
//!
//! `TIMBERLINE_LIFE_QUERIES` says how many random queries are compared at each step, and
//! `TIMBERLINE_LIFE_EVERY` that only each so-manyth step is tried, another one for each way to die. The
//! full run is 1000 and 1, with a release build.

mod data;
mod named_steps;
mod queries;
mod real_server;

use std::{collections::BTreeSet, path::Path};

use timberline_tests::count_from_env;

/// Random queries compared at each step.
fn query_count() -> u64 {
    count_from_env("TIMBERLINE_LIFE_QUERIES", 12)
}

/// Every so-manyth step is tried.
fn every() -> usize {
    count_from_env("TIMBERLINE_LIFE_EVERY", 10).max(1) as usize
}

/// The steps that `docs/fail-points.md` lists, but for those that `tests/backup` and the crate `timberline`
/// try.
fn documented() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fail-points.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let steps = rows.filter(|name| name.contains('.') && !name.contains('='));
    let others = ["snapshot.", "backup.", "restore.", "repair.", "database.", "settings."];
    let ours = |name: &&str| !others.iter().any(|other| name.starts_with(other));
    steps.filter(ours).map(str::to_owned).collect()
}
