//! A small database, places for its backups, and what it answers.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline::{
    Database, Error, Labels, Options, Selector, SeriesColumns, SeriesSource, TimeRange, WriteBatch,
};
use timberline_backup::{Backup, BackupError, BackupMade, Depot, LocalDepot, NoProgress, Restore};
use timberline_io::{Clock, Disk, SimClock, SimDisk};

pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const START: i64 = 1_700_000_000 * SECOND;
pub(crate) const PLACE: &str = "/backups";
const SERIES: u64 = 4;

/// Samples by series and instant, as bits.
pub(crate) type Data = BTreeMap<(String, i64), u64>;

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SimClock::new(START + 86_400 * SECOND))
}

pub(crate) fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.as_process())
}

pub(crate) fn open(disk: &SimDisk, dir: &str) -> Result<Database, Error> {
    let options = Options {
        background: false,
        segment_bytes: 8 << 10,
        reserve_bytes: 0,
        ..Options::default()
    };
    Database::open_on(shared(disk), clock(), Path::new(dir), options)
}

/// Writes one part of the history: 8 samples of each series.
pub(crate) fn write(database: &Database, part: i64) {
    for round in 0..8 {
        let mut batch = WriteBatch::default();
        for series in 0..SERIES {
            let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
            batch.push_labels(Labels::from_pairs(pairs).unwrap());
            let ts = START + (part * 8 + round) * 15 * SECOND;
            batch.push_sample(ts, (ts / SECOND + series as i64) as f64 / 3.0);
        }
        database.write(&batch).unwrap();
    }
}

pub(crate) fn read(database: &Database) -> Data {
    assert_eq!(database.damage(), []);
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut data = Data::new();
    let mut columns = SeriesColumns::default();
    for mut stream in database.scan(&selector, NonZeroUsize::MIN).unwrap() {
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            for (ts, value) in columns.timestamps.iter().zip(&columns.values) {
                data.insert((labels.to_string(), *ts), value.to_bits());
            }
        }
    }
    data
}

/// The place for backups on a disk.
pub(crate) fn depot(disk: &SimDisk) -> LocalDepot {
    LocalDepot::new(shared(disk), Path::new(PLACE))
}

/// Makes a backup of a database at this moment.
pub(crate) fn back_up(
    database: &Database,
    of: &SimDisk,
    depot: &dyn Depot,
) -> Result<BackupMade, BackupError> {
    let snapshot = database.snapshot(false).unwrap();
    Backup::on(depot, shared(of), clock()).make(&snapshot.dir, &NoProgress)
}

/// What a backup holds, restored onto a disk of its own.
pub(crate) fn restored(depot: &dyn Depot, number: Option<u64>) -> Data {
    let disk = SimDisk::new(77);
    let restore = Restore::on(depot, shared(&disk));
    restore.into_dir(Path::new("/new"), number, &NoProgress).unwrap();
    disk.crash();
    let report = check_database(&disk, "/new");
    assert_eq!(report, [""; 0]);
    read(&open(&disk, "/new").unwrap())
}

/// What a check of a database finds, in words.
pub(crate) fn check_database(disk: &SimDisk, dir: &str) -> Vec<String> {
    let report = timberline::check_on(&shared(disk), Path::new(dir)).unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

/// What a check of a place finds.
pub(crate) fn faults(depot: &dyn Depot) -> Vec<String> {
    let report = timberline_backup::check(depot, &NoProgress).unwrap();
    let damage = report.findings.iter().filter(|finding| finding.is_damage);
    damage.map(ToString::to_string).collect()
}

/// All files below a directory, with their lengths.
pub(crate) fn files(disk: &SimDisk, dir: &Path) -> Vec<(PathBuf, u64)> {
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
