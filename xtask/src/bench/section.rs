//! A section of the page of benchmarks: replaced as a whole by each run that writes it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;

/// Where a report goes beside the terminal.
#[derive(Debug, Args)]
pub(crate) struct Page {
    /// Puts the report into this file, in the place of the last one.
    #[arg(long)]
    write: Option<PathBuf>,
}

impl Page {
    /// Prints a report, and puts it into the page if there is one.
    pub(super) fn publish(
        &self,
        root: &Path,
        section: Section,
        report: &impl fmt::Display,
    ) -> Result<()> {
        println!("{report}");
        match &self.write {
            Some(path) => section.write(&root.join(path), &report.to_string()),
            None => Ok(()),
        }
    }
}

/// A section that a benchmark writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    /// The benchmark's name on the command line.
    pub(super) bench: &'static str,
    /// The heading under which it is put when the page has none yet.
    pub(super) title: &'static str,
}

impl Section {
    /// Puts a report into a page, in the place of the one before or at the end.
    fn write(self, path: &Path, report: &str) -> Result<()> {
        let page = match fs::read_to_string(path) {
            Ok(page) => page,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                "# Benchmarks\n".to_owned()
            }
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        fs::write(path, self.replaced(&page, report)).with_context(|| path.display().to_string())
    }

    fn replaced(self, page: &str, report: &str) -> String {
        let Self { bench, title } = self;
        let begin = format!("<!-- {bench}: written by `cargo xtask bench {bench} --write` -->");
        let end = format!("<!-- end of {bench} -->");
        let section = format!("{begin}\n\n{report}\n\n{end}");
        let found = page.split_once(&begin).and_then(|(before, rest)| {
            rest.split_once(&end).map(|(_, after)| format!("{before}{section}{after}"))
        });
        found.unwrap_or_else(|| format!("{}\n\n## {title}\n\n{section}\n", page.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_takes_the_place_of_the_one_before() {
        let section = Section { bench: "ingest", title: "Ingest" };
        let first = section.replaced("# Benchmarks\n", "one");
        assert!(first.starts_with("# Benchmarks\n\n## Ingest"));
        let second = section.replaced(&format!("{first}\n## More\n"), "two");
        assert!(second.contains("two") && !second.contains("one"));
        assert!(second.ends_with("\n## More\n"));
    }
}
