//! Frames into work: the records of the log, taken apart by shard.

use timberline_codec::histogram;
use timberline_log::{LogError, Record};
use timberline_model::{FamilyMetadata, Labels, SeriesRef};

use crate::columnar::head::{
    HeadExemplar, HeadHistogram, HeadSample, SeriesPlace, ShardBatch, ShardIndex,
};

/// One frame's part for one worker.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Whether the dictionary was written after it.
    pub(super) in_dictionary: bool,
    pub(super) definitions: Vec<(SeriesRef, Labels)>,
    /// Ascending by shard, each at most once.
    pub(super) shards: Vec<ShardWork>,
}

impl Work {
    pub(super) fn is_empty(&self) -> bool {
        self.definitions.is_empty() && self.shards.is_empty()
    }

    /// The work of a shard, to add to.
    fn of(&mut self, shard: ShardIndex) -> &mut ShardWork {
        let found = self.shards.iter().position(|work| work.shard == shard);
        let index = found.unwrap_or_else(|| {
            self.shards.push(ShardWork::new(shard));
            self.shards.len() - 1
        });
        &mut self.shards[index]
    }
}

/// What a frame has for one shard.
#[derive(Debug)]
pub(super) struct ShardWork {
    pub(super) shard: ShardIndex,
    pub(super) samples: Vec<HeadSample>,
    /// The start of each sample, or none.
    pub(super) starts: Vec<i64>,
    pub(super) histograms: Vec<HeadHistogram>,
    histogram_bytes: Vec<u8>,
    pub(super) exemplars: Vec<HeadExemplar>,
}

impl ShardWork {
    const fn new(shard: ShardIndex) -> Self {
        Self {
            shard,
            samples: Vec::new(),
            starts: Vec::new(),
            histograms: Vec::new(),
            histogram_bytes: Vec::new(),
            exemplars: Vec::new(),
        }
    }

    /// It, as the head takes it.
    pub(super) fn batch(&self) -> ShardBatch<'_> {
        ShardBatch {
            samples: &self.samples,
            starts: &self.starts,
            histograms: &self.histograms,
            histogram_bytes: &self.histogram_bytes,
            exemplars: &self.exemplars,
        }
    }
}

/// Decodes frames into buffers that it keeps.
#[derive(Debug, Default)]
pub(super) struct FrameDecoder {
    refs: Vec<SeriesRef>,
    timestamps: Vec<i64>,
    values: Vec<f64>,
    starts: Vec<i64>,
}

impl FrameDecoder {
    /// A record's work for each worker, and its metadata. Shard `n` is that of worker `n % workers`.
    /// Definitions that are in the dictionary are left out.
    pub(super) fn decode(
        &mut self,
        payload: &[u8],
        workers: usize,
        in_dictionary: bool,
    ) -> Result<(Vec<Work>, Vec<FamilyMetadata>), LogError> {
        let record = Record::decode(payload)?;
        let mut work: Vec<Work> =
            (0..workers).map(|_| Work { in_dictionary, ..Work::default() }).collect();
        for definition in record.definitions().take_while(|_| !in_dictionary) {
            let (series, labels) = definition?;
            let shard = place(series)?.shard().get();
            work[shard % workers].definitions.push((series, labels));
        }
        self.samples(&record, &mut work)?;
        histograms(&record, &mut work)?;
        for (series, exemplar) in record.exemplars()? {
            let place = place(series)?;
            let (shard, slot) = (place.shard(), place.slot());
            let work = work[shard.get() % workers].of(shard);
            work.exemplars.push(HeadExemplar { slot, exemplar });
        }
        let metadata: Result<Vec<FamilyMetadata>, LogError> = record.metadata().collect();
        Ok((work, metadata?))
    }

    fn samples(&mut self, record: &Record<'_>, work: &mut [Work]) -> Result<(), LogError> {
        self.refs.clear();
        self.timestamps.clear();
        self.values.clear();
        self.starts.clear();
        record.samples_into(&mut self.refs, &mut self.timestamps, &mut self.values)?;
        record.starts_into(&mut self.starts)?;
        let mut start = 0;
        while start < self.refs.len() {
            let shard = place(self.refs[start])?.shard();
            let in_shard = |series: &SeriesRef| {
                SeriesPlace::checked(*series).map(SeriesPlace::shard) == Some(shard)
            };
            let end = start + self.refs[start..].partition_point(in_shard);
            let sample = |index: usize| HeadSample {
                slot: SeriesPlace::of(self.refs[index]).slot(),
                index: 0,
                ts: self.timestamps[index],
                value: self.values[index],
            };
            let worker = shard.get() % work.len();
            let work = work[worker].of(shard);
            work.samples = (start..end).map(sample).collect();
            work.starts = self.starts.get(start..end).unwrap_or_default().to_vec();
            start = end;
        }
        Ok(())
    }
}

/// A histogram that does not decode makes its frame unreadable: the head relies on what it holds.
fn histograms(record: &Record<'_>, work: &mut [Work]) -> Result<(), LogError> {
    for found in record.histograms()? {
        let place = place(found.series)?;
        let mut rest = found.encoded;
        let sound = histogram::take(&mut rest).is_ok() && rest.is_empty();
        if !sound {
            return Err(LogError::MalformedRecord { reason: "a histogram cannot be decoded" });
        }
        let worker = place.shard().get() % work.len();
        let work = work[worker].of(place.shard());
        let from = work.histogram_bytes.len();
        work.histogram_bytes.extend_from_slice(found.encoded);
        work.histograms.push(HeadHistogram {
            slot: place.slot(),
            index: 0,
            ts: found.ts,
            start: found.start,
            bytes: from..work.histogram_bytes.len(),
        });
    }
    Ok(())
}

fn place(series: SeriesRef) -> Result<SeriesPlace, LogError> {
    let reason = "it names a series of a shard that does not exist";
    SeriesPlace::checked(series).ok_or(LogError::MalformedRecord { reason })
}
