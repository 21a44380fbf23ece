//! The labels of series, as numbers of names and values.

use timberline_model::{Labels, limits};

use super::{
    dictionary::Dictionary,
    index::{Grouped, Index},
};
use crate::{BlockError, cursor::Cursor, format::SERIES_PER_GROUP};

/// Reads the labels of one series after the other, best in ascending order: going upwards within a
/// group costs only the series on the way, and a value that the series read before had at the same
/// place is not looked up again.
#[derive(Debug)]
pub struct LabelReader<'a> {
    index: &'a Index,
    group: Option<u32>,
    cursor: Cursor<'a>,
    /// The series whose record the cursor is at.
    next: u32,
    /// Labels of the series before it: numbers of name and value.
    pairs: Vec<(u32, u32)>,
    /// Values looked up last, by the label's place.
    values: Vec<CachedValue>,
}

#[derive(Debug, Default)]
struct CachedValue {
    pair: Option<(u32, u32)>,
    text: Vec<u8>,
}

impl<'a> LabelReader<'a> {
    pub(crate) fn new(index: &'a Index) -> Self {
        let cursor = Cursor::new(&[]);
        Self { index, group: None, cursor, next: 0, pairs: Vec::new(), values: Vec::new() }
    }

    /// The labels of a series, in order of their names: numbers of name and value.
    pub(crate) fn pairs(&mut self, series: u32) -> Result<&[(u32, u32)], BlockError> {
        self.index.check_series(series)?;
        let group = series / SERIES_PER_GROUP;
        // `pairs` are those of the series before `next`, so `next` may be one too far and no more.
        if self.group != Some(group) || self.next.saturating_sub(1) > series {
            self.start(group, series)?;
        }
        while self.next <= series {
            if self.advance().is_none() {
                self.group = None;
                return Err(self.index.malformed("the list of a series' labels"));
            }
        }
        Ok(&self.pairs)
    }

    fn start(&mut self, group: u32, series: u32) -> Result<(), BlockError> {
        self.group = None;
        self.cursor = Cursor::new(self.index.group(Grouped::LabelLists, series)?);
        self.pairs.clear();
        self.next = group * SERIES_PER_GROUP;
        self.group = Some(group);
        Ok(())
    }

    /// Reads the next record; `None` when it is malformed.
    fn advance(&mut self) -> Option<()> {
        let shared = usize::try_from(self.cursor.uvarint()?).ok()?;
        let added = usize::try_from(self.cursor.uvarint()?).ok()?;
        if shared > self.pairs.len() || shared.checked_add(added)? > limits::LABEL_COUNT_MAX {
            return None;
        }
        self.pairs.truncate(shared);
        for _ in 0..added {
            self.pairs.push((self.cursor.uvarint32()?, self.cursor.uvarint32()?));
        }
        self.next += 1;
        Some(())
    }

    /// The labels of a series.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn labels(&mut self, series: u32) -> Result<Labels, BlockError> {
        self.pairs(series)?;
        if self.values.len() < self.pairs.len() {
            self.values.resize_with(self.pairs.len(), CachedValue::default);
        }
        let mut bytes = Vec::with_capacity(32 * self.pairs.len());
        for (&(name, value), cached) in self.pairs.iter().zip(&mut self.values) {
            let entry = self.index.name(name)?;
            if cached.pair != Some((name, value)) {
                cached.pair = None;
                Dictionary::new(self.index, entry).value(value, &mut cached.text)?;
                cached.pair = Some((name, value));
            }
            Labels::encode_pair(&mut bytes, entry.name.as_bytes(), &cached.text);
        }
        Labels::from_bytes(&bytes).map_err(|_| self.index.malformed("the labels of a series"))
    }

    /// The number of the value that a series has for a name, if it has one.
    pub(crate) fn value_number(
        &mut self,
        series: u32,
        name: u32,
    ) -> Result<Option<u32>, BlockError> {
        let pairs = self.pairs(series)?;
        Ok(pairs.iter().find(|(found, _)| *found == name).map(|(_, value)| *value))
    }
}
