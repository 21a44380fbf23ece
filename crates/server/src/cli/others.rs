//! The databases beside the one that a command works on.

use std::path::Path;

/// Says on standard error which databases of a data directory a command leaves out.
pub(super) fn tell_others(dir: &Path, left_out: &str) {
    let names = others_in(dir);
    if !names.is_empty() {
        let others = dir.join("databases");
        eprintln!(
            "{left_out}: {} (each a database of its own in {})",
            names.join(", "),
            others.display()
        );
    }
}

/// The names of the databases beside the one in a directory, sorted.
fn others_in(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir.join("databases")) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        // What has a dot is being created or dropped.
        .filter(|name| !name.contains('.'))
        .collect();
    names.sort_unstable();
    names
}
