//! Faults strike where they were told to, and leave what they may leave.

use std::{collections::BTreeSet, io::ErrorKind};

use super::{super::sectors::SECTOR_BYTES, *};

#[test]
fn a_fault_strikes_once_after_the_operations_it_was_given() {
    let disk = SimDisk::new(0);
    let file = durable_file(&disk, "file", b"");
    let before = disk.operation_count();
    disk.fail_after(2, Fault::Eio);
    file.write_all_at(b"1", 0).unwrap();
    file.sync_data().unwrap();
    let error = file.write_all_at(b"2", 1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::IO.raw_os_error()));
    file.write_all_at(b"3", 1).unwrap();
    assert_eq!(disk.operation_count(), before + 4);
}

#[test]
fn a_failed_write_may_be_done_in_part() {
    let done: BTreeSet<usize> = (0..SEEDS)
        .map(|seed| {
            let disk = SimDisk::new(seed);
            let file = durable_file(&disk, "file", &[1; 4]);
            disk.fail_after(0, Fault::Eio);
            assert!(file.write_all_at(&[2; 4], 0).is_err());
            disk.read(path("file")).unwrap().iter().filter(|&&byte| byte == 2).count()
        })
        .collect();
    assert_eq!(done, BTreeSet::from([0, 1, 2, 3, 4]));
}

#[test]
fn what_a_failed_sync_gave_up_stays_in_doubt_after_a_later_one() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        let file = durable_file(&disk, "file", &[1; 3 * SECTOR_BYTES]);
        disk.fail_after(0, Fault::EioOnSync);
        // Writes are not struck: the fault waits for a sync.
        file.write_all_at(&[2; 2 * SECTOR_BYTES], 0).unwrap();
        assert!(file.sync_data().is_err());
        file.write_all_at(&[3; SECTOR_BYTES], SECTOR_BYTES as u64).unwrap();
        file.sync_data().unwrap();
        disk.crash();
        let bytes = disk.read(path("file")).unwrap();
        outcomes.insert(bytes[0]);
        assert_eq!(bytes[SECTOR_BYTES..2 * SECTOR_BYTES], [3; SECTOR_BYTES]);
    }
    assert_eq!(outcomes, BTreeSet::from([1, 2]));
}

#[test]
fn a_power_cut_in_an_operation_stops_everything_until_the_reboot() {
    let mut found = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        let file = durable_file(&disk, "file", &[1; 2 * SECTOR_BYTES]);
        disk.fail_after(0, Fault::Crash);
        assert!(file.write_all_at(&[2; 2 * SECTOR_BYTES], 0).is_err());
        assert!(file.len().is_err());
        assert!(disk.read(path("file")).is_err());
        assert!(disk.create(path("other"), 0).is_err());
        disk.reboot();
        let bytes = disk.read(path("file")).unwrap();
        found.insert((bytes[0], bytes[2 * SECTOR_BYTES - 1]));
        assert!(file.len().is_err());
    }
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn a_power_cut_in_a_sync_may_come_before_or_after_it() {
    let found: BTreeSet<u8> = (0..SEEDS)
        .map(|seed| {
            let disk = SimDisk::new(seed);
            let file = durable_file(&disk, "file", &[1]);
            file.write_all_at(&[2], 0).unwrap();
            disk.fail_after(0, Fault::Crash);
            assert!(file.sync_data().is_err());
            disk.reboot();
            disk.read(path("file")).unwrap()[0]
        })
        .collect();
    assert_eq!(found, BTreeSet::from([1, 2]));
}

#[test]
fn a_full_disk_refuses_at_allocation_and_recovers() {
    let disk = SimDisk::new(0);
    disk.set_capacity(1000);
    let file = disk.create(path("log"), 600).unwrap();
    assert_eq!(disk.free_bytes(path("")).unwrap(), 400);
    let full = disk.create(path("next"), 600).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    assert!(disk.open(path("next")).is_err());
    // What is allocated may be written.
    file.write_all_at(&[1; 600], 0).unwrap();
    file.write_all_at(&[1; 400], 600).unwrap();
    assert_eq!(file.set_len(1001).unwrap_err().kind(), ErrorKind::StorageFull);
    file.set_len(300).unwrap();
    disk.create(path("next"), 600).unwrap();
    disk.remove_file(path("next")).unwrap();
    assert_eq!(disk.free_bytes(path("")).unwrap(), 700);
    disk.set_capacity(None);
    assert!(disk.free_bytes(path("")).unwrap() > 1 << 40);
}

#[test]
fn a_write_on_a_full_disk_is_done_as_far_as_it_fits() {
    let disk = SimDisk::new(0);
    disk.set_capacity(10);
    let file = disk.create(path("file"), 6).unwrap();
    let error = file.write_all_at(&[1; 8], 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(disk.read(path("file")).unwrap(), [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn no_space_strikes_only_what_takes_space() {
    let disk = SimDisk::new(0);
    let file = durable_file(&disk, "file", b"");
    disk.fail_after(0, Fault::NoSpace);
    file.sync_data().unwrap();
    disk.rename(path("file"), path("other")).unwrap();
    let error = disk.create(path("new"), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    disk.create(path("new"), 1).unwrap();
}

#[test]
fn a_flipped_bit_stays_flipped() {
    let disk = SimDisk::new(0);
    durable_file(&disk, "file", b"AB");
    disk.flip_bit(path("file"), 1, 5).unwrap();
    disk.crash();
    assert_eq!(disk.read(path("file")).unwrap(), b"Ab");
    assert!(disk.flip_bit(path("file"), 2, 0).is_err());
    assert!(disk.flip_bit(path("none"), 0, 0).is_err());
}

#[test]
fn a_wild_offset_is_refused() {
    let disk = SimDisk::new(0);
    let file = durable_file(&disk, "file", b"");
    assert_eq!(file.set_len(u64::MAX).unwrap_err().kind(), ErrorKind::FileTooLarge);
    assert!(file.write_all_at(b"x", u64::MAX).is_err());
    assert!(file.read_exact_at(&mut [0], u64::MAX).is_err());
}
