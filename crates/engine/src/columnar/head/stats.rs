//! What the head holds, in numbers.

use std::sync::atomic::Ordering;

use timberline_model::TimeRange;

use super::root::Head;

/// Numbers of a head. Those of samples are of all that the head still has in memory, except the times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadStats {
    /// Series, with or without samples in memory.
    pub series: u64,
    /// Samples, histograms included. Late duplicates count until a flush leaves them out.
    pub samples: u64,
    /// Native histograms.
    pub histograms: u64,
    /// Exemplars.
    pub exemplars: u64,
    /// Samples that came out of order.
    pub late_samples: u64,
    /// Chunks, open and sealed.
    pub chunks: u64,
    /// Bytes of chunks, histograms and exemplars, unused room included.
    pub sample_bytes: u64,
    /// Bytes that every series costs, with or without samples.
    pub series_bytes: u64,
    /// Bytes of labels and what finds series by them, about.
    pub label_bytes: u64,
    /// Keys by which known series are found without decoding labels.
    pub fingerprints: u64,
    /// The earliest sample that is in no block yet, nanoseconds.
    pub min_ts: Option<i64>,
    /// The latest sample that is in no block yet, nanoseconds.
    pub max_ts: Option<i64>,
}

impl Head {
    /// Bytes of samples that came since the last [`Head::rotate`], about. Costs nothing: made to be asked
    /// after every write.
    #[must_use]
    pub fn epoch_bytes(&self) -> u64 {
        self.shards().map(|(_, shard)| shard.epoch_bytes.load(Ordering::Relaxed)).sum()
    }

    /// From the earliest to the latest sample or exemplar that is in no block yet. Looks at a few numbers of each
    /// shard: made to be asked by every query.
    #[must_use]
    pub fn unflushed_range(&self) -> Option<TimeRange> {
        let flushed = *self.flushed.lock();
        let mut range = TimeRange::new(i64::MAX, i64::MIN);
        for (_, shard) in self.shards() {
            let samples = shard.samples.read();
            for counts in samples.ledger.iter().filter(|counts| counts.epoch > flushed) {
                range.start = range.start.min(counts.min_ts);
                range.end = range.end.max(counts.max_ts);
            }
        }
        (!range.is_empty()).then_some(range)
    }

    /// Numbers of the head. Looks at every label pair once, and at no series.
    #[must_use]
    pub fn stats(&self) -> HeadStats {
        let unflushed = self.unflushed_range();
        let mut stats = HeadStats {
            series: self.series_count(),
            fingerprints: self.fingerprints.len(),
            label_bytes: self.fingerprints.bytes() + self.distinct.lock().bytes() as u64,
            min_ts: unflushed.map(|range| range.start),
            max_ts: unflushed.map(|range| range.end),
            ..HeadStats::default()
        };
        for (_, shard) in self.shards() {
            stats.label_bytes += shard.catalog.read().bytes() as u64;
            let samples = shard.samples.read();
            stats.series_bytes += samples.table.bytes() as u64;
            for counts in samples.ledger.iter() {
                stats.samples += counts.samples;
                stats.histograms += counts.histograms;
                stats.exemplars += counts.exemplars;
                stats.late_samples += counts.late_samples;
                stats.chunks += counts.chunks;
                stats.sample_bytes += counts.bytes;
            }
        }
        stats
    }
}
