//! Lives and deaths of a log, by seed.

use std::path::Path;

use timberline_io::{Disk, Fault, Random, SimDisk};
use timberline_log::{Log, LogError};
use timberline_model::{Durability, LogOffset};

use crate::support::{Replayed, open};

/// What the log must be, told by a model that never crashes.
struct World {
    disk: SimDisk,
    random: Random,
    /// Frames that may be in the log, in order, with payloads that occur once.
    history: Replayed,
    /// Acknowledged as written: survives the death of the process.
    logged: LogOffset,
    /// Acknowledged as synced: survives everything.
    synced: LogOffset,
    /// Where replay is asked to begin.
    from: LogOffset,
    made: u64,
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    Closed,
    Killed,
    PowerCut,
}

fn seeds() -> u64 {
    std::env::var("TIMBERLINE_SIM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}

#[test]
fn what_was_acknowledged_survives_any_death_and_nothing_else_appears() {
    for seed in 0..seeds() {
        let mut world = World::new(seed);
        let lives = 2 + world.random.below(5);
        for _ in 0..lives {
            world.live();
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            disk: SimDisk::new(seed),
            random: Random::new(seed),
            history: Vec::new(),
            logged: LogOffset(0),
            synced: LogOffset(0),
            from: LogOffset(0),
            made: 0,
            seed,
        }
    }

    fn live(&mut self) {
        let disk = self.disk.as_process();
        // Some faults strike while the log recovers.
        if self.random.percent(20) {
            self.plan_fault(6);
        }
        match open(&disk, self.from) {
            Ok((log, recovery, replayed)) => {
                assert_eq!(recovery.damaged, [], "seed {}", self.seed);
                self.check(&log, &replayed);
                if self.random.percent(60) {
                    self.plan_fault(40);
                }
                let death = self.work(&log);
                drop(log);
                self.die(death);
            }
            Err(error) => {
                assert!(matches!(error, LogError::Disk { .. }), "seed {}: {error}", self.seed);
                let death = self.any_death();
                self.die(death);
            }
        }
    }

    /// Compares what was replayed with what may and must be there, and takes it for the truth.
    fn check(&mut self, log: &Log, replayed: &Replayed) {
        let seed = self.seed;
        let wanted: Replayed =
            self.history.iter().filter(|(end, _)| *end > self.from).cloned().collect();
        assert!(replayed.len() <= wanted.len(), "seed {seed}: frames that nobody appended");
        assert_eq!(*replayed, wanted[..replayed.len()], "seed {seed}: not a prefix");
        let lost = wanted[replayed.len()..].first();
        if let Some((end, _)) = lost {
            assert!(*end > self.logged, "seed {seed}: lost the frame that ends at {end}");
        }
        self.history.truncate(self.history.len() - (wanted.len() - replayed.len()));
        assert!(log.end() >= self.from.max(self.logged), "seed {seed}: numbering went back");
        let replayed_to = replayed.last().map_or(self.from, |(end, _)| *end);
        assert!(log.synced() >= replayed_to, "seed {seed}: replayed what may be lost again");
        (self.logged, self.synced) = (log.synced(), log.synced());
    }

    fn plan_fault(&mut self, within: u64) {
        let faults = [Fault::Crash, Fault::Crash, Fault::Eio, Fault::EioOnSync, Fault::NoSpace];
        let fault = faults[self.random.below(5) as usize];
        let after = self.random.below(within);
        self.disk.fail_after(after, fault);
    }

    fn any_death(&mut self) -> Death {
        if self.random.percent(50) { Death::Killed } else { Death::PowerCut }
    }

    fn work(&mut self, log: &Log) -> Death {
        let steps = self.random.below(60);
        for _ in 0..steps {
            if self.step(log).is_err() {
                return self.any_death();
            }
        }
        if self.random.percent(30) && log.close().is_ok() {
            (self.logged, self.synced) = (log.end(), log.end());
            return Death::Closed;
        }
        self.any_death()
    }

    fn step(&mut self, log: &Log) -> Result<(), LogError> {
        match self.random.below(10) {
            0..6 => match self.append(log) {
                // Not an end: the log takes frames again when there is space.
                Err(LogError::StorageFull { .. }) => Ok(()),
                result => result,
            },
            6 => {
                log.commit(log.end(), Durability::Logged)?;
                self.logged = log.end();
                Ok(())
            }
            7..9 => {
                let upto = self.some_end(LogOffset(u64::MAX));
                log.commit(upto, Durability::Synced)?;
                self.synced = self.synced.max(upto);
                self.logged = self.logged.max(upto);
                Ok(())
            }
            _ => {
                if self.random.percent(20) {
                    self.from = self.from.max(self.some_end(self.synced));
                    log.truncate_before(self.from)?;
                }
                self.read(log)
            }
        }
    }

    fn append(&mut self, log: &Log) -> Result<(), LogError> {
        let len = match self.random.below(20) {
            0 => 0,
            1 => 3000 + self.random.below(6000),
            _ => self.random.below(700),
        };
        self.made += 1;
        let mut payload = self.made.to_le_bytes().to_vec();
        payload.extend((0..len).map(|index| (index as u8) ^ (self.made as u8)));
        if len == 0 {
            payload.clear();
        }
        let end = log.append(&payload)?;
        if !payload.is_empty() {
            self.history.push((end, payload));
        }
        Ok(())
    }

    /// The end of some frame, at most `max`.
    fn some_end(&mut self, max: LogOffset) -> LogOffset {
        let count = self.history.partition_point(|(end, _)| *end <= max);
        if count == 0 {
            return self.from.min(max);
        }
        self.history[self.random.below(count as u64) as usize].0
    }

    fn read(&mut self, log: &Log) -> Result<(), LogError> {
        let start = log.start();
        let mut reader = log.reader(start)?;
        let mut read = Vec::new();
        while let Some(frame) = reader.next()? {
            read.push((frame.end, frame.payload));
        }
        let written = log.written();
        let inside = |(end, _): &&(LogOffset, Vec<u8>)| *end > start && *end <= written;
        let wanted: Replayed = self.history.iter().filter(inside).cloned().collect();
        assert_eq!(read, wanted, "seed {}: a reader saw something else", self.seed);
        Ok(())
    }

    fn die(&mut self, death: Death) {
        // A planned fault may have cut the power already.
        if death == Death::PowerCut {
            self.disk.crash();
            self.logged = self.synced;
        } else {
            if self.disk.list(Path::new("/")).is_err() {
                self.logged = self.synced;
            }
            self.disk.reboot();
            self.disk.kill_process();
        }
        self.disk.clear_faults();
    }
}

#[test]
fn a_recovered_frame_is_called_synced_only_when_it_is() {
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        let (log, ..) = open(&disk, LogOffset(0)).unwrap();
        log.commit(log.append(b"kept").unwrap(), Durability::Synced).unwrap();
        disk.fail_after(0, Fault::EioOnSync);
        log.close().unwrap_err();
        disk.kill_process();
        drop(log);
        // The last frame, a witness, is in the page cache only, and is found there.
        let (log, ..) = open(&disk, LogOffset(0)).unwrap();
        let end = log.end();
        log.commit(end, Durability::Synced).unwrap();
        assert_eq!(log.synced(), end);
        disk.crash();
        drop(log);
        let (log, recovery, _) = open(&disk, end).unwrap();
        assert_eq!(recovery.damaged, [], "seed {seed}");
        assert!(log.end() >= end);
    }
}
