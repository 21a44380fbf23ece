//! When the counting of a series' in-order floats began: their start timestamps.
//!
//! Runs, not one for each sample: a start holds until the counter begins anew, and in-order samples
//! ascend in time, so an instant says to which run it belongs. A series of which nobody says a start
//! has none of this.

use super::{epoch::Epoch, late::Arrival};

/// From an in-order sample on, this was the start.
#[derive(Clone, Copy, Debug)]
struct StartRun {
    first_ts: i64,
    start: i64,
    epoch: Epoch,
}

/// The start timestamps of one series' in-order floats.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// Ascending by time and epoch. Before the first, nobody said.
    runs: Vec<StartRun>,
    /// The start of the newest float, in order or late.
    newest: i64,
}

impl Starts {
    /// The start of the newest float.
    pub(super) const fn newest(&self) -> i64 {
        self.newest
    }

    /// Notes the start of a late float that became the value of the newest instant.
    pub(super) const fn note_late(&mut self, start: i64) {
        self.newest = start;
    }

    /// Notes the start of an in-order float.
    pub(super) fn note(&mut self, ts: i64, start: i64, at: &mut Arrival<'_>) {
        self.newest = start;
        let current = self.runs.last().map_or(0, |run| run.start);
        if current == start {
            return;
        }
        let before = self.held_bytes();
        if self.runs.is_empty() {
            // Most series have one start for as long as they live.
            self.runs.reserve_exact(1);
        }
        self.runs.push(StartRun { first_ts: ts, start, epoch: at.epoch });
        at.ledger.of(at.epoch).bytes += self.held_bytes() - before;
    }

    fn held_bytes(&self) -> u64 {
        (self.runs.capacity() * size_of::<StartRun>()) as u64
    }

    /// The start of the in-order float at an instant.
    pub(super) fn at(&self, ts: i64) -> i64 {
        let after = self.runs.partition_point(|run| run.first_ts <= ts);
        after.checked_sub(1).map_or(0, |index| self.runs[index].start)
    }

    /// First instants and starts of the runs that a range touches; none if nobody said for any.
    pub(super) fn copy(&self, start: i64, end: i64) -> Vec<(i64, i64)> {
        let first = self.runs.partition_point(|run| run.first_ts <= start).saturating_sub(1);
        let last = self.runs.partition_point(|run| run.first_ts <= end);
        let runs = &self.runs[first.min(last)..last];
        if runs.iter().all(|run| run.start == 0) {
            return Vec::new();
        }
        runs.iter().map(|run| (run.first_ts, run.start)).collect()
    }

    /// Forgets the runs that only samples of `upto` and older epochs belong to. `true` when nothing
    /// is left to know.
    pub(super) fn release(&mut self, upto: Epoch) -> bool {
        let ended = self.runs.partition_point(|run| run.epoch <= upto);
        // The last of them goes on.
        self.runs.drain(..ended.saturating_sub(1));
        self.runs.shrink_to_fit();
        self.newest == 0 && self.runs.iter().all(|run| run.start == 0)
    }
}

/// Appends the start of each timestamp; both ascend.
pub(super) fn fill(runs: &[(i64, i64)], timestamps: &[i64], starts: &mut Vec<i64>) {
    let (mut next, mut start) = (0, 0);
    for ts in timestamps {
        while let Some(run) = runs.get(next).filter(|run| run.0 <= *ts) {
            start = run.1;
            next += 1;
        }
        starts.push(start);
    }
}
