//! Check and repair: every flipped byte is found or harmless, and after a repair everything that can be
//! read is served and nothing else.
//!
//! `TIMBERLINE_FLIP_EVERY` says how many bytes lie between two flips.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_engine::{
    CheckReport, Engine, EngineError, EngineOptions, RepairOptions, RepairReport, check, repair,
};
use timberline_io::{Clock, Disk, Fault, SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    DuplicatePolicy, Durability, FamilyMetadata, Labels, MatchOp, Matcher, Metadata, MetricKind,
    Selector, SeriesColumns, SeriesSource, TimeRange, WriteBatch,
};

const DIR: &str = "/db";
const SERIES: u64 = 3;
const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

/// Samples by series and instant, as bits.
type Data = BTreeMap<(String, i64), u64>;

fn clock() -> Arc<dyn Clock> {
    Arc::new(SimClock::new(START + 86_400 * SECOND))
}

fn open(disk: &SimDisk) -> Result<Engine, EngineError> {
    let options = EngineOptions {
        background: false,
        log: LogOptions { segment_bytes: 8 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    };
    Engine::open(Arc::new(disk.as_process()), clock(), Path::new(DIR), options)
}

fn labels(series: u64) -> Labels {
    let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
    Labels::from_pairs(pairs).unwrap()
}

/// Writes one part of the history: 8 samples of each series.
fn write(engine: &Engine, part: i64) {
    for round in 0..8 {
        let mut batch = WriteBatch::default();
        for series in 0..SERIES {
            batch.push_labels(labels(series));
            let ts = START + (part * 8 + round) * 15 * SECOND;
            batch.push_sample(ts, (ts / SECOND + series as i64) as f64 / 3.0);
        }
        engine.write(&batch, Durability::Synced).unwrap();
    }
}

fn family() -> FamilyMetadata {
    FamilyMetadata {
        family: "m".to_owned(),
        metadata: Metadata {
            kind: MetricKind::Counter,
            help: "What it counts.".to_owned(),
            unit: "seconds".to_owned(),
        },
    }
}

/// Two blocks, a dictionary, metadata, and samples that are in the log only.
fn filled(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    let engine = open(&disk).unwrap();
    let mut batch = WriteBatch::default();
    batch.push_metadata(family());
    engine.write(&batch, Durability::Synced).unwrap();
    for part in 0..3 {
        write(&engine, part);
        if part < 2 {
            engine.flush().unwrap();
        }
    }
    engine.close().unwrap();
    disk
}

fn read(engine: &Engine) -> Result<Data, String> {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut data = Data::new();
    let mut columns = SeriesColumns::default();
    for mut stream in engine.scan(&selector, NonZeroUsize::MIN).map_err(|e| e.to_string())? {
        while let Some(labels) = stream.next(&mut columns).map_err(|e| e.to_string())? {
            for (ts, value) in columns.timestamps.iter().zip(&columns.values) {
                let again = data.insert((labels.to_string(), *ts), value.to_bits());
                assert_eq!(again, None, "two samples at one instant");
            }
        }
    }
    Ok(data)
}

fn checked(disk: &SimDisk) -> CheckReport {
    let before = disk.operation_count();
    let shared: Arc<dyn Disk> = Arc::new(disk.as_process());
    let report = check(&shared, Path::new(DIR)).unwrap();
    assert_eq!(disk.operation_count(), before, "a check changes nothing");
    report
}

fn repaired(disk: &SimDisk, apply: bool) -> RepairReport {
    let before = disk.operation_count();
    let shared: Arc<dyn Disk> = Arc::new(disk.as_process());
    let options = RepairOptions { apply, duplicates: None };
    let report = repair(&shared, &clock(), Path::new(DIR), options).unwrap();
    assert!(apply || disk.operation_count() == before, "a dry run changes nothing");
    report
}

/// All files below a directory, with their lengths.
fn files(disk: &SimDisk, dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    for entry in disk.list(dir).unwrap_or_default() {
        let path = dir.join(&entry.name);
        match entry.is_dir {
            true => files.extend(self::files(disk, &path)),
            false => files.push((path, entry.len)),
        }
    }
    files
}

/// The first file below a directory of the database whose path ends so.
fn file(disk: &SimDisk, dir: &str, end: &str) -> (PathBuf, u64) {
    let found = files(disk, &Path::new(DIR).join(dir));
    let mut ending = found.into_iter().filter(|(path, _)| path.to_string_lossy().ends_with(end));
    ending.next().unwrap()
}

/// Repairs and returns what is served afterwards; nothing else than `whole` has may be.
fn mend(disk: &SimDisk, whole: &Data, place: &str) -> (Data, RepairReport) {
    let planned = repaired(disk, false);
    let done = repaired(disk, true);
    assert_eq!(planned, done, "{place}: the dry run says what is done");
    assert!(done.result.is_sound(), "{place}: {done}");
    let engine = open(disk).unwrap_or_else(|error| panic!("{place}: {error}\n{done}"));
    assert_eq!(engine.damage(), [], "{place}: {done}");
    let data = read(&engine).unwrap_or_else(|error| panic!("{place}: {error}"));
    for (key, value) in &data {
        assert_eq!(whole.get(key), Some(value), "{place}: {key:?} is made up\n{done}");
    }
    assert!(data.len() == whole.len() || !done.losses.is_empty(), "{place}: silent loss\n{done}");
    // It takes writes, and they are there after a restart.
    write(&engine, 9);
    drop(engine);
    let engine = open(disk).unwrap();
    let added = read(&engine).unwrap().len() - data.len();
    assert_eq!(added as u64, 8 * SERIES, "{place}: {done}");
    drop(engine);
    assert_eq!(repaired(disk, true).acts, [""; 0], "{place}: nothing is left to do");
    (data, done)
}

#[test]
fn a_sound_database_is_found_sound_and_left_alone() {
    let disk = filled(1);
    let report = checked(&disk);
    assert_eq!(report.findings, []);
    assert_eq!((report.blocks, report.block_samples, report.log_samples), (2, 48, 24));
    assert_eq!(report.series, SERIES);
    let before = files(&disk, Path::new(DIR));
    assert_eq!(repaired(&disk, true).acts, [""; 0]);
    assert_eq!(files(&disk, Path::new(DIR)), before);
}

#[test]
fn every_flipped_byte_is_found_and_repaired_or_harmless() {
    let step = std::env::var("TIMBERLINE_FLIP_EVERY").ok().and_then(|text| text.parse().ok());
    let step: u64 = step.unwrap_or(23).max(1);
    let pristine = filled(2);
    let whole = read(&open(&pristine.fork(1)).unwrap()).unwrap();
    assert_eq!(whole.len() as u64, 24 * SERIES);
    let (mut found, mut harmless, mut kept) = (0_u64, 0_u64, 0_u64);
    for (number, (file, len)) in files(&pristine, Path::new(DIR)).into_iter().enumerate() {
        for position in (0..len).filter(|at| at % step == number as u64 % step) {
            let disk = pristine.fork(1);
            disk.flip_bit(&file, position, (position % 8) as u8).unwrap();
            let place = format!("byte {position} of {}", file.display());
            if checked(&disk).is_sound() {
                let engine = open(&disk).unwrap();
                assert_eq!(engine.damage(), [], "{place}");
                assert_eq!(read(&engine).as_ref(), Ok(&whole), "{place} is not harmless");
                harmless += 1;
                continue;
            }
            found += 1;
            kept += mend(&disk, &whole, &place).0.len() as u64;
        }
    }
    println!("{found} flips found and repaired, {harmless} harmless");
    let all = found * whole.len() as u64;
    assert!(kept * 100 > all * 80, "of {all} samples beside damage only {kept} are left");
}

#[test]
fn a_lost_manifest_is_made_anew_and_nothing_is_lost() {
    let pristine = filled(3);
    let whole = read(&open(&pristine.fork(1)).unwrap()).unwrap();
    let manifests = files(&pristine, &Path::new(DIR).join("manifest"));
    // All of them, and only the one in force.
    for gone in [&manifests[..], &manifests[manifests.len() - 1..]] {
        let disk = pristine.fork(1);
        for (path, _) in gone {
            disk.open(path).unwrap().set_len(0).unwrap();
        }
        let (data, report) = mend(&disk, &whole, "manifest");
        assert_eq!(data, whole, "{report}");
        let kept = files(&disk, &report.quarantine.unwrap());
        assert_eq!(kept.len(), gone.len() + 1, "the damaged ones and the report: {kept:?}");
    }
    let disk = pristine.fork(1);
    disk.remove_dir_all(&Path::new(DIR).join("manifest")).unwrap();
    let (data, report) = mend(&disk, &whole, "no manifests");
    assert_eq!(data, whole, "{report}");
}

#[test]
fn a_deletion_known_to_an_older_manifest_holds() {
    let disk = filled(4);
    let engine = open(&disk).unwrap();
    let series = vec![vec![Matcher::new("series", MatchOp::Equal, "1").unwrap()]];
    engine.delete(&series, TimeRange::ALL).unwrap();
    write(&engine, 5);
    engine.flush().unwrap();
    let whole = read(&engine).unwrap();
    engine.close().unwrap();
    drop(engine);
    let newest = files(&disk, &Path::new(DIR).join("manifest")).pop().unwrap();
    disk.flip_bit(&newest.0, 70, 1).unwrap();
    let (data, report) = mend(&disk, &whole, "manifest");
    assert_eq!(data, whole, "{report}");
}

#[test]
fn a_policy_that_no_manifest_tells_is_the_callers() {
    let disk = filled(5);
    disk.remove_dir_all(&Path::new(DIR).join("manifest")).unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.as_process());
    let options = RepairOptions { apply: true, duplicates: Some(DuplicatePolicy::First) };
    repair(&shared, &clock(), Path::new(DIR), options).unwrap();
    assert_eq!(open(&disk).unwrap().duplicates(), DuplicatePolicy::First);
}

#[test]
fn of_a_damaged_block_what_can_be_read_is_kept() {
    let pristine = filled(6);
    let whole = read(&open(&pristine.fork(1)).unwrap()).unwrap();
    for (end, spoil, kept_min) in [
        // The block is smaller than a granule, so all of its values are gone with one bit.
        ("/pages", 100, 48),
        // The index is whole, so all pages are found.
        ("/meta.json", 100, 72),
        // A skeleton that cannot be read takes the block along.
        ("/index", 0, 48),
    ] {
        let disk = pristine.fork(1);
        let (path, _) = file(&disk, "blocks", end);
        disk.flip_bit(&path, spoil, 0).unwrap();
        let (data, report) = mend(&disk, &whole, end);
        assert_eq!(data.len(), kept_min, "{end}: {report}");
        let quarantine = files(&disk, &report.quarantine.unwrap());
        assert_eq!(quarantine.len(), 4, "the block's files and the report: {quarantine:?}");
    }
    // Cut in the middle, removed, and the whole directory gone.
    let disk = pristine.fork(1);
    let (path, len) = file(&disk, "blocks", "/pages");
    disk.open(&path).unwrap().set_len(len / 2).unwrap();
    assert!(mend(&disk, &whole, "cut").0.len() >= 48);
    let disk = pristine.fork(1);
    disk.remove_dir_all(file(&disk, "blocks", "/pages").0.parent().unwrap()).unwrap();
    assert_eq!(mend(&disk, &whole, "gone").0.len(), 48);
}

#[test]
fn a_damaged_log_gives_what_can_be_replayed_and_begins_anew() {
    let pristine = filled(7);
    let whole = read(&open(&pristine.fork(1)).unwrap()).unwrap();
    let disk = pristine.fork(1);
    let (path, _) = file(&disk, "log", ".log");
    disk.flip_bit(&path, 300, 0).unwrap();
    let (data, report) = mend(&disk, &whole, "log");
    assert_eq!(whole.len() - data.len(), SERIES as usize, "one frame: {report}");
    let quarantine = report.quarantine.unwrap();
    assert!(!files(&disk, &quarantine.join("log")).is_empty());
    let disk = pristine.fork(1);
    disk.remove_dir_all(&Path::new(DIR).join("log")).unwrap();
    assert_eq!(mend(&disk, &whole, "no log").0.len(), 48);
}

#[test]
fn damaged_metadata_is_given_up_and_nothing_else() {
    let pristine = filled(10);
    assert_eq!(open(&pristine.fork(1)).unwrap().metadata(None, 9), [family()]);
    let whole = read(&open(&pristine.fork(1)).unwrap()).unwrap();
    let (path, _) = file(&pristine, "checkpoint", ".metadata");
    let disk = pristine.fork(1);
    disk.flip_bit(&path, 40, 0).unwrap();
    assert_eq!(mend(&disk, &whole, "damaged").0, whole);
    assert_eq!(open(&disk).unwrap().metadata(None, 9), []);
    let disk = pristine.fork(1);
    disk.remove_file(&path).unwrap();
    assert_eq!(mend(&disk, &whole, "missing").0, whole);
    // Without a manifest it is found again.
    let disk = pristine.fork(1);
    disk.remove_dir_all(&Path::new(DIR).join("manifest")).unwrap();
    mend(&disk, &whole, "no manifest");
    assert_eq!(open(&disk).unwrap().metadata(None, 9), [family()]);
}

#[test]
fn without_a_dictionary_the_blocks_are_served() {
    let pristine = filled(8);
    let whole = read(&open(&pristine.fork(1)).unwrap()).unwrap();
    let disk = pristine.fork(1);
    let (path, _) = file(&disk, "checkpoint", ".dict");
    disk.flip_bit(&path, 50, 0).unwrap();
    assert_eq!(mend(&disk, &whole, "damaged").0.len(), 48);
    let disk = pristine.fork(1);
    disk.remove_file(&path).unwrap();
    assert_eq!(mend(&disk, &whole, "missing").0.len(), 48);
}

#[test]
fn a_repair_cut_off_anywhere_can_be_run_again_and_loses_nothing_more() {
    let pristine = filled(9);
    let whole = read(&open(&pristine.fork(1)).unwrap()).unwrap();
    // All kinds of damage at once.
    let (manifest, _) = files(&pristine, &Path::new(DIR).join("manifest")).pop().unwrap();
    pristine.flip_bit(&manifest, 70, 1).unwrap();
    pristine.flip_bit(&file(&pristine, "blocks", "/pages").0, 100, 0).unwrap();
    pristine.flip_bit(&file(&pristine, "log", ".log").0, 300, 0).unwrap();
    let expected = mend(&pristine.fork(1), &whole, "uninterrupted").0;
    assert_eq!(expected.len(), whole.len() - 24 - SERIES as usize);
    for operation in 0.. {
        let disk = pristine.fork(operation);
        disk.fail_after(operation, Fault::Crash);
        let shared: Arc<dyn Disk> = Arc::new(disk.as_process());
        let options = RepairOptions { apply: true, duplicates: None };
        let done = repair(&shared, &clock(), Path::new(DIR), options).is_ok();
        drop(shared);
        disk.clear_faults();
        disk.crash();
        let place = format!("cut at operation {operation}");
        if repaired(&disk, false).acts.is_empty() {
            assert_eq!(read(&open(&disk).unwrap()).unwrap(), expected, "{place}");
        } else {
            // A sample that a first attempt lost is known to that attempt only.
            repaired(&disk, true);
            assert_eq!(read(&open(&disk).unwrap()).unwrap(), expected, "{place}");
        }
        if done {
            assert!(operation > 50);
            return;
        }
    }
}
