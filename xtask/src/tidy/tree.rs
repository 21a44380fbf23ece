//! The files that the rules look at: read from the disk once, or made up by a test.
//!
//! Invariant: paths are relative to the root of the workspace and in order.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::masked::masked;

/// Directories that hold nothing of ours, wherever they stand.
const SKIPPED: [&str; 6] = [".git", "target", "data", "corpus", "artifacts", "node_modules"];
/// Text that a rule reads; of other files only the name counts.
const READ: [&str; 3] = ["rs", "md", "toml"];

/// A workspace.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<PathBuf, String>,
}

/// One Rust file.
#[derive(Debug)]
pub(super) struct RustFile<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    /// The text with comments and the insides of literals blanked out, line for line.
    pub(super) code: String,
}

impl Tree {
    /// Reads a workspace.
    pub(super) fn load(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.load_dir(root, Path::new(""))?;
        Ok(tree)
    }

    /// A workspace of a test.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let own = |&(path, text): &(&str, &str)| (PathBuf::from(path), text.to_owned());
        Self { files: files.iter().map(own).collect() }
    }

    /// Whether there is such a file or directory.
    pub(super) fn exists(&self, path: &Path) -> bool {
        path.as_os_str().is_empty() || self.files.keys().any(|file| file.starts_with(path))
    }

    /// The text of a file that a rule reads.
    pub(super) fn text(&self, path: &Path) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Files with an extension.
    pub(super) fn files(&self, extension: &str) -> impl Iterator<Item = (&Path, &str)> {
        let of_kind = move |path: &Path| path.extension().is_some_and(|it| it == extension);
        self.files
            .iter()
            .filter(move |(path, _)| of_kind(path))
            .map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// All Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = RustFile<'_>> {
        self.files("rs").map(|(path, text)| RustFile { path, text, code: masked(text) })
    }

    fn load_dir(&mut self, root: &Path, dir: &Path) -> Result<()> {
        let full = root.join(dir);
        let entries = fs::read_dir(&full).with_context(|| format!("reading {}", full.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let path = dir.join(&name);
            if entry.file_type()?.is_dir() {
                if !SKIPPED.iter().any(|skipped| name == *skipped) {
                    self.load_dir(root, &path)?;
                }
                continue;
            }
            let text = match path.extension().and_then(|extension| extension.to_str()) {
                Some(extension) if READ.contains(&extension) => {
                    let full = root.join(&path);
                    fs::read_to_string(&full).with_context(|| full.display().to_string())?
                }
                _ => String::new(),
            };
            self.files.insert(path, text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_read_without_what_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &[u8]| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("crates/a/src/lib.rs", b"//! A.");
        write("crates/a/testdata/golden.bin", &[0xff]);
        write("target/debug/build.rs", b"junk");
        let tree = Tree::load(dir.path()).unwrap();
        assert_eq!(tree.text(Path::new("crates/a/src/lib.rs")), Some("//! A."));
        assert!(tree.exists(Path::new("crates/a/testdata/golden.bin")));
        assert!(tree.exists(Path::new("crates/a")));
        assert!(!tree.exists(Path::new("crates/b")));
        assert_eq!(tree.files("rs").count(), 1);
    }
}
