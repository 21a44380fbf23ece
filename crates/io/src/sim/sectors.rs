//! A file's bytes, and for each sector not yet durable the versions a power cut may bring back.
//!
//! Invariant: a sector absent from `unsynced` is durable as it stands in `bytes`.

use std::collections::BTreeMap;

use crate::Random;

/// Bytes that a disk writes at once, or tears.
pub(super) const SECTOR_BYTES: usize = 512;

/// Older versions kept of a sector or a length: the durable one and the newest of the others.
const VERSIONS_MAX: usize = 6;

type Sector = [u8; SECTOR_BYTES];

/// How much of the unsynced a power cut leaves; drawn once for each cut, so that cuts that keep all
/// or nothing come up as well as mixed ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Survival {
    percent_kept: u64,
    percent_torn: u64,
}

impl Survival {
    pub(super) fn draw(random: &mut Random) -> Self {
        let percent_kept = match random.below(5) {
            0 => 0,
            1 => 100,
            _ => random.below(101),
        };
        let percent_torn = if random.percent(50) { 0 } else { random.below(41) };
        Self { percent_kept, percent_torn }
    }
}

/// What may be found again instead of the present version, oldest (durable) first.
#[derive(Clone, Debug)]
struct Older<T> {
    versions: Vec<T>,
    /// A sync failed since the last change: no later sync will write this again.
    abandoned: bool,
}

impl<T> Older<T> {
    fn new(durable: T) -> Self {
        Self { versions: vec![durable], abandoned: false }
    }

    fn push(&mut self, version: T) {
        if self.versions.len() == VERSIONS_MAX {
            self.versions.remove(1);
        }
        self.versions.push(version);
        self.abandoned = false;
    }
}

/// The bytes of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Sectors {
    bytes: Vec<u8>,
    unsynced: BTreeMap<usize, Older<Sector>>,
    unsynced_len: Option<Older<usize>>,
}

impl Sectors {
    /// As the processes see the file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes at `offset`, growing the file if need be.
    pub(super) fn write(&mut self, offset: usize, new: &[u8]) {
        if new.is_empty() {
            return;
        }
        let end = offset + new.len();
        if end > self.bytes.len() {
            self.change_len(end);
        }
        for sector in offset / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES {
            self.remember(sector);
        }
        self.bytes[offset..end].copy_from_slice(new);
    }

    /// Cuts the file or extends it with zeros.
    pub(super) fn set_len(&mut self, len: usize) {
        if len < self.bytes.len() {
            for sector in len / SECTOR_BYTES..self.bytes.len().div_ceil(SECTOR_BYTES) {
                let start = len.max(sector * SECTOR_BYTES);
                let end = self.bytes.len().min((sector + 1) * SECTOR_BYTES);
                if self.bytes[start..end].iter().any(|&byte| byte != 0) {
                    self.remember(sector);
                }
            }
        }
        if len != self.bytes.len() {
            self.change_len(len);
        }
    }

    /// Makes the present version durable, except what an earlier failed sync has given up.
    pub(super) fn sync(&mut self) {
        self.unsynced.retain(|_, older| older.abandoned);
        self.unsynced_len.take_if(|older| !older.abandoned);
    }

    /// A sync that failed: the cache now believes to be clean, yet nothing is known to be durable.
    pub(super) fn fail_sync(&mut self) {
        for older in self.unsynced.values_mut() {
            older.abandoned = true;
        }
        if let Some(older) = &mut self.unsynced_len {
            older.abandoned = true;
        }
    }

    /// Leaves what a power cut leaves.
    pub(super) fn cut_power(&mut self, survival: Survival, random: &mut Random) {
        let mut len = self.bytes.len();
        let mut room = len;
        if let Some(older) = self.unsynced_len.take() {
            room = older.versions.iter().copied().fold(len, usize::max);
            if !random.percent(survival.percent_kept) {
                len = older.versions[random.up_to(older.versions.len() - 1)];
            }
        }
        self.bytes.resize(room.next_multiple_of(SECTOR_BYTES), 0);
        for (sector, older) in std::mem::take(&mut self.unsynced) {
            let start = sector * SECTOR_BYTES;
            if let Some(present) = self.bytes.get_mut(start..start + SECTOR_BYTES) {
                survive(present, &older.versions, survival, random);
            }
        }
        self.bytes.truncate(len);
    }

    /// Turns over one bit. False when the file has no such byte.
    pub(super) fn flip_bit(&mut self, byte: usize, bit: u8) -> bool {
        let Some(byte) = self.bytes.get_mut(byte) else { return false };
        *byte ^= 1 << (bit % 8);
        true
    }

    /// Keeps the present version of a sector as one that may come back.
    fn remember(&mut self, sector: usize) {
        let start = (sector * SECTOR_BYTES).min(self.bytes.len());
        let end = (start + SECTOR_BYTES).min(self.bytes.len());
        let mut present = [0; SECTOR_BYTES];
        present[..end - start].copy_from_slice(&self.bytes[start..end]);
        match self.unsynced.get_mut(&sector) {
            Some(older) => older.push(present),
            None => drop(self.unsynced.insert(sector, Older::new(present))),
        }
    }

    fn change_len(&mut self, len: usize) {
        let present = self.bytes.len();
        match &mut self.unsynced_len {
            Some(older) => older.push(present),
            None => self.unsynced_len = Some(Older::new(present)),
        }
        if self.bytes.is_empty() {
            // Zeros from the allocator cost nothing until they are touched: a file allocated ahead
            // is mostly that.
            self.bytes = vec![0; len];
        } else {
            self.bytes.resize(len, 0);
        }
    }
}

/// Decides what is left of one sector that holds its newest version.
fn survive(present: &mut [u8], older: &[Sector], survival: Survival, random: &mut Random) {
    if random.percent(survival.percent_torn) {
        // The head is of one version and the rest of another.
        let version = &older[random.up_to(older.len() - 1)];
        let tear = random.up_to(SECTOR_BYTES);
        if random.percent(50) {
            present[tear..].copy_from_slice(&version[tear..]);
        } else {
            present[..tear].copy_from_slice(&version[..tear]);
        }
    } else if !random.percent(survival.percent_kept) {
        let version = if random.percent(70) { 0 } else { random.up_to(older.len() - 1) };
        present.copy_from_slice(&older[version]);
    }
}
