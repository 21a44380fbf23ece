//! The simulated disk: the process killed, and the power cut, at every named step.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use timberline::{Database, DuplicatePolicy, Error, Matcher, Options, Retention, TimeRange};
use timberline_io::{Death, FailPoint, SimClock, SimDisk};

use super::{
    data::{HOUR, HOURS, SECOND, fill},
    documented, every,
    queries::{Ask, queries},
    query_count,
};

/// A midnight, where windows of all levels begin.
const START: i64 = 1_700_092_800 * SECOND;
/// Past the end of a week, so that everything may be merged.
const NOW: i64 = START + 9 * 24 * HOUR;
const DIR: &str = "/data";
/// What the retention takes, when it does.
const KEPT_FROM: i64 = START + 14 * HOUR;

/// A change on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Flush,
    Compact,
    Retain,
    Delete,
    Checkpoint,
}

impl Change {
    fn make(self, database: &Database) -> Result<(), Error> {
        match self {
            Self::Flush => database.flush().map(drop),
            Self::Compact => {
                while database.compact()?.is_some() {}
                Ok(())
            }
            Self::Retain => {
                let age = std::time::Duration::from_nanos((NOW - KEPT_FROM).unsigned_abs());
                database.set_retention(Retention { age: Some(age), bytes: None });
                database.retain().map(drop)
            }
            Self::Checkpoint => database.checkpoint(),
            Self::Delete => {
                let range = TimeRange::new(START + 3 * HOUR, START + 20 * HOUR);
                database.delete(&[vec![Matcher::equal("host", "h1")]], range)
            }
        }
    }

    /// What may be asked so that the answer is the same before and after.
    fn asks(self) -> Vec<Ask> {
        let from = if self == Self::Retain { KEPT_FROM + 5 * HOUR } else { START };
        queries(self as u64, query_count(), from, START + HOURS * HOUR)
    }
}

fn open(disk: &SimDisk) -> Database {
    let options = Options {
        segment_bytes: 64 << 10,
        reserve_bytes: 0,
        background: false,
        duplicates: Some(DuplicatePolicy::Last),
        retention: Retention::default(),
        ..Options::default()
    };
    let clock = Arc::new(SimClock::new(NOW));
    Database::open_on(Arc::new(disk.as_process()), clock, Path::new(DIR), options)
        .unwrap_or_else(|error| panic!("the database opens: {error}"))
}

fn answers(database: &Database, asks: &[Ask]) -> Vec<String> {
    let answer = |ask: &Ask| {
        let result = database.query_range(&ask.promql, ask.start, ask.end, ask.step);
        let result = result.unwrap_or_else(|error| panic!("{ask:?}: {error}"));
        assert!(result.warnings.is_empty(), "{ask:?}: {:?}", result.warnings);
        format!("{:?}", result.value)
    };
    asks.iter().map(answer).collect()
}

/// The steps of a change in the order in which they are reached: each with how often it was by then.
fn course(pristine: &SimDisk, change: Change) -> Vec<(&'static str, u64)> {
    let disk = pristine.fork(0);
    let database = open(&disk);
    disk.take_points();
    change.make(&database).unwrap_or_else(|error| panic!("{change:?}: {error}"));
    let points = disk.take_points();
    let so_far = |index: usize| points[..=index].iter().filter(|p| **p == points[index]).count();
    (0..points.len()).map(|index| (points[index], so_far(index) as u64)).collect()
}

#[test]
fn a_death_at_any_named_step_changes_no_answer() {
    let pristine = SimDisk::new(1);
    let database = open(&pristine);
    fill(&database, START);
    drop(database);
    let (mut seen, mut deaths) = (BTreeSet::new(), 0);
    let first = [Change::Flush, Change::Compact, Change::Retain];
    for change in first.into_iter().chain([Change::Delete, Change::Checkpoint]) {
        let asks = change.asks();
        let before = answers(&open(&pristine.fork(0)), &asks);
        let changed = pristine.fork(0);
        let database = open(&changed);
        change.make(&database).unwrap_or_else(|error| panic!("{change:?}: {error}"));
        let after = answers(&database, &asks);
        assert_eq!(before == after, change != Change::Delete, "{change:?} changes what it is to");
        let course = course(&pristine, change);
        seen.extend(course.iter().map(|(point, _)| (*point).to_owned()));
        // The course has a step of each block, so it is long.
        let stride = if every() == 1 { 1 } else { every() * 2 };
        for (turn, death) in [Death::Killed, Death::PowerCut].into_iter().enumerate() {
            for (seed, (point, count)) in course.iter().enumerate().skip(turn).step_by(stride) {
                let case = format!("{change:?}, {death:?} at {point}:{count}");
                let disk = pristine.fork(seed as u64);
                die(&disk, change, point, *count, death, &case);
                let database = open(&disk);
                assert!(database.damage().is_empty(), "{case}: {:?}", database.damage());
                let found = answers(&database, &asks);
                assert!(found == before || found == after, "{case}: an answer differs");
                change.make(&database).unwrap_or_else(|error| panic!("{case}, again: {error}"));
                assert_eq!(answers(&database, &asks), after, "{case}, done again");
                deaths += 1;
            }
        }
    }
    println!("{deaths} deaths at {} steps, {} queries each", seen.len(), query_count());
    assert_eq!(seen, documented(), "docs/fail-points.md lists the steps that are reached");
}

/// Begins a change and dies in it.
fn die(disk: &SimDisk, change: Change, point: &str, count: u64, death: Death, case: &str) {
    let database = open(disk);
    let place: FailPoint = format!("{point}:{count}").parse().expect("a point of ours");
    disk.die_at(place, death);
    // Steps after the last that can fail still end well for the one who asked.
    drop(change.make(&database));
    assert!(
        database.flush().is_err() || database.delete(&[Vec::new()], TimeRange::ALL).is_err(),
        "{case}: the process is dead"
    );
    drop(database);
    disk.clear_faults();
    disk.reboot();
}
