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
    /// Of each, ascending: from the acknowledgement of what closes it to the first bytes of its event; the same
    /// to the last of its rows; and to that from the sending of what closes it.
    pub(super) latencies: [Vec<Duration>; 3],
}

impl Outcome {
    /// Seconds of processor time in each second.
    pub(super) fn cpu_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.all_in.as_secs_f64().max(1e-3)
    }
}

/// What `percent` of some durations do not exceed; they are ascending.
pub(super) fn at_percent(durations: &[Duration], percent: usize) -> Duration {
    let rank = (durations.len() * percent).div_ceil(100).max(1);
    durations.get(rank - 1).copied().unwrap_or_default()
}
