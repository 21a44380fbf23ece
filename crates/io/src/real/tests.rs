//! The real disk, in a directory of its own.

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    process::{Command, Stdio},
};

use super::*;

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_created_file_has_its_length_in_zeros_and_its_space() {
    use std::os::unix::fs::MetadataExt;

    let dir = dir();
    let path = dir.path().join("segment");
    let file = RealDisk.create(&path, 100_000).unwrap();
    assert_eq!(file.len().unwrap(), 100_000);
    assert!(fs::metadata(&path).unwrap().blocks() * 512 >= 100_000);
    let mut bytes = vec![1; 100_000];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert!(bytes.iter().all(|&byte| byte == 0));
    assert_eq!(RealDisk.create(&path, 1).unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn the_fallback_for_allocation_writes_zeros() {
    use std::os::unix::fs::MetadataExt;

    let dir = dir();
    let path = dir.path().join("segment");
    let file = File::create(&path).unwrap();
    let len = 2 * 1_048_576 + 12_345;
    allocate::zero_fill(&file, len).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.len(), len);
    assert!(metadata.blocks() * 512 >= len);
}

#[test]
fn a_creation_without_space_leaves_no_file() {
    let dir = dir();
    let path = dir.path().join("too-large");
    // More than any disk has, within what an offset can say.
    assert!(RealDisk.create(&path, 1 << 62).is_err());
    assert_eq!(RealDisk.open(&path).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn writes_are_positioned_and_grow_the_file() {
    let dir = dir();
    let path = dir.path().join("file");
    let file = RealDisk.create(&path, 0).unwrap();
    assert!(file.is_empty().unwrap());
    file.write_all_at(b"tail", 6).unwrap();
    file.write_all_at(b"head", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(RealDisk.read(&path).unwrap(), b"head\0\0tail");
    file.set_len(3).unwrap();
    let again = RealDisk.open(&path).unwrap();
    let mut bytes = [0; 3];
    again.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"hea");
    assert_eq!(again.read_exact_at(&mut bytes, 1).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_map_shows_the_file_even_after_its_removal() {
    let dir = dir();
    let path = dir.path().join("block");
    RealDisk.create(&path, 0).unwrap().write_all_at(b"immutable", 0).unwrap();
    let mapped = RealDisk.map(&path).unwrap();
    RealDisk.remove_file(&path).unwrap();
    assert_eq!(&mapped[..], b"immutable");
    assert_eq!(&mapped.clone()[2..4], b"mu");
    assert_eq!(RealDisk.map(&path).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn an_empty_file_maps_to_nothing() {
    let dir = dir();
    let path = dir.path().join("empty");
    drop(RealDisk.create(&path, 0).unwrap());
    assert!(RealDisk.map(&path).unwrap().is_empty());
}

#[test]
fn names_are_listed_renamed_and_removed() {
    let dir = dir();
    let deep = dir.path().join("a/b");
    RealDisk.create_dir_all(&deep).unwrap();
    RealDisk.create_dir_all(&deep).unwrap();
    RealDisk.create(&dir.path().join("z"), 5).unwrap();
    RealDisk.create(&dir.path().join("old"), 2).unwrap();
    RealDisk.rename(&dir.path().join("old"), &dir.path().join("m")).unwrap();
    RealDisk.sync_dir(dir.path()).unwrap();
    let entry = |name: &str, is_dir, len| DirEntry { name: name.to_owned(), is_dir, len };
    let expected = [entry("a", true, 0), entry("m", false, 2), entry("z", false, 5)];
    assert_eq!(RealDisk.list(dir.path()).unwrap(), expected);
    RealDisk.remove_dir_all(&dir.path().join("a")).unwrap();
    assert_eq!(RealDisk.list(&deep).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_second_name_keeps_the_bytes_when_the_first_is_gone() {
    let dir = dir();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    RealDisk.create(&first, 0).unwrap().write_all_at(b"bytes", 0).unwrap();
    RealDisk.link(&first, &second).unwrap();
    let again = RealDisk.link(&first, &second).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    RealDisk.remove_file(&first).unwrap();
    assert_eq!(RealDisk.read(&second).unwrap(), b"bytes");
}

#[test]
fn a_directory_without_a_name_is_the_current_one() {
    RealDisk.sync_dir(Path::new("")).unwrap();
    assert!(RealDisk.free_bytes(Path::new("")).unwrap() > 0);
    assert!(!RealDisk.list(Path::new("")).unwrap().is_empty());
}

#[test]
fn free_bytes_says_what_the_file_system_has() {
    let dir = dir();
    assert!(RealDisk.free_bytes(dir.path()).unwrap() > 1 << 20);
    assert!(RealDisk.free_bytes(&dir.path().join("missing")).is_err());
}

#[test]
fn a_lock_keeps_out_a_second_holder_in_this_process() {
    let dir = dir();
    let path = dir.path().join("LOCK");
    let lock = RealDisk.lock(&path).unwrap();
    assert_eq!(RealDisk.lock(&path).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(lock);
    drop(RealDisk.lock(&path).unwrap());
}

/// Set for the copy of this test program that [`a_lock_ends_with_its_process`] starts.
const HOLDER_ENV: &str = "TIMBERLINE_TEST_LOCK_HOLDER";

#[test]
fn a_lock_ends_with_its_process() {
    let name = "real::tests::a_lock_ends_with_its_process";
    if let Some(path) = std::env::var_os(HOLDER_ENV) {
        let _lock = RealDisk.lock(Path::new(&path)).unwrap();
        println!("\nlocked");
        io::stdout().flush().unwrap();
        // Holds the lock until killed.
        let mut line = String::new();
        io::stdin().read_line(&mut line).unwrap();
        return;
    }
    let dir = dir();
    let path = dir.path().join("LOCK");
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(HOLDER_ENV, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "locked"));
    assert_eq!(RealDisk.lock(&path).unwrap_err().kind(), ErrorKind::WouldBlock);
    holder.kill().unwrap();
    holder.wait().unwrap();
    RealDisk.lock(&path).unwrap();
}

#[test]
fn memory_file_systems_work_like_others() {
    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { return };
    let path = dir.path().join("segment");
    let file = RealDisk.create(&path, 65_536).unwrap();
    file.write_all_at(b"bytes", 65_531).unwrap();
    file.sync_data().unwrap();
    RealDisk.sync_dir(dir.path()).unwrap();
    assert_eq!(&RealDisk.map(&path).unwrap()[65_531..], b"bytes");
    let _lock = RealDisk.lock(&dir.path().join("LOCK")).unwrap();
    assert!(RealDisk.free_bytes(dir.path()).unwrap() > 0);
}
