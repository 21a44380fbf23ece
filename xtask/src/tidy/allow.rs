//! Whoever silences a lint says why.

use super::{Finding, Tree};

const OPENINGS: [&str; 4] = ["#[allow(", "#![allow(", "#[expect(", "#![expect("];

/// Looks for `allow` and `expect` attributes without a reason.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for opening in OPENINGS {
            for (at, _) in file.code.match_indices(opening) {
                let attribute = &file.code[at..];
                let attribute = attribute.split_once(")]").map_or(attribute, |(inside, _)| inside);
                if !attribute.contains("reason") {
                    let line = file.code[..at].matches('\n').count() + 1;
                    findings.push(Finding::error(
                        file.path,
                        line,
                        "a lint is silenced without a reason",
                    ));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Tree::of(&[("a.rs", text)])).len()
    }

    #[test]
    fn a_silenced_lint_without_a_reason_fails() {
        assert_eq!(count("#[allow(dead_code)]\nfn f() {}\n#![expect(clippy::all)]"), 2);
    }

    #[test]
    fn a_silenced_lint_with_a_reason_is_fine() {
        assert_eq!(count("#[allow(dead_code, reason = \"by (design)\")]"), 0);
        assert_eq!(count("#[expect(\n    dead_code,\n    reason = \"x\"\n)]"), 0);
        assert_eq!(count("// #[allow(dead_code)]"), 0);
    }
}
