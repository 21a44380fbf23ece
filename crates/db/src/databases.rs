//! The databases of one data directory, by name.
//!
//! `default` is the directory itself; the others lie in `databases/NAME/`, each a whole database of its own
//! with its settings beside it (`docs/formats/database.md`).
//!
//! What it is not: the databases know nothing of each other, and no write or query spans two of them.
//!
//! Invariant: after a start, a database that was being created or dropped when the process died is there with
//! its settings, or it is not there at all.

mod info;
mod name;
mod opening;
mod record;
mod settings;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::{Mutex, RwLock};
use timberline_engine::Retention;
use timberline_io::{Clock, Disk, RealDisk, SystemClock};

use self::{
    name::{CREATING, DROPPING, check_name},
    opening::{Opener, dir_of, finish_begun, names_in},
};
use crate::{Database, Error, Options};

pub use info::DatabaseInfo;
pub use name::{DATABASE_NAME_BYTES_MAX, DEFAULT_DATABASE};
pub use settings::{Bound, DatabaseSettings, SettingChange};

/// Databases of one directory, `default` included.
pub const DATABASES_MAX: usize = 1_000;

/// Bytes of a log segment of the databases beside `default`, at most: segments are allocated in advance.
pub const NAMED_SEGMENT_BYTES_MAX: u64 = 16 << 20;

/// All databases of a data directory. All methods may be called from any thread; those that create, change,
/// drop or close block, and take their turns.
///
/// ```
/// use timberline::{Databases, Options, SettingChange};
///
/// # let directory = tempfile::tempdir()?;
/// let databases = Databases::open(directory.path(), Options::default())?;
/// let settings = [SettingChange::to("retention", "90d")];
/// databases.create("metrics", &settings, false)?;
/// assert_eq!(databases.names(), ["default", "metrics"]);
/// let metrics = databases.get("metrics")?;
/// assert_eq!(metrics.retention().age.map(|age| age.as_secs() / 86_400), Some(90));
/// databases.drop("metrics", false)?;
/// assert!(databases.get("metrics").is_err());
/// databases.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Databases {
    opener: Opener,
    /// What holds for databases without settings of their own.
    common: RwLock<Options>,
    all: RwLock<BTreeMap<String, Entry>>,
    /// Held by whoever creates, changes, drops or closes; true once they are closed.
    changing: Mutex<bool>,
}

/// One database.
#[derive(Debug)]
struct Entry {
    settings: DatabaseSettings,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(Arc<Database>),
    /// It could not be opened.
    Failed(Arc<Error>),
}

impl Databases {
    /// Opens all databases of a directory, creating the directory and `default` if need be. The options
    /// hold for all databases, but for what they have settings of their own for; those beside `default` have
    /// log segments of [`NAMED_SEGMENT_BYTES_MAX`] at most.
    ///
    /// # Errors
    /// As [`Database::open`], for `default` and for the list of the others. One of the others that does not
    /// open is no error: [`get`](Self::get) tells it.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        Self::open_on(Arc::new(RealDisk), Arc::new(SystemClock), path.as_ref(), options)
    }

    /// As [`open`](Self::open), on a disk and with a clock of the caller's.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        path: &Path,
        options: Options,
    ) -> Result<Self, Error> {
        let opener = Opener { disk, clock, dir: path.to_owned() };
        // Its lock is that of the whole directory.
        let default = opener.open(DEFAULT_DATABASE, &options);
        if let State::Failed(error) = default.state {
            return Err(Arc::into_inner(error).unwrap_or(Error::DatabasesClosed));
        }
        finish_begun(&opener)?;
        let mut all = opener.open_all(&names_in(opener.disk.as_ref(), &opener.dir)?, &options);
        all.insert(DEFAULT_DATABASE.to_owned(), default);
        Ok(Self {
            opener,
            common: RwLock::new(options),
            all: RwLock::new(all),
            changing: Mutex::new(false),
        })
    }

    /// The directories of the databases beside `default` in a data directory that need not be open, sorted. Each is
    /// named as its database.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn beside_default(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, Error> {
        let dir = path.as_ref();
        let mut names = names_in(&RealDisk, dir)?;
        names.sort_unstable();
        Ok(names.iter().map(|name| dir_of(dir, name)).collect())
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.opener.dir
    }

    /// The names of all databases, sorted; also of those that did not open.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.all.read().keys().cloned().collect()
    }

    /// A database by its name.
    ///
    /// # Errors
    /// There is none of this name, or it did not open.
    pub fn get(&self, name: &str) -> Result<Arc<Database>, Error> {
        match self.all.read().get(name) {
            Some(Entry { state: State::Open(database), .. }) => Ok(Arc::clone(database)),
            Some(Entry { state: State::Failed(error), .. }) => Err(not_open(name, error)),
            None => Err(Error::NoDatabase { name: name.to_owned() }),
        }
    }

    /// All databases with their settings, sorted by name.
    #[must_use]
    pub fn list(&self) -> Vec<DatabaseInfo> {
        let common = self.common.read();
        let all = self.all.read();
        all.iter().map(|(name, entry)| DatabaseInfo::new(name, entry, &common)).collect()
    }

    /// Creates a database; `false` if there is one of this name and that is no error. What is not among the
    /// settings follows the options that the databases were opened with.
    ///
    /// # Errors
    /// A name or a setting that may not be, a name that is taken, too many databases, or a disk that is full or
    /// fails.
    pub fn create(
        &self,
        name: &str,
        settings: &[SettingChange],
        if_not_exists: bool,
    ) -> Result<bool, Error> {
        check_name(name)?;
        let mut own = DatabaseSettings::default();
        for change in settings {
            own.set(&change.name, change.value.as_deref())?;
        }
        let closed = self.changing.lock();
        if *closed {
            return Err(Error::DatabasesClosed);
        }
        let count = {
            let all = self.all.read();
            if all.contains_key(name) {
                let taken = Error::DatabaseExists { name: name.to_owned() };
                return if if_not_exists { Ok(false) } else { Err(taken) };
            }
            all.len()
        };
        if count >= DATABASES_MAX {
            return Err(Error::TooManyDatabases { max: DATABASES_MAX });
        }
        self.make_dir(name, &own)?;
        let common = self.common.read().clone();
        let entry = self.opener.open(name, &common);
        if let State::Failed(error) = entry.state {
            // Nobody has seen it: it goes as if it had never been.
            if let Err(error) = self.remove_dir(name) {
                tracing::warn!(database = name, %error, "a database that did not open stays");
            }
            return Err(Arc::into_inner(error).unwrap_or(Error::DatabasesClosed));
        }
        self.all.write().insert(name.to_owned(), entry);
        tracing::info!(database = name, "created a database");
        Ok(true)
    }

    /// Changes settings of a database, of `default` as well. They hold at once, and after a restart.
    ///
    /// # Errors
    /// There is none of this name, a setting that cannot be changed or has no such value, or a disk that is
    /// full or fails; nothing changes then.
    pub fn alter(&self, name: &str, changes: &[SettingChange]) -> Result<(), Error> {
        let closed = self.changing.lock();
        if *closed {
            return Err(Error::DatabasesClosed);
        }
        let database = self.get(name)?;
        let mut own = match self.all.read().get(name) {
            Some(entry) => entry.settings.clone(),
            None => return Err(Error::NoDatabase { name: name.to_owned() }),
        };
        for change in changes {
            own.alter(&change.name, change.value.as_deref())?;
        }
        record::write(self.opener.disk.as_ref(), &self.opener.dir_of(name), &own)?;
        let common = self.common.read();
        database.set_retention(own.retention_over(common.retention));
        if let Some(entry) = self.all.write().get_mut(name) {
            entry.settings = own;
        }
        tracing::info!(database = name, "changed a database's settings");
        Ok(())
    }

    /// Drops a database and all that is in it; `false` if there is none of this name and that is no error.
    /// Whoever still has a handle cannot write any more; queries under way go on with what they have.
    ///
    /// # Errors
    /// There is none of this name, it is `default`, or a disk that fails.
    pub fn drop(&self, name: &str, if_exists: bool) -> Result<bool, Error> {
        if name == DEFAULT_DATABASE {
            return Err(Error::DefaultDatabase);
        }
        let closed = self.changing.lock();
        if *closed {
            return Err(Error::DatabasesClosed);
        }
        let Some(entry) = self.all.write().remove(name) else {
            let missing = Error::NoDatabase { name: name.to_owned() };
            return if if_exists { Ok(false) } else { Err(missing) };
        };
        if let State::Open(database) = &entry.state
            && let Err(error) = database.close()
        {
            tracing::warn!(database = name, %error, "a database that is dropped did not close well");
        }
        if let Err(error) = self.remove_dir(name) {
            // It is closed, and still there.
            if self.opener.disk.list(&self.opener.dir_of(name)).is_ok() {
                drop(entry);
                let common = self.common.read().clone();
                let entry = self.opener.open(name, &common);
                self.all.write().insert(name.to_owned(), entry);
            }
            return Err(error);
        }
        tracing::info!(database = name, "dropped a database");
        Ok(true)
    }

    /// Lets databases without settings of their own keep so much, and all databases compact so fast, from now
    /// on; see [`Database::set_retention`] and [`Database::set_compaction_rate`].
    pub fn set_common(&self, retention: Retention, compaction_rate: Option<u64>) {
        let _changing = self.changing.lock();
        let mut common = self.common.write();
        common.retention = retention;
        common.compaction_rate = compaction_rate;
        for entry in self.all.read().values() {
            if let State::Open(database) = &entry.state {
                database.set_retention(entry.settings.retention_over(retention));
                database.set_compaction_rate(compaction_rate);
            }
        }
    }

    /// Closes all databases; see [`Database::close`]. None can be created or dropped any more.
    ///
    /// # Errors
    /// The first disk that fails while syncing; the others are closed all the same.
    pub fn close(&self) -> Result<(), Error> {
        let mut closed = self.changing.lock();
        *closed = true;
        let mut outcome = Ok(());
        for entry in self.all.read().values() {
            if let State::Open(database) = &entry.state {
                outcome = outcome.and(database.close());
            }
        }
        outcome
    }

    /// Makes the directory of a database under a name that is none, and gives it its own once it is whole.
    fn make_dir(&self, name: &str, settings: &DatabaseSettings) -> Result<(), Error> {
        let disk = self.opener.disk.as_ref();
        let (parent, dir) = (self.opener.others(), self.opener.dir_of(name));
        let aside = parent.join(format!("{name}{CREATING}"));
        disk.create_dir_all(&parent).map_err(Error::disk("create", &parent))?;
        disk.sync_dir(&self.opener.dir).map_err(Error::disk("sync", &self.opener.dir))?;
        remove_left(disk, &aside)?;
        let made = disk
            .create_dir_all(&aside)
            .map_err(Error::disk("create", &aside))
            .and_then(|()| record::write(disk, &aside, settings))
            .and_then(|()| {
                disk.reach("database.described");
                disk.rename(&aside, &dir).map_err(Error::disk("rename", &aside))
            });
        if let Err(error) = made {
            // What stays of it is swept by the next start.
            let _ = disk.remove_dir_all(&aside);
            return Err(error);
        }
        disk.reach("database.named");
        disk.sync_dir(&parent).map_err(Error::disk("sync", &parent))?;
        disk.reach("database.created");
        Ok(())
    }

    /// Takes a database's name from its directory, and removes that.
    fn remove_dir(&self, name: &str) -> Result<(), Error> {
        let disk = self.opener.disk.as_ref();
        let (parent, dir) = (self.opener.others(), self.opener.dir_of(name));
        let aside = parent.join(format!("{name}{DROPPING}"));
        remove_left(disk, &aside)?;
        disk.rename(&dir, &aside).map_err(Error::disk("rename", &dir))?;
        disk.reach("database.set_aside");
        disk.sync_dir(&parent).map_err(Error::disk("sync", &parent))?;
        disk.reach("database.dropped");
        match disk.remove_dir_all(&aside) {
            Ok(()) => disk.reach("database.removed"),
            Err(error) => {
                let path = aside.display();
                tracing::warn!(%path, %error, "the next start removes what is left of a database");
            }
        }
        Ok(())
    }
}

/// Removes what an earlier attempt left.
fn remove_left(disk: &dyn Disk, path: &PathBuf) -> Result<(), Error> {
    match disk.remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome.map_err(Error::disk("remove", path)),
    }
}

fn not_open(name: &str, error: &Error) -> Error {
    Error::DatabaseNotOpen { name: name.to_owned(), reason: error.to_string(), kind: error.kind() }
}

#[cfg(test)]
mod tests;
