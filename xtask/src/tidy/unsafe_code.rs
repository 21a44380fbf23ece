//! Unsafe code stands in two fenced modules, and each block says why it is sound.

use std::path::Path;

use super::{Finding, Tree};

/// Where unsafe code may stand.
const ALLOWED: [&str; 2] = ["crates/io/src/mmap.rs", "crates/server/src/allocator.rs"];

/// Looks for the keyword.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let allowed = ALLOWED.iter().any(|path| file.path == Path::new(path));
        for (index, _) in file.code.lines().enumerate().filter(|(_, line)| is_unsafe(line)) {
            if !allowed {
                findings.push(Finding::error(
                    file.path,
                    index + 1,
                    "unsafe code outside its fence",
                ));
            } else if !is_explained(file.text, index) {
                let message = "unsafe code without a `// SAFETY:` comment above it";
                findings.push(Finding::error(file.path, index + 1, message));
            }
        }
    }
    findings
}

fn is_unsafe(line: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
}

/// Whether the comment right above a line explains it.
fn is_explained(text: &str, index: usize) -> bool {
    let lines: Vec<&str> = text.lines().take(index).map(str::trim).collect();
    let mut comment = lines.iter().rev().take_while(|line| line.starts_with("//"));
    comment.any(|line| line.starts_with("// SAFETY:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn unsafe_code_outside_its_fence_fails() {
        assert_eq!(count("crates/log/src/a.rs", "// SAFETY: no.\nunsafe { f() }"), 1);
        assert_eq!(count("crates/log/src/a.rs", "unsafe impl Send for A {}"), 1);
        assert_eq!(count("crates/log/src/a.rs", "#![deny(unsafe_code)] // unsafe"), 0);
    }

    #[test]
    fn unsafe_code_within_its_fence_is_explained() {
        let explained = "// SAFETY: the file\n// never changes.\nlet map = unsafe { f() };";
        assert_eq!(count("crates/io/src/mmap.rs", explained), 0);
        assert_eq!(count("crates/io/src/mmap.rs", "let map = unsafe { f() };"), 1);
    }
}
