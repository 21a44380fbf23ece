//! What power cuts leave of bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{super::sectors::SECTOR_BYTES, *};

#[test]
fn synced_bytes_survive_and_handles_do_not() {
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        let file = durable_file(&disk, "file", &[7; 3 * SECTOR_BYTES + 1]);
        let lock = disk.lock(path("file")).unwrap();
        disk.crash();
        assert_eq!(disk.read(path("file")).unwrap(), [7; 3 * SECTOR_BYTES + 1]);
        assert!(file.len().is_err());
        assert!(file.sync_data().is_err());
        drop(disk.lock(path("file")).unwrap());
        drop(lock);
    }
}

#[test]
fn unsynced_sectors_survive_are_lost_and_are_torn_each_for_itself() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        let file = durable_file(&disk, "file", &[1; 3 * SECTOR_BYTES]);
        file.write_all_at(&[2; 2 * SECTOR_BYTES], 0).unwrap();
        disk.crash();
        let bytes = disk.read(path("file")).unwrap();
        assert_eq!(bytes[2 * SECTOR_BYTES..], [1; SECTOR_BYTES], "nobody wrote the third sector");
        let outcome = |sector: &[u8]| {
            assert!(sector.iter().all(|byte| [1, 2].contains(byte)));
            match (sector.contains(&1), sector.contains(&2)) {
                (true, false) => "lost",
                (false, true) => "kept",
                _ => "torn",
            }
        };
        let (first, second) = bytes[..2 * SECTOR_BYTES].split_at(SECTOR_BYTES);
        outcomes.insert((outcome(first), outcome(second)));
    }
    assert_eq!(outcomes.len(), 9, "{outcomes:?}");
}

#[test]
fn a_version_between_two_unsynced_writes_can_come_back() {
    let found = (0..SEEDS).any(|seed| {
        let disk = SimDisk::new(seed);
        let file = durable_file(&disk, "file", &[1; SECTOR_BYTES]);
        file.write_all_at(&[2; SECTOR_BYTES], 0).unwrap();
        file.write_all_at(&[3; SECTOR_BYTES], 0).unwrap();
        disk.crash();
        disk.read(path("file")).unwrap() == [2; SECTOR_BYTES]
    });
    assert!(found);
}

#[test]
fn an_unsynced_length_survives_or_not() {
    let lens: BTreeSet<usize> = (0..SEEDS)
        .map(|seed| {
            let disk = SimDisk::new(seed);
            let file = durable_file(&disk, "file", &[1; 700]);
            file.write_all_at(&[2; 700], 700).unwrap();
            file.set_len(100).unwrap();
            disk.crash();
            let bytes = disk.read(path("file")).unwrap();
            assert!(bytes.iter().all(|byte| [0, 1, 2].contains(byte)));
            bytes.len()
        })
        .collect();
    assert_eq!(lens, BTreeSet::from([100, 700, 1400]));
}

#[test]
fn bytes_that_were_cut_off_may_come_back_or_be_zero_but_never_if_synced() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        let file = durable_file(&disk, "file", &[1; 2 * SECTOR_BYTES]);
        file.set_len(0).unwrap();
        file.set_len(2 * SECTOR_BYTES as u64).unwrap();
        if seed % 2 == 0 {
            file.sync_data().unwrap();
        }
        disk.crash();
        let bytes = disk.read(path("file")).unwrap();
        if seed % 2 == 0 {
            assert_eq!(bytes, [0; 2 * SECTOR_BYTES]);
        } else {
            seen.extend(bytes.last().copied());
        }
    }
    assert_eq!(seen, BTreeSet::from([0, 1]));
}

#[test]
fn a_killed_process_leaves_the_page_cache() {
    let disk = SimDisk::new(1);
    let process = disk.as_process();
    let file = process.create(path("file"), 0).unwrap();
    file.write_all_at(b"unsynced", 0).unwrap();
    let _lock = process.lock(path("LOCK")).unwrap();
    disk.kill_process();
    assert!(file.write_all_at(b"late", 0).is_err());
    assert!(process.read(path("file")).is_err());
    assert!(process.create(path("other"), 0).is_err());
    assert_eq!(disk.read(path("file")).unwrap(), b"unsynced");
    disk.as_process().lock(path("LOCK")).unwrap();
}

#[test]
fn the_same_seed_and_operations_give_the_same_disk() {
    let run = |seed| {
        let disk = SimDisk::new(seed);
        let file = durable_file(&disk, "file", &[1; 40 * SECTOR_BYTES]);
        file.write_all_at(&[2; 40 * SECTOR_BYTES], 0).unwrap();
        disk.crash();
        disk.read(path("file")).unwrap()
    };
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed));
    }
    assert!((0..20).any(|seed| run(seed) != run(seed + 1)));
}

#[test]
fn a_fork_has_its_own_future() {
    let disk = SimDisk::new(1);
    let file = durable_file(&disk, "file", b"same");
    let fork = disk.fork(2);
    file.write_all_at(b"more", 4).unwrap();
    fork.flip_bit(path("file"), 0, 0).unwrap();
    assert_eq!(disk.read(path("file")).unwrap(), b"samemore");
    assert_eq!(fork.read(path("file")).unwrap(), b"rame");
}

#[derive(Clone, Debug)]
enum Step {
    Write { at: usize, len: usize, byte: u8 },
    SetLen(usize),
    Sync,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0_usize..3000, 0_usize..1500, 1_u8..)
            .prop_map(|(at, len, byte)| Step::Write { at, len, byte }),
        1 => (0_usize..4000).prop_map(Step::SetLen),
        2 => Just(Step::Sync),
    ]
}

proptest! {
    /// Every byte after a power cut is one that stood there at the last sync or was put there since.
    #[test]
    fn no_byte_is_invented(seed: u64, steps in prop::collection::vec(step(), 1..30)) {
        let disk = SimDisk::new(seed);
        let file = durable_file(&disk, "file", b"");
        let mut bytes: Vec<u8> = Vec::new();
        let mut possible: Vec<BTreeSet<u8>> = vec![BTreeSet::from([0]); 8192];
        let mut lens = BTreeSet::from([0]);
        for step in steps {
            match step {
                Step::Write { at, len, byte } => {
                    file.write_all_at(&vec![byte; len], at as u64).unwrap();
                    if len > 0 {
                        bytes.resize(bytes.len().max(at + len), 0);
                        bytes[at..at + len].fill(byte);
                    }
                }
                Step::SetLen(len) => {
                    file.set_len(len as u64).unwrap();
                    bytes.resize(len, 0);
                }
                Step::Sync => {
                    file.sync_data().unwrap();
                    possible = vec![BTreeSet::new(); 8192];
                    lens.clear();
                }
            }
            lens.insert(bytes.len());
            for (at, possible) in possible.iter_mut().enumerate() {
                possible.insert(bytes.get(at).copied().unwrap_or(0));
            }
            prop_assert_eq!(&disk.read(path("file")).unwrap(), &bytes);
        }
        disk.crash();
        let left = disk.read(path("file")).unwrap();
        prop_assert!(lens.contains(&left.len()));
        for (at, byte) in left.iter().enumerate() {
            prop_assert!(possible[at].contains(byte), "byte {} is {}", at, byte);
        }
    }
}
