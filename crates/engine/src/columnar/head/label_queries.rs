//! Questions about the names and values of labels. They look at the index, and at no series unless few
//! are asked about.

use std::collections::BTreeSet;

use hashbrown::HashTable;
use timberline_model::Matcher;
use xxhash_rust::xxh3::xxh3_64;

use super::{root::Head, select};

/// Looking at the labels of one series costs about as much as at so many values of a label.
const PAIRS_OF_A_SERIES: u64 = 16;

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
        let mut values = Values::default();
        for (_, shard) in self.shards() {
            let catalog = shard.indexed();
            let Some(entry) = catalog.index().name(name) else { continue };
            let pairs = catalog.pairs();
            if matchers.is_empty() {
                entry.pairs.iter().for_each(|id| values.add(pairs.value_bytes(*id)));
                continue;
            }
            let selected = select::select(&catalog, matchers);
            if selected.len() * PAIRS_OF_A_SERIES < entry.pairs.len() as u64 {
                for slot in &selected {
                    let mut ids = catalog.pairs_of(slot).unwrap_or_default().iter();
                    if let Some(id) = ids.find(|id| pairs.name_and_value(**id).0 == name) {
                        values.add(pairs.value_bytes(*id));
                    }
                }
                continue;
            }
            for id in &entry.pairs {
                if catalog.index().postings(*id).meets(&selected) {
                    values.add(pairs.value_bytes(*id));
                }
            }
        }
        values.finish()
    }
}

/// Values, each once. Those that many series have come from every shard.
#[derive(Default)]
struct Values(HashTable<Box<[u8]>>);

impl Values {
    fn add(&mut self, value: &[u8]) {
        let hash = xxh3_64(value);
        if self.0.find(hash, |known| **known == *value).is_none() {
            self.0.insert_unique(hash, value.into(), |known| xxh3_64(known));
        }
    }

    fn finish(self) -> Vec<String> {
        let text = |value: Box<[u8]>| {
            String::from_utf8(value.into_vec()).expect("interned pairs are UTF-8")
        };
        let mut values: Vec<String> = self.0.into_iter().map(text).collect();
        values.sort_unstable();
        values
    }
}
