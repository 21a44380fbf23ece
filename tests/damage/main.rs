//! A flipped byte anywhere in a database's directory: a named error or the right data, never a panic
//! and never wrong data.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use timberline::{
    Database, Labels, Options, Selector, SeriesColumns, SeriesSource, TimeRange, WriteBatch,
};
use timberline_tests::{count_from_env, value_of};

const SERIES: u64 = 3;
const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

/// What a directory answers: its series with their samples, or an error's words.
type Answer = Result<Vec<(String, Vec<i64>, Vec<u64>)>, String>;

#[test]
fn a_flipped_byte_is_named_or_harmless() {
    let pristine = tempfile::tempdir().expect("a directory can be made");
    fill(pristine.path());
    let whole = ask(pristine.path()).0.expect("an undamaged database answers");
    assert_eq!(whole.len() as u64, SERIES);
    let scratch = tempfile::tempdir().expect("a directory can be made");
    let step = count_from_env("TIMBERLINE_FLIP_EVERY", 7).max(1) as usize;
    let (mut flips, mut named) = (0u64, 0u64);
    for file in files_of(pristine.path()) {
        let bytes = fs::read(pristine.path().join(&file)).expect("the file was just listed");
        // Another offset in each file, so that runs with a step do not always miss the same bytes.
        for position in (0..bytes.len()).filter(|at| at % step == file.as_os_str().len() % step) {
            let copy = scratch.path().join("copy");
            copy_dir(pristine.path(), &copy);
            let mut damaged = bytes.clone();
            damaged[position] ^= 1 << (position % 8);
            fs::write(copy.join(&file), damaged).expect("the copy can be written");
            let (answer, warned) = ask(&copy);
            let place = format!("byte {position} of {}", file.display());
            named += u64::from(check(&place, &whole, answer, warned));
            flips += 1;
            fs::remove_dir_all(&copy).expect("the copy can be removed");
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
fn fill(dir: &Path) {
    let database = Database::open(dir, options()).expect("an empty directory opens");
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

fn ask(dir: &Path) -> (Answer, bool) {
    let database = match Database::open(dir, options()) {
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

fn options() -> Options {
    Options { segment_bytes: 1 << 20, reserve_bytes: 0, background: false, ..Options::default() }
}

fn labels_of(series: u64) -> Labels {
    let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
    Labels::from_pairs(pairs).expect("these are labels")
}

/// Paths of all files under a directory, relative to it.
fn files_of(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![PathBuf::new()];
    while let Some(relative) = dirs.pop() {
        for entry in fs::read_dir(dir.join(&relative)).expect("a directory can be listed") {
            let entry = entry.expect("a directory can be listed");
            let path = relative.join(entry.file_name());
            match entry.file_type().expect("an entry has a type").is_dir() {
                true => dirs.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    files
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the copy's directory can be made");
    for entry in fs::read_dir(from).expect("a directory can be listed") {
        let entry = entry.expect("a directory can be listed");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("an entry has a type").is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a file can be copied")),
        }
    }
}
