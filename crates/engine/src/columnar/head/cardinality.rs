//! Labels in numbers, and questions about names and values.
//!
//! Nothing here is counted as writes come: it is worked out when somebody asks.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
};

use timberline_model::{METRIC_NAME, Matcher};

use super::{
    interned::{self, PairId},
    root::Head,
    select,
};

/// Looking at the labels of one series costs about as much as at so many values of a label.
const PAIRS_OF_A_SERIES: u64 = 16;

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
    /// Label names by bytes of their values, each value once.
    pub bytes_by_name: Vec<(String, u64)>,
    /// Pairs as `name=value` by number of series.
    pub series_by_pair: Vec<(String, u64)>,
}

impl Head {
    /// Names of the labels of series that pass all matchers, sorted.
    #[must_use]
    pub fn label_names(&self, matchers: &[Matcher]) -> Vec<String> {
        let mut names = BTreeSet::new();
        for (_, shard) in self.shards() {
            let catalog = shard.indexed();
            let selected = (!matchers.is_empty()).then(|| select::select(&catalog, matchers));
            for (name, entry) in catalog.index().names() {
                let wanted = selected.as_ref().is_none_or(|set| !set.is_disjoint(&entry.present));
                if wanted && !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        }
        names.into_iter().collect()
    }

    /// Values that a label has in series that pass all matchers, sorted.
    #[must_use]
    pub fn label_values(&self, name: &str, matchers: &[Matcher]) -> Vec<String> {
        let mut values: HashSet<String> = HashSet::new();
        let mut add = |value: &str| {
            if !values.contains(value) {
                values.insert(value.to_owned());
            }
        };
        for (_, shard) in self.shards() {
            let catalog = shard.indexed();
            let Some(entry) = catalog.index().name(name) else { continue };
            let value_of = |id: PairId| catalog.pairs().name_and_value(id).1;
            if matchers.is_empty() {
                entry.pairs.iter().for_each(|id| add(value_of(*id)));
                continue;
            }
            let selected = select::select(&catalog, matchers);
            if selected.len() * PAIRS_OF_A_SERIES < entry.pairs.len() as u64 {
                for slot in &selected {
                    let pairs = catalog.pairs_of(slot).unwrap_or_default().iter();
                    let mut pairs = pairs.map(|id| (*id, value_of(*id)));
                    let named = |id: PairId| catalog.pairs().name_and_value(id).0 == name;
                    if let Some((_, value)) = pairs.find(|(id, _)| named(*id)) {
                        add(value);
                    }
                }
                continue;
            }
            for id in &entry.pairs {
                if catalog.index().postings(*id).meets(&selected) {
                    add(value_of(*id));
                }
            }
        }
        let mut values: Vec<String> = values.into_iter().collect();
        values.sort_unstable();
        values
    }

    /// The label names, values and metrics with the most series, at most `top` of each.
    #[must_use]
    pub fn cardinality(&self, top: usize) -> HeadCardinality {
        let mut pairs: HashMap<Box<[u8]>, u64> = HashMap::new();
        for (_, shard) in self.shards() {
            let catalog = shard.indexed();
            for id in catalog.pairs().ids() {
                let series = catalog.index().postings(id).len();
                match pairs.get_mut(catalog.pairs().text(id)) {
                    Some(count) => *count += series,
                    None => {
                        pairs.insert(catalog.pairs().text(id).into(), series);
                    }
                }
            }
        }
        summarise(&pairs, self.series_count(), top)
    }
}

/// The numbers of all pairs, each given as its canonical bytes with its count of series.
fn summarise(pairs: &HashMap<Box<[u8]>, u64>, series: u64, top: usize) -> HeadCardinality {
    let mut names: HashMap<&str, (u64, u64)> = HashMap::new();
    let (mut metrics, mut by_pair) = (Top::new(top), Top::new(top));
    for (text, count) in pairs {
        let (name, value) = interned::split(text);
        let (values, bytes) = names.entry(name).or_default();
        *values += 1;
        *bytes += value.len() as u64;
        by_pair.offer(*count, (name, value));
        if name == METRIC_NAME {
            metrics.offer(*count, value);
        }
    }
    let (mut by_values, mut by_bytes) = (Top::new(top), Top::new(top));
    for (name, (values, bytes)) in names {
        by_values.offer(values, name);
        by_bytes.offer(bytes, name);
    }
    HeadCardinality {
        series,
        label_pairs: pairs.len() as u64,
        series_by_metric: metrics.finish(str::to_owned),
        values_by_name: by_values.finish(str::to_owned),
        bytes_by_name: by_bytes.finish(str::to_owned),
        series_by_pair: by_pair.finish(|(name, value)| format!("{name}={value}")),
    }
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
