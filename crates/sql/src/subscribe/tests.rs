//! Subscriptions over databases on simulated disks: what they hand out against what a naive computation says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod figures;
mod language;
mod random;
mod states;
mod windows;

use std::{cell::Cell as StdCell, path::Path, sync::Arc, time::Duration};

use timberline::{Database, Labels, Options, WriteBatch};
use timberline_io::{SimClock, SimDisk};

use super::{Cell, Event, EventKind, Subscription};
use crate::SqlError;

pub(super) const SECOND: i64 = 1_000_000_000;
/// A whole number of hours.
pub(super) const NOW: i64 = 1_700_000_400 * SECOND;

/// A database that can crash.
pub(super) struct House {
    disk: SimDisk,
    pub(super) clock: SimClock,
    options: Options,
    pub(super) database: Database,
}

impl House {
    pub(super) fn new(seed: u64, options: Options) -> Self {
        let disk = SimDisk::new(seed);
        let clock = SimClock::new(NOW);
        let options = Options { background: false, reserve_bytes: 0, ..options };
        let database = open(&disk, &clock, &options);
        WRITTEN.set(0);
        Self { disk, clock, options, database }
    }

    pub(super) fn crash(&mut self) {
        self.database.close().unwrap();
        self.disk.crash();
        self.database = open(&self.disk, &self.clock, &self.options);
    }

    pub(super) fn write(&self, samples: &[(&str, i64, f64)]) {
        let mut batch = WriteBatch::default();
        for (host, ts, value) in samples {
            let pairs = [("__name__", "cpu"), ("host", host), ("job", "node")];
            batch.push_labels(Labels::from_pairs(pairs).unwrap());
            batch.push_sample(*ts, *value);
        }
        let outcome = self.database.write(&batch).unwrap();
        assert_eq!(outcome.rejections, []);
        WRITTEN.set(outcome.offset.0);
    }

    pub(super) fn subscribe(&self, sql: &str, resume: Option<&str>) -> Subscription {
        Subscription::begin(&self.database, sql, resume).unwrap()
    }
}

fn open(disk: &SimDisk, clock: &SimClock, options: &Options) -> Database {
    let disk = Arc::new(disk.as_process());
    Database::open_on(disk, Arc::new(clock.clone()), Path::new("/db"), options.clone()).unwrap()
}

/// The next event but the first, which says that it has begun.
pub(super) async fn next(subscription: &mut Subscription) -> Event {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), subscription.next()).await;
        let event = event.expect("an event was due").unwrap().unwrap();
        if event.kind != EventKind::Begin {
            return event;
        }
    }
}

/// The error with which a subscription ends.
pub(super) async fn error(subscription: &mut Subscription) -> SqlError {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), subscription.next()).await;
        if let Err(error) = event.expect("an error was due").unwrap() {
            return error;
        }
    }
}

thread_local! {
    /// Where the last write of this test ends in its log.
    static WRITTEN: StdCell<u64> = const { StdCell::new(0) };
}

/// Everything that what was written so far brings about.
pub(super) async fn settle(subscription: &mut Subscription) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = tokio::time::timeout(Duration::from_millis(15), subscription.next()).await;
        match event {
            Ok(event) => {
                let event = event.unwrap().unwrap();
                if event.kind != EventKind::Begin {
                    events.push(event);
                }
            }
            Err(_) if subscription.has_read() >= Some(WRITTEN.get()) => return events,
            Err(_) => {}
        }
    }
}
