//! What one run measured.

use std::time::Duration;

/// Times, memory and counts of one run.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Until the last answer to a write.
    pub(super) written: Duration,
    /// Until every subscription had its last window.
    pub(super) all_in: Duration,
    /// Processor time of the server until then.
    pub(super) cpu: Duration,
    /// By which the server grew when the subscriptions began, bytes.
    pub(super) memory: u64,
    pub(super) peak: u64,
    /// Events of closed windows, of all subscriptions.
    pub(super) windows: u64,
    /// From the acknowledgement of what closes a window to its event, ascending.
    pub(super) latencies: Vec<Duration>,
}

impl Outcome {
    /// Seconds of processor time in each second.
    pub(super) fn cpu_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.all_in.as_secs_f64().max(1e-3)
    }

    /// The latency that `percent` of the windows did not exceed.
    pub(super) fn latency(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).copied().unwrap_or_default()
    }
}
