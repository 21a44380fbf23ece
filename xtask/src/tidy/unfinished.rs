//! What is in the tree is finished.

use super::{Finding, Tree};

const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Looks for macros that stand for work not done.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for (index, line) in file.code.lines().enumerate() {
            for name in UNFINISHED.iter().filter(|name| calls(line, name)) {
                findings.push(Finding::error(
                    file.path,
                    index + 1,
                    format!("`{name}!` is left over"),
                ));
            }
        }
    }
    findings
}

/// Whether a line calls the macro `name`.
fn calls(line: &str, name: &str) -> bool {
    let call = format!("{name}!");
    line.match_indices(&call).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Tree::of(&[("a.rs", text)])).len()
    }

    #[test]
    fn left_over_macros_fail() {
        assert_eq!(count("fn f() { todo!() }\nfn g() { std::unimplemented!(); }\ndbg!(x);"), 3);
    }

    #[test]
    fn words_in_comments_strings_and_other_names_are_fine() {
        assert_eq!(count("// todo!()\nlet a = \"dbg!\"; my_todo!(); let todo = 1;"), 0);
    }
}
