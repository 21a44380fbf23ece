//! The directory of the files, and which path in it a name means.

use std::{
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

use datafusion::error::{DataFusionError, Result};

use super::partial::sweep;
use crate::SqlError;

/// The directory that statements may read and write in, if there is one.
#[derive(Debug)]
pub(crate) struct Files {
    /// Absolute, and without symbolic links.
    root: Option<PathBuf>,
}

/// A file that is there.
#[derive(Debug)]
pub(super) struct Found {
    /// As the statement has it.
    pub(super) name: String,
    /// Absolute, and without symbolic links.
    pub(super) path: PathBuf,
}

/// Where a file is to be.
#[derive(Debug)]
pub(super) struct Place {
    /// As the statement has it.
    pub(super) name: String,
    /// Absolute, and without symbolic links.
    pub(super) directory: PathBuf,
    pub(super) file_name: OsString,
}

impl Place {
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(&self.file_name)
    }
}

impl Files {
    /// The files of a directory, which is made if it is not there. What was left of files that a process
    /// which is gone did not complete is removed.
    ///
    /// # Errors
    /// It cannot be made or looked at.
    pub(crate) fn open(directory: Option<&Path>) -> Result<Self, SqlError> {
        let Some(directory) = directory else { return Ok(Self { root: None }) };
        let opened = fs::create_dir_all(directory).and_then(|()| directory.canonicalize());
        let root = opened.map_err(|error| SqlError::Storage {
            message: format!(
                "cannot open {}, the directory of files: {error}",
                directory.display()
            ),
        })?;
        sweep(&root);
        Ok(Self { root: Some(root) })
    }

    /// The file of a name.
    ///
    /// # Errors
    /// There are to be no files, the name leads out of the directory, or there is no such file.
    pub(super) fn find(&self, name: &str) -> Result<Found> {
        let (root, relative) = self.relative(name)?;
        let path = match root.join(relative).canonicalize() {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(DataFusionError::Plan(format!("there is no file '{name}'")));
            }
            Err(error) => return Err(failed("open", name, &error)),
        };
        if !path.starts_with(root) {
            return Err(outside(name));
        }
        let metadata = fs::metadata(&path).map_err(|error| failed("look at", name, &error))?;
        // Opening a pipe would wait for whoever writes to it.
        if !metadata.is_file() {
            return Err(DataFusionError::Plan(format!("'{name}' is no file")));
        }
        Ok(Found { name: name.to_owned(), path })
    }

    /// The place that a name means, in a directory that is there.
    ///
    /// # Errors
    /// As for [`find`](Self::find), but that the file need not be there.
    pub(super) fn place(&self, name: &str) -> Result<Place> {
        let (root, relative) = self.relative(name)?;
        let file_name = relative.file_name().ok_or_else(|| outside(name))?;
        let directory = root.join(relative.parent().unwrap_or(Path::new("")));
        let directory = match directory.canonicalize() {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(DataFusionError::Plan(format!(
                    "there is no directory for the file '{name}'; COPY makes none"
                )));
            }
            Err(error) => return Err(failed("open the directory of", name, &error)),
        };
        if !directory.starts_with(root) {
            return Err(outside(name));
        }
        let place = Place { name: name.to_owned(), directory, file_name: file_name.to_owned() };
        match fs::symlink_metadata(place.path()) {
            Ok(metadata) if metadata.is_dir() => {
                Err(DataFusionError::Plan(format!("'{name}' is a directory")))
            }
            _ => Ok(place),
        }
    }

    /// A name as a path below the root.
    fn relative<'a>(&self, name: &'a str) -> Result<(&Path, &'a Path)> {
        let root = self.root.as_deref().ok_or_else(|| {
            DataFusionError::Plan(format!(
                "'{name}' cannot be opened: this server has no directory of files for SQL; set \
                 sql.files_dir"
            ))
        })?;
        let path = Path::new(name);
        let is_within = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_within || name.is_empty() || name.contains('\0') || name.ends_with('/') {
            return Err(outside(name));
        }
        Ok((root, path))
    }
}

/// The refusal of a name, which does not tell what there is elsewhere.
fn outside(name: &str) -> DataFusionError {
    DataFusionError::Plan(format!(
        "'{name}' is no file of the directory sql.files_dir: names are relative to it, without '..', and \
         may not lead out of it"
    ))
}

/// A file that the operating system refuses.
pub(super) fn failed(action: &str, name: &str, error: &io::Error) -> DataFusionError {
    DataFusionError::IoError(io::Error::new(
        error.kind(),
        format!("cannot {action} '{name}': {error}"),
    ))
}
