//! A file holds one noun, and a noun is not that long.

use super::{Finding, Tree};

/// Longer files fail.
const LINES_MAX: usize = 800;
/// Longer files are named.
const LINES_WARNED: usize = 500;

/// Checks the length of every Rust file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files("rs") {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            let message = format!("{lines} lines; {LINES_MAX} is the most");
            findings.push(Finding::error(path, 0, message));
        } else if lines > LINES_WARNED {
            let message = format!("{lines} lines; split it before it reaches {LINES_MAX}");
            findings.push(Finding::warning(path, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(lines: usize) -> Vec<Finding> {
        check(&Tree::of(&[("a.rs", &"//\n".repeat(lines))]))
    }

    #[test]
    fn a_long_file_is_named_and_a_longer_one_fails() {
        assert_eq!(findings(500), []);
        assert!(findings(501)[0].is_warning());
        assert!(findings(800)[0].is_warning());
        assert!(!findings(801)[0].is_warning());
    }
}
