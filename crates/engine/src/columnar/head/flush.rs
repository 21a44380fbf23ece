//! The flush's side of the head: epochs end, are written to blocks, and are let go.

use std::sync::atomic::Ordering;

use timberline_model::{Exemplar, SeriesColumns, SeriesRef, TimeRange};

use super::{
    append::Samples,
    epoch::{Epoch, EpochSpan},
    root::Head,
    series::Garbage,
    shard::Shard,
};

/// Pages of series that are gone through before the lock is given up.
const PAGES_PER_SLICE: usize = 4;

impl Head {
    /// Ends the epoch for a flush and returns it: what is appended from now on belongs to the next.
    /// Nothing may be applied meanwhile. Takes as long as it takes to lock every shard once.
    pub fn rotate(&self) -> Epoch {
        self.end_epoch(|samples, shard| {
            samples.carried_bytes = 0;
            shard.epoch_bytes.store(0, Ordering::Relaxed);
        })
    }

    /// Ends the epoch without a flush, so that reads can leave out what comes later. What counts
    /// towards the next flush goes on counting.
    pub fn rotate_unflushed(&self) -> Epoch {
        self.end_epoch(|samples, _| {
            samples.carried_bytes += samples.ledger.of(samples.epoch).bytes;
        })
    }

    fn end_epoch(&self, ended_in: impl Fn(&mut Samples, &Shard)) -> Epoch {
        let mut epoch = self.epoch.lock();
        let ended = *epoch;
        *epoch = ended.next();
        for (_, shard) in self.shards() {
            let mut samples = shard.samples.write();
            ended_in(&mut samples, shard);
            samples.epoch = *epoch;
        }
        ended
    }

    /// The series with samples or exemplars of `upto` and older epochs that are not in blocks yet,
    /// ascending.
    #[must_use]
    pub fn series_in(&self, upto: Epoch) -> Vec<SeriesRef> {
        let epochs = self.unflushed(upto);
        let mut found = Vec::new();
        for (index, shard) in self.shards() {
            let mut slots = shard.slots_in(&epochs);
            let catalog = shard.catalog.read();
            slots.retain(|slot| catalog.contains(*slot));
            found.extend(slots.into_iter().map(|slot| index.series(slot)));
        }
        found
    }

    /// Appends the samples of a series that belong to `upto` and older epochs and are not in blocks
    /// yet, as [`Head::read`] would.
    pub fn read_flush(&self, series: SeriesRef, upto: Epoch, out: &mut SeriesColumns) {
        self.read_epochs(series, TimeRange::ALL, self.unflushed(upto), out);
    }

    /// The exemplars of a series that belong to `upto` and older epochs and are not in blocks yet,
    /// ascending by time.
    #[must_use]
    pub fn flush_exemplars(&self, series: SeriesRef, upto: Epoch) -> Vec<Exemplar> {
        self.exemplars_in(series, TimeRange::ALL, self.unflushed(upto))
    }

    fn unflushed(&self, upto: Epoch) -> EpochSpan {
        EpochSpan { after: *self.flushed.lock(), upto }
    }

    /// Records that the samples of `upto` and older epochs are in blocks: no flush is to write them
    /// again, even if reads keep them from being released.
    pub fn set_flushed(&self, upto: Epoch) {
        let mut flushed = self.flushed.lock();
        *flushed = upto.max(*flushed);
    }

    /// Frees the samples of `upto` and older epochs, which are in blocks. No lock is held for long.
    pub fn release(&self, upto: Epoch) {
        self.set_flushed(upto);
        for (_, shard) in self.shards() {
            let bytes = shard.release(upto);
            self.exemplar_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Shard {
    /// The slots with chunks or exemplars of these epochs.
    fn slots_in(&self, epochs: &EpochSpan) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut next = 0;
        loop {
            let samples = self.samples.read();
            let end = samples.table.page_count().min(next + PAGES_PER_SLICE);
            for page in next..end {
                let series = samples.table.page(page);
                let found = series.filter(|(_, s)| {
                    s.has_samples(&TimeRange::ALL, epochs)
                        || s.has_exemplars(&TimeRange::ALL, epochs)
                });
                slots.extend(found.map(|(slot, _)| slot));
            }
            if end == samples.table.page_count() {
                return slots;
            }
            next = end;
        }
    }

    /// Frees samples; returns the bytes of the exemplars that went.
    fn release(&self, upto: Epoch) -> u64 {
        let (mut next, mut exemplar_bytes) = (0, 0);
        loop {
            let mut garbage = Garbage::default();
            let mut samples = self.samples.write();
            let count = samples.table.page_count();
            let end = count.min(next + PAGES_PER_SLICE);
            for page in next..end {
                for series in samples.table.page_mut(page) {
                    series.release(upto, &mut garbage);
                }
            }
            exemplar_bytes += garbage.extra.exemplar_bytes;
            if end == count {
                samples.ledger.forget(upto);
                return exemplar_bytes;
            }
            next = end;
            drop(samples);
            drop(garbage);
        }
    }
}
