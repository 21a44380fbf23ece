//! Databases side by side, across restarts, and across deaths at every step of creating, changing and
//! dropping one.

use timberline_io::{Death, SimClock, SimDisk};
use timberline_model::{DuplicatePolicy, ErrorKind, Labels, WriteBatch};

use super::*;
use crate::Value;

const DIR: &str = "/data";
const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;
const DAY: i64 = 24 * 3_600 * SECOND;

fn open(disk: &SimDisk) -> Databases {
    try_open(disk).unwrap_or_else(|error| panic!("they open: {error}"))
}

fn try_open(disk: &SimDisk) -> Result<Databases, Error> {
    let options = Options {
        segment_bytes: 16 << 10,
        reserve_bytes: 0,
        background: false,
        ..Options::default()
    };
    let clock = Arc::new(SimClock::new(NOW));
    Databases::open_on(Arc::new(disk.as_process()), clock, Path::new(DIR), options)
}

fn write(database: &Database, ts: i64, value: f64) -> u64 {
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("host", "a")]).unwrap());
    batch.push_sample(ts, value);
    database.write(&batch).unwrap().samples_written
}

fn value(database: &Database) -> Option<f64> {
    match database.query("m", NOW).unwrap().value {
        Value::Vector(found) => found.first().map(|sample| match sample.value {
            crate::SampleValue::Float(value) => value,
            ref other => panic!("{other:?}"),
        }),
        other => panic!("{other:?}"),
    }
}

fn to(name: &str, value: &str) -> SettingChange {
    SettingChange::to(name, value)
}

#[test]
fn the_same_series_in_two_databases_are_two() {
    let disk = SimDisk::new(1);
    let databases = open(&disk);
    assert!(databases.create("other", &[], false).unwrap());
    assert!(!databases.create("other", &[], true).unwrap());
    let taken = databases.create("other", &[], false).unwrap_err();
    assert!(matches!(taken, Error::DatabaseExists { .. }), "{taken}");
    assert_eq!(databases.names(), ["default", "other"]);
    write(&databases.get("default").unwrap(), NOW, 1.0);
    write(&databases.get("other").unwrap(), NOW, 2.0);
    databases.get("other").unwrap().flush().unwrap();
    databases.close().unwrap();
    drop(databases);

    let databases = open(&disk);
    assert_eq!(value(&databases.get("default").unwrap()), Some(1.0));
    assert_eq!(value(&databases.get("other").unwrap()), Some(2.0));
    let missing = databases.get("third").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
}

#[test]
fn settings_are_those_of_the_database_and_the_rest_follows() {
    let disk = SimDisk::new(2);
    let databases = open(&disk);
    let settings = [to("retention", "90d"), to("duplicates", "first"), to("engine", "columnar")];
    databases.create("long", &settings, false).unwrap();
    databases.create("plain", &[], false).unwrap();
    let check = |databases: &Databases| {
        let [long, plain] = ["long", "plain"].map(|name| databases.get(name).unwrap());
        assert_eq!(write(&long, NOW - 80 * DAY, 1.0), 1, "kept for 90 days");
        assert_eq!(write(&plain, NOW - 80 * DAY, 1.0), 0, "kept for 30 days");
        assert_eq!(long.duplicates(), DuplicatePolicy::First);
        assert_eq!(plain.duplicates(), DuplicatePolicy::Last);
        let all = databases.list();
        let told = |name: &str, setting: &str| {
            all.iter().find(|one| one.name == name).unwrap().setting(setting).unwrap()
        };
        assert_eq!(
            (told("long", "retention"), told("plain", "retention")),
            ("90d".into(), "30d".into())
        );
        assert_eq!(
            (told("long", "duplicates"), told("long", "store")),
            ("first".into(), "local".into())
        );
    };
    check(&databases);
    databases.close().unwrap();
    drop(databases);
    let databases = open(&disk);
    check(&databases);

    let days = |count: i64| Retention {
        age: Some(std::time::Duration::from_nanos((count * DAY).unsigned_abs())),
        bytes: None,
    };
    databases.set_common(days(100), None);
    assert_eq!(databases.get("plain").unwrap().retention(), days(100));
    assert_eq!(databases.get("long").unwrap().retention(), days(90), "it has its own");
    databases.alter("long", &[SettingChange::reset("retention")]).unwrap();
    databases
        .alter("default", &[to("retention", "unlimited"), to("retention_size", "1GiB")])
        .unwrap();
    assert_eq!(databases.get("long").unwrap().retention(), days(100));
    let refused = databases.alter("long", &[to("retention", "1d"), to("duplicates", "last")]);
    assert!(refused.unwrap_err().to_string().contains("when the database is created"));
    assert_eq!(databases.get("long").unwrap().retention(), days(100), "all of it or nothing");
    let snapshot = databases.get("default").unwrap().snapshot(false).unwrap();
    drop(databases);
    let expected = Retention { age: None, bytes: Some(1 << 30) };
    assert_eq!(open(&disk).get("default").unwrap().retention(), expected);
    disk.rename(&snapshot.dir, Path::new("/data/databases/copy")).unwrap();
    let copy = open(&disk).get("copy").unwrap();
    assert_eq!(copy.retention(), expected, "settings go with a snapshot");
}

#[test]
fn a_dropped_database_takes_no_more_writes_and_leaves_nothing() {
    let disk = SimDisk::new(3);
    let databases = open(&disk);
    databases.create("gone", &[], false).unwrap();
    let handle = databases.get("gone").unwrap();
    write(&handle, NOW, 3.0);
    handle.flush().unwrap();
    assert!(databases.drop("gone", false).unwrap());
    assert!(!databases.drop("gone", true).unwrap());
    assert_eq!(databases.drop("gone", false).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(matches!(databases.drop("default", true), Err(Error::DefaultDatabase)));
    assert!(handle.write(&WriteBatch::default()).is_ok() || handle.flush().is_err());
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m")]).unwrap());
    batch.push_sample(NOW, 1.0);
    assert!(handle.write(&batch).is_err(), "it is closed");
    assert_eq!(disk.list(Path::new("/data/databases")).unwrap(), []);
    databases.create("gone", &[], false).unwrap();
    assert_eq!(value(&databases.get("gone").unwrap()), None, "a new one of the name is empty");
}

#[test]
fn a_damaged_database_says_so_and_the_others_are_served() {
    let disk = SimDisk::new(4);
    let databases = open(&disk);
    for name in ["settings", "manifest", "sound"] {
        databases.create(name, &[to("retention", "unlimited")], false).unwrap();
        write(&databases.get(name).unwrap(), NOW, 1.0);
    }
    databases.close().unwrap();
    drop(databases);
    disk.flip_bit(Path::new("/data/databases/settings/DATABASE"), 40, 1).unwrap();
    let manifest = Path::new("/data/databases/manifest/manifest/00000000000000000001");
    disk.flip_bit(manifest, 40, 1).unwrap();

    let databases = open(&disk);
    assert_eq!(databases.names(), ["default", "manifest", "settings", "sound"]);
    for (name, said) in [("settings", "DATABASE"), ("manifest", "manifest")] {
        let error = databases.get(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(said), "{error}");
        let info = databases.list().into_iter().find(|one| one.name == name).unwrap();
        assert!(info.database.is_none() && info.error.is_some());
        assert!(databases.alter(name, &[to("retention", "1d")]).is_err());
    }
    assert_eq!(value(&databases.get("sound").unwrap()), Some(1.0));
    assert!(databases.drop("settings", false).unwrap(), "it may still be dropped");
    assert_eq!(databases.names(), ["default", "manifest", "sound"]);
    databases.alter("default", &[to("retention", "unlimited")]).unwrap();
    drop(databases);
    disk.flip_bit(Path::new("/data/DATABASE"), 40, 1).unwrap();
    let error = try_open(&disk).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "default has to open: {error}");
}

#[test]
fn a_name_or_a_setting_that_may_not_be_creates_nothing() {
    let disk = SimDisk::new(5);
    let databases = open(&disk);
    assert!(databases.create("../x", &[], false).is_err());
    assert!(databases.create("x", &[to("store", "s3://b")], false).is_err());
    assert!(databases.create("default", &[], false).is_err());
    assert_eq!(databases.names(), ["default"]);
    assert!(disk.list(Path::new("/data/databases")).is_err(), "nothing was made");
    databases.close().unwrap();
    assert!(matches!(databases.create("x", &[], false), Err(Error::DatabasesClosed)));
    assert!(matches!(databases.drop("x", true), Err(Error::DatabasesClosed)));
}

#[test]
fn a_full_disk_refuses_a_database_as_a_whole() {
    let pristine = SimDisk::new(6);
    open(&pristine).close().unwrap();
    let mut refused = 0;
    for room in (0..2_000).step_by(50) {
        let disk = pristine.fork(room);
        let databases = open(&disk);
        disk.set_capacity(disk.used_bytes() + room);
        if let Err(error) = databases.create("big", &[to("retention", "90d")], false) {
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{room}: {error}");
            assert_eq!(databases.names(), ["default"], "{room}");
            refused += 1;
        }
        disk.set_capacity(None);
        databases.create("big", &[], true).unwrap();
        drop(databases);
        assert_eq!(open(&disk).names(), ["big", "default"], "{room}");
    }
    assert!((5..40).contains(&refused), "{refused}");
}

/// A change that takes several steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Create,
    Alter,
    Drop,
}

impl Change {
    fn make(self, databases: &Databases) -> Result<(), Error> {
        match self {
            Self::Create => databases.create("new", &[to("retention", "90d")], true).map(drop),
            Self::Alter => databases.alter("old", &[to("retention", "unlimited")]),
            Self::Drop => databases.drop("old", true).map(drop),
        }
    }
}

/// What there is, in words.
fn state(databases: &Databases) -> Vec<String> {
    let all = databases.list();
    let one = |info: &DatabaseInfo| {
        let database = info.database.as_ref().unwrap_or_else(|| panic!("{info:?}"));
        let own: Vec<String> =
            info.settings.own().map(|(name, it)| format!("{name}={it}")).collect();
        format!("{} {own:?} {:?}", info.name, value(database))
    };
    all.iter().map(one).collect()
}

#[test]
fn a_death_at_any_step_leaves_the_change_made_or_not_made() {
    let pristine = SimDisk::new(7);
    let databases = open(&pristine);
    databases.create("old", &[to("retention", "60d")], false).unwrap();
    write(&databases.get("old").unwrap(), NOW, 4.0);
    write(&databases.get("default").unwrap(), NOW, 5.0);
    databases.get("old").unwrap().flush().unwrap();
    databases.close().unwrap();
    drop(databases);
    let mut seen = std::collections::BTreeSet::new();
    for change in [Change::Create, Change::Alter, Change::Drop] {
        let before = state(&open(&pristine.fork(0)));
        let changed = pristine.fork(0);
        let databases = open(&changed);
        changed.take_points();
        change.make(&databases).unwrap();
        let points = changed.take_points();
        let after = state(&databases);
        assert_ne!(before, after);
        for death in [Death::Killed, Death::PowerCut] {
            for (seed, point) in points.iter().enumerate() {
                let case = format!("{change:?}, {death:?} at {point}");
                let disk = pristine.fork(seed as u64);
                let databases = open(&disk);
                disk.die_at(point.parse().unwrap(), death);
                let outcome = change.make(&databases);
                drop(databases);
                disk.clear_faults();
                disk.reboot();
                let databases = open(&disk);
                let found = state(&databases);
                assert!(found == before || found == after, "{case}: {found:?}");
                assert!(outcome.is_err() || found == after, "{case}: it was acknowledged");
                let litter = disk.list(Path::new("/data/databases")).unwrap();
                assert!(litter.iter().all(|entry| !entry.name.contains('.')), "{case}: {litter:?}");
                change.make(&databases).unwrap_or_else(|error| panic!("{case}, again: {error}"));
                assert_eq!(state(&databases), after, "{case}, again");
            }
        }
        seen.extend(
            points
                .into_iter()
                .filter(|point| point.starts_with("database.") || point.starts_with("settings.")),
        );
    }
    let page = include_str!("../../../../docs/fail-points.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let documented: std::collections::BTreeSet<&str> =
        rows.filter(|row| row.starts_with("database.") || row.starts_with("settings.")).collect();
    assert_eq!(seen, documented, "docs/fail-points.md lists the steps");
}
