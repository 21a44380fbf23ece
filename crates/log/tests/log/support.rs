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

/// Repeatable numbers (splitmix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
