//! A file that is not whole yet.
//!
//! It has a name of its own, `.NAME.NUMBER.partial`, and is locked by whoever writes it. It gets its name at
//! the end, when all of it is on the disk, and is removed if that does not come. A process that is killed
//! leaves it behind without its lock: so [`sweep`] knows what may go.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use datafusion::error::{DataFusionError, Result};

use super::directory::{Place, failed};

/// The end of the names of such files.
const END: &str = ".partial";
/// Of files of this process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A file being written.
#[derive(Debug)]
pub(super) struct Partial {
    /// `None` once it is closed.
    file: Option<File>,
    path: PathBuf,
}

impl Partial {
    /// Begins the file of a place. Leftovers beside it are removed.
    ///
    /// # Errors
    /// The file is there already and may not be replaced, or it cannot be made.
    pub(super) fn begin(place: &Place, overwrite: bool) -> Result<Self> {
        if !overwrite && fs::symlink_metadata(place.path()).is_ok() {
            return Err(exists(place));
        }
        sweep(&place.directory);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let mut name = OsString::from(".");
            name.push(&place.file_name);
            name.push(format!(".{}-{number}{END}", std::process::id()));
            let path = place.directory.join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    let partial = Self { file: Some(file), path };
                    let locked = partial.file.as_ref().map_or(Ok(()), File::lock);
                    locked.map_err(|error| failed("lock", &place.name, &error))?;
                    return Ok(partial);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("write", &place.name, &error)),
            }
        }
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// The operating system refuses, or the file came to be there meanwhile and may not be replaced.
    pub(super) fn finish(mut self, place: &Place, overwrite: bool) -> Result<()> {
        let refused = |error: io::Error| failed("write", &place.name, &error);
        if let Some(file) = &self.file {
            file.sync_all().map_err(refused)?;
        }
        if overwrite {
            fs::rename(&self.path, place.path()).map_err(refused)?;
        } else {
            // Unlike renaming, a second name never replaces a file.
            match fs::hard_link(&self.path, place.path()) {
                Ok(()) => fs::remove_file(&self.path).map_err(refused)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(exists(place));
                }
                // Some file systems have no second names.
                Err(_) if fs::symlink_metadata(place.path()).is_err() => {
                    fs::rename(&self.path, place.path()).map_err(refused)?;
                }
                Err(error) => return Err(refused(error)),
            }
        }
        self.file = None;
        File::open(&place.directory).and_then(|of| of.sync_all()).map_err(refused)
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Nobody is left to tell, and the next sweep tries again.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn exists(place: &Place) -> DataFusionError {
    DataFusionError::Plan(format!(
        "the file '{}' is there already; write WITH (OVERWRITE true) to replace it",
        place.name
    ))
}

/// Removes what nobody writes any more in a directory. What cannot be looked at stays.
pub(super) fn sweep(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_partial =
            name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(END));
        if !is_partial || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(file) = OpenOptions::new().write(true).open(entry.path()) else { continue };
        // One that was made a moment ago is not locked yet, and has nothing in it.
        let is_begun = file.metadata().is_ok_and(|of| of.len() > 0 || is_old(&of));
        if is_begun && file.try_lock().is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether it is a minute since anyone wrote to a file.
fn is_old(metadata: &fs::Metadata) -> bool {
    let age = metadata.modified().ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age.as_secs() >= 60)
}
