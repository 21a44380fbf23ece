//! How fast a compaction may go: as many bytes a second as are allowed, and slower while writers are
//! busy.
//!
//! A compaction writes through a [`ThrottledDisk`], which rests after each piece that is written. What
//! is written is synced in pieces as well: one sync of a whole large block would stand in the way of
//! the log's.
//!
//! What it is not: a limit on flushes, which bound the memory and must not wait.
//!
//! Invariant: a rest ends, whatever the writers do, and at once when the engine is closed.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use timberline_io::{DirEntry, Disk, DiskFile, FileLock, Mapped};

/// Longest sleep in one go, so that closing and a new rate are noticed.
const NAP: Duration = Duration::from_millis(50);
/// How often to look whether writers are still busy.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Rest for busy writers, as a multiple of the time worked since the last rest.
const REST_FOR_WRITERS: u32 = 2;
/// Such a rest is no longer than this.
const REST_MAX: Duration = Duration::from_millis(100);
/// How far behind the rate a compaction may fall and still catch up.
const BURST: Duration = Duration::from_millis(200);
/// Bytes of one file after which they are synced.
const SYNC_BYTES: u64 = 16 << 20;

/// What all compactions of an engine obey.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// Bytes a second; zero sets no limit.
    rate: AtomicU64,
    /// Writes under way.
    writes: AtomicUsize,
    ended: AtomicBool,
    pace: Mutex<Pace>,
}

#[derive(Debug, Default)]
struct Pace {
    /// When the bytes written so far are paid for.
    due: Option<Instant>,
    /// When the last rest ended.
    rested: Option<Instant>,
}

/// One write under way.
#[derive(Debug)]
pub(super) struct WriteUnderWay<'a>(&'a Throttle);

impl Drop for WriteUnderWay<'_> {
    fn drop(&mut self) {
        self.0.writes.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Throttle {
    pub(super) fn new(rate: Option<u64>) -> Self {
        let throttle = Self::default();
        throttle.set_rate(rate);
        throttle
    }

    /// Bytes a second that compactions may write, if there is a limit.
    pub(super) fn rate(&self) -> Option<u64> {
        Some(self.rate.load(Ordering::Relaxed)).filter(|rate| *rate > 0)
    }

    pub(super) fn set_rate(&self, rate: Option<u64>) {
        self.rate.store(rate.unwrap_or(0), Ordering::Relaxed);
    }

    /// Notes a write until what this returns is dropped.
    pub(super) fn write(&self) -> WriteUnderWay<'_> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        WriteUnderWay(self)
    }

    /// Nothing waits here any more.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Rests as long as writing so many bytes calls for.
    fn rest_after(&self, bytes: u64) {
        let mut pace = self.pace.lock();
        let begun = Instant::now();
        let worked = begun.saturating_duration_since(pace.rested.unwrap_or(begun));
        let until = begun + REST_MAX.min(worked * REST_FOR_WRITERS);
        while self.writes.load(Ordering::Relaxed) > 0 && !self.is_ended() && Instant::now() < until
        {
            thread::sleep(LOOK_EVERY);
        }
        self.keep_rate(&mut pace, bytes);
        pace.rested = Some(Instant::now());
    }

    fn keep_rate(&self, pace: &mut Pace, bytes: u64) {
        let Some(rate) = self.rate() else {
            pace.due = None;
            return;
        };
        let now = Instant::now();
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let cost = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let due = pace.due.unwrap_or(now).max(earliest) + cost;
        pace.due = Some(due);
        // A rate that is changed meanwhile holds from the next piece on; a lifted one at once.
        while !self.is_ended() && self.rate().is_some() {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(NAP));
        }
    }
}

/// A disk on which writing takes its time.
#[derive(Debug)]
pub(super) struct ThrottledDisk {
    disk: Arc<dyn Disk>,
    throttle: Arc<Throttle>,
}

impl ThrottledDisk {
    pub(super) fn new(disk: &Arc<dyn Disk>, throttle: &Arc<Throttle>) -> Self {
        Self { disk: Arc::clone(disk), throttle: Arc::clone(throttle) }
    }

    fn file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        let throttle = Arc::clone(&self.throttle);
        Box::new(ThrottledFile { file, throttle, unsynced: AtomicU64::new(0) })
    }
}

impl Disk for ThrottledDisk {
    fn create(&self, path: &Path, len: u64) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(self.disk.create(path, len)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(self.disk.open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.disk.read(path)
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        self.disk.map(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.disk.list(dir)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir_all(dir)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.disk.free_bytes(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        self.disk.lock(path)
    }

    fn reach(&self, point: &'static str) {
        self.disk.reach(point);
    }
}

#[derive(Debug)]
struct ThrottledFile {
    file: Box<dyn DiskFile>,
    throttle: Arc<Throttle>,
    /// Bytes written since the last sync.
    unsynced: AtomicU64,
}

impl DiskFile for ThrottledFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)?;
        let len = bytes.len() as u64;
        if self.unsynced.fetch_add(len, Ordering::Relaxed) + len >= SYNC_BYTES {
            self.sync_data()?;
        }
        self.throttle.rest_after(len);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.unsynced.store(0, Ordering::Relaxed);
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests;
