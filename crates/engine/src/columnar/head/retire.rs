//! Series that are written no more leave the head.
//!
//! A series may go when all of its samples are in blocks and none in memory, and it is idle: its newest
//! sample is a stale marker, or older than the newest of all by some time. Queries find it in the
//! blocks. If it comes back it is a new series of the same labels, under another number.
//!
//! The hard part is that writers know series by number before their place in the log is settled. So
//! series go only while nobody takes a place in the log, and a counter, the *generation*, moves: a
//! writer that finds it moved since it looked its series up looks again ([`Head::generation`]).

use std::sync::atomic::Ordering;

use parking_lot::{RwLockUpgradableReadGuard, RwLockWriteGuard};

use super::{
    place::{SHARD_COUNT, ShardIndex},
    root::Head,
    series::Series,
    shard::Shard,
};

/// Pages of series that are gone through before the lock is given up.
const PAGES_PER_SLICE: usize = 64;
/// A shard is left alone as long as fewer than one in this many of its series could go: what they
/// take is little, and cleaning up costs as much as all others.
const IDLE_PART: u32 = 50;
/// What stands for the time since which nothing is known, before that is settled.
const UNSET: i64 = i64::MIN;

/// Series that may leave the head: slots by shard, ascending.
#[derive(Debug, Default)]
pub struct IdleSeries {
    slots: [Vec<u32>; SHARD_COUNT],
    /// The newest instant that an idle series may have.
    newest_max: i64,
}

impl IdleSeries {
    /// The shards that have some.
    pub fn shards(&self) -> impl Iterator<Item = ShardIndex> + '_ {
        ShardIndex::all().filter(|shard| !self.slots[shard.get()].is_empty())
    }
}

impl Head {
    /// Moves when series leave the head. A number that was looked up at one generation names the same
    /// series only as long as that generation lasts, unless the series has samples in memory.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The series without samples in memory that had none for `idle` nanoseconds, in those shards where
    /// they are many enough. Of a series without any sample since the head began, the time counts from a
    /// call that found it.
    #[must_use]
    pub fn idle_series(&self, idle: i64) -> IdleSeries {
        let Some(newest) = self.shards().filter_map(|(_, shard)| shard.newest()).max() else {
            return IdleSeries::default();
        };
        let newest_max = newest.saturating_sub(idle);
        let since = self.unseen_since.load(Ordering::Relaxed);
        let waited = since != UNSET && since <= newest_max;
        if since == UNSET || waited {
            self.unseen_since.store(newest, Ordering::Relaxed);
        }
        let mut found = IdleSeries { newest_max, ..IdleSeries::default() };
        for (index, shard) in self.shards() {
            // Series that came after the call from which the time counts wait for as long themselves.
            let unseen_end = if waited { shard.unseen_end.load(Ordering::Relaxed) } else { 0 };
            if since == UNSET || waited {
                shard.unseen_end.store(shard.slot_end.load(Ordering::Acquire), Ordering::Relaxed);
            }
            let slots = shard.idle_slots(newest_max, unseen_end);
            let count = shard.catalog.read().len();
            if slots.len() as u32 >= count / IDLE_PART {
                found.slots[index.get()] = slots;
            }
        }
        found
    }

    /// Says that series are about to leave: from now on, and until [`Head::end_retiring`], known
    /// fingerprints are not trusted.
    pub fn begin_retiring(&self) {
        self.retiring.store(true, Ordering::Release);
    }

    /// Removes the idle series of one shard, as far as they are still idle, and returns how many went.
    /// Nobody may apply samples to the shard meanwhile, nor take a place in the log.
    pub fn retire(&self, index: ShardIndex, idle: &IdleSeries) -> u64 {
        let shard = self.shard(index);
        let samples = shard.samples.read();
        let mut slots = idle.slots[index.get()].clone();
        slots.retain(|slot| {
            let series = samples.table.get(*slot);
            series.is_none_or(|series| is_idle(series, idle.newest_max, || true))
        });
        let newest = slots.iter().filter_map(|slot| samples.table.get(*slot)?.newest());
        // Blocks may have samples up to there of what comes back under a new number.
        self.note_blocks_end(newest.map(|(ts, _)| ts).max().unwrap_or(i64::MIN));
        drop(samples);
        let mut catalog = shard.catalog.write();
        slots.retain(|slot| catalog.remove(*slot));
        let mut samples = shard.samples.write();
        for slot in &slots {
            samples.table.forget(*slot, |slot| catalog.contains(slot));
        }
        drop((samples, catalog));
        shard.mark_defined(slots.iter().copied());
        shard.recovered_end.store(u32::MAX, Ordering::Relaxed);
        self.series_count.fetch_sub(slots.len() as u64, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Release);
        slots.len() as u64
    }

    /// Gives the memory of removed series back: labels that nobody has any more, and places in the
    /// index. Creating series in the shard waits meanwhile, reading does not.
    pub fn clean(&self, index: ShardIndex) {
        let catalog = self.shard(index).catalog.upgradable_read();
        let rebuilt = catalog.rebuilt();
        let mut catalog = RwLockUpgradableReadGuard::upgrade(catalog);
        let before = std::mem::replace(&mut *catalog, rebuilt);
        RwLockWriteGuard::unlock_fair(catalog);
        drop(before);
    }

    /// Ends what [`Head::begin_retiring`] began.
    pub fn end_retiring(&self) {
        self.fingerprints.retain(|series| self.is_known(series));
        self.retiring.store(false, Ordering::Release);
    }

    /// Whether fingerprints may lead to series that have gone.
    pub(super) fn is_retiring(&self) -> bool {
        self.retiring.load(Ordering::Acquire)
    }
}

/// Whether a series is idle and has nothing in memory. `unseen_too` says it of one that never had anything.
fn is_idle(series: &Series, newest_max: i64, unseen_too: impl FnOnce() -> bool) -> bool {
    series.is_empty()
        && match series.newest() {
            Some((ts, is_stale)) => is_stale || ts <= newest_max,
            None => unseen_too(),
        }
}

impl Shard {
    /// The newest instant of any sample.
    fn newest(&self) -> Option<i64> {
        let mut newest = None;
        self.for_slices(|_, series| newest = newest.max(series.newest().map(|(ts, _)| ts)));
        newest
    }

    /// The idle slots, ascending; those that never had anything if they are before `unseen_end`.
    fn idle_slots(&self, newest_max: i64, unseen_end: u32) -> Vec<u32> {
        let mut slots = Vec::new();
        self.for_slices(|slot, series| {
            if is_idle(series, newest_max, || slot < unseen_end) {
                slots.push(slot);
            }
        });
        let catalog = self.catalog.read();
        slots.retain(|slot| catalog.contains(*slot));
        if unseen_end > 0 {
            let samples = self.samples.read();
            let unseen = catalog.slots().take_while(|slot| *slot < unseen_end);
            let unseen = unseen.filter(|slot| samples.table.get(*slot).is_none());
            slots.extend(unseen);
            slots.sort_unstable();
        }
        slots
    }

    /// Goes through the series of all pages, without holding the lock for long.
    fn for_slices(&self, mut each: impl FnMut(u32, &Series)) {
        let mut next = 0;
        loop {
            let samples = self.samples.read();
            let end = samples.table.page_count().min(next + PAGES_PER_SLICE);
            for page in next..end {
                samples.table.page(page).for_each(|(slot, series)| each(slot, series));
            }
            if end == samples.table.page_count() {
                return;
            }
            next = end;
        }
    }
}
