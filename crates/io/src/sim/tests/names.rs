//! What power cuts leave of names, and the ordinary behaviour of directories.

use std::{collections::BTreeSet, io::ErrorKind};

use super::*;

fn names(disk: &SimDisk, dir: &str) -> Vec<String> {
    disk.list(path(dir)).unwrap().into_iter().map(|entry| entry.name).collect()
}

#[test]
fn unsynced_names_survive_as_a_prefix_of_what_was_done() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        durable_file(&disk, "current", b"1");
        disk.create(path("next"), 0).unwrap();
        disk.rename(path("next"), path("current")).unwrap();
        disk.create(path("later"), 0).unwrap();
        disk.crash();
        seen.insert((names(&disk, "").join(" "), disk.read(path("current")).unwrap().len()));
    }
    let prefix = |names: &str, len| (names.to_owned(), len);
    let expected = [
        prefix("current", 0),
        prefix("current", 1),
        prefix("current later", 0),
        prefix("current next", 1),
    ];
    assert_eq!(seen, BTreeSet::from(expected));
}

#[test]
fn a_synced_directory_keeps_its_names() {
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        durable_file(&disk, "old", b"bytes");
        durable_file(&disk, "gone", b"");
        disk.rename(path("old"), path("new")).unwrap();
        disk.remove_file(path("gone")).unwrap();
        disk.sync_dir(path("")).unwrap();
        disk.crash();
        assert_eq!(names(&disk, ""), ["new"]);
        assert_eq!(disk.read(path("new")).unwrap(), b"bytes");
    }
}

#[test]
fn a_removed_file_comes_back_whole_when_its_removal_was_not_synced() {
    let back = (0..SEEDS).any(|seed| {
        let disk = SimDisk::new(seed);
        drop(durable_file(&disk, "file", b"bytes"));
        disk.remove_file(path("file")).unwrap();
        disk.crash();
        disk.read(path("file")).is_ok_and(|bytes| bytes == b"bytes")
    });
    assert!(back);
}

#[test]
fn a_file_is_lost_with_a_directory_whose_parent_was_not_synced() {
    let lost = (0..SEEDS).any(|seed| {
        let disk = SimDisk::new(seed);
        disk.create_dir_all(path("dir")).unwrap();
        let file = disk.create(path("dir/file"), 8).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(path("dir")).unwrap();
        disk.crash();
        disk.list(path("dir")).is_err()
    });
    assert!(lost);
}

#[test]
fn a_directory_renamed_and_synced_is_there_with_all_its_files() {
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        disk.create_dir_all(path("blocks/a.tmp")).unwrap();
        disk.sync_dir(path("")).unwrap();
        for name in ["blocks/a.tmp/chunks", "blocks/a.tmp/index"] {
            let file = disk.create(path(name), 0).unwrap();
            file.write_all_at(name.as_bytes(), 0).unwrap();
            file.sync_data().unwrap();
        }
        disk.sync_dir(path("blocks/a.tmp")).unwrap();
        disk.rename(path("blocks/a.tmp"), path("blocks/a")).unwrap();
        disk.sync_dir(path("blocks")).unwrap();
        disk.crash();
        assert_eq!(names(&disk, "blocks"), ["a"]);
        assert_eq!(names(&disk, "blocks/a"), ["chunks", "index"]);
        assert_eq!(disk.read(path("blocks/a/index")).unwrap(), b"blocks/a.tmp/index");
    }
}

#[test]
fn a_file_moved_between_directories_is_in_exactly_one_of_them() {
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        disk.create_dir_all(path("a")).unwrap();
        disk.create_dir_all(path("b")).unwrap();
        disk.create(path("a/file"), 0).unwrap();
        disk.sync_dir(path("")).unwrap();
        disk.sync_dir(path("a")).unwrap();
        disk.create(path("a/other"), 0).unwrap();
        disk.rename(path("a/file"), path("b/file")).unwrap();
        if seed % 3 == 0 {
            // Carries the other directory's half, and what went before it there.
            disk.sync_dir(path("b")).unwrap();
        }
        disk.crash();
        let in_a = names(&disk, "a").contains(&"file".to_owned());
        let in_b = names(&disk, "b").contains(&"file".to_owned());
        assert!(in_a != in_b, "in a: {in_a}, in b: {in_b}");
        if seed % 3 == 0 {
            assert!(in_b);
            assert_eq!(names(&disk, "a"), ["other"]);
        }
    }
}

#[test]
fn a_directory_removed_without_a_sync_may_be_left_in_part() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        disk.create_dir_all(path("dir")).unwrap();
        disk.create(path("dir/a"), 0).unwrap();
        disk.create(path("dir/b"), 0).unwrap();
        disk.sync_dir(path("")).unwrap();
        disk.sync_dir(path("dir")).unwrap();
        disk.remove_dir_all(path("dir")).unwrap();
        assert!(names(&disk, "").is_empty());
        disk.crash();
        seen.insert(disk.list(path("dir")).map_or(usize::MAX, |entries| entries.len()));
    }
    assert_eq!(seen, BTreeSet::from([0, 1, 2, usize::MAX]));
}

#[test]
fn errors_are_told_apart_as_on_a_real_disk() {
    let disk = SimDisk::new(0);
    durable_file(&disk, "file", b"");
    disk.create_dir_all(path("dir/inner")).unwrap();
    let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(disk.open(path("nothing")).map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(disk.create(path("none/file"), 0).map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(disk.create(path("file"), 0).map(drop)), ErrorKind::AlreadyExists);
    assert_eq!(kind(disk.create(path("file/x"), 0).map(drop)), ErrorKind::NotADirectory);
    assert_eq!(kind(disk.read(path("dir")).map(drop)), ErrorKind::IsADirectory);
    assert_eq!(kind(disk.rename(path("nothing"), path("x"))), ErrorKind::NotFound);
    assert_eq!(kind(disk.rename(path("file"), path("dir"))), ErrorKind::IsADirectory);
    assert_eq!(kind(disk.remove_file(path("dir"))), ErrorKind::IsADirectory);
    assert_eq!(kind(disk.list(path("file")).map(drop)), ErrorKind::NotADirectory);
    assert_eq!(kind(disk.sync_dir(path("nothing"))), ErrorKind::NotFound);
    assert_eq!(kind(disk.open(path("../file")).map(drop)), ErrorKind::InvalidInput);
    assert!(disk.open(path("/./file")).is_ok());
}

#[test]
fn an_open_file_outlives_its_name() {
    let disk = SimDisk::new(0);
    let file = durable_file(&disk, "file", b"bytes");
    let mapped = disk.map(path("file")).unwrap();
    disk.remove_file(path("file")).unwrap();
    disk.sync_dir(path("")).unwrap();
    assert_eq!(disk.used_bytes(), 5);
    let mut bytes = [0; 5];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!((&bytes, &mapped[..]), (b"bytes", &b"bytes"[..]));
    drop(file);
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn a_lock_has_one_holder_until_it_is_dropped() {
    let disk = SimDisk::new(0);
    let lock = disk.lock(path("LOCK")).unwrap();
    assert_eq!(disk.clone().lock(path("LOCK")).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(lock);
    let _again = disk.lock(path("LOCK")).unwrap();
}

#[test]
fn a_second_name_keeps_the_bytes_when_the_first_is_gone() {
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        durable_file(&disk, "first", b"bytes");
        disk.link(path("first"), path("second")).unwrap();
        let again = disk.link(path("first"), path("second")).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        disk.sync_dir(path("")).unwrap();
        disk.remove_file(path("first")).unwrap();
        disk.crash();
        assert_eq!(disk.read(path("second")).unwrap(), b"bytes");
    }
}
