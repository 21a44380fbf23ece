//! What the tests of the log share.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_io::{Disk, SimDisk};
use timberline_log::{Log, LogError, LogOptions, Recovery};
use timberline_model::LogOffset;

/// Where frames ended, and what they held.
pub(crate) type Replayed = Vec<(LogOffset, Vec<u8>)>;

pub(crate) fn dir() -> &'static Path {
    Path::new("/data/log")
}

pub(crate) fn small() -> LogOptions {
    LogOptions { segment_bytes: 4096, frame_bytes_max: 1 << 20, reserve_bytes: 0 }
}

pub(crate) fn open(disk: &SimDisk, from: LogOffset) -> Result<(Log, Recovery, Replayed), LogError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut replayed = Vec::new();
    let (log, recovery) = Log::open(disk, dir(), small(), from, &mut |end, payload| {
        replayed.push((end, payload.to_vec()));
    })?;
    Ok((log, recovery, replayed))
}

pub(crate) fn segments(disk: &SimDisk) -> Vec<(PathBuf, u64)> {
    let entries = disk.list(dir()).unwrap();
    let logs = entries.into_iter().filter(|entry| entry.name.ends_with(".log"));
    logs.map(|entry| (dir().join(entry.name), entry.len)).collect()
}
