//! Readers beside a writer.

use std::time::Duration;

use timberline_io::SimDisk;
use timberline_log::LogError;
use timberline_model::{Durability, LogOffset};

use crate::support::{open, segments};

#[test]
fn a_reader_follows_the_log_across_segments() {
    let disk = SimDisk::new(1);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    let mut reader = log.reader(log.start()).unwrap();
    assert_eq!(reader.next().unwrap(), None);
    let mut last = LogOffset(0);
    for number in 0..40_u8 {
        let end = log.append(&[number; 333]).unwrap();
        assert_eq!(reader.next().unwrap(), None, "not yet written");
        log.commit(end, Durability::Logged).unwrap();
        let frame = reader.next().unwrap().unwrap();
        assert_eq!((frame.offset, frame.end, frame.payload), (last, end, vec![number; 333]));
        last = end;
    }
    assert!(segments(&disk).len() > 2);
    assert_eq!(reader.position(), log.end());
}

#[test]
fn a_reader_begins_at_any_end_of_a_frame() {
    let disk = SimDisk::new(1);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    let ends: Vec<_> = (0..30).map(|number| log.append(&[number; 300]).unwrap()).collect();
    log.commit(log.end(), Durability::Synced).unwrap();
    for (index, end) in ends.iter().enumerate() {
        let frame = log.reader(*end).unwrap().next().unwrap();
        assert_eq!(frame.map(|frame| frame.end), ends.get(index + 1).copied());
    }
}

#[test]
fn a_reader_that_is_too_slow_is_told() {
    let disk = SimDisk::new(1);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    let mut reader = log.reader(log.start()).unwrap();
    for _ in 0..40 {
        log.append(&[1; 300]).unwrap();
    }
    log.commit(log.end(), Durability::Synced).unwrap();
    let freed = log.truncate_before(log.end()).unwrap();
    assert!(freed > 4096 && log.start() > LogOffset(0));
    assert_eq!(segments(&disk).len(), 1);
    let error = reader.next().unwrap_err();
    assert!(matches!(error, LogError::Truncated { .. }), "{error}");
    assert!(log.reader(LogOffset(0)).is_err());
    assert!(log.reader(log.start()).unwrap().next().unwrap().is_some());
}

#[test]
fn truncation_keeps_the_frames_after_the_offset() {
    let disk = SimDisk::new(1);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    let ends: Vec<_> = (0..40).map(|number| log.append(&[number; 300]).unwrap()).collect();
    log.commit(log.end(), Durability::Synced).unwrap();
    let from = ends[20];
    assert!(log.truncate_before(from).unwrap() > 0);
    assert_eq!(log.truncate_before(from).unwrap(), 0);
    assert!(log.start() <= from);
    drop(log);
    disk.crash();
    let (_, _, replayed) = open(&disk, from).unwrap();
    assert_eq!(replayed.iter().map(|(end, _)| *end).collect::<Vec<_>>(), ends[21..]);
}

#[test]
fn a_reader_steps_over_damage_and_says_so() {
    let disk = SimDisk::new(1);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    for number in 0..5 {
        log.append(&[number; 104]).unwrap();
    }
    log.commit(log.end(), Durability::Synced).unwrap();
    let (path, _) = segments(&disk)[0].clone();
    // The second frame's header and the fourth one's payload.
    disk.flip_bit(&path, 32 + 136 + 5, 1).unwrap();
    disk.flip_bit(&path, 32 + 3 * 136 + 40, 1).unwrap();
    let mut reader = log.reader(log.start()).unwrap();
    let mut seen = Vec::new();
    let mut damaged = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(frame)) => seen.push(frame.payload[0]),
            Ok(None) => break,
            Err(LogError::Damaged { position, .. }) => damaged.push(position),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((seen, damaged), (vec![0, 2, 4], vec![32 + 136, 32 + 3 * 136]));
}

#[test]
fn waiting_ends_when_frames_are_written() {
    let disk = SimDisk::new(1);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    assert!(!log.wait_beyond(LogOffset(0), Duration::ZERO));
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| log.wait_beyond(LogOffset(0), Duration::from_secs(60)));
        let end = log.append(b"news").unwrap();
        assert!(!log.wait_beyond(LogOffset(0), Duration::ZERO), "appended, not yet written");
        log.commit(end, Durability::Logged).unwrap();
        assert!(waiter.join().unwrap());
    });
}
