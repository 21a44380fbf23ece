//! The simulated disk as a [`Disk`], and what a test can do to it.

use std::{fmt, io, path::Path, sync::Arc};

use parking_lot::{Mutex, MutexGuard};

use super::{
    fault::{Fault, Kind},
    file::{SimFile, position},
    namespace::NodeId,
    points::Death,
    state::State,
};
use crate::{
    FailPoint,
    disk::{DirEntry, Disk, DiskFile, FileLock, Mapped},
};

/// What [`Disk::free_bytes`] answers on a disk without a capacity.
const FREE_BYTES_UNLIMITED: u64 = 1 << 50;

/// A disk in memory. Clones are the same disk.
///
/// ```
/// use std::path::Path;
/// use timberline_io::{Disk, SimDisk};
///
/// let disk = SimDisk::new(7);
/// let file = disk.create(Path::new("kept"), 4)?;
/// disk.sync_dir(Path::new(""))?;
/// file.write_all_at(b"safe", 0)?;
/// file.sync_data()?;
/// file.write_all_at(b"lost or not", 4)?;
///
/// disk.crash();
/// assert!(file.len().is_err());
/// assert!(disk.read(Path::new("kept"))?.starts_with(b"safe"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    /// When set, this view dies with that process.
    process: Option<u64>,
}

impl SimDisk {
    /// An empty disk with a root directory. Paths need not be absolute: `a` and `/a` are the same.
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(seed))), process: None }
    }

    /// The disk as one process has it: after [`kill_process`](Self::kill_process) or a power cut all
    /// operations of this view and its clones fail, so that what is left of the killed process in a
    /// test cannot touch the disk any more.
    pub fn as_process(&self) -> Self {
        let process = Some(self.state.lock().process());
        Self { state: Arc::clone(&self.state), process }
    }

    /// Another disk with the same contents, durable or not, whose future is decided by `seed`.
    /// Handles and locks stay with this disk.
    pub fn fork(&self, seed: u64) -> Self {
        let mut state = self.state.lock().clone();
        state.reseed(seed);
        state.end_process();
        Self { state: Arc::new(Mutex::new(state)), process: None }
    }

    /// Cuts the power and boots again. What was not synced survives, is lost or is torn; handles and
    /// locks are dead; faults still to come are forgotten.
    pub fn crash(&self) {
        let mut state = self.state.lock();
        state.cut_power();
        state.reboot();
    }

    /// Boots after [`Fault::Crash`] has cut the power.
    pub fn reboot(&self) {
        self.state.lock().reboot();
    }

    /// Kills the process, as `kill -9` does: handles and locks die, the page cache stays.
    pub fn kill_process(&self) {
        self.state.lock().end_process();
    }

    /// Lets `operations` mutating operations succeed and `fault` strike the first one after them that
    /// it can strike. Several may be pending; each strikes once.
    pub fn fail_after(&self, operations: u64, fault: Fault) {
        self.state.lock().schedule.add(operations, fault);
    }

    /// Forgets the faults still to come.
    pub fn clear_faults(&self) {
        let mut state = self.state.lock();
        state.schedule.clear();
        state.points.clear();
    }

    /// Lets the process die, or the power go, at a named step ([`Disk::reach`]). Once; forgotten by
    /// [`clear_faults`](Self::clear_faults).
    pub fn die_at(&self, place: FailPoint, death: Death) {
        self.state.lock().points.die_at(place, death);
    }

    /// The named steps that were reached since the last call, in order. A death at one of them is after
    /// it: the last one named is where it struck.
    pub fn take_points(&self) -> Vec<&'static str> {
        self.state.lock().points.take()
    }

    /// Limits the bytes of all files together, or lifts the limit. A limit below what is used makes
    /// every further allocation fail.
    pub fn set_capacity(&self, bytes: impl Into<Option<u64>>) {
        self.state.lock().capacity = bytes.into();
    }

    /// Bytes of all files together.
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().names.used_bytes()
    }

    /// Turns over one bit (0 to 7) of one byte of a file, in the cache and on the disk alike.
    ///
    /// # Errors
    /// `NotFound` without such a file, `UnexpectedEof` without such a byte.
    pub fn flip_bit(&self, path: &Path, byte: u64, bit: u8) -> io::Result<()> {
        let byte = position(byte)?;
        let mut state = self.state.lock();
        let id = state.names.file(path)?;
        if state.names.data_mut(id).flip_bit(byte, bit) {
            return Ok(());
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// Mutating operations begun so far: creations, writes, changes of length, syncs, renames,
    /// removals. Reads and locks do not count.
    pub fn operation_count(&self) -> u64 {
        self.state.lock().schedule.operations()
    }

    fn lock_state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state.lock();
        state.check(self.process)?;
        Ok(state)
    }

    fn change_names(&self, change: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        self.lock_state()?.mutate(Kind::Name, change, |_| {})
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").field("process", &self.process).finish_non_exhaustive()
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path, len: u64) -> io::Result<Box<dyn DiskFile>> {
        let size = position(len)?;
        let mut state = self.lock_state()?;
        let create = |state: &mut State| {
            // The name's error comes before the space's, as with a real creation.
            let id = state.names.create_file(path)?;
            if let Err(error) = state.check_space(len) {
                state.names.remove_file(path)?;
                return Err(error);
            }
            state.names.data_mut(id).set_len(size);
            Ok(id)
        };
        let id = state.mutate(Kind::Allocate, create, |_| {})?;
        Ok(Box::new(SimFile::open(&self.state, &mut state, id)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock_state()?;
        let id = state.names.file(path)?;
        Ok(Box::new(SimFile::open(&self.state, &mut state, id)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.lock_state()?;
        let id = state.names.file(path)?;
        Ok(state.names.data(id).bytes().to_vec())
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        self.read(path).map(Mapped::new)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.lock_state()?;
        let id = state.names.dir(dir)?;
        let entry = |(name, len): (String, Option<usize>)| DirEntry {
            name,
            is_dir: len.is_none(),
            len: len.unwrap_or(0) as u64,
        };
        Ok(state.names.list(id)?.into_iter().map(entry).collect())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.change_names(|state| state.names.create_dir_all(dir))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change_names(|state| state.names.link(from, to))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change_names(|state| state.names.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.change_names(|state| state.names.remove_file(path))
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.change_names(|state| state.names.remove_dir_all(dir))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock_state()?;
        let id = state.names.dir(dir)?;
        let sync = |state: &mut State| {
            state.names.sync_dir(id);
            Ok(())
        };
        // A failed sync of a directory leaves its changes pending: unlike a file's bytes they are in
        // a journal, and a later success of the journal carries them too.
        state.mutate(Kind::Sync, sync, |_| {})
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let state = self.lock_state()?;
        state.names.dir(dir)?;
        Ok(state.free_bytes().unwrap_or(FREE_BYTES_UNLIMITED))
    }

    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        let mut state = self.lock_state()?;
        let id = match state.names.file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                state.names.create_file(path)?
            }
            found => found?,
        };
        if !state.locks.insert(id) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let held = SimLock { state: Arc::clone(&self.state), process: state.process(), id };
        Ok(FileLock::new(path, held))
    }

    fn reach(&self, point: &'static str) {
        let mut state = self.state.lock();
        // A process that has died reaches nothing.
        if state.check(self.process).is_err() {
            return;
        }
        match state.points.reach(point) {
            Some(Death::Killed) => state.end_process(),
            Some(Death::PowerCut) => state.cut_power(),
            None => {}
        }
    }
}

/// Holds a lock until dropped or until its process dies.
struct SimLock {
    state: Arc<Mutex<State>>,
    process: u64,
    id: NodeId,
}

impl fmt::Debug for SimLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimLock").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        if state.process() == self.process {
            state.locks.remove(&self.id);
        }
    }
}
