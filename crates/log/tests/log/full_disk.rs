//! A disk without space, and one that fails.

use std::sync::Arc;

use timberline_io::{Disk, Fault, SimDisk};
use timberline_log::{Log, LogError, LogOptions};
use timberline_model::{Durability, ErrorKind, LogOffset};

use crate::support::{dir, open, segments, small};

#[test]
fn a_full_disk_refuses_appends_without_effect_until_space_returns() {
    let disk = SimDisk::new(3);
    disk.set_capacity(9000);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    let mut appended = 0;
    let error = loop {
        match log.append(&[7; 500]) {
            Ok(end) => {
                appended += 1;
                log.commit(end, Durability::Synced).unwrap();
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LogError::StorageFull { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(log.stats().storage_full);
    let end = log.end();
    assert!(log.append(&[7; 500]).is_err());
    assert_eq!(log.end(), end);
    log.commit(end, Durability::Synced).unwrap();
    // A smaller frame still goes into what is left of the segment.
    log.append(&[7; 8]).unwrap();

    disk.set_capacity(None);
    log.append(&[7; 500]).unwrap();
    assert!(!log.stats().storage_full);
    log.commit(log.end(), Durability::Synced).unwrap();
    drop(log);
    disk.crash();
    let (_, _, replayed) = open(&disk, LogOffset(0)).unwrap();
    assert_eq!(replayed.len(), appended + 2);
}

#[test]
fn the_reserve_stays_free() {
    let disk = SimDisk::new(3);
    disk.set_capacity(20_000);
    let options = LogOptions { reserve_bytes: 10_000, ..small() };
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let (log, _) = Log::open(shared, dir(), options, LogOffset(0), &mut |_, _| ()).unwrap();
    while let Ok(end) = log.append(&[1; 700]) {
        log.commit(end, Durability::Synced).unwrap();
    }
    assert!(disk.free_bytes(dir()).unwrap() >= 10_000);
    assert_eq!(segments(&disk).len(), 2);
}

#[test]
fn a_failed_sync_poisons_the_log_until_it_is_opened_again() {
    for fault in [Fault::EioOnSync, Fault::Eio, Fault::NoSpace] {
        let disk = SimDisk::new(5);
        let (log, ..) = open(&disk, LogOffset(0)).unwrap();
        let kept = log.append(b"kept").unwrap();
        log.commit(kept, Durability::Synced).unwrap();
        let end = log.append(b"in doubt").unwrap();
        disk.fail_after(0, fault);
        // Never as a full disk's error, which would say that nothing has happened.
        let error = log.commit(end, Durability::Synced).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("/log"), "{error}");
        for _ in 0..2 {
            assert!(matches!(log.append(b"more"), Err(LogError::Poisoned { .. })));
            let error = log.commit(end, Durability::Logged);
            assert!(matches!(error, Ok(()) | Err(LogError::Poisoned { .. })));
            let error = log.commit(end, Durability::Synced).unwrap_err();
            assert!(matches!(error, LogError::Poisoned { .. }), "{error}");
        }
        log.commit(kept, Durability::Synced).unwrap();
        assert!(log.stats().poisoned.is_some());
        drop(log);
        disk.kill_process();

        let (log, _, replayed) = open(&disk, LogOffset(0)).unwrap();
        assert_eq!(replayed[0], (kept, b"kept".to_vec()));
        let end = log.append(b"again").unwrap();
        log.commit(end, Durability::Synced).unwrap();
        drop(log);
        // What was served after opening stays, whatever the failed sync had left in doubt.
        disk.crash();
        let (_, _, after) = open(&disk, LogOffset(0)).unwrap();
        assert_eq!(after[..replayed.len()], replayed);
        assert_eq!(after.last().unwrap().1, b"again");
    }
}

#[test]
fn a_payload_above_the_limit_is_refused_and_one_above_a_segment_is_not() {
    let disk = SimDisk::new(5);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    let max = small().frame_bytes_max;
    let error = log.append(&vec![1; max + 1]).unwrap_err();
    assert!(matches!(error, LogError::FrameTooLarge { .. }), "{error}");
    log.append(b"small").unwrap();
    log.append(&vec![2; max]).unwrap();
    log.append(b"small").unwrap();
    log.commit(log.end(), Durability::Synced).unwrap();
    drop(log);
    disk.crash();
    let (_, recovery, replayed) = open(&disk, LogOffset(0)).unwrap();
    assert_eq!(recovery.frames, 3);
    assert_eq!(replayed[1].1, vec![2; max]);
}

#[test]
fn closing_gives_allocated_space_back() {
    let disk = SimDisk::new(5);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    for _ in 0..3 {
        let end = log.append(&[1; 1000]).unwrap();
        log.commit(end, Durability::Synced).unwrap();
    }
    log.close().unwrap();
    assert_eq!(disk.list(dir()).unwrap().len(), 1);
    assert_eq!(disk.used_bytes(), 32 + 3 * 1032 + 32);
    assert_eq!(log.stats().bytes, disk.used_bytes());
    log.close().unwrap();
    let operations = disk.operation_count();
    drop(log);
    let (log, recovery, _) = open(&disk, LogOffset(0)).unwrap();
    assert_eq!(recovery.frames, 3);
    assert_eq!(disk.operation_count(), operations, "opening a closed log changes nothing");
    let end = log.append(b"more").unwrap();
    log.commit(end, Durability::Synced).unwrap();
    assert_eq!(segments(&disk).len(), 2);
}
