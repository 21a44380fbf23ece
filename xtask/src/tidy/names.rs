//! No module is named for having no subject.

use super::{Finding, Tree};

const NAMELESS: [&str; 6] = ["util", "utils", "common", "misc", "helper", "helpers"];

/// Checks the names of files, directories and inline modules.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let named = file.path.with_extension("");
        let parts = named.components().filter_map(|part| part.as_os_str().to_str());
        findings.extend(parts.filter(|part| NAMELESS.contains(part)).map(|part| {
            Finding::error(file.path, 0, format!("`{part}` says nothing about what is in it"))
        }));
        for (index, line) in file.code.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let declared = words.by_ref().any(|word| word == "mod").then(|| words.next()).flatten();
            if let Some(name) = declared.filter(|name| NAMELESS.contains(name)) {
                let message = format!("the module `{name}` says nothing about what is in it");
                findings.push(Finding::error(file.path, index + 1, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_nameless_module_fails_wherever_it_is_declared() {
        assert_eq!(count("crates/a/src/utils.rs", ""), 1);
        assert_eq!(count("crates/a/src/common/sort.rs", ""), 1);
        assert_eq!(count("crates/a/src/lib.rs", "pub(crate) mod misc;"), 1);
        assert_eq!(count("crates/a/src/lib.rs", "#[cfg(test)]\nmod helpers {\n}"), 1);
    }

    #[test]
    fn modules_with_a_subject_are_fine() {
        assert_eq!(count("crates/a/src/lib.rs", "mod sort;\n// mod utils;\nlet common = 1;"), 0);
    }
}
