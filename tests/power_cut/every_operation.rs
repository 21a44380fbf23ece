//! One history, failed at each operation of the disk in turn: whatever fails, says so, and what was
//! acknowledged is there after the next start.

use timberline_io::Fault;

use super::{
    Arc, BTreeMap, DIR, Database, Durability, Error, ErrorKind, History, Options, Path, SimClock,
    SimDisk, WriteBatch, count_from_env, labels_of, push, read_all,
};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;
const FAULTS: [Fault; 4] = [Fault::Eio, Fault::EioOnSync, Fault::NoSpace, Fault::Crash];

/// How the process ends after the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Orderly,
    Killed,
    PowerCut,
}

const ENDS: [End; 3] = [End::Orderly, End::Killed, End::PowerCut];

#[test]
fn a_fault_at_any_operation_of_a_life_loses_nothing_acknowledged() {
    let operations = operations_of(&SimDisk::new(0), |disk| drop(live(disk, &mut Life::default())));
    for (number, fault) in (0..).zip(FAULTS) {
        for (turn, end) in (number..).zip(ENDS) {
            for at in some(operations, turn) {
                let disk = SimDisk::new(at);
                let mut life = Life::default();
                disk.fail_after(at, fault);
                let database = live(&disk, &mut life);
                finish(&disk, database, end);
                let end = if fault == Fault::Crash { End::PowerCut } else { end };
                life.verify(&disk, end, &format!("{fault:?} at {at} of {operations}, {end:?}"));
            }
        }
    }
}

#[test]
fn a_fault_at_any_operation_of_a_start_loses_nothing_acknowledged() {
    for (number, end) in (0..).zip(ENDS) {
        let pristine = SimDisk::new(7);
        let mut life = Life::default();
        let database = live(&pristine, &mut life);
        finish(&pristine, database, end);
        let operations = operations_of(&pristine.fork(1), |disk| drop(open(disk)));
        for (turn, fault) in (number..).zip(FAULTS) {
            for at in some(operations, turn) {
                let disk = pristine.fork(at);
                let case = format!("{fault:?} at {at} of a start, {end:?} before");
                disk.fail_after(at, fault);
                match open(&disk) {
                    Ok(database) => drop(database),
                    Err(error) => tolerable(&error, &case),
                }
                finish(&disk, None, End::Killed);
                let end = if fault == Fault::Crash { End::PowerCut } else { end };
                life.clone().verify(&disk, end, &case);
            }
        }
    }
}

/// A flush that failed is followed by another, in the midst of which the power goes. Of the first one
/// nobody knows how much the disk has.
#[test]
fn a_power_cut_in_the_flush_after_a_failed_one_loses_nothing_acknowledged() {
    let pristine = SimDisk::new(3);
    let mut life = Life::default();
    let database = open(&pristine).expect("an empty disk takes a database");
    for _ in 0..4 {
        must(life.write(&database, Durability::Synced), "before");
    }
    must(database.close(), "before");
    drop(database);
    let flush = |disk: &SimDisk| open(disk).and_then(|database| database.flush());
    let operations = operations_of(&pristine.fork(1), |disk| drop(must(flush(disk), "before")));
    for fault in [Fault::Eio, Fault::EioOnSync, Fault::NoSpace] {
        let cuts = |at| some(operations, at).map(move |cut| (at, cut));
        for (at, cut) in (0..operations).flat_map(cuts) {
            let disk = pristine.fork(at * operations + cut);
            let Ok(database) = open(&disk) else { continue };
            disk.fail_after(at, fault);
            drop(database.flush());
            disk.clear_faults();
            disk.fail_after(cut, Fault::Crash);
            drop(database.flush());
            disk.crash();
            let case = format!("{fault:?} at {at}, power cut {cut} operations later");
            life.clone().verify(&disk, End::PowerCut, &case);
        }
    }
}

/// Some of the operations, others in each turn: all of them when `TIMBERLINE_FAULT_EVERY` is 1.
fn some(operations: u64, turn: u64) -> impl Iterator<Item = u64> {
    let every = count_from_env("TIMBERLINE_FAULT_EVERY", 6).max(1);
    (turn % every..operations).step_by(every as usize)
}

/// How many mutating operations a history makes when nothing fails.
fn operations_of(disk: &SimDisk, history: impl FnOnce(&SimDisk)) -> u64 {
    let before = disk.operation_count();
    history(disk);
    disk.operation_count() - before
}

/// What one life of a database has written.
#[derive(Clone, Default)]
struct Life {
    /// Acknowledged as synced.
    synced: History,
    /// Acknowledged at all, for deaths that leave the page cache.
    logged: History,
    sent: u64,
}

impl Life {
    fn write(&mut self, database: &Database, durability: Durability) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        let mut keys = Vec::new();
        for series in [self.sent % 3, 3 + self.sent / 2] {
            let ts = NOW - (self.sent as i64 % 4) * 5_000 * SECOND + self.sent as i64 * SECOND;
            batch.push_labels(labels_of(series));
            push(&mut batch, series, ts);
            keys.push((series, ts));
        }
        self.sent += 1;
        for (series, ts) in &keys {
            self.synced.sent(*series, *ts);
            self.logged.sent(*series, *ts);
        }
        database.write_with(&batch, durability)?;
        for (series, ts) in keys {
            self.logged.acknowledged(series, ts);
            if durability == Durability::Synced {
                self.synced.acknowledged(series, ts);
            }
        }
        Ok(())
    }

    /// Opens what is left, twice, and writes and flushes in between.
    fn verify(mut self, disk: &SimDisk, end: End, case: &str) {
        let first = must(open(disk), case);
        assert!(first.damage().is_empty(), "{case}: {:?}", first.damage());
        let found = found_in(&first, case);
        let expected = if end == End::PowerCut { &self.synced } else { &self.logged };
        expected.check(&found).unwrap_or_else(|lost| panic!("{case}: {lost}"));
        self.synced.settle(&found);
        must(self.write(&first, Durability::Synced), case);
        must(first.flush(), case);
        must(self.write(&first, Durability::Synced), case);
        let _still_open = first;
        disk.crash();
        let second = must(open(disk), case);
        assert!(second.damage().is_empty(), "{case}: {:?}", second.damage());
        let found = found_in(&second, case);
        self.synced.check(&found).unwrap_or_else(|lost| panic!("{case}, and again: {lost}"));
    }
}

/// The history: writes, flushes, a close. What fails, fails for a reason that is told, and it goes on.
fn live(disk: &SimDisk, life: &mut Life) -> Option<Database> {
    let database = match open(disk) {
        Ok(database) => database,
        Err(error) => {
            tolerable(&error, "a first start");
            return None;
        }
    };
    let told = |result: Result<(), Error>| {
        if let Err(error) = result {
            tolerable(&error, "a life");
        }
    };
    for round in 0..3 {
        for step in 0..3 {
            let durability = if step == 1 { Durability::Logged } else { Durability::Synced };
            told(life.write(&database, durability));
        }
        if round < 2 {
            told(database.flush().map(drop));
        }
        told(life.write(&database, Durability::Logged));
    }
    Some(database)
}

fn finish(disk: &SimDisk, database: Option<Database>, end: End) {
    match end {
        End::Orderly => {}
        End::Killed => disk.kill_process(),
        End::PowerCut => disk.crash(),
    }
    drop(database);
    disk.clear_faults();
    disk.reboot();
}

/// Only what was done to the disk may be reported.
fn tolerable(error: &Error, case: &str) {
    let kind = error.kind();
    assert!(matches!(kind, ErrorKind::Unavailable | ErrorKind::StorageFull), "{case}: {error}");
}

fn must<T>(result: Result<T, Error>, case: &str) -> T {
    result.unwrap_or_else(|error| panic!("{case}: {error}"))
}

fn found_in(database: &Database, case: &str) -> BTreeMap<(u64, i64), f64> {
    read_all(database).unwrap_or_else(|error| panic!("{case}: {error}"))
}

fn open(disk: &SimDisk) -> Result<Database, Error> {
    let options = Options {
        segment_bytes: 1 << 10,
        reserve_bytes: 0,
        background: false,
        ..Options::default()
    };
    let clock = Arc::new(SimClock::new(NOW + 60 * SECOND));
    Database::open_on(Arc::new(disk.as_process()), clock, Path::new(DIR), options)
}
