//! Runs all rules over the workspace.

use std::path::Path;

use anyhow::{Result, bail};

use super::{
    Finding, Tree, allow, floors, formats, length, links, module_docs, names, unfinished,
    unsafe_code,
};

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [Rule; 9] = [
    allow::check,
    floors::check,
    formats::check,
    length::check,
    links::check,
    module_docs::check,
    names::check,
    unfinished::check,
    unsafe_code::check,
];

/// Checks the workspace at `root` and prints what is wrong with it.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tree = Tree::load(root)?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| !finding.is_warning()).count();
    if errors > 0 {
        bail!("tidy: {errors} broken rules");
    }
    println!("tidy: {} rules kept", RULES.len());
    Ok(())
}
