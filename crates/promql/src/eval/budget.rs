//! What a query has spent and whether it may go on.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Instant,
};

use timberline_model::PageCounts;

use super::{
    error::EvalError,
    query::{Limits, QueryStats},
};

/// The running account of one query, shared by its threads.
///
/// Invariant: nothing in proportion to series or steps is allocated before it is charged here.
#[derive(Debug)]
pub(super) struct Budget<'q> {
    limits: &'q Limits,
    series: AtomicU64,
    read: AtomicU64,
    made: AtomicU64,
    pages_decoded: AtomicU64,
    pages_skipped: AtomicU64,
    failed: AtomicBool,
}

impl<'q> Budget<'q> {
    pub(super) fn new(limits: &'q Limits) -> Self {
        Self {
            limits,
            series: AtomicU64::new(0),
            read: AtomicU64::new(0),
            made: AtomicU64::new(0),
            pages_decoded: AtomicU64::new(0),
            pages_skipped: AtomicU64::new(0),
            failed: AtomicBool::new(false),
        }
    }

    pub(super) const fn limits(&self) -> &'q Limits {
        self.limits
    }

    /// Makes the query's other threads stop with [`EvalError::Canceled`], as one has failed.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Fails if the query was canceled or its time is up.
    pub(super) fn check(&self) -> Result<(), EvalError> {
        if self.limits.canceled.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed) {
            return Err(EvalError::Canceled);
        }
        match self.limits.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(EvalError::Timeout),
            _ => Ok(()),
        }
    }

    /// Accounts for one series read with so many samples.
    pub(super) fn read(&self, samples: usize) -> Result<(), EvalError> {
        self.check()?;
        let series = self.series.fetch_add(1, Ordering::Relaxed) + 1;
        if series > self.limits.series_max {
            return Err(EvalError::TooManySeries { max: self.limits.series_max });
        }
        let read =
            self.read.fetch_add(samples as u64, Ordering::Relaxed).saturating_add(samples as u64);
        self.check_samples(read.saturating_add(self.made.load(Ordering::Relaxed)))
    }

    /// Accounts for so many samples about to be made.
    pub(super) fn make(&self, samples: usize) -> Result<(), EvalError> {
        let made =
            self.made.fetch_add(samples as u64, Ordering::Relaxed).saturating_add(samples as u64);
        self.check_samples(made.saturating_add(self.read.load(Ordering::Relaxed)))
    }

    fn check_samples(&self, samples: u64) -> Result<(), EvalError> {
        if samples > self.limits.samples_max {
            return Err(EvalError::TooManySamples { max: self.limits.samples_max });
        }
        Ok(())
    }

    /// Notes what a stream has read.
    pub(super) fn add_pages(&self, pages: PageCounts) {
        self.pages_decoded.fetch_add(pages.decoded, Ordering::Relaxed);
        self.pages_skipped.fetch_add(pages.skipped, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> QueryStats {
        QueryStats {
            series: self.series.load(Ordering::Relaxed),
            samples: self.read.load(Ordering::Relaxed),
            pages: PageCounts {
                decoded: self.pages_decoded.load(Ordering::Relaxed),
                skipped: self.pages_skipped.load(Ordering::Relaxed),
            },
        }
    }
}
