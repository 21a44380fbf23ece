//! What the operating system knows about this process (Linux: `/proc`). Elsewhere it is left out.

use std::fs;

use super::Exposition;

/// Clock ticks per second in `/proc`; Linux presents 100 to programs on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Writes the process's metrics.
pub(crate) fn describe_process(page: &mut Exposition) {
    if let Some(usage) = usage() {
        page.counter(
            "process_cpu_seconds_total",
            "User and system CPU time spent, in seconds.",
            usage.cpu_seconds,
        );
        page.gauge("process_threads", "Threads of the process.", usage.threads);
        page.gauge(
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            usage.virtual_bytes,
        );
    }
    if let Some(bytes) = status_bytes("VmRSS:") {
        page.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", bytes);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        page.gauge("process_open_fds", "Open file descriptors.", entries.count());
    }
}

struct Usage {
    cpu_seconds: f64,
    threads: u64,
    virtual_bytes: u64,
}

/// Reads `/proc/self/stat`; fields are counted after the command's closing parenthesis.
fn usage() -> Option<Usage> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Usage {
        cpu_seconds: (number(11)? + number(12)?) as f64 / TICKS_PER_SECOND,
        threads: number(17)?,
        virtual_bytes: number(20)?,
    })
}

/// A line of `/proc/self/status` in bytes.
fn status_bytes(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1_024)
}
