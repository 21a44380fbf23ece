//! One shard: its catalog and its samples, each under a lock of its own.
//!
//! Order of locks, where more than one is held: catalog, then undefined or samples.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::{append::Samples, catalog::Catalog};

/// Slots whose series are indexed before the lock is given up: about a millisecond.
const INDEXED_AT_ONCE: u32 = 4_096;

/// One shard of a head.
#[derive(Debug, Default)]
pub(super) struct Shard {
    pub(super) catalog: RwLock<Catalog>,
    pub(super) samples: RwLock<Samples>,
    /// Slots whose definition is in no log record yet.
    pub(super) undefined: Mutex<HashSet<u32>>,
    /// How many those are: nearly always none, and then nobody takes the lock.
    pub(super) undefined_count: AtomicUsize,
    /// One more than the highest slot in use.
    pub(super) slot_end: AtomicU32,
    /// Series before this slot were there when the time of those without samples began to count.
    pub(super) unseen_end: AtomicU32,
    /// Slots before this one may have samples in blocks that this head never held.
    pub(super) recovered_end: AtomicU32,
    /// Bytes of samples that no flush has taken up yet.
    pub(super) epoch_bytes: AtomicU64,
}

impl Shard {
    /// The catalog with all of its series in the index.
    pub(super) fn indexed(&self) -> RwLockReadGuard<'_, Catalog> {
        self.index_rest();
        // Those that come now are as good as those that come afterwards.
        self.catalog.read()
    }

    /// Puts the series that wait for it into the index, without holding the lock for long.
    pub(super) fn index_rest(&self) {
        let waiting = |catalog: &Catalog| catalog.indexed_to() < catalog.slot_end();
        if waiting(&self.catalog.read()) {
            while self.catalog.write().index_some(INDEXED_AT_ONCE) {}
        }
    }

    /// Marks a series as new. Called with the catalog locked for writing, so that whoever finds the
    /// series there finds it marked.
    pub(super) fn mark_undefined(&self, slot: u32) {
        let mut undefined = self.undefined.lock();
        undefined.insert(slot);
        self.undefined_count.store(undefined.len(), Ordering::Release);
    }

    /// Marks series as defined.
    pub(super) fn mark_defined(&self, slots: impl Iterator<Item = u32>) {
        let mut undefined = self.undefined.lock();
        for slot in slots {
            undefined.remove(&slot);
        }
        self.undefined_count.store(undefined.len(), Ordering::Release);
    }

    /// Publishes how much the epochs hold that no flush has taken up.
    pub(super) fn note_epoch_bytes(&self, samples: &mut Samples) {
        let bytes = samples.carried_bytes + samples.ledger.of(samples.epoch).bytes;
        self.epoch_bytes.store(bytes, Ordering::Relaxed);
    }
}
