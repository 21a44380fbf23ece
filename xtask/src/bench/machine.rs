//! What the figures were measured on.

use std::{
    fmt,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// Writes of a page that are timed.
const SYNCS: usize = 64;
const PAGE_BYTES: usize = 4096;

/// A machine.
#[derive(Debug)]
pub(super) struct Machine {
    cpu: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    /// What an `fdatasync` of one page in an allocated file takes, median.
    sync: Duration,
}

impl Machine {
    /// Looks at this machine, and at the disk on which `dir` is.
    pub(super) fn look(dir: &Path) -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
        let meminfo = fs::read_to_string("/proc/meminfo").context("/proc/meminfo")?;
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").context("osrelease")?;
        let memory_kib: f64 = value(&meminfo, "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse().ok())
            .unwrap_or_default();
        Ok(Self {
            cpu: value(&cpuinfo, "model name").unwrap_or("unknown").to_owned(),
            cores: available_parallelism()?.get(),
            memory_gib: memory_kib / f64::from(1 << 20),
            kernel: kernel.trim().to_owned(),
            sync: sync_time(dir)?,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} cores, {:.0} GiB, Linux {}; fdatasync of a page takes {:.2} ms (median)",
            self.cpu,
            self.cores,
            self.memory_gib,
            self.kernel,
            self.sync.as_secs_f64() * 1e3
        )
    }
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn sync_time(dir: &Path) -> Result<Duration> {
    let path = dir.join("sync-probe");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    file.write_all_at(&vec![0; SYNCS * PAGE_BYTES], 0)?;
    file.sync_all()?;
    let mut times = Vec::new();
    for index in 0..SYNCS {
        let began = Instant::now();
        file.write_all_at(&[1; PAGE_BYTES], (index * PAGE_BYTES) as u64)?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    fs::remove_file(&path)?;
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::look(dir.path()).unwrap();
        assert!(machine.cores > 0 && machine.memory_gib > 0.1);
        assert!(machine.to_string().contains("cores"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
