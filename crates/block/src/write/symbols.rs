//! Label names and values of a block under construction, each kept once.
//!
//! A label (a name with a value) is a 32-bit pair number while series come in, in order of first
//! sight. Once all are known, [`Symbols::sort`] gives names and values their final, sorted numbers.

use std::collections::HashMap;

/// Numbers labels in order of first sight.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    names: HashMap<Box<str>, usize>,
    /// By name number: the values, with their pair numbers.
    values: Vec<HashMap<Box<str>, u32>>,
    pair_count: u32,
}

/// A name with its values, all sorted.
#[derive(Debug)]
pub(crate) struct SortedName {
    pub(crate) name: Box<str>,
    /// Values and their pair numbers.
    pub(crate) values: Vec<(Box<str>, u32)>,
}

impl Symbols {
    /// The pair number of a label; `None` when there are 2^32 - 1 already.
    pub(crate) fn pair(&mut self, name: &str, value: &str) -> Option<u32> {
        let number = match self.names.get(name) {
            Some(number) => *number,
            None => {
                self.names.insert(name.into(), self.values.len());
                self.values.push(HashMap::new());
                self.values.len() - 1
            }
        };
        let values = &mut self.values[number];
        if let Some(pair) = values.get(value) {
            return Some(*pair);
        }
        let pair = self.pair_count;
        self.pair_count = pair.checked_add(1)?;
        values.insert(value.into(), pair);
        Some(pair)
    }

    /// How many labels there are.
    pub(crate) const fn pair_count(&self) -> u32 {
        self.pair_count
    }

    /// Names in order, each with its values in order.
    pub(crate) fn sort(self) -> Vec<SortedName> {
        let mut values = self.values;
        let mut names: Vec<SortedName> = self
            .names
            .into_iter()
            .map(|(name, number)| {
                let mut values: Vec<(Box<str>, u32)> =
                    std::mem::take(&mut values[number]).into_iter().collect();
                values.sort_unstable();
                SortedName { name, values }
            })
            .collect();
        names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        names
    }
}
