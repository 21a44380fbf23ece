//! Every module says what it is.

use super::{Finding, Tree};

/// Checks that each Rust file begins with `//!`.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let undocumented = tree.files("rs").filter(|(_, text)| !is_documented(text));
    undocumented
        .map(|(path, _)| Finding::error(path, 1, "the module does not begin with `//!`"))
        .collect()
}

fn is_documented(text: &str) -> bool {
    // Attributes of the crate may come first.
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("#!["));
    lines
        .next()
        .and_then(|line| line.strip_prefix("//!"))
        .is_some_and(|docs| !docs.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Tree::of(&[("a.rs", text)])).len()
    }

    #[test]
    fn a_module_without_a_beginning_of_its_docs_fails() {
        assert_eq!(count("//! A module.\nuse b;"), 0);
        assert_eq!(count("#![no_main]\n//! A program.\n"), 0);
        assert_eq!(count("use b;\n//! Too late."), 1);
        assert_eq!(count("// Not docs."), 1);
        assert_eq!(count("//!\n"), 1);
        assert_eq!(count(""), 1);
    }
}
