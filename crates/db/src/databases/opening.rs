//! Finds the databases of a directory and opens them.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use parking_lot::Mutex;
use timberline_io::{Clock, Disk};

use super::{
    DEFAULT_DATABASE, DatabaseSettings, Entry, State,
    name::{CREATING, DROPPING, check_name},
    record,
};
use crate::{Database, Error, Options};

/// Where the databases beside `default` lie.
const OTHERS: &str = "databases";
/// Threads that open databases at a start. They wait for the disk most of the time, however many cores there are.
const WORKERS_MAX: usize = 8;

/// What it takes to open a database of a directory.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    /// The data directory.
    pub(super) dir: PathBuf,
}

impl Opener {
    /// The directory of the databases beside `default`.
    pub(super) fn others(&self) -> PathBuf {
        self.dir.join(OTHERS)
    }

    /// The directory of a database.
    pub(super) fn dir_of(&self, name: &str) -> PathBuf {
        dir_of(&self.dir, name)
    }

    /// Opens a database by its name.
    pub(super) fn open(&self, name: &str, common: &Options) -> Entry {
        let dir = self.dir_of(name);
        let settings = match record::read(self.disk.as_ref(), &dir) {
            Ok(settings) => settings,
            Err(error) => return failed(name, DatabaseSettings::default(), error),
        };
        let options = settings.options(common, name != DEFAULT_DATABASE);
        match self.open_dir(&dir, options) {
            Ok(database) => Entry { settings, state: State::Open(Arc::new(database)) },
            Err(error) => failed(name, settings, error),
        }
    }

    fn open_dir(&self, dir: &Path, options: Options) -> Result<Database, Error> {
        Database::open_on(Arc::clone(&self.disk), Arc::clone(&self.clock), dir, options)
    }

    /// Opens databases, several at a time.
    pub(super) fn open_all(&self, names: &[String], common: &Options) -> BTreeMap<String, Entry> {
        let opened = Mutex::new(BTreeMap::new());
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                let entry = self.open(name, common);
                opened.lock().insert(name.clone(), entry);
            }
        };
        thread::scope(|scope| {
            for _ in 0..WORKERS_MAX.min(names.len()) {
                scope.spawn(work);
            }
        });
        opened.into_inner()
    }
}

/// The directory of a database of a data directory.
pub(super) fn dir_of(dir: &Path, name: &str) -> PathBuf {
    if name == DEFAULT_DATABASE { dir.to_owned() } else { dir.join(OTHERS).join(name) }
}

fn failed(name: &str, settings: DatabaseSettings, error: Error) -> Entry {
    tracing::error!(database = name, %error, "a database does not open, and the others are served");
    Entry { settings, state: State::Failed(Arc::new(error)) }
}

/// Ends what was begun when the process died: what was to become a database goes, and so does what was one.
///
/// # Errors
/// A disk that fails.
pub(super) fn finish_begun(opener: &Opener) -> Result<(), Error> {
    let (disk, parent) = (opener.disk.as_ref(), opener.others());
    let Some(entries) = entries_of(disk, &parent)? else { return Ok(()) };
    // A name that was given or taken just before the end may not be durable yet, and must not change again.
    disk.sync_dir(&parent).map_err(Error::disk("sync", &parent))?;
    for entry in entries {
        if entry.is_dir && [CREATING, DROPPING].iter().any(|end| entry.name.ends_with(end)) {
            let path = parent.join(&entry.name);
            tracing::info!(path = %path.display(), "removing what was begun");
            if let Err(error) = disk.remove_dir_all(&path) {
                let path = path.display();
                tracing::warn!(%path, %error, "the next start removes what is left of a database");
            }
        }
    }
    Ok(())
}

/// The names of the databases beside `default` in a data directory.
///
/// # Errors
/// A disk that fails.
pub(super) fn names_in(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, Error> {
    let parent = dir.join(OTHERS);
    let Some(entries) = entries_of(disk, &parent)? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in entries {
        let begun = [CREATING, DROPPING].iter().any(|end| entry.name.ends_with(end));
        if !entry.is_dir || begun {
            continue;
        }
        match check_name(&entry.name) {
            Ok(()) if entry.name != DEFAULT_DATABASE => names.push(entry.name),
            _ => {
                let path = parent.join(&entry.name);
                tracing::warn!(path = %path.display(), "not a database: its name is not one");
            }
        }
    }
    Ok(names)
}

fn entries_of(disk: &dyn Disk, dir: &Path) -> Result<Option<Vec<timberline_io::DirEntry>>, Error> {
    match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some).map_err(Error::disk("list", dir)),
    }
}
