//! The databases beside the one that a command works on.

use std::path::Path;

use timberline::Databases;

/// Says on standard error which databases of a data directory a command leaves out.
pub(super) fn tell_others(dir: &Path, left_out: &str) {
    let others = match Databases::beside_default(dir) {
        Ok(others) => others,
        Err(error) => return eprintln!("{left_out}, whatever other databases there are: {error}"),
    };
    let names: Vec<_> = others.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    if let Some(parent) = others.first().and_then(|path| path.parent()) {
        let (names, parent) = (names.join(", "), parent.display());
        eprintln!("{left_out}: {names} (each a database of its own in {parent})");
    }
}
