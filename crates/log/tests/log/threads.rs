//! Many writers at once.

use std::collections::HashMap;

use timberline_io::SimDisk;
use timberline_model::{Durability, LogOffset};

use crate::support::{open, segments};

const WRITERS: u8 = 8;

#[test]
fn frames_of_parallel_writers_survive_in_each_writers_order() {
    for seed in 0..8 {
        let disk = SimDisk::new(seed);
        let (log, ..) = open(&disk.as_process(), LogOffset(0)).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let log = &log;
                scope.spawn(move || {
                    for number in 0..60_u8 {
                        let mut payload = vec![writer, number];
                        payload.resize(2 + usize::from(number) * 3, writer);
                        let end = log.append(&payload).unwrap();
                        let logged = number % 4 == 0 && number < 50;
                        let durability =
                            if logged { Durability::Logged } else { Durability::Synced };
                        log.commit(end, durability).unwrap();
                        assert!(log.written() >= end);
                        assert!(logged || log.synced() >= end);
                    }
                });
            }
        });
        assert_eq!(log.stats().appended_frames, u64::from(WRITERS) * 60);
        drop(log);
        assert!(segments(&disk).len() > 2);
        disk.crash();
        let (_, recovery, replayed) = open(&disk, LogOffset(0)).unwrap();
        assert_eq!((recovery.damaged.len(), recovery.torn_bytes), (0, 0));
        let mut next: HashMap<u8, u8> = HashMap::new();
        for (_, payload) in &replayed {
            let number = next.entry(payload[0]).or_default();
            assert_eq!(payload[1], *number, "writer {}", payload[0]);
            *number += 1;
        }
        assert!((0..WRITERS).all(|writer| next[&writer] == 60));
    }
}

#[test]
fn a_failed_sync_reaches_every_writer() {
    let disk = SimDisk::new(1);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    disk.fail_after(20, timberline_io::Fault::EioOnSync);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let log = &log;
                scope.spawn(move || {
                    (0..10_000).find_map(|_| {
                        let end = log.append(&[writer; 40]);
                        end.and_then(|end| log.commit(end, Durability::Synced)).err()
                    })
                })
            })
            .collect();
        for writer in writers {
            assert!(writer.join().unwrap().is_some(), "a writer was told that all is well");
        }
    });
}
