//! Timestamp columns, each kept once for all series that were scraped together.
//!
//! Series of one target have the same timestamps, or (when they came later or went sooner) a part of
//! them. A column is looked for by a hash of all of it, then by its last and its first instant; what is
//! found is compared in full before it is shared.
//!
//! Memory is bounded: the encoded pages of up to [`KEPT_BYTES_MAX`] are kept for comparing. Beyond
//! that, columns are forgotten at random (a stream of series visits its targets round and round, where
//! forgetting the oldest would forget just the next), and are stored again when they come again.

use std::collections::HashMap;

use timberline_codec::{
    page,
    varint::{put_ivarint, put_uvarint},
};
use timberline_model::TimeUnit;

use crate::format::SERIES_PER_GROUP;

/// Bytes kept for comparing: about 100,000 columns of 2 h at 15 s, or 1,000 of a week.
const KEPT_BYTES_MAX: usize = 48 << 20;

/// What a kept column costs besides its pages.
const KEPT_OVERHEAD: usize = 256;

/// Which timestamps a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeColumn {
    /// The number of its timeline.
    pub(crate) timeline: u32,
    /// First entry and count, unless it is all of the timeline.
    pub(crate) part: Option<(u32, u32)>,
    /// The entry at which its first one lies.
    pub(crate) first: u32,
}

/// The timelines of a block under construction.
#[derive(Debug)]
pub(crate) struct Timelines {
    /// Records as the index has them, one after the other, and where each group of them starts.
    records: Vec<u8>,
    groups: Vec<u64>,
    count: u32,
    kept: HashMap<u32, Kept>,
    /// The keys of `kept`, to pick one at random.
    kept_numbers: Vec<u32>,
    kept_bytes: usize,
    kept_bytes_max: usize,
    /// Numbers of the newest kept timeline with some hash, first or last instant.
    by_hash: HashMap<u64, u32>,
    by_first: HashMap<i64, u32>,
    by_last: HashMap<i64, u32>,
    random: u64,
    decoded: Vec<i64>,
}

/// A timeline that others can still share.
#[derive(Debug)]
struct Kept {
    hash: u64,
    first: i64,
    last: i64,
    unit: TimeUnit,
    count: usize,
    /// Its pages, and the length of each.
    bytes: Box<[u8]>,
    lengths: Box<[u32]>,
}

/// The records of all timelines, for the index.
#[derive(Debug)]
pub(crate) struct TimelineRecords {
    pub(crate) bytes: Vec<u8>,
    /// Where each group starts, from the first.
    pub(crate) groups: Vec<u64>,
    pub(crate) count: u32,
}

impl Timelines {
    pub(crate) fn new() -> Self {
        Self::with_memory(KEPT_BYTES_MAX)
    }

    fn with_memory(kept_bytes_max: usize) -> Self {
        Self {
            records: Vec::new(),
            groups: Vec::new(),
            count: 0,
            kept: HashMap::new(),
            kept_numbers: Vec::new(),
            kept_bytes: 0,
            kept_bytes_max,
            by_hash: HashMap::new(),
            by_first: HashMap::new(),
            by_last: HashMap::new(),
            random: 0x9e37_79b9_7f4a_7c15,
            decoded: Vec::new(),
        }
    }

    /// Where some ascending timestamps lie. New ones are appended to `run`, which is going to be
    /// written at `run_position`. `None` when there are 2^32 - 1 timelines.
    pub(crate) fn place(
        &mut self,
        timestamps: &[i64],
        run: &mut Vec<u8>,
        run_position: u64,
    ) -> Option<TimeColumn> {
        let hash = hash(timestamps);
        if let Some(found) = self.find(hash, timestamps) {
            return Some(found);
        }
        let timeline = self.count;
        self.count = timeline.checked_add(1)?;
        let kept = self.write(hash, timestamps, run, run_position);
        self.keep(timeline, kept);
        Some(TimeColumn { timeline, part: None, first: 0 })
    }

    pub(crate) fn finish(self) -> TimelineRecords {
        TimelineRecords { bytes: self.records, groups: self.groups, count: self.count }
    }

    fn find(&mut self, hash: u64, timestamps: &[i64]) -> Option<TimeColumn> {
        let (first, last) = (timestamps.first()?, timestamps.last()?);
        let candidates =
            [self.by_hash.get(&hash), self.by_last.get(last), self.by_first.get(first)];
        let candidates = candidates.map(Option::<&u32>::copied);
        for (index, number) in candidates.into_iter().enumerate() {
            let Some(number) =
                number.filter(|_| index == 0 || !candidates[..index].contains(&number))
            else {
                continue;
            };
            if let Some(found) = self.compare(number, timestamps) {
                return Some(found);
            }
        }
        None
    }

    /// Whether a timeline has these timestamps, one after the other.
    fn compare(&mut self, number: u32, timestamps: &[i64]) -> Option<TimeColumn> {
        let kept = self.kept.get(&number)?;
        if timestamps.len() > kept.count {
            return None;
        }
        self.decoded.clear();
        let mut rest = &*kept.bytes;
        for length in &kept.lengths {
            let (page, later) = rest.split_at(*length as usize);
            page::decode_timestamps(page, page::VALUES_MAX, &mut self.decoded)
                .expect("a page that was encoded decodes");
            rest = later;
        }
        let unit = kept.unit.nanos();
        let wanted = timestamps.first()?;
        let first = self.decoded.partition_point(|ts| ts * unit < *wanted);
        let part = self.decoded.get(first..first + timestamps.len())?;
        if !part.iter().zip(timestamps).all(|(a, b)| a * unit == *b) {
            return None;
        }
        let first = first as u32;
        let whole = timestamps.len() == kept.count;
        let part = (!whole).then_some((first, timestamps.len() as u32));
        Some(TimeColumn { timeline: number, part, first })
    }

    /// Encodes a timeline and its record.
    fn write(
        &mut self,
        hash: u64,
        timestamps: &[i64],
        run: &mut Vec<u8>,
        run_position: u64,
    ) -> Kept {
        let unit = timestamps.iter().map(|ts| TimeUnit::of(*ts)).max().unwrap_or(TimeUnit::Milli);
        let start = run.len();
        let mut record = vec![unit as u8];
        put_uvarint(&mut record, run_position + start as u64);
        put_uvarint(&mut record, timestamps.len() as u64);
        let mut lengths = Vec::new();
        let mut previous = None;
        self.decoded.clear();
        self.decoded.extend(timestamps.iter().map(|ts| ts / unit.nanos()));
        for page in self.decoded.chunks(page::VALUES_MAX) {
            let info = page::encode_timestamps(page, run);
            lengths.push(info.bytes as u32);
            let (min, max) = (page[0], page[page.len() - 1]);
            put_uvarint(&mut record, info.bytes as u64);
            match previous {
                None => put_ivarint(&mut record, min),
                // Timestamps ascend, so the difference is not negative; it may need all 64 bits.
                Some(previous) => {
                    put_uvarint(&mut record, min.wrapping_sub(previous).cast_unsigned());
                }
            }
            put_uvarint(&mut record, max.wrapping_sub(min).cast_unsigned());
            previous = Some(max);
        }
        if (self.count - 1).is_multiple_of(SERIES_PER_GROUP) {
            self.groups.push(self.records.len() as u64);
        }
        put_uvarint(&mut self.records, record.len() as u64);
        self.records.extend_from_slice(&record);
        Kept {
            hash,
            first: timestamps[0],
            last: timestamps[timestamps.len() - 1],
            unit,
            count: timestamps.len(),
            bytes: run[start..].into(),
            lengths: lengths.into(),
        }
    }

    fn keep(&mut self, number: u32, kept: Kept) {
        let cost = kept.cost();
        if cost > self.kept_bytes_max {
            return;
        }
        while self.kept_bytes + cost > self.kept_bytes_max {
            self.forget_one();
        }
        self.kept_bytes += cost;
        self.by_hash.insert(kept.hash, number);
        // The longest timeline from or to an instant has most to share.
        for (map, ts) in [(&mut self.by_first, kept.first), (&mut self.by_last, kept.last)] {
            let longest = map.get(&ts).and_then(|other| self.kept.get(other));
            if longest.is_none_or(|longest| longest.count < kept.count) {
                map.insert(ts, number);
            }
        }
        self.kept.insert(number, kept);
        self.kept_numbers.push(number);
    }

    fn forget_one(&mut self) {
        // Xorshift: any spread will do, and the same data gives the same block.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let index = (self.random % self.kept_numbers.len() as u64) as usize;
        let number = self.kept_numbers.swap_remove(index);
        let kept = self.kept.remove(&number).expect("numbers are those of kept timelines");
        self.kept_bytes -= kept.cost();
        forget(&mut self.by_hash, &kept.hash, number);
        forget(&mut self.by_first, &kept.first, number);
        forget(&mut self.by_last, &kept.last, number);
    }
}

impl Kept {
    fn cost(&self) -> usize {
        self.bytes.len() + 4 * self.lengths.len() + KEPT_OVERHEAD
    }
}

fn forget<K: std::hash::Hash + Eq>(map: &mut HashMap<K, u32>, key: &K, number: u32) {
    if map.get(key) == Some(&number) {
        map.remove(key);
    }
}

/// Equal columns have equal hashes; others are told apart by comparing.
fn hash(timestamps: &[i64]) -> u64 {
    timestamps.iter().fold(timestamps.len() as u64, |hash, ts| {
        (hash.rotate_left(23) ^ ts.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

#[cfg(test)]
mod tests;
