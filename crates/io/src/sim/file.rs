//! An open file of the simulated disk.

use std::{fmt, io, sync::Arc};

use parking_lot::Mutex;

use super::{fault::Kind, namespace::NodeId, state::State};
use crate::disk::DiskFile;

/// The largest file of the simulated disk. A wild offset must fail, not exhaust the memory.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// A handle, which dies with the process that opened it.
pub(super) struct SimFile {
    state: Arc<Mutex<State>>,
    process: u64,
    id: NodeId,
}

impl SimFile {
    /// Opens a file whose state is locked already.
    pub(super) fn open(shared: &Arc<Mutex<State>>, state: &mut State, id: NodeId) -> Self {
        state.names.hold(id);
        Self { state: Arc::clone(shared), process: state.process(), id }
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimFile").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        if state.process() == self.process {
            state.names.let_go(self.id);
        }
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        let state = self.state.lock();
        state.check(Some(self.process))?;
        Ok(state.names.data(self.id).bytes().len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.state.lock();
        state.check(Some(self.process))?;
        let bytes = state.names.data(self.id).bytes();
        let start = usize::try_from(offset).ok();
        let end = start.and_then(|start| start.checked_add(buffer.len()));
        let range = start.zip(end).and_then(|(start, end)| bytes.get(start..end));
        buffer.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = position(offset)?;
        let mut state = self.state.lock();
        state.check(Some(self.process))?;
        state.mutate(
            Kind::Allocate,
            |state| state.write(self.id, offset, bytes),
            |state| state.write_in_part(self.id, offset, bytes),
        )
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = position(len)?;
        let mut state = self.state.lock();
        state.check(Some(self.process))?;
        let set_len = |state: &mut State| {
            let present = state.names.data(self.id).bytes().len();
            state.check_space(len.saturating_sub(present) as u64)?;
            state.names.data_mut(self.id).set_len(len);
            Ok(())
        };
        state.mutate(Kind::Allocate, set_len, |_| {})
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check(Some(self.process))?;
        let sync = |state: &mut State| {
            state.names.data_mut(self.id).sync();
            Ok(())
        };
        state.mutate(Kind::Sync, sync, |state| state.names.data_mut(self.id).fail_sync())
    }
}

/// A position that this disk, which is in memory, can have.
pub(super) fn position(offset: u64) -> io::Result<usize> {
    match usize::try_from(offset) {
        Ok(position) if offset <= FILE_BYTES_MAX => Ok(position),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}
