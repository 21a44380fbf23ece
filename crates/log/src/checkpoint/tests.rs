//! Dictionaries: written, read back, and refused when damaged.

use proptest::prelude::*;
use timberline_io::{Fault, SimDisk};
use timberline_model::ErrorKind;

use super::*;

type Dictionary = Vec<(SeriesRef, Labels)>;

fn dir() -> &'static Path {
    Path::new("/data/checkpoint")
}

fn dictionary(count: u64) -> Dictionary {
    let entry = |number: u64| {
        let host = format!("host-{number:06}");
        let labels = Labels::from_pairs([("__name__", "cpu"), ("host", &host)]).unwrap();
        (SeriesRef(number * 3 + ((number % 16) << 32)), labels)
    };
    (0..count).map(entry).collect()
}

fn written(disk: &SimDisk, offset: u64, dictionary: &Dictionary) -> PathBuf {
    write(disk, dir(), LogOffset(offset), dictionary.iter().cloned()).unwrap()
}

fn read_all(disk: &SimDisk, path: &Path) -> Result<(LogOffset, Dictionary), LogError> {
    let mut found = Vec::new();
    let offset = read(disk, path, &mut |series, labels| found.push((series, labels)))?;
    Ok((offset, found))
}

#[test]
fn a_dictionary_of_many_blocks_is_read_back() {
    let disk = SimDisk::new(1);
    for count in [0, 1, 10_000] {
        let dictionary = dictionary(count);
        let path = written(&disk, 4096 + count, &dictionary);
        assert_eq!(read_all(&disk, &path).unwrap(), (LogOffset(4096 + count), dictionary));
    }
    let offsets: Vec<_> = list(&disk, dir()).unwrap().into_iter().map(|(of, _)| of.0).collect();
    assert_eq!(offsets, [4096, 4097, 14_096]);
}

#[test]
fn a_checkpoint_survives_a_power_cut_and_an_unfinished_one_is_not_seen() {
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        let (old, new) = (dictionary(50), dictionary(3000));
        written(&disk, 100, &old);
        disk.fail_after(seed % 12, Fault::Crash);
        let second = write(&disk, dir(), LogOffset(200), new.iter().cloned());
        disk.crash();
        let found = list(&disk, dir()).unwrap();
        assert_eq!(read_all(&disk, &found[0].1).unwrap(), (LogOffset(100), old), "seed {seed}");
        assert!(second.is_err() || found.len() == 2, "seed {seed}");
        for (offset, path) in found.iter().skip(1) {
            assert_eq!(read_all(&disk, path).unwrap(), (*offset, new.clone()), "seed {seed}");
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_named() {
    let disk = SimDisk::new(1);
    let path = written(&disk, 7, &dictionary(20));
    let len = disk.read(&path).unwrap().len() as u64;
    for byte in 0..len {
        disk.flip_bit(&path, byte, (byte % 8) as u8).unwrap();
        let error = read_all(&disk, &path).unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "byte {byte}: {error}");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        disk.flip_bit(&path, byte, (byte % 8) as u8).unwrap();
    }
    for cut in 0..len {
        let shorter = disk.fork(cut);
        shorter.open(&path).unwrap().set_len(cut).unwrap();
        assert!(read_all(&shorter, &path).is_err(), "cut to {cut}");
    }
    disk.open(&path).unwrap().write_all_at(&[0], len).unwrap();
    assert!(read_all(&disk, &path).is_err(), "bytes after the end");
}

#[test]
fn a_missing_block_is_named() {
    let disk = SimDisk::new(1);
    let path = written(&disk, 7, &dictionary(5000));
    let mut bytes = disk.read(&path).unwrap();
    let first = u32_at(&bytes, HEADER_BYTES) as usize + BLOCK_HEADER_BYTES + CRC_BYTES;
    bytes.drain(HEADER_BYTES..HEADER_BYTES + first);
    disk.remove_file(&path).unwrap();
    disk.create(&path, 0).unwrap().write_all_at(&bytes, 0).unwrap();
    let error = read_all(&disk, &path).unwrap_err();
    assert!(error.to_string().contains("blocks are missing"), "{error}");
}

#[test]
fn old_and_unfinished_checkpoints_are_removed() {
    let disk = SimDisk::new(1);
    assert_eq!(remove_before(&disk, dir(), LogOffset(9)).unwrap(), 0);
    for offset in [10, 20, 30] {
        written(&disk, offset, &dictionary(3));
    }
    disk.create(&dir().join("00000000000000000040.dict.tmp"), 0).unwrap();
    disk.create(&dir().join("notes.dict"), 0).unwrap();
    assert_eq!(remove_before(&disk, dir(), LogOffset(30)).unwrap(), 3);
    let left: Vec<_> = disk.list(dir()).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(left, ["00000000000000000030.dict", "notes.dict"]);
}

#[test]
fn a_full_disk_leaves_no_checkpoint() {
    let disk = SimDisk::new(1);
    written(&disk, 1, &dictionary(10));
    disk.set_capacity(disk.used_bytes() + 1000);
    let error = write(&disk, dir(), LogOffset(2), dictionary(3000).into_iter()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(disk.list(dir()).unwrap().len(), 1);
    disk.set_capacity(None);
    written(&disk, 2, &dictionary(3000));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(bytes: Vec<u8>) {
        let disk = SimDisk::new(1);
        let path = Path::new("/x.dict");
        let file = disk.create(path, 0).unwrap();
        file.write_all_at(&[header(LogOffset(1)).as_slice(), &bytes].concat(), 0).unwrap();
        prop_assert!(read_all(&disk, path).is_err());
    }
}

#[test]
fn of_a_damaged_dictionary_the_sound_blocks_are_salvaged() {
    let disk = SimDisk::new(5);
    let dictionary = dictionary(5_000);
    let path = written(&disk, 64, &dictionary);
    let len = disk.open(&path).unwrap().len().unwrap();
    let mut most = 0;
    for byte in (0..len).step_by(9_973).chain([0, 32, 36]) {
        let copy = disk.fork(byte);
        copy.flip_bit(&path, byte, 3).unwrap();
        let mut found = Vec::new();
        let mut each = |series, labels| found.push((series, labels));
        let damaged = salvage(&copy, &path, &mut each).unwrap();
        assert!(damaged > 0 && read_all(&copy, &path).is_err(), "byte {byte}");
        // What is given out is what was written: all before and behind the damaged block, in order.
        let mut written = dictionary.iter();
        assert!(found.iter().all(|entry| written.any(|other| other == entry)), "byte {byte}");
        most = most.max(found.len());
    }
    assert!(most > dictionary.len() / 2, "one damaged block does not take the others along");
}
