//! Many scripts, from files and directories.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::{
    error::ScriptError,
    run::{Options, Outcome, Verdict, run},
    script::{Command, Script},
};

/// The ending of scripts in a directory.
const ENDING: &str = "test";

/// Scripts that run at a time: they wait for the disk most of the time.
const WORKERS: usize = 6;

/// How many statements went how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that passed.
    pub passed: usize,
    /// Those that failed; a script that cannot be run counts as one.
    pub failed: usize,
    /// Those that were left out.
    pub skipped: usize,
}

impl Counts {
    /// Counts the outcomes of a script.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            match outcome.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Failed(_) => counts.failed += 1,
                Verdict::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }

    /// Adds others.
    pub const fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// The scripts that paths name: files as they are, and of directories all files that end in `.test`, sorted.
///
/// # Errors
/// A path that cannot be read, or a directory without scripts.
pub fn scripts(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if !fs::metadata(path).map_err(|error| named(path, &error))?.is_dir() {
            found.push(path.clone());
            continue;
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(|error| named(path, &error))? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == ENDING) {
                files.push(file);
            }
        }
        if files.is_empty() {
            let message = format!("{}: no scripts (files that end in .{ENDING})", path.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        files.sort();
        found.append(&mut files);
    }
    Ok(found)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Runs the scripts in files, several at a time; the results are in the order of the files.
pub fn run_files(paths: &[PathBuf], options: &Options) -> Vec<Result<Vec<Outcome>, ScriptError>> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        while let Some((place, path)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            paths.get(place).map(|path| (place, path))
        } {
            done.push((place, run_file(path, options)));
        }
        done
    };
    let mut all: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(run)).collect();
        let done = workers.into_iter().flat_map(|worker| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        done.collect()
    });
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Runs the script in a file under the name of the file without its ending.
///
/// # Errors
/// A file that is no script, or that cannot be run.
pub fn run_file(path: &Path, options: &Options) -> Result<Vec<Outcome>, ScriptError> {
    let script = Script::parse(&fs::read_to_string(path)?)?;
    let name =
        path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let outcomes = run(&script, &Options { name, ..options.clone() })?;
    let asked = script.commands.iter().filter(|command| matches!(command, Command::Eval(_)));
    debug_assert_eq!(asked.count(), outcomes.len(), "one outcome for each question");
    Ok(outcomes)
}
