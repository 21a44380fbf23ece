//! Links between our own pages lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::{Finding, Tree};

/// Checks the relative links of every Markdown file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files("md") {
        for (line, target) in links(text) {
            let from = path.parent().unwrap_or(Path::new(""));
            let leads = resolve(from, target).is_some_and(|target| tree.exists(&target));
            if !leads {
                let message = format!("the link to `{target}` leads nowhere");
                findings.push(Finding::error(path, line, message));
            }
        }
    }
    findings
}

/// Relative links with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        // An indented block is code as well.
        if fenced || line.starts_with("    ") {
            continue;
        }
        // Every other piece between backquotes is code.
        for prose in line.split('`').step_by(2) {
            found.extend(targets(prose).map(|target| (index + 1, target)));
        }
    }
    found
}

/// The targets of links in a piece of prose that are neither on the web nor on the same page.
fn targets(prose: &str) -> impl Iterator<Item = &str> {
    let inline = prose.match_indices("](").filter_map(|(at, opening)| {
        let rest = &prose[at + opening.len()..];
        rest.split_once(')').map(|(target, _)| target)
    });
    let defined = prose.starts_with('[').then(|| prose.split_once("]: ")).flatten();
    let targets = inline.chain(defined.map(|(_, target)| target));
    targets
        .filter_map(|target| target.split([' ', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

/// The path within the workspace that a link leads to; `None` when it leads out of it.
fn resolve(from: &Path, target: &str) -> Option<PathBuf> {
    let joined = match target.strip_prefix('/') {
        Some(absolute) => PathBuf::from(absolute),
        None => from.join(target),
    };
    let mut resolved = PathBuf::new();
    for component in joined.components() {
        match component {
            Component::Normal(name) => resolved.push(name),
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Tree::of(&[
            ("docs/page.md", text),
            ("docs/formats/log.md", ""),
            ("README.md", ""),
            ("crates/log/src/lib.rs", "//! A"),
        ]))
        .len()
    }

    #[test]
    fn links_to_files_directories_sections_and_the_web_are_fine() {
        assert_eq!(count("[a](formats/log.md) [b](../README.md#part) [c](../crates/log/)"), 0);
        assert_eq!(
            count("[`code`](formats/log.md), [a](#here), <b>, [c](https://example.org/x)"),
            0
        );
        assert_eq!(count("[a]: formats/log.md"), 0);
    }

    #[test]
    fn a_link_that_leads_nowhere_fails() {
        assert_eq!(count("one [a](formats/log.md) two [b](formats/gone.md)"), 1);
        assert_eq!(count("[`code`](gone.md)"), 1);
        assert_eq!(count("[a]: gone.md"), 1);
        assert_eq!(count("[a](../../outside.md)"), 1);
        assert_eq!(count("[a](gone.md \"with a title\")"), 1);
    }

    #[test]
    fn code_has_no_links() {
        assert_eq!(count("```\n[a](gone.md)\n```\n    [b](gone.md)\nand `[c](gone.md)`"), 0);
    }
}
