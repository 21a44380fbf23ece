//! Clocks: the machine's, and one that a test sets.
//!
//! Invariant: nothing above this crate asks the operating system for the time of day.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// Where the time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Nanoseconds since the Unix epoch.
    fn now(&self) -> i64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
        }
    }
}

/// A clock that stands still until it is told to move. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use timberline_io::{Clock, SimClock};
///
/// let clock = SimClock::new(1_000);
/// clock.advance(Duration::from_nanos(5));
/// assert_eq!(clock.now(), 1_005);
/// ```
#[derive(Clone, Debug, Default)]
pub struct SimClock {
    now: Arc<AtomicI64>,
}

impl SimClock {
    /// A clock that shows `now`, in nanoseconds since the Unix epoch.
    pub fn new(now: i64) -> Self {
        Self { now: Arc::new(AtomicI64::new(now)) }
    }

    /// Sets the time, forwards or backwards, in nanoseconds since the Unix epoch.
    pub fn set(&self, now: i64) {
        self.now.store(now, Ordering::SeqCst);
    }

    /// Moves the time forwards; it stops at the end of time.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        let moved = |now: i64| Some(now.saturating_add(by));
        // The closure never refuses, so neither does the update.
        let _previous = self.now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }
}

impl Clock for SimClock {
    fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_simulated_clock_show_the_same_time() {
        let clock = SimClock::new(10);
        let other = clock.clone();
        clock.set(-5);
        assert_eq!(other.now(), -5);
        other.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), 999_999_995);
    }

    #[test]
    fn a_simulated_clock_stops_at_the_end_of_time() {
        let clock = SimClock::new(i64::MAX - 1);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), i64::MAX);
    }

    #[test]
    fn the_system_clock_is_past_the_year_2020() {
        assert!(SystemClock.now() > 1_577_836_800_000_000_000);
    }
}
