//! A flipped byte anywhere in a database's directory: a named error or the right data, never a panic
//! and never wrong data.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline::{
    Database, Error, Labels, Options, Selector, SeriesColumns, SeriesSource, TimeRange, WriteBatch,
};
use timberline_io::{Disk, SimClock, SimDisk};
use timberline_tests::{count_from_env, value_of};

const DIR: &str = "/data";
const SERIES: u64 = 3;
const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

/// What a directory answers: its series with their samples, or an error's words.
type Answer = Result<Vec<(String, Vec<i64>, Vec<u64>)>, String>;

#[test]
fn a_flipped_byte_is_named_or_harmless() {
    let pristine = SimDisk::new(1);
    fill(&pristine);
    let whole = ask(&pristine.fork(1)).0.expect("an undamaged database answers");
    assert_eq!(whole.len() as u64, SERIES);
    let step = count_from_env("TIMBERLINE_FLIP_EVERY", 5).max(1);
    let (mut flips, mut named) = (0u64, 0u64);
    for (number, (file, len)) in files_of(&pristine).into_iter().enumerate() {
        // Another offset in each file, so that runs with a step do not always miss the same bytes.
        for position in (0..len).filter(|at| at % step == number as u64 % step) {
            let copy = pristine.fork(1);
            copy.flip_bit(&file, position, (position % 8) as u8).expect("the file has the byte");
            let (answer, warned) = ask(&copy);
            let place = format!("byte {position} of {}", file.display());
            named += u64::from(check(&place, &whole, answer, warned));
            flips += 1;
        }
    }
    println!("{flips} flips, {named} of them named by an error or a warning");
    assert!(named > flips / 2, "most bytes matter");
}

/// Right data, a named error, or data that is right but incomplete, with a warning.
fn check(
    place: &str,
    whole: &[(String, Vec<i64>, Vec<u64>)],
    answer: Answer,
    warned: bool,
) -> bool {
    let found = match answer {
        Err(error) => {
            assert!(!error.is_empty(), "{place}: an error without words");
            return true;
        }
        Ok(found) => found,
    };
    if found == whole {
        return warned;
    }
    assert!(warned, "{place}: data is missing or wrong, and nothing says so");
    for (labels, timestamps, values) in &found {
        let original = whole.iter().find(|(other, _, _)| other == labels);
        let (_, known_timestamps, known_values) =
            original.unwrap_or_else(|| panic!("{place}: {labels} was never written"));
        for (ts, value) in timestamps.iter().zip(values) {
            let index = known_timestamps.binary_search(ts);
            let index = index.unwrap_or_else(|_| panic!("{place}: {labels} at {ts} is made up"));
            assert_eq!(*value, known_values[index], "{place}: {labels} at {ts} has changed");
        }
    }
    true
}

/// Two blocks, a dictionary, and samples that are in the log only.
fn fill(disk: &SimDisk) {
    let database = open(disk).expect("an empty directory opens");
    for part in 0..3 {
        for round in 0..8 {
            let mut batch = WriteBatch::default();
            for series in 0..SERIES {
                batch.push_labels(labels_of(series));
                let ts = START + (part * 8 + round) * 15 * SECOND;
                batch.push_sample(ts, value_of(series, ts));
            }
            database.write(&batch).expect("an open database takes writes");
        }
        if part < 2 {
            database.flush().expect("an open database flushes");
        }
    }
    database.close().expect("an open database closes");
}

fn ask(disk: &SimDisk) -> (Answer, bool) {
    let database = match open(disk) {
        Ok(database) => database,
        Err(error) => return (Err(error.to_string()), false),
    };
    let warned = !database.damage().is_empty();
    let query = database.query("count_over_time(m[1h])", START + 3_600 * SECOND);
    if let Ok(result) = &query {
        assert_eq!(warned, !result.warnings.is_empty(), "queries warn of damage");
    }
    (read_all(&database), warned)
}

fn read_all(database: &Database) -> Answer {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let streams = database.scan(&selector, NonZeroUsize::MIN).map_err(|error| error.to_string())?;
    let mut columns = SeriesColumns::default();
    let mut all = Vec::new();
    for mut stream in streams {
        while let Some(labels) = stream.next(&mut columns).map_err(|error| error.to_string())? {
            let values = columns.values.iter().map(|value| value.to_bits()).collect();
            all.push((labels.to_string(), columns.timestamps.clone(), values));
        }
    }
    all.sort();
    Ok(all)
}

fn open(disk: &SimDisk) -> Result<Database, Error> {
    let options = Options {
        segment_bytes: 16 << 10,
        reserve_bytes: 0,
        background: false,
        ..Options::default()
    };
    let clock = Arc::new(SimClock::new(START + 3_600 * SECOND));
    Database::open_on(Arc::new(disk.as_process()), clock, Path::new(DIR), options)
}

fn labels_of(series: u64) -> Labels {
    let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
    Labels::from_pairs(pairs).expect("these are labels")
}

/// All files of the database with their lengths.
fn files_of(disk: &SimDisk) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    let mut dirs = vec![PathBuf::from(DIR)];
    while let Some(dir) = dirs.pop() {
        for entry in disk.list(&dir).expect("a directory can be listed") {
            let path = dir.join(&entry.name);
            match entry.is_dir {
                true => dirs.push(path),
                false => files.push((path, entry.len)),
            }
        }
    }
    files
}
