//! What makes up the series, in numbers that are kept as series come: the metrics and label pairs with
//! the most of them, and the names with the most values.
//!
//! Each shard lists its heavy pairs, counts the bytes of each name's values, and has all metrics by name.
//! Which values are different is counted across the shards, each pair once, some time after it came:
//! at the latest when somebody asks.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use timberline_model::METRIC_NAME;

use super::{interned::split, place::SHARD_COUNT, root::Head};

/// Pairs counted before a shard's lock is given up: well under a millisecond.
const PAIRS_AT_ONCE: u32 = 4_096;
/// Pairs counted by [`Head::count_pairs`] at most.
const PAIRS_PER_ROUND: u32 = 1 << 18;

/// What makes up the series: the longest entries of each list, in falling order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadCardinality {
    /// Series.
    pub series: u64,
    /// Different pairs of label name and value.
    pub label_pairs: u64,
    /// Metric names by number of series.
    pub series_by_metric: Vec<(String, u64)>,
    /// Label names by number of values.
    pub values_by_name: Vec<(String, u64)>,
    /// Label names by bytes of their values, each value as often as there are series with it.
    pub bytes_by_name: Vec<(String, u64)>,
    /// Pairs as `name=value` by number of series. Of many thousands of pairs, those that are far from
    /// the top may be missing.
    pub series_by_pair: Vec<(String, u64)>,
}

impl Head {
    /// Counts pairs that have come since the last time, so that a later question about them is cheap.
    pub fn count_pairs(&self) {
        self.count_some(PAIRS_PER_ROUND);
    }

    /// Counts at most so many pairs; says whether there were more.
    fn count_some(&self, mut pairs_max: u32) -> bool {
        let mut distinct = self.distinct.lock();
        let mut more = false;
        for (index, shard) in self.shards() {
            while distinct.count(index.get(), &shard.catalog.read(), PAIRS_AT_ONCE) {
                pairs_max = pairs_max.saturating_sub(PAIRS_AT_ONCE);
                if pairs_max == 0 {
                    return true;
                }
            }
        }
        // A shard that was made anew has let all others be forgotten.
        for (index, shard) in self.shards() {
            more |= distinct.is_behind(index.get(), &shard.catalog.read());
        }
        more
    }

    /// The label names, values and metrics with the most series, at most `top` of each. Looks at the
    /// metrics, at the heavy pairs of each shard, and at pairs that were not counted yet.
    #[must_use]
    pub fn cardinality(&self, top: usize) -> HeadCardinality {
        // What comes meanwhile need not be counted, so this ends.
        let rounds = self.series_count() / u64::from(PAIRS_PER_ROUND) * 16 + 4;
        for _ in 0..rounds {
            if !self.count_some(PAIRS_PER_ROUND) {
                break;
            }
        }
        let (mut metrics, mut bytes) = (HashMap::new(), HashMap::new());
        for (_, shard) in self.shards() {
            let catalog = shard.indexed();
            let index = catalog.index();
            for pair in index.name(METRIC_NAME).into_iter().flat_map(|name| &name.pairs) {
                let series = index.postings(*pair).len();
                add_to(&mut metrics, catalog.pairs().name_and_value(*pair).1, series);
            }
            for (name, entry) in index.names() {
                add_to(&mut bytes, name, entry.value_bytes);
            }
        }
        let distinct = self.distinct.lock();
        HeadCardinality {
            series: self.series_count(),
            label_pairs: distinct.pairs(),
            series_by_metric: top_of(metrics.iter().map(|(name, n)| (name.as_str(), *n)), top),
            values_by_name: top_of(distinct.values(), top),
            bytes_by_name: top_of(bytes.iter().map(|(name, n)| (name.as_str(), *n)), top),
            series_by_pair: self.heaviest_pairs(top),
        }
    }

    /// The pairs with the most series in all shards together.
    fn heaviest_pairs(&self, top: usize) -> Vec<(String, u64)> {
        let mut candidates: HashMap<Box<[u8]>, Candidate> = HashMap::new();
        let mut unseen = [0_u64; SHARD_COUNT];
        for (shard, place) in self.shards() {
            let catalog = place.indexed();
            let heavy = catalog.index().heavy();
            unseen[shard.get()] = heavy.floor() - 1;
            for pair in heavy.listed() {
                let (text, series) =
                    (catalog.pairs().text(*pair), catalog.index().postings(*pair).len());
                let candidate = match candidates.get_mut(text) {
                    Some(candidate) => candidate,
                    None => candidates.entry(text.into()).or_default(),
                };
                candidate.series += series;
                candidate.seen |= 1 << shard.get();
            }
        }
        // One whose shards that do not list it could not lift it to the top is not looked for there.
        let mut known: Vec<u64> = candidates.values().map(|found| found.series).collect();
        let least = if known.len() > top && top > 0 {
            *known.select_nth_unstable_by(top - 1, |a, b| b.cmp(a)).1
        } else {
            0
        };
        candidates.retain(|_, candidate| {
            let elsewhere = (0..SHARD_COUNT).filter(|shard| candidate.seen & 1 << shard == 0);
            candidate.series + elsewhere.map(|shard| unseen[shard]).sum::<u64>() >= least
        });
        for (shard, place) in self.shards().filter(|(shard, _)| unseen[shard.get()] > 0) {
            let catalog = place.indexed();
            for (text, candidate) in &mut candidates {
                if candidate.seen & 1 << shard.get() == 0
                    && let Some(pair) = catalog.pairs().find(text)
                {
                    candidate.series += catalog.index().postings(pair).len();
                }
            }
        }
        let mut heaviest = Top::new(top);
        for (text, candidate) in &candidates {
            heaviest.offer(candidate.series, split(text));
        }
        heaviest.finish(|(name, value)| format!("{name}={value}"))
    }
}

/// A pair that some shard lists.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    /// Its series in the shards that list it.
    series: u64,
    /// A bit for each of them.
    seen: u32,
}

const _: () = assert!(SHARD_COUNT <= 32, "a bit for each shard");

fn add_to(counts: &mut HashMap<String, u64>, name: &str, count: u64) {
    match counts.get_mut(name) {
        Some(known) => *known += count,
        None => {
            counts.insert(name.to_owned(), count);
        }
    }
}

fn top_of<'a>(counts: impl Iterator<Item = (&'a str, u64)>, top: usize) -> Vec<(String, u64)> {
    let mut kept = Top::new(top);
    counts.for_each(|(name, count)| kept.offer(count, name));
    kept.finish(str::to_owned)
}

/// The entries with the highest counts among all that are offered; of equal ones, the first by text.
struct Top<T> {
    max: usize,
    kept: BTreeSet<(Reverse<u64>, T)>,
}

impl<T: Ord> Top<T> {
    const fn new(max: usize) -> Self {
        Self { max, kept: BTreeSet::new() }
    }

    fn offer(&mut self, count: u64, entry: T) {
        self.kept.insert((Reverse(count), entry));
        if self.kept.len() > self.max {
            self.kept.pop_last();
        }
    }

    fn finish(self, name: impl Fn(T) -> String) -> Vec<(String, u64)> {
        self.kept.into_iter().map(|(Reverse(count), entry)| (name(entry), count)).collect()
    }
}
