//! Bytes that the disk has changed behind the log's back.

use timberline_io::{Disk, SimDisk};
use timberline_log::LogError;
use timberline_model::{Durability, LogOffset};

use crate::support::{Replayed, dir, open, segments};

/// A log of three small segments, closed or not, and what it holds.
fn log_of(disk: &SimDisk, close: bool) -> Replayed {
    let (log, ..) = open(disk, LogOffset(0)).unwrap();
    let mut frames = Vec::new();
    for number in 0..28_u8 {
        let payload = vec![number + 1; 300 + usize::from(number) % 5];
        let end = log.append(&payload).unwrap();
        frames.push((end, payload));
        if number % 3 == 2 {
            log.commit(end, Durability::Synced).unwrap();
        }
    }
    log.commit(log.end(), Durability::Synced).unwrap();
    if close {
        log.close().unwrap();
    }
    frames
}

#[test]
fn a_flipped_bit_anywhere_in_a_closed_log_is_named_or_harmless() {
    let disk = SimDisk::new(1);
    let frames = log_of(&disk, true);
    assert_eq!(segments(&disk).len(), 3);
    for (path, len) in segments(&disk) {
        for byte in 0..len {
            let flipped = disk.fork(byte);
            flipped.flip_bit(&path, byte, (byte % 8) as u8).unwrap();
            let (log, recovery, replayed) = open(&flipped, LogOffset(0)).unwrap();
            let missing = frames.len() - replayed.len();
            assert!(missing <= 1, "byte {byte} of {path:?}: one flip took {missing} frames");
            assert!(replayed.iter().all(|frame| frames.contains(frame)), "byte {byte}: {path:?}");
            if missing > 0 {
                assert!(!recovery.damaged.is_empty(), "byte {byte} of {path:?}: nothing named");
                assert_eq!(recovery.damaged[0].segment, path);
                assert!(recovery.damaged[0].position <= byte);
            }
            let end = log.append(b"goes on").unwrap();
            log.commit(end, Durability::Synced).unwrap();
            assert!(end > frames.last().unwrap().0);
        }
    }
}

#[test]
fn a_flipped_bit_in_an_unclosed_log_is_never_taken_for_data() {
    let disk = SimDisk::new(1);
    let frames = log_of(&disk, false);
    for (path, len) in segments(&disk) {
        for byte in (0..len).step_by(3) {
            let flipped = disk.fork(byte);
            flipped.flip_bit(&path, byte, (byte % 8) as u8).unwrap();
            let (_, recovery, replayed) = open(&flipped, LogOffset(0)).unwrap();
            assert!(replayed.iter().all(|frame| frames.contains(frame)), "byte {byte}: {path:?}");
            let noticed = !recovery.damaged.is_empty() || recovery.torn_bytes > 0;
            assert!(noticed || replayed == frames, "byte {byte} of {path:?}");
        }
    }
}

#[test]
fn the_log_goes_on_after_damage_and_names_it_until_it_is_truncated() {
    let disk = SimDisk::new(1);
    let frames = log_of(&disk, true);
    let (path, _) = segments(&disk)[0].clone();
    disk.flip_bit(&path, 500, 0).unwrap();
    let (log, recovery, replayed) = open(&disk, LogOffset(0)).unwrap();
    assert_eq!((recovery.damaged.len(), replayed.len()), (1, frames.len() - 1));
    let end = log.append(b"after the damage").unwrap();
    log.commit(end, Durability::Synced).unwrap();
    drop(log);
    let (log, recovery, replayed) = open(&disk, LogOffset(0)).unwrap();
    assert_eq!((recovery.damaged.len(), replayed.len()), (1, frames.len()));
    assert_eq!(replayed.last().unwrap().1, b"after the damage");
    log.truncate_before(end).unwrap();
    drop(log);
    let (_, recovery, replayed) = open(&disk, end).unwrap();
    assert_eq!((recovery.damaged, replayed), (vec![], vec![]));
}

#[test]
fn what_lies_between_damage_and_a_torn_tail_is_served_every_time() {
    let disk = SimDisk::new(1);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    for number in 0..6_u8 {
        let end = log.append(&[number; 100]).unwrap();
        if number < 3 {
            log.commit(end, Durability::Synced).unwrap();
        }
    }
    // The frames from the fourth on say that the first three were durable.
    log.commit(log.end(), Durability::Logged).unwrap();
    drop(log);
    let (path, _) = segments(&disk)[0].clone();
    for frame in [1, 3] {
        disk.flip_bit(&path, 32 + frame * 136 + 40, 0).unwrap();
    }
    let mut first = None;
    for _ in 0..3 {
        let (_, recovery, replayed) = open(&disk, LogOffset(0)).unwrap();
        let payloads: Vec<_> = replayed.iter().map(|(_, payload)| payload[0]).collect();
        assert_eq!((payloads.as_slice(), recovery.damaged.len()), ([0, 2].as_slice(), 1));
        assert_eq!(*first.get_or_insert(recovery.end), recovery.end);
        disk.crash();
    }
}

#[test]
fn a_missing_middle_segment_is_damage_and_the_rest_is_served() {
    let disk = SimDisk::new(1);
    let frames = log_of(&disk, true);
    let all = segments(&disk);
    disk.remove_file(&all[1].0).unwrap();
    let (_, recovery, replayed) = open(&disk, LogOffset(0)).unwrap();
    assert_eq!(recovery.damaged.len(), 1);
    assert_eq!(recovery.damaged[0].segment, all[0].0);
    assert!(recovery.damaged[0].reason.contains("missing"), "{}", recovery.damaged[0]);
    assert!(replayed.len() > 10 && replayed.len() < frames.len());
    assert_eq!(replayed.last(), frames.last());
}

#[test]
fn a_segment_that_was_cut_short_is_damage() {
    let disk = SimDisk::new(1);
    let frames = log_of(&disk, true);
    for (index, (path, len)) in segments(&disk).into_iter().enumerate() {
        for len in [0, 31, 32, 40, len / 2, len - 41] {
            let cut = disk.fork(len);
            cut.open(&path).unwrap().set_len(len).unwrap();
            let (_, recovery, replayed) = open(&cut, LogOffset(0)).unwrap();
            assert!(replayed.iter().all(|frame| frames.contains(frame)));
            // Of the last segment nothing is left that could bear witness.
            if index < 2 {
                assert!(!recovery.damaged.is_empty(), "segment {index} cut to {len}");
            }
        }
    }
}

#[test]
fn a_first_segment_that_is_missing_shows_in_the_start() {
    let disk = SimDisk::new(1);
    let frames = log_of(&disk, true);
    let all = segments(&disk);
    disk.remove_file(&all[0].0).unwrap();
    let (log, recovery, replayed) = open(&disk, LogOffset(0)).unwrap();
    assert!(log.start() > LogOffset(0));
    assert_eq!(recovery.damaged, []);
    assert_eq!(replayed.last(), frames.last());
}

#[test]
fn a_log_that_was_lost_goes_on_at_the_offset_asked_for() {
    let disk = SimDisk::new(1);
    let from = LogOffset(4096);
    let (log, recovery, replayed) = open(&disk, from).unwrap();
    assert_eq!((recovery.end, replayed.len()), (LogOffset(0), 0));
    assert_eq!((log.start(), log.end()), (from, from));
    let end = log.append(b"first again").unwrap();
    log.commit(end, Durability::Synced).unwrap();
    drop(log);
    let (_, recovery, replayed) = open(&disk, from).unwrap();
    assert!(recovery.end > end, "a witness says that the frame is durable");
    assert_eq!(replayed, [(end, b"first again".to_vec())]);
}

#[test]
fn a_log_that_ends_before_the_offset_asked_for_goes_on_there() {
    let disk = SimDisk::new(1);
    let frames = log_of(&disk, true);
    let from = LogOffset(1 << 20);
    let (log, recovery, replayed) = open(&disk, from).unwrap();
    assert!(recovery.end < from && recovery.end >= frames.last().unwrap().0);
    assert!(replayed.is_empty());
    let end = log.append(b"far ahead").unwrap();
    log.commit(end, Durability::Synced).unwrap();
    drop(log);
    let (log, recovery, replayed) = open(&disk, from).unwrap();
    assert_eq!(replayed, [(end, b"far ahead".to_vec())]);
    assert_eq!(recovery.damaged, []);
    let mut reader = log.reader(from).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().payload, b"far ahead");
}

#[test]
fn a_log_that_lost_its_end_goes_on_behind_it_and_says_so_ever_after() {
    let disk = SimDisk::new(1);
    let frames = log_of(&disk, true);
    let (log, recovery, _) = open(&disk, LogOffset(0)).unwrap();
    let ahead = LogOffset(recovery.end.0 + 4_096);
    log.skip_to(LogOffset(0)).unwrap();
    assert_eq!(log.end(), recovery.end);
    log.skip_to(ahead).unwrap();
    assert_eq!((log.end(), log.synced()), (ahead, ahead));
    let end = log.append(b"behind").unwrap();
    log.commit(end, Durability::Synced).unwrap();
    assert!(end > ahead);
    drop(log);
    disk.crash();
    let (log, recovery, replayed) = open(&disk, LogOffset(0)).unwrap();
    assert_eq!(replayed.len(), frames.len() + 1);
    assert_eq!(replayed.last(), Some(&(end, b"behind".to_vec())));
    assert_eq!(recovery.damaged.len(), 1, "{:?}", recovery.damaged);
    assert!(log.end() >= end);
}

#[test]
fn a_segment_of_a_later_version_is_refused_by_name() {
    let disk = SimDisk::new(1);
    log_of(&disk, true);
    let (path, _) = segments(&disk)[0].clone();
    let file = disk.open(&path).unwrap();
    let mut header = [0; 32];
    file.read_exact_at(&mut header, 0).unwrap();
    header[8] = 2;
    let crc = timberline_codec::crc::crc32c(&header[..28]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
    file.write_all_at(&header, 0).unwrap();
    let error = open(&disk, LogOffset(0)).unwrap_err();
    assert!(matches!(error, LogError::Version { found: 2, known: 1, .. }), "{error}");
}

#[test]
fn files_of_others_are_left_alone() {
    let disk = SimDisk::new(1);
    log_of(&disk, true);
    disk.create(&dir().join("notes.txt"), 3).unwrap();
    disk.create(&dir().join("spare-9.tmp"), 3).unwrap();
    open(&disk, LogOffset(0)).unwrap();
    let names: Vec<_> = disk.list(dir()).unwrap().into_iter().map(|entry| entry.name).collect();
    assert!(names.contains(&"notes.txt".to_owned()));
    assert!(!names.contains(&"spare-9.tmp".to_owned()));
}
