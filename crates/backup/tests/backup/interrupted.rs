//! Backups and restores cut off at every step.

use std::path::Path;

use timberline_backup::{Backup, NoProgress, Restore, SnapshotSource, list};
use timberline_io::{Disk, Fault, SimDisk};

use super::support::{
    START, back_up, clock, depot, faults, files, open, read, restored, shared, write,
};

#[test]
fn a_backup_cut_off_anywhere_harms_no_other_and_the_next_one_is_whole() {
    let (disk, pristine) = (SimDisk::new(1), SimDisk::new(2));
    let database = open(&disk, "/db").unwrap();
    write(&database, 0);
    database.flush().unwrap();
    let first = read(&database);
    back_up(&database, &disk, &depot(&pristine)).unwrap();
    write(&database, 1);
    let second = read(&database);
    let snapshot = database.snapshot(false).unwrap().dir;
    let (mut cut, mut completed) = (0, 0);
    for operation in 0.. {
        let place = pristine.fork(operation);
        place.fail_after(operation, Fault::Crash);
        let made = {
            let depot = depot(&place);
            Backup::on(&depot, shared(&disk), clock()).make(&snapshot, &NoProgress)
        };
        place.clear_faults();
        place.crash();
        let depot = depot(&place);
        assert_eq!(faults(&depot), [""; 0], "operation {operation}");
        let found = list(&depot).unwrap();
        assert!(made.is_err() || found.len() == 2, "operation {operation}: an acknowledged one");
        assert_eq!(restored(&depot, Some(1)), first, "operation {operation}");
        completed += found.len() - 1;
        if found.len() == 2 {
            assert_eq!(restored(&depot, Some(2)), second, "operation {operation}");
        }
        let again = Backup::on(&depot, shared(&disk), clock()).make(&snapshot, &NoProgress);
        assert_eq!(again.unwrap().number, found.len() as u64 + 1);
        assert_eq!(restored(&depot, None), second, "operation {operation}");
        if made.is_ok() {
            assert!(cut > 20 && completed > 0, "{cut} cuts");
            return;
        }
        cut += 1;
    }
}

#[test]
fn a_restore_cut_off_anywhere_does_not_open_and_goes_on() {
    let (disk, place) = (SimDisk::new(3), SimDisk::new(4));
    let database = open(&disk, "/db").unwrap();
    for part in 0..2 {
        write(&database, part);
        database.flush().unwrap();
    }
    let expected = read(&database);
    let depot = depot(&place);
    back_up(&database, &disk, &depot).unwrap();
    // A newer one: a restore that goes on keeps to the one with which it began.
    write(&database, 2);
    back_up(&database, &disk, &depot).unwrap();
    let dir = Path::new("/new");
    let mut resumed = 0;
    for operation in 0.. {
        let target = SimDisk::new(operation);
        target.fail_after(operation, Fault::Crash);
        let done = Restore::on(&depot, shared(&target)).into_dir(dir, Some(1), &NoProgress).is_ok();
        target.clear_faults();
        target.crash();
        if done {
            assert_eq!(read(&open(&target, "/new").unwrap()), expected);
            assert!(operation > 20 && resumed > 0);
            return;
        }
        let begun = files(&target, dir).iter().any(|(path, _)| path.ends_with("RESTORING"));
        if begun {
            let error = open(&target, "/new").unwrap_err();
            assert!(error.to_string().contains("timberline restore"), "{operation}: {error}");
            let other = Restore::on(&depot, shared(&target)).into_dir(dir, Some(2), &NoProgress);
            assert!(other.unwrap_err().to_string().contains("--backup 1"), "{operation}");
        }
        let whole = files(&target, dir).iter().any(|(path, _)| path.starts_with("/new/manifest"));
        if begun || !whole {
            let number = if begun { None } else { Some(1) };
            let again = Restore::on(&depot, shared(&target)).into_dir(dir, number, &NoProgress);
            let again = again.unwrap_or_else(|error| panic!("operation {operation}: {error}"));
            assert_eq!(again.backup.number, 1, "operation {operation}");
            resumed += u64::from(again.bytes_copied < again.backup.bytes());
        }
        target.crash();
        assert!(!files(&target, dir).iter().any(|(path, _)| path.ends_with(".restoring")));
        assert_eq!(read(&open(&target, "/new").unwrap()), expected, "operation {operation}");
    }
}

#[test]
fn snapshots_that_killed_backups_left_are_removed_by_the_next() {
    let disk = SimDisk::new(5);
    let database = open(&disk, "/db").unwrap();
    write(&database, 0);
    let of_the_user = database.snapshot(false).unwrap();
    let take = || SnapshotSource::take(shared(&disk), &database.snapshot(false).unwrap().dir);
    let killed = take().unwrap();
    let left = killed.dir().to_owned();
    drop(killed);
    let running = take().unwrap();
    assert!(disk.list(&left).is_err(), "the killed one's is gone");
    let other = take().unwrap();
    assert!(disk.list(running.dir()).is_ok(), "one in use stays");
    running.remove().unwrap();
    other.remove().unwrap();
    let names = disk.list(Path::new("/db/snapshots")).unwrap();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].name, of_the_user.name, "snapshots of others are theirs");
    assert_eq!(read(&database).len(), 32);
    assert!(read(&database).keys().all(|(_, ts)| *ts >= START));
}
