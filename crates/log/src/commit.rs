//! The group commit: one caller writes and syncs for all who wait.

use std::{path::Path, sync::Arc, time::Instant};

use parking_lot::MutexGuard;
use timberline_io::{Disk, DiskFile};
use timberline_model::{Durability, LogOffset};

use crate::{
    LogError,
    buffer::Piece,
    log::{Core, State},
};

/// Bytes that may be written and not yet synced before a commit syncs unasked. It bounds what a power
/// cut takes from those who do not ask for syncs, and what recovery has to make durable again.
const UNSYNCED_BYTES_MAX: u64 = 64 << 20;

/// What has been written and is not known to be durable. Only the leader touches it.
#[derive(Debug, Default)]
pub(crate) struct Unsynced {
    files: Vec<Arc<dyn DiskFile>>,
    /// Whether a segment got its name since the directory was last synced.
    names: bool,
}

impl Core {
    pub(crate) fn commit(&self, upto: LogOffset, durability: Durability) -> Result<(), LogError> {
        let mut state = self.state.lock();
        assert!(upto.0 <= state.end, "commit up to {upto}, but the log ends at {}", state.end);
        let reached = |state: &State| match durability {
            Durability::Logged => state.written >= upto.0,
            Durability::Synced => state.synced >= upto.0,
        };
        while !reached(&state) {
            state.check()?;
            if state.leading {
                self.changed.wait(&mut state);
            } else {
                self.lead(&mut state, durability)?;
            }
        }
        let prepare = state.buffer.is_half_full();
        drop(state);
        // Those who waited have been woken, so only this caller pays for the allocation.
        if prepare {
            self.spares.prepare();
        }
        Ok(())
    }

    /// Writes all that waits, and syncs if that is asked for or due. Nobody else may be leading.
    pub(crate) fn lead(
        &self,
        state: &mut MutexGuard<'_, State>,
        durability: Durability,
    ) -> Result<(), LogError> {
        debug_assert!(!state.leading, "one leader at a time");
        state.leading = true;
        let target = state.end;
        let result = self.write_and_sync(state, target, durability);
        state.leading = false;
        self.changed.notify_all();
        // Not the disk's own error: one that says there is no space would read as if nothing had
        // happened, and here nobody knows what of the frames is in the files.
        result.map_err(|error| {
            let reason: Arc<str> = error.to_string().into();
            state.poisoned = Some(Arc::clone(&reason));
            LogError::Poisoned { reason }
        })
    }

    fn write_and_sync(
        &self,
        state: &mut MutexGuard<'_, State>,
        target: u64,
        durability: Durability,
    ) -> Result<(), LogError> {
        if durability == Durability::Synced {
            self.settle(state)?;
        }
        let pieces = state.buffer.take();
        if !pieces.is_empty() {
            MutexGuard::unlocked(state, || {
                self.unsynced.lock().write(self.disk.as_ref(), &pieces)
            })?;
            state.stats.writes += 1;
            state.buffer.recycle(pieces);
            state.written = target;
        }
        if durability == Durability::Synced || target - state.synced > UNSYNCED_BYTES_MAX {
            // Readers and those who asked for no sync need not wait for it.
            self.changed.notify_all();
            let nanos = MutexGuard::unlocked(state, || {
                let begin = Instant::now();
                self.unsynced.lock().sync(self.disk.as_ref(), &self.dir)?;
                Ok(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX))
            })?;
            state.stats.syncs += 1;
            state.stats.sync_nanos_total = state.stats.sync_nanos_total.saturating_add(nanos);
            state.synced = target;
        }
        Ok(())
    }
}

impl Unsynced {
    fn write(&mut self, disk: &dyn Disk, pieces: &[Piece]) -> Result<(), LogError> {
        for piece in pieces {
            let Piece { file, path, .. } = piece;
            if !self.files.last().is_some_and(|last| Arc::ptr_eq(last, file)) {
                self.files.push(Arc::clone(file));
            }
            if let Some(from) = &piece.install_from {
                self.names = true;
                disk.rename(from, path).map_err(LogError::disk("name a segment", path))?;
            }
            if !piece.bytes.is_empty() {
                file.write_all_at(&piece.bytes, piece.position)
                    .map_err(LogError::disk("write", path))?;
            }
            if let Some(len) = piece.cut_to {
                file.set_len(len).map_err(LogError::disk("cut", path))?;
            }
        }
        Ok(())
    }

    fn sync(&mut self, disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
        for file in &self.files {
            file.sync_data().map_err(LogError::disk("sync a segment in", dir))?;
        }
        if self.names {
            disk.sync_dir(dir).map_err(LogError::disk("sync", dir))?;
        }
        self.files.clear();
        self.names = false;
        Ok(())
    }
}
