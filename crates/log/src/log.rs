//! The log itself.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use timberline_io::Disk;
use timberline_model::{Durability, LogOffset};

use crate::{
    LogError, LogOptions, LogReader, LogStats, Payload, Recovery,
    buffer::Buffer,
    commit::Unsynced,
    frame::frame_bytes,
    recovery::{self, Recovered},
    segment::{self, FIRST_FRAME, Segment},
    spare::Spares,
};

/// Bytes that may wait in memory before an append writes them itself.
const BUFFER_BYTES_MAX: usize = 32 << 20;

/// A segmented, checksummed log of payloads. All methods may be called from any thread.
///
/// A frame gets its place by [`Log::append`], in memory only, and is acknowledged by [`Log::commit`].
pub struct Log {
    core: Arc<Core>,
}

/// What the log and its readers share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    options: LogOptions,
    pub(crate) spares: Spares,
    pub(crate) state: Mutex<State>,
    /// Signals that `written`, `synced`, `leading` or `poisoned` changed.
    pub(crate) changed: Condvar,
    pub(crate) unsynced: Mutex<Unsynced>,
    truncating: Mutex<()>,
}

/// What changes with every append and commit. `synced <= written <= end`.
#[derive(Debug)]
pub(crate) struct State {
    /// Ascending and without the frames of one in another; the last one may take frames.
    pub(crate) segments: Vec<Segment>,
    /// Recovered frames from here on are to be made durable before others follow them, or anyone
    /// is told that they are.
    doubtful_from: Option<u64>,
    pub(crate) buffer: Buffer,
    pub(crate) end: u64,
    pub(crate) written: u64,
    pub(crate) synced: u64,
    /// Whether a caller is writing for all.
    pub(crate) leading: bool,
    pub(crate) poisoned: Option<Arc<str>>,
    pub(crate) stats: LogStats,
}

impl State {
    pub(crate) fn check(&self) -> Result<(), LogError> {
        match &self.poisoned {
            Some(reason) => Err(LogError::Poisoned { reason: Arc::clone(reason) }),
            None => Ok(()),
        }
    }

    /// Adds a frame; there must be room.
    fn push(&mut self, payload: Payload<'_>) {
        let size = self.buffer.push(payload, self.end, self.synced);
        self.end += size;
        self.stats.appended_frames += 1;
        self.stats.appended_bytes += size;
    }

    /// Where the segment that takes frames begins, if it has nothing but its witness: no frame with a
    /// payload is as short.
    fn begun_at(&self) -> Option<u64> {
        let last = self.segments.last().filter(|_| self.buffer.is_active())?;
        (self.end - last.base == frame_bytes(0)).then_some(last.base)
    }

    const fn reached(&self, durability: Durability) -> u64 {
        match durability {
            Durability::Logged => self.written,
            Durability::Synced => self.synced,
        }
    }

    pub(crate) fn start(&self) -> u64 {
        self.segments.first().map_or(self.end, |segment| segment.base)
    }
}

impl Log {
    /// Opens the log in a directory, which is made if it does not exist; recovers it, and calls
    /// `replay` with the end offset and the payload of every sound frame that ends after `from`, in
    /// order. Frames without a payload are not replayed.
    ///
    /// The caller makes sure that nobody else has the directory open. Everything replayed is durable
    /// when this returns. A log that ends before `from` continues at `from`.
    ///
    /// # Errors
    /// A failing disk, or a segment of another format version. Damaged frames are not an error:
    /// [`Recovery`] names them.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: LogOptions,
        from: LogOffset,
        replay: &mut dyn FnMut(LogOffset, &[u8]),
    ) -> Result<(Self, Recovery), LogError> {
        let Recovered { segments, recovery, doubtful_from } =
            recovery::recover(disk.as_ref(), dir, from.0, replay)?;
        let end = recovery.end.0.max(from.0);
        let core = Core {
            spares: Spares::new(Arc::clone(&disk), dir.to_owned(), &options),
            disk,
            dir: dir.to_owned(),
            options,
            state: Mutex::new(State {
                segments,
                doubtful_from,
                buffer: Buffer::default(),
                end,
                written: end,
                synced: doubtful_from.unwrap_or(end),
                leading: false,
                poisoned: None,
                stats: LogStats::default(),
            }),
            changed: Condvar::new(),
            unsynced: Mutex::default(),
            truncating: Mutex::default(),
        };
        Ok((Self { core: Arc::new(core) }, recovery))
    }

    /// Gives a payload its place in the log, in memory only, and returns the offset at which its frame
    /// ends: what to [`commit`](Log::commit) and where the next frame begins. An empty payload makes a
    /// frame that bears witness to the durability of those before it, and is never replayed.
    ///
    /// # Errors
    /// [`LogError::StorageFull`] when the disk has no space for another segment: nothing has happened
    /// then, and later appends succeed once space returns. [`LogError::FrameTooLarge`];
    /// [`LogError::Poisoned`] after a failed write or sync.
    pub fn append(&self, payload: &[u8]) -> Result<LogOffset, LogError> {
        self.append_prepared(Payload::new(payload))
    }

    /// As [`Log::append`], with the checksum computed before: for callers that hold a lock of their
    /// own around the append.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn append_prepared(&self, payload: Payload<'_>) -> Result<LogOffset, LogError> {
        self.core.append(payload).map(LogOffset)
    }

    /// Ends the segment that takes frames and begins another, with a frame that bears witness. One that
    /// has just begun so goes on.
    /// Returns where it begins: once the log is synced beyond that,
    /// [`truncate_before`](Self::truncate_before) can remove everything in front of it.
    ///
    /// # Errors
    /// As [`Log::append`]; nothing has happened then.
    pub fn begin_segment(&self) -> Result<LogOffset, LogError> {
        self.core.begin_segment().map(LogOffset)
    }

    /// Allocates the next segment's space if that was not done yet, so that
    /// [`begin_segment`](Self::begin_segment) takes no time. That it cannot is said there.
    pub fn prepare_segment(&self) {
        self.core.spares.prepare();
    }

    /// Returns once the log is as durable as asked up to an offset. Callers share writes and syncs.
    ///
    /// # Errors
    /// [`LogError::Poisoned`] with the reason when the disk fails or, in spite of its promise, has no
    /// space; and ever after.
    ///
    /// # Panics
    /// When `upto` lies beyond the end of the log.
    pub fn commit(&self, upto: LogOffset, durability: Durability) -> Result<(), LogError> {
        self.core.commit(upto, durability)
    }

    /// Syncs the log and leaves its files as an orderly end leaves them: with a last frame that says
    /// that all before it was durable, and without allocated space that holds nothing. No append may
    /// run meanwhile. The log stays usable: the next append starts a segment.
    ///
    /// # Errors
    /// As [`Log::commit`].
    pub fn close(&self) -> Result<(), LogError> {
        self.core.close()
    }

    /// The offset of the first frame that the log still has; its end when it has none.
    #[must_use]
    pub fn start(&self) -> LogOffset {
        LogOffset(self.core.state.lock().start())
    }

    /// Where the next frame will begin.
    #[must_use]
    pub fn end(&self) -> LogOffset {
        LogOffset(self.core.state.lock().end)
    }

    /// Up to where frames are in the files, and readers see them.
    #[must_use]
    pub fn written(&self) -> LogOffset {
        LogOffset(self.core.state.lock().written)
    }

    /// Up to where frames survive a power cut.
    #[must_use]
    pub fn synced(&self) -> LogOffset {
        LogOffset(self.core.state.lock().synced)
    }

    /// Goes on at an offset, if that lies beyond the end: for a log that has lost its end, where something
    /// else relies on what stood before the offset. Readers find a piece that is missing there.
    ///
    /// # Errors
    /// A failing disk.
    ///
    /// # Panics
    /// When something was appended since the log was opened.
    pub fn skip_to(&self, offset: LogOffset) -> Result<(), LogError> {
        let mut state = self.core.state.lock();
        if offset.0 <= state.end {
            return Ok(());
        }
        assert!(!state.buffer.is_active(), "a log that takes frames has lost nothing");
        self.core.settle(&mut state)?;
        (state.end, state.written, state.synced) = (offset.0, offset.0, offset.0);
        Ok(())
    }

    /// Removes the segments whose frames all end at or before an offset, and returns the bytes that
    /// were freed. The last segment stays, and with it the numbering.
    ///
    /// # Errors
    /// A failing disk; what was not removed is removed by a later call.
    pub fn truncate_before(&self, offset: LogOffset) -> Result<u64, LogError> {
        self.core.truncate_before(offset.0)
    }

    /// Reads frames in order, beginning with the one at `from`: an offset that the log gave out as the
    /// end of a frame, or its start.
    ///
    /// # Errors
    /// [`LogError::Truncated`] when that frame has been truncated away.
    pub fn reader(&self, from: LogOffset) -> Result<LogReader, LogError> {
        LogReader::new(Arc::clone(&self.core), from)
    }

    /// Waits until frames beyond an offset can be read, and says whether there are any. Returns early
    /// when the log is poisoned.
    #[must_use]
    pub fn wait_beyond(&self, offset: LogOffset, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.core.state.lock();
        while state.written <= offset.0 && state.poisoned.is_none() {
            match deadline {
                Some(deadline) => {
                    if self.core.changed.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
                None => self.core.changed.wait(&mut state),
            }
        }
        state.written > offset.0
    }

    /// Up to where frames are as durable as asked.
    #[must_use]
    pub fn reached(&self, durability: Durability) -> LogOffset {
        LogOffset(self.core.state.lock().reached(durability))
    }

    /// Waits until frames beyond an offset are as durable as asked, at most for `timeout`, and returns
    /// up to where they are: the offset itself, or less, when the time was up.
    ///
    /// # Errors
    /// [`LogError::Poisoned`] when nothing beyond the offset will become durable any more.
    pub fn wait_reached(
        &self,
        offset: LogOffset,
        durability: Durability,
        timeout: Duration,
    ) -> Result<LogOffset, LogError> {
        let deadline = Instant::now() + timeout;
        let mut state = self.core.state.lock();
        while state.reached(durability) <= offset.0 {
            state.check()?;
            if self.core.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        Ok(LogOffset(state.reached(durability)))
    }

    /// Figures about the log.
    #[must_use]
    pub fn stats(&self) -> LogStats {
        let state = self.core.state.lock();
        LogStats {
            bytes: state.segments.iter().map(|segment| segment.len).sum(),
            segments: state.segments.len() as u64,
            storage_full: self.core.spares.storage_full(),
            spare_failures: self.core.spares.failures(),
            poisoned: state.poisoned.as_ref().map(ToString::to_string),
            ..state.stats.clone()
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.core.state.lock();
        f.debug_struct("Log")
            .field("dir", &self.core.dir)
            .field("start", &state.start())
            .field("end", &state.end)
            .field("synced", &state.synced)
            .field("poisoned", &state.poisoned)
            .finish_non_exhaustive()
    }
}

impl Core {
    fn append(&self, payload: Payload<'_>) -> Result<u64, LogError> {
        let max = self.options.payload_bytes_max();
        if payload.len() > max {
            return Err(LogError::FrameTooLarge { len: payload.len(), max });
        }
        let size = frame_bytes(payload.len());
        let mut state = self.state.lock();
        state.check()?;
        while state.buffer.len() >= BUFFER_BYTES_MAX {
            if state.leading {
                self.changed.wait(&mut state);
            } else {
                self.lead(&mut state, Durability::Logged)?;
            }
            state.check()?;
        }
        if !state.buffer.has_room(size) {
            self.roll(&mut state, size)?;
        }
        state.push(payload);
        Ok(state.end)
    }

    fn begin_segment(&self) -> Result<u64, LogError> {
        let witness = Payload::new(&[]);
        let mut state = self.state.lock();
        state.check()?;
        if let Some(base) = state.begun_at() {
            return Ok(base);
        }
        self.roll(&mut state, frame_bytes(witness.len()))?;
        let base = state.end;
        state.push(witness);
        Ok(base)
    }

    /// Starts a segment that has room for a frame.
    fn roll(&self, state: &mut State, frame_bytes: u64) -> Result<(), LogError> {
        let spare = self.spares.take(FIRST_FRAME + frame_bytes)?;
        if let Err(error) = self.settle(state) {
            self.spares.put_back(spare);
            return Err(error);
        }
        self.end_segment(state);
        let base = state.end;
        // A segment without frames gives way to the one that begins at the same offset.
        if state.segments.last().is_some_and(|segment| segment.base == base) {
            state.segments.pop();
        }
        let path = segment::path(&self.dir, base);
        state.segments.push(Segment { base, path: path.clone(), len: spare.len });
        state.buffer.start_segment(spare, path, base);
        Ok(())
    }

    /// Makes durable what recovery found and nothing vouches for. As long as there is such, nothing
    /// was appended.
    pub(crate) fn settle(&self, state: &mut State) -> Result<(), LogError> {
        if let Some(from) = state.doubtful_from {
            recovery::make_durable(self.disk.as_ref(), &self.dir, &state.segments, from)?;
            state.doubtful_from = None;
            state.synced = state.end;
        }
        Ok(())
    }

    fn end_segment(&self, state: &mut State) {
        if let Some(len) = state.buffer.end_segment() {
            state.segments.last_mut().expect("the segment that took frames").len = len;
        }
    }

    fn close(&self) -> Result<(), LogError> {
        let end = {
            let state = self.state.lock();
            if !state.buffer.is_active() {
                return state.check();
            }
            state.end
        };
        self.commit(LogOffset(end), Durability::Synced)?;
        match self.append(Payload::new(&[])) {
            // Without space for the witness, the log ends without one.
            Ok(_) | Err(LogError::StorageFull { .. }) => {}
            Err(error) => return Err(error),
        }
        let mut state = self.state.lock();
        while state.leading {
            self.changed.wait(&mut state);
        }
        state.check()?;
        self.end_segment(&mut state);
        self.lead(&mut state, Durability::Synced)?;
        drop(state);
        self.spares.clear()
    }

    fn truncate_before(&self, offset: u64) -> Result<u64, LogError> {
        let _truncating = self.truncating.lock();
        let mut freed = 0;
        loop {
            let first = {
                let state = self.state.lock();
                match state.segments.as_slice() {
                    // The next one must be known durable, or a power cut could take both.
                    [first, next, ..] if next.base <= offset && next.base < state.synced => {
                        first.clone()
                    }
                    _ => break,
                }
            };
            match self.disk.remove_file(&first.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LogError::disk("remove", first.path)(error));
                }
                _ => freed += first.len,
            }
            self.state.lock().segments.remove(0);
        }
        if freed > 0 {
            self.disk.sync_dir(&self.dir).map_err(LogError::disk("sync", &self.dir))?;
        }
        Ok(freed)
    }

    /// The segment that holds an offset, and where the next one begins.
    pub(crate) fn segment_at(&self, offset: u64) -> Result<(Segment, Option<u64>), LogError> {
        let state = self.state.lock();
        let index = state.segments.partition_point(|segment| segment.base <= offset);
        let Some(index) = index.checked_sub(1) else {
            let start = LogOffset(state.start());
            return Err(LogError::Truncated { offset: LogOffset(offset), start });
        };
        let next = state.segments.get(index + 1).map(|segment| segment.base);
        Ok((state.segments[index].clone(), next))
    }
}
