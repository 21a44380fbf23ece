//! Questions about the names and values of labels. They look at the index, and at no series unless few
//! are asked about.

use std::collections::{BTreeSet, HashSet};

use timberline_model::Matcher;

use super::{interned::PairId, root::Head, select};

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
}
