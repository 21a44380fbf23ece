//! Labels of series in blocks that queries have asked for, so that they are not decoded again and again.
//!
//! Series that lie side by side in a block are asked for together as a rule, so that a run of them is looked
//! up at once.
//!
//! Invariant: a block's name belongs to one content for ever, so nothing here is ever wrong; what is not
//! asked for any more goes when its generation does.

use std::collections::HashMap;

use parking_lot::Mutex;
use timberline_model::Labels;
use ulid::Ulid;

const SHARDS: usize = 16;
/// Bytes of all labels that are kept, at most.
const BYTES_MAX: usize = 64 << 20;
/// What an entry takes besides its labels.
const ENTRY_BYTES: usize = 80 + RUN_SERIES * size_of::<Option<Labels>>();
/// Series in a run.
const RUN_SERIES: usize = 32;

/// Labels by block and number of the series.
#[derive(Debug, Default)]
pub(super) struct LabelCache {
    shards: [Mutex<Generations>; SHARDS],
}

/// The labels that are known of a run of series.
#[derive(Debug, Default)]
struct Run {
    labels: [Option<Labels>; RUN_SERIES],
    bytes: usize,
}

/// By block and number of the run.
type Runs = HashMap<(Ulid, u32), Box<Run>>;

/// What was asked for since the last change of generations, and before it.
#[derive(Debug, Default)]
struct Generations {
    young: Runs,
    young_bytes: usize,
    old: Runs,
}

impl LabelCache {
    /// The run that a series lies in.
    pub(super) fn run_of(series: u32) -> u32 {
        series / RUN_SERIES as u32
    }

    /// Appends the labels of series of one run, as far as they are here.
    pub(super) fn get(
        &self,
        block: Ulid,
        run: u32,
        series: impl Iterator<Item = u32>,
        found: &mut Vec<Option<Labels>>,
    ) {
        let mut shard = self.shard(run).lock();
        match shard.run(block, run) {
            Some(known) => found.extend(series.map(|of| known.labels[place(of)].clone())),
            None => found.extend(series.map(|_| None)),
        }
    }

    /// Keeps the labels of a series.
    pub(super) fn put(&self, block: Ulid, series: u32, labels: Labels) {
        let run = Self::run_of(series);
        self.shard(run).lock().put((block, run), place(series), labels);
    }

    fn shard(&self, run: u32) -> &Mutex<Generations> {
        &self.shards[run as usize % SHARDS]
    }
}

fn place(series: u32) -> usize {
    series as usize % RUN_SERIES
}

impl Generations {
    /// A run that is asked for, which makes it young.
    fn run(&mut self, block: Ulid, run: u32) -> Option<&Run> {
        let key = (block, run);
        if let Some(run) = self.old.remove(&key) {
            self.young_bytes += ENTRY_BYTES + run.bytes;
            self.young.insert(key, run);
            self.age();
        }
        // It may have aged at once.
        self.young.get(&key).or_else(|| self.old.get(&key)).map(AsRef::as_ref)
    }

    fn put(&mut self, key: (Ulid, u32), place: usize, labels: Labels) {
        let run = self.young.entry(key).or_insert_with(|| {
            self.young_bytes += ENTRY_BYTES;
            Box::default()
        });
        if run.labels[place].is_none() {
            run.bytes += labels.as_bytes().len();
            self.young_bytes += labels.as_bytes().len();
            run.labels[place] = Some(labels);
            self.age();
        }
    }

    fn age(&mut self) {
        if self.young_bytes > BYTES_MAX / SHARDS / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        Labels::from_pairs([("host", text)]).unwrap()
    }

    fn get(cache: &LabelCache, block: Ulid, series: u32) -> Option<Labels> {
        let mut found = Vec::new();
        cache.get(block, LabelCache::run_of(series), [series].into_iter(), &mut found);
        found.pop().unwrap()
    }

    #[test]
    fn what_is_asked_for_stays_and_memory_is_bounded() {
        let (cache, block, other) = (LabelCache::default(), Ulid::from(1_u128), Ulid::from(2_u128));
        let step = (RUN_SERIES * SHARDS) as u32;
        cache.put(block, step, labels("kept"));
        let long = "x".repeat(4_096);
        for series in 1..=20_000_u32 {
            cache.put(other, series * step, labels(&long));
            assert_eq!(get(&cache, block, step), Some(labels("kept")));
        }
        assert_eq!(get(&cache, other, step), None);
        assert_eq!(get(&cache, other, step * 20_000), Some(labels(&long)));
        let shard = cache.shards[0].lock();
        let held = shard.young.len() + shard.old.len();
        assert!(held * 4_096 < BYTES_MAX / SHARDS, "{held} entries");
    }

    #[test]
    fn series_of_a_run_are_known_one_by_one() {
        let (cache, block) = (LabelCache::default(), Ulid::from(1_u128));
        cache.put(block, 3, labels("three"));
        cache.put(block, 31, labels("last"));
        cache.put(block, 32, labels("next"));
        let mut found = Vec::new();
        cache.get(block, 0, [3, 4, 31].into_iter(), &mut found);
        cache.get(block, 1, [32].into_iter(), &mut found);
        let found: Vec<Option<&str>> =
            found.iter().map(|of| of.as_ref().and_then(|labels| labels.get("host"))).collect();
        assert_eq!(found, [Some("three"), None, Some("last"), Some("next")]);
    }
}
