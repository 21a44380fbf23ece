//! No byte reaches the disk before a page describes it.
//!
//! A file that defines a magic (a constant `MAGIC` or `..._MAGIC`) or the version of a format (a
//! number `VERSION` or `..._VERSION`) must name its page, `docs/formats/<name>.md`, in its module
//! docs, and the page must exist. A page must hold a box diagram, a table of fields, the recovery rule
//! and an example, and some source file must name it.

use std::path::{Path, PathBuf};

use super::{Finding, Tree, tree::RustFile};

const PAGES: &str = "docs/formats/";

/// Checks sources against pages, both ways.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut named = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with("crates")) {
        let pages = pages_in(file.text);
        for page in &pages {
            if tree.text(page).is_none() {
                let message = format!("names {}, which does not exist", page.display());
                findings.push(Finding::error(file.path, 0, message));
            }
        }
        if pages.is_empty()
            && let Some(line) = defines_format(&file)
        {
            let message =
                "defines a format, but its module docs name no page `docs/formats/<name>.md`";
            findings.push(Finding::error(file.path, line, message));
        }
        named.extend(pages);
    }
    for (path, text) in tree.files("md").filter(|(path, _)| path.starts_with(PAGES)) {
        // The overview of the directory describes no format.
        if path.ends_with("README.md") {
            continue;
        }
        if !named.iter().any(|page| page == path) {
            findings.push(Finding::error(path, 0, "no source file names this page"));
        }
        findings.extend(missing_parts(text).map(|part| Finding::error(path, 0, part)));
    }
    findings
}

/// Pages that the module docs of a file name.
fn pages_in(text: &str) -> Vec<PathBuf> {
    let docs = text.lines().take_while(|line| line.starts_with("//!") || line.starts_with("#!["));
    let pages = docs.flat_map(|line| line.match_indices(PAGES).map(|(at, _)| &line[at..]));
    let name = |c: char| c.is_ascii_alphanumeric() || "-_/.".contains(c);
    pages
        .filter_map(|page| {
            let end = page.find(|c| !name(c)).unwrap_or(page.len());
            let page = page[..end].trim_end_matches('.');
            page.ends_with(".md").then(|| PathBuf::from(page))
        })
        .collect()
}

/// The line of the first constant that makes a format.
fn defines_format(file: &RustFile<'_>) -> Option<usize> {
    if is_test(file.path) {
        return None;
    }
    let found = file.code.lines().position(|line| {
        let Some((_, constant)) = line.split_once("const ") else { return false };
        let Some((name, kind)) = constant.split_once(':') else { return false };
        let ends_in = |word: &str| {
            name.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
        };
        ends_in("MAGIC") || (ends_in("VERSION") && !kind.contains("str"))
    });
    found.map(|line| line + 1)
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

/// What a page lacks.
fn missing_parts(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let parts = [
        ("a box diagram", text.contains("+--") || text.contains('┌')),
        (
            "a table of fields",
            text.lines().any(|line| line.starts_with("| ---") || line.starts_with("|---")),
        ),
        ("a recovery rule", lower.contains("recover")),
        ("an example", lower.contains("example")),
    ];
    parts
        .into_iter()
        .filter(|(_, present)| !present)
        .map(|(part, _)| format!("the page lacks {part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "+---+\n\n| field |\n| --- |\n\n## Recovery\n\n## Example\n";
    const SOURCE: &str = "//! As in `docs/formats/log.md`.\nconst MAGIC: u32 = 1;\n";

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_format_with_its_page_is_fine() {
        let files = [("crates/log/src/segment.rs", SOURCE), ("docs/formats/log.md", PAGE)];
        assert_eq!(findings(&files), [""; 0]);
    }

    #[test]
    fn a_format_without_a_page_fails() {
        assert_eq!(findings(&[("crates/log/src/segment.rs", SOURCE)]).len(), 1);
    }

    #[test]
    fn a_format_that_names_no_page_fails() {
        for constant in [
            "const MAGIC: [u8; 8] = *b\"TIMBER01\";",
            "pub(crate) const INDEX_MAGIC: u32 = 1;",
            "const MAGIC: &str = \"timberline manifest 1\";",
            "    const VERSION: u8 = 1;",
        ] {
            let source = format!("//! A segment.\n{constant}");
            let found = findings(&[("crates/log/src/segment.rs", &source)]);
            assert_eq!(found.len(), 1, "{constant}");
            assert!(found[0].contains("segment.rs:2: defines a format"), "{}", found[0]);
        }
    }

    #[test]
    fn other_constants_are_no_formats() {
        for constant in [
            "const VERSION: &str = env!(\"CARGO_PKG_VERSION\");",
            "const VERSIONS_MAX: usize = 6;",
            "// const MAGIC: u32 = 1;",
        ] {
            let source = format!("//! A module.\n{constant}");
            assert_eq!(findings(&[("crates/io/src/a.rs", &source)]), [""; 0], "{constant}");
        }
    }

    #[test]
    fn a_page_that_nobody_names_fails() {
        assert_eq!(findings(&[("docs/formats/orphan.md", PAGE)]).len(), 1);
        assert_eq!(findings(&[("docs/formats/README.md", "Pages.")]).len(), 0);
    }

    #[test]
    fn a_page_without_its_parts_fails() {
        let files = [("crates/log/src/segment.rs", SOURCE), ("docs/formats/log.md", "# Log")];
        assert_eq!(findings(&files).len(), 4);
    }
}
