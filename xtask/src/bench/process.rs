//! What the kernel says about a process and its files.

use std::{fs, os::unix::fs::MetadataExt, path::Path, time::Duration};

use anyhow::{Context, Result};

/// Processor time that a process has used, of the user and in the kernel.
pub(super) fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).context(path)?;
    let ticks = cpu_ticks(&stat).context("no times in the kernel's account of a process")?;
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// The sum of utime and stime in `/proc/<pid>/stat`.
fn cpu_ticks(stat: &str) -> Option<u64> {
    // The name of the program is in brackets and may hold anything; count from its end.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Memory of a process in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Resident now.
    pub(super) resident: u64,
    /// Resident at its highest.
    pub(super) peak: u64,
}

/// Memory that a process holds.
pub(super) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).context(path)?;
    Ok(Memory { resident: kib(&status, "VmRSS:") * 1024, peak: kib(&status, "VmHWM:") * 1024 })
}

fn kib(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Bytes that a directory takes on its disk, and the lengths of its files added up. They differ by
/// what is allocated ahead, sparse, or lost to whole blocks.
pub(super) fn disk_bytes(dir: &Path) -> (u64, u64) {
    let mut taken = 0;
    let mut lengths = 0;
    // Files may vanish while we look; those take nothing any more.
    let Ok(entries) = fs::read_dir(dir) else { return (0, 0) };
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            let (inner_taken, inner_lengths) = disk_bytes(&entry.path());
            taken += inner_taken;
            lengths += inner_lengths;
        } else {
            taken += metadata.blocks() * 512;
            lengths += metadata.len();
        }
    }
    (taken, lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "12 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 700 42 0 0 20 0";
        assert_eq!(cpu_ticks(stat), Some(742));
        assert_eq!(cpu_ticks("12 (x) S 1"), None);
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let own = std::process::id();
        cpu_time(own).unwrap();
        let memory = memory(own).unwrap();
        assert!(memory.resident > 100_000 && memory.peak >= memory.resident);
    }

    #[test]
    fn the_bytes_of_a_directory_are_those_of_all_files_in_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("inner")).unwrap();
        fs::write(dir.path().join("a"), [1; 5000]).unwrap();
        fs::write(dir.path().join("inner/b"), [1; 10]).unwrap();
        assert_eq!(disk_bytes(dir.path()).1, 5010);
        assert_eq!(disk_bytes(&dir.path().join("none")), (0, 0));
    }
}
