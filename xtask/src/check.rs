//! Everything that can be checked without running the code.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{
    command::{cargo, run as run_command},
    tidy,
};

/// Runs all checks, also after one has failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    let doc = ["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"];
    let mut results = vec![
        run_command(&mut cargo(root, &["fmt", "--all", "--check"])),
        tidy::run(root),
        run_command(&mut cargo(root, &clippy)),
        run_command(cargo(root, &doc).env("RUSTDOCFLAGS", "--deny warnings")),
    ];
    let fuzz = root.join("fuzz");
    if fuzz.join("Cargo.toml").exists() {
        results.push(run_command(&mut cargo(&fuzz, &["fmt", "--check"])));
    }
    let failed: Vec<String> =
        results.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    println!("check: all fine");
    Ok(())
}
