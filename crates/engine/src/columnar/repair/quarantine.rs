//! Where a repair puts what is damaged: `quarantine/NUMBER/`, with the paths that the files had.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
};

use timberline_io::Disk;

use crate::{
    EngineError,
    columnar::{
        layout::Layout,
        snapshot::{link_dir, link_or_copy},
    },
};

/// Name of the file that says what was done.
const REPORT_FILE: &str = "report.txt";

/// The quarantine of one repair. Its directory is made when the first file comes.
pub(super) struct Quarantine<'a> {
    disk: &'a dyn Disk,
    layout: &'a Layout,
    dir: PathBuf,
    used: Cell<bool>,
}

impl<'a> Quarantine<'a> {
    pub(super) fn new(disk: &'a dyn Disk, layout: &'a Layout) -> Result<Self, EngineError> {
        let all = layout.quarantine();
        let taken = match disk.list(&all) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            taken => taken.map_err(EngineError::disk("list", &all))?,
        };
        let numbers = taken.iter().filter_map(|entry| entry.name.parse::<u64>().ok());
        let number = numbers.max().unwrap_or(0).saturating_add(1);
        let dir = all.join(format!("{number:04}"));
        Ok(Self { disk, layout, dir, used: Cell::new(false) })
    }

    /// Where the files are, if there are any.
    pub(super) fn place(&self) -> Option<PathBuf> {
        self.used.get().then(|| self.dir.clone())
    }

    /// Gives a file of the database a durable second name in the quarantine.
    pub(super) fn keep_file(&self, path: &Path) -> Result<(), EngineError> {
        let to = self.place_of(path);
        let parent = to.parent().unwrap_or(&self.dir);
        self.make(parent)?;
        self.forget(&to)?;
        link_or_copy(self.disk, path, &to)?;
        self.sync(parent)
    }

    /// Gives all files of a directory of the database durable second names.
    pub(super) fn keep_dir(&self, path: &Path) -> Result<(), EngineError> {
        let to = self.place_of(path);
        self.make(&to)?;
        for entry in self.disk.list(&to).map_err(EngineError::disk("list", &to))? {
            self.forget(&to.join(&entry.name))?;
        }
        link_dir(self.disk, path, &to)?;
        self.sync(&to)
    }

    /// Leaves what was done and lost beside the files.
    pub(super) fn write_report(&self, report: &str) -> Result<(), EngineError> {
        if !self.used.get() {
            return Ok(());
        }
        let path = self.dir.join(REPORT_FILE);
        let file = self.disk.create(&path, 0).map_err(EngineError::disk("create", &path))?;
        file.write_all_at(report.as_bytes(), 0).map_err(EngineError::disk("write", &path))?;
        file.sync_data().map_err(EngineError::disk("sync", &path))?;
        self.sync(&self.dir)
    }

    fn place_of(&self, path: &Path) -> PathBuf {
        self.dir.join(path.strip_prefix(self.layout.dir()).unwrap_or(path))
    }

    /// A second name that an earlier step of this repair gave already.
    fn forget(&self, path: &Path) -> Result<(), EngineError> {
        match self.disk.remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(EngineError::disk("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    fn make(&self, dir: &Path) -> Result<(), EngineError> {
        self.used.set(true);
        self.disk.create_dir_all(dir).map_err(EngineError::disk("create", dir))
    }

    /// Makes the names in a directory and those of the directories that lead to it durable.
    fn sync(&self, dir: &Path) -> Result<(), EngineError> {
        for dir in dir.ancestors().take_while(|dir| dir.starts_with(self.layout.dir())) {
            self.disk.sync_dir(dir).map_err(EngineError::disk("sync", dir))?;
        }
        Ok(())
    }
}
