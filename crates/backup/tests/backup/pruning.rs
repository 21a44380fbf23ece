//! Pruning: old backups go, and nothing that a backup needs, whoever else is at work.

use std::{path::Path, sync::Arc};

use timberline::Database;
use timberline_backup::{
    Backup, BackupError, Depot, LocalDepot, NoProgress, Object, Pruned, list, prune,
};
use timberline_io::{Disk, Fault, SimDisk};

use super::support::{PLACE, back_up, clock, depot, faults, files, open, restored, shared, write};

/// A database with three backups of 32, 64 and 96 samples; the blocks of the third are merged.
fn three_backups(seed: u64) -> (SimDisk, SimDisk, Database) {
    let (disk, place) = (SimDisk::new(seed), SimDisk::new(seed + 1));
    let database = open(&disk, "/db").unwrap();
    for part in 0..3 {
        write(&database, part);
        database.flush().unwrap();
        if part == 2 {
            while database.compact().unwrap().is_some() {}
        }
        back_up(&database, &disk, &depot(&place)).unwrap();
    }
    (disk, place, database)
}

fn numbers(depot: &dyn Depot) -> Vec<u64> {
    list(depot).unwrap().into_iter().map(|(number, _)| number).collect()
}

#[test]
fn the_newest_stay_and_what_nobody_needs_goes() {
    let (disk, place, database) = three_backups(1);
    let depot = depot(&place);
    assert_eq!(prune(&depot, &clock(), 3).unwrap(), Pruned::default());
    let pruned = prune(&depot, &clock(), 2).unwrap();
    assert_eq!(pruned.backups, [1]);
    assert_eq!(restored(&depot, Some(2)).len(), 64, "the block of the first is also its");
    let pruned = prune(&depot, &clock(), 1).unwrap();
    assert_eq!((pruned.backups, pruned.objects), (vec![2], 2 * 3 + 3));
    assert_eq!(restored(&depot, None).len(), 96);
    let report = timberline_backup::check(&depot, &NoProgress).unwrap();
    assert_eq!(report.findings, [], "nothing is left over");
    write(&database, 3);
    assert_eq!(back_up(&database, &disk, &depot).unwrap().number, 4, "numbers are not used again");
    // Of a backup that was interrupted before its manifest nothing stays.
    depot.delete("backups/00000000000000000004").unwrap();
    place.create(Path::new("/backups/blocks/x.tmp-1"), 0).unwrap();
    assert!(prune(&depot, &clock(), 1).unwrap().objects > 0);
    assert!(!files(&place, Path::new(PLACE)).iter().any(|(path, _)| path.ends_with("x.tmp-1")));
}

#[test]
fn a_prune_cut_off_anywhere_leaves_whole_backups() {
    let (_, pristine, _) = three_backups(3);
    for operation in 0.. {
        let place = pristine.fork(operation);
        place.fail_after(operation, Fault::Crash);
        let done = prune(&depot(&place), &clock(), 1).is_ok();
        place.clear_faults();
        place.crash();
        let depot = depot(&place);
        assert_eq!(faults(&depot), [""; 0], "operation {operation}");
        for number in numbers(&depot) {
            assert_eq!(restored(&depot, Some(number)).len() as u64, number * 32);
        }
        // The claim of a run that died keeps objects for a day, and no longer.
        let later = Arc::new(timberline_io::SimClock::new(clock().now() + 90_000_000_000_000));
        prune(&depot, &(later as Arc<_>), 1).unwrap();
        assert_eq!(numbers(&depot), [3]);
        let report = timberline_backup::check(&depot, &NoProgress).unwrap();
        assert_eq!(report.findings, [], "operation {operation}");
        if done {
            assert!(operation > 20);
            return;
        }
    }
}

#[test]
fn nothing_is_removed_while_a_manifest_cannot_be_read() {
    let (_, place, _) = three_backups(5);
    let depot = depot(&place);
    place.flip_bit(Path::new("/backups/backups/00000000000000000002"), 50, 0).unwrap();
    let pruned = prune(&depot, &clock(), 1).unwrap();
    assert_eq!((pruned.backups, pruned.objects), (vec![1], 0));
    assert!(pruned.objects_left.unwrap().contains("00000000000000000002"));
}

/// A place at which something happens in the middle of a backup, once the earlier ones were listed.
struct Meanwhile<'a> {
    depot: LocalDepot,
    happens: &'a (dyn Fn() + Sync),
}

impl std::fmt::Debug for Meanwhile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Meanwhile({:?})", self.depot)
    }
}

impl Depot for Meanwhile<'_> {
    fn put(&self, key: &str, bytes: &[u8], sent: &dyn Fn(u64)) -> Result<(), BackupError> {
        self.depot.put(key, bytes, sent)
    }

    fn put_new(&self, key: &str, bytes: &[u8]) -> Result<bool, BackupError> {
        self.depot.put_new(key, bytes)
    }

    fn read(
        &self,
        key: &str,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), BackupError>,
    ) -> Result<bool, BackupError> {
        self.depot.read(key, sink)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>, BackupError> {
        let listed = self.depot.list(prefix);
        if prefix == "blocks" {
            (self.happens)();
        }
        listed
    }

    fn delete(&self, key: &str) -> Result<(), BackupError> {
        self.depot.delete(key)
    }

    fn sweep(&self) -> Result<(), BackupError> {
        self.depot.sweep()
    }

    fn name(&self) -> String {
        self.depot.name()
    }
}

#[test]
fn a_prune_beside_a_backup_takes_manifests_only() {
    let (disk, place, database) = three_backups(7);
    // The blocks of the third are those that the next one counts on.
    let snapshot = database.snapshot(false).unwrap().dir;
    let happens = || {
        let pruned = prune(&depot(&place), &clock(), 0).unwrap();
        assert_eq!(pruned.objects, 0);
        assert!(pruned.objects_left.unwrap().contains("another backup"));
    };
    let meanwhile = Meanwhile { depot: depot(&place), happens: &happens };
    let made = Backup::on(&meanwhile, shared(&disk), clock()).make(&snapshot, &NoProgress);
    let made = made.unwrap();
    assert_eq!(made.files_copied, 3, "the blocks were there");
    let depot = depot(&place);
    assert_eq!(numbers(&depot), [made.number]);
    assert_eq!(restored(&depot, None).len(), 96);
}

#[test]
fn a_backup_gives_way_to_a_prune_and_notices_what_went() {
    let (disk, place, database) = three_backups(9);
    let snapshot = database.snapshot(false).unwrap().dir;
    let claim = format!("{{\"work\":\"prune\",\"renewed_ms\":{}}}", clock().now() / 1_000_000);
    let depot = depot(&place);
    depot.put("claims/other", claim.as_bytes(), &|_| ()).unwrap();
    let error = Backup::on(&depot, shared(&disk), clock()).make(&snapshot, &NoProgress);
    assert!(matches!(error, Err(BackupError::InUse { .. })), "{error:?}");
    depot.delete("claims/other").unwrap();
    assert_eq!(depot.list("claims").unwrap(), [], "its own claim is taken back");
    // Somebody removes an object by hand.
    let block = depot.list("blocks").unwrap().pop().unwrap().key;
    let happens = || super::support::depot(&place).delete(&block).unwrap();
    let meanwhile = Meanwhile { depot: depot.clone(), happens: &happens };
    let error = Backup::on(&meanwhile, shared(&disk), clock()).make(&snapshot, &NoProgress);
    assert!(matches!(error, Err(BackupError::Gone { .. })), "{error:?}");
    assert_eq!(numbers(&depot), [1, 2, 3]);
}

#[test]
fn backups_at_the_same_time_get_numbers_of_their_own() {
    let (disk, place, database) = three_backups(11);
    let snapshot = database.snapshot(false).unwrap().dir;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (depot, disk, snapshot) = (depot(&place), shared(&disk), snapshot.clone());
            scope.spawn(move || {
                Backup::on(&depot, disk, clock()).make(&snapshot, &NoProgress).unwrap();
            });
        }
    });
    let depot = depot(&place);
    assert_eq!(numbers(&depot), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(faults(&depot), [""; 0]);
}
