//! Groups: what series have in common, found once for each series, and their cells.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arrow::array::ArrayRef;
use datafusion::{common::ScalarValue, error::Result, physical_expr::PhysicalExpr};
use timberline_model::Labels;

use super::cell::Cell;
use crate::scan::SeriesRow;

/// What the series of a group share.
#[derive(Clone, Debug)]
pub(super) enum Keys {
    /// Labels of these names.
    Labels(Vec<Arc<str>>),
    /// Whatever expressions over a series' columns give.
    Expressions { row: SeriesRow, expressions: Vec<Arc<dyn PhysicalExpr>> },
}

impl Keys {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Labels(names) => names.len(),
            Self::Expressions { expressions, .. } => expressions.len(),
        }
    }
}

/// One group's share of the keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Labels(Box<[Option<Box<str>>]>),
    Values(Vec<ScalarValue>),
}

/// Groups and cells of one stream, or of all.
#[derive(Debug, Default)]
pub(super) struct Groups {
    known: HashMap<Key, u32>,
    keys: Vec<Key>,
    /// Of each group, its cells by the numbers of their buckets: few of each, or in rows.
    places: Vec<BTreeMap<i64, u32>>,
    /// Which group and bucket each cell is of.
    pub(super) owners: Vec<(u32, i64)>,
    pub(super) cells: Vec<Cell>,
    /// The cell that was asked for last.
    found: usize,
    key_bytes: usize,
    /// Labels of the series seen last, to be compared without allocating.
    last: Option<u32>,
}

/// Bytes of a group beside its key, and of a cell, with their places in maps.
const GROUP_BYTES: usize = 160;
const CELL_BYTES: usize = 160;

impl Groups {
    /// The group of a series.
    pub(super) fn group(&mut self, keys: &Keys, labels: &Labels) -> Result<u32> {
        let key = match keys {
            Keys::Labels(names) => {
                if let Some(last) = self.last.filter(|last| self.is_of(*last, names, labels)) {
                    return Ok(last);
                }
                Key::Labels(names.iter().map(|name| labels.get(name).map(Box::from)).collect())
            }
            Keys::Expressions { row, expressions } => {
                let arrays = row.evaluate(labels, expressions)?;
                let value = |array: &ArrayRef| ScalarValue::try_from_array(array, 0);
                Key::Values(arrays.iter().map(value).collect::<Result<_>>()?)
            }
        };
        let group = self.insert(key);
        self.last = Some(group);
        Ok(group)
    }

    fn is_of(&self, group: u32, names: &[Arc<str>], labels: &Labels) -> bool {
        match &self.keys[group as usize] {
            Key::Labels(values) => {
                names.iter().zip(values).all(|(name, value)| labels.get(name) == value.as_deref())
            }
            Key::Values(_) => false,
        }
    }

    fn insert(&mut self, key: Key) -> u32 {
        if let Some(group) = self.known.get(&key) {
            return *group;
        }
        let group = self.keys.len() as u32;
        self.key_bytes += match &key {
            Key::Labels(values) => {
                values.iter().map(|value| value.as_ref().map_or(16, |value| value.len() + 16)).sum()
            }
            Key::Values(values) => values.iter().map(ScalarValue::size).sum::<usize>(),
        };
        self.known.insert(key.clone(), group);
        self.keys.push(key);
        self.places.push(BTreeMap::new());
        group
    }

    /// The only group of a question without any, made if there is none; `None` if it has some.
    pub(super) fn only(&mut self, keys: &Keys) -> Option<u32> {
        (keys.count() == 0).then(|| {
            self.insert(match keys {
                Keys::Labels(_) => Key::Labels(Box::default()),
                Keys::Expressions { .. } => Key::Values(Vec::new()),
            })
        })
    }

    /// The cell of a group and a bucket.
    pub(super) fn cell(&mut self, group: u32, bucket: i64) -> &mut Cell {
        // Series after series of a group goes through the same buckets in the same order.
        let behind = self.found + 1;
        if self.owners.get(behind) == Some(&(group, bucket)) {
            self.found = behind;
            return &mut self.cells[behind];
        }
        let next = self.cells.len() as u32;
        let place = *self.places[group as usize].entry(bucket).or_insert(next);
        if place == next {
            self.cells.push(Cell::EMPTY);
            self.owners.push((group, bucket));
        }
        self.found = place as usize;
        &mut self.cells[place as usize]
    }

    /// Takes in what another stream has found.
    pub(super) fn merge(&mut self, other: Self) {
        let groups: Vec<u32> = other.keys.into_iter().map(|key| self.insert(key)).collect();
        for ((group, bucket), cell) in other.owners.iter().zip(&other.cells) {
            self.cell(groups[*group as usize], *bucket).merge(cell);
        }
    }

    pub(super) fn key(&self, group: u32) -> &Key {
        &self.keys[group as usize]
    }

    /// Memory that all of it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.keys.len() * GROUP_BYTES + 2 * self.key_bytes + self.cells.len() * CELL_BYTES
    }
}
