//! What goes into a backup comes out of it, and only what is new is copied.

use std::path::Path;

use timberline::{Labels, WriteBatch};
use timberline_backup::{BackupError, NoProgress, Restore, check, list};
use timberline_io::{Disk, SimDisk};

use super::support::{
    START, back_up, check_database, depot, faults, files, open, read, restored, shared, write,
};

#[test]
fn a_restored_backup_is_the_database_bit_for_bit() {
    let (disk, place) = (SimDisk::new(1), SimDisk::new(2));
    let database = open(&disk, "/db").unwrap();
    let depot = depot(&place);
    write(&database, 0);
    database.flush().unwrap();
    write(&database, 1);
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "odd")]).unwrap());
    for (ts, bits) in [(1, 0x7ff0_0000_0000_0002), (2, 1 << 63), (3, 0x7ff8_0000_0000_1234_u64)] {
        batch.push_sample(START + ts, f64::from_bits(bits));
    }
    database.write(&batch).unwrap();
    let first = read(&database);
    let made = back_up(&database, &disk, &depot).unwrap();
    assert_eq!((made.number, made.samples), (1, 67));
    assert_eq!(made.missing, []);
    write(&database, 2);
    let second = read(&database);
    assert_eq!(back_up(&database, &disk, &depot).unwrap().number, 2);
    write(&database, 3);

    assert_eq!(restored(&depot, Some(1)), first);
    assert_eq!(restored(&depot, Some(2)), second);
    assert_eq!(restored(&depot, None), second, "the newest");
    assert_eq!(faults(&depot), [""; 0]);
    let found: Vec<u64> = list(&depot).unwrap().into_iter().map(|(number, _)| number).collect();
    assert_eq!(found, [1, 2]);
}

#[test]
fn blocks_that_are_there_are_not_copied_again() {
    let (disk, place) = (SimDisk::new(3), SimDisk::new(4));
    let database = open(&disk, "/db").unwrap();
    let depot = depot(&place);
    for part in 0..3 {
        write(&database, part);
        database.flush().unwrap();
    }
    let blocks = || {
        let found = files(&place, Path::new("/backups/blocks"));
        found.iter().filter(|(path, _)| path.ends_with("pages")).count()
    };
    let first = back_up(&database, &disk, &depot).unwrap();
    assert_eq!((first.blocks, blocks()), (3, 3));
    let objects = files(&place, Path::new("/backups/blocks"));

    // Nothing new: only the files of the state are copied.
    let second = back_up(&database, &disk, &depot).unwrap();
    assert_eq!((second.blocks, second.files_copied), (3, 3), "manifest, dictionary, empty log");
    assert_eq!(files(&place, Path::new("/backups/blocks")), objects);
    // One block more.
    write(&database, 3);
    let third = back_up(&database, &disk, &depot).unwrap();
    assert_eq!((third.blocks, third.files_copied, blocks()), (4, 3 + 3, 4));
    assert!(third.bytes_copied < first.bytes_copied);
    // A merged block is another one.
    while database.compact().unwrap().is_some() {}
    let fourth = back_up(&database, &disk, &depot).unwrap();
    assert_eq!((fourth.blocks, blocks()), (1, 5));
    for number in 1..=4 {
        assert_eq!(restored(&depot, Some(number)).len(), if number < 3 { 96 } else { 128 });
    }
}

#[test]
fn a_block_that_an_interrupted_backup_left_is_used_only_if_it_is_sound() {
    let (disk, place) = (SimDisk::new(5), SimDisk::new(6));
    let database = open(&disk, "/db").unwrap();
    let depot = depot(&place);
    write(&database, 0);
    back_up(&database, &disk, &depot).unwrap();
    // Without its manifest the backup is as one that was interrupted just before the end.
    let manifest = Path::new("/backups/backups/00000000000000000001");
    place.remove_file(manifest).unwrap();
    let chunks = files(&place, Path::new("/backups/blocks")).remove(0).0;
    place.flip_bit(&chunks, 40, 0).unwrap();
    let made = back_up(&database, &disk, &depot).unwrap();
    assert_eq!((made.number, made.files_copied), (1, 3 + 1));
    assert_eq!(restored(&depot, None), read(&database));
}

#[test]
fn a_damaged_block_is_left_out_and_named() {
    let (disk, place) = (SimDisk::new(7), SimDisk::new(8));
    let database = open(&disk, "/db").unwrap();
    write(&database, 0);
    database.flush().unwrap();
    write(&database, 1);
    database.flush().unwrap();
    drop(database);
    let blocks = files(&disk, Path::new("/db/blocks"));
    for (end, byte) in [("pages", 40), ("meta.json", 40)] {
        let copy = disk.fork(1);
        let (path, _) = blocks.iter().find(|(path, _)| path.ends_with(end)).unwrap();
        copy.flip_bit(path, byte, 0).unwrap();
        let database = open(&copy, "/db").unwrap();
        let depot = depot(&place);
        let made = back_up(&database, &copy, &depot).unwrap();
        assert_eq!((made.missing.len(), made.blocks), (1, 1), "{end}");
        assert!(path.to_string_lossy().contains(&made.missing[0].block), "{end}");
        // The restored database knows that it lacks the block.
        let target = SimDisk::new(1);
        let restore = Restore::on(&depot, shared(&target));
        let done = restore.into_dir(Path::new("/new"), None, &NoProgress).unwrap();
        assert_eq!(done.backup.missing, made.missing);
        assert_eq!(open(&target, "/new").unwrap().damage().len(), 1);
        let found = check_database(&target, "/new");
        assert!(found.len() == 1 && found[0].contains("missing"), "{found:?}");
    }
}

#[test]
fn a_flipped_byte_of_a_backup_is_found_and_never_restored() {
    let (disk, place) = (SimDisk::new(9), SimDisk::new(10));
    let database = open(&disk, "/db").unwrap();
    write(&database, 0);
    back_up(&database, &disk, &depot(&place)).unwrap();
    for (path, len) in files(&place, Path::new("/backups")) {
        for byte in (0..len).step_by(37) {
            let copy = place.fork(1);
            copy.flip_bit(&path, byte, (byte % 8) as u8).unwrap();
            let depot = depot(&copy);
            let report = check(&depot, &NoProgress).unwrap();
            assert!(!report.is_sound(), "byte {byte} of {}", path.display());
            let target = SimDisk::new(1);
            let restore = Restore::on(&depot, shared(&target));
            let error = restore.into_dir(Path::new("/new"), None, &NoProgress).unwrap_err();
            assert_eq!(error.kind(), timberline::ErrorKind::Corrupt, "{error}");
            let manifest = path.starts_with("/backups/backups");
            assert!(manifest || open(&target, "/new").is_err(), "{}", path.display());
        }
    }
}

#[test]
fn only_new_and_empty_directories_are_restored_into() {
    let (disk, place) = (SimDisk::new(11), SimDisk::new(12));
    let database = open(&disk, "/db").unwrap();
    write(&database, 0);
    let depot = depot(&place);
    let target = SimDisk::new(1);
    let restore = Restore::on(&depot, shared(&target));
    let into = |dir: &str, number| restore.into_dir(Path::new(dir), number, &NoProgress);
    assert!(matches!(into("/a", None), Err(BackupError::NoBackup { number: None, .. })));
    back_up(&database, &disk, &depot).unwrap();
    assert!(matches!(into("/a", Some(9)), Err(BackupError::NoBackup { number: Some(9), .. })));
    into("/a", Some(1)).unwrap();
    let error = into("/a", Some(1)).unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    target.create_dir_all(Path::new("/b")).unwrap();
    target.create(Path::new("/b/mine"), 0).unwrap();
    assert!(into("/b", None).unwrap_err().to_string().contains("\"mine\""));
    assert_eq!(target.list(Path::new("/b")).unwrap().len(), 2, "the lock, and what was there");
    let used = open(&target, "/c").unwrap();
    assert!(into("/c", None).unwrap_err().to_string().contains("open in another process"));
    drop(used);
}
