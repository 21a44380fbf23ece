//! The labels of series, as numbers of names and values.
//!
//! A series is a metric and a tail, which is a list of its other labels that series share; in version 1 it
//! is a list of all its labels.

use timberline_model::{Labels, METRIC_NAME, limits};

use super::{
    dictionary::Dictionary,
    index::{Grouped, Index},
};
use crate::{
    BlockError,
    cursor::Cursor,
    format::{SERIES_PER_GROUP, VERSION_MIN},
};

/// Reads the labels of one series after the other, best in ascending order: going upwards within a
/// group costs only the series on the way, and a value that the series read before had at the same
/// place is not looked up again.
#[derive(Debug)]
pub struct LabelReader<'a> {
    index: &'a Index,
    lists: ListReader<'a>,
    /// Which tail a series has; none in version 1.
    series: Option<SeriesReader<'a>>,
    /// The labels of the series read last.
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
        let chained = index.version == VERSION_MIN;
        let section = if chained { Grouped::LabelLists } else { Grouped::Tails };
        Self {
            index,
            lists: ListReader::new(index, section),
            series: (!chained).then(|| SeriesReader::new(index)),
            pairs: Vec::new(),
            values: Vec::new(),
        }
    }

    /// The labels of a series, in order of their names: numbers of name and value.
    pub(crate) fn pairs(&mut self, series: u32) -> Result<&[(u32, u32)], BlockError> {
        self.index.check_series(series)?;
        let Some(reader) = &mut self.series else { return self.lists.pairs(series) };
        let (metric, tail) = reader.labels(series)?;
        let tail = self.lists.pairs(tail)?;
        self.pairs.clear();
        self.pairs.extend_from_slice(tail);
        if let Some(metric) = metric {
            let name = reader.metric_name.ok_or_else(|| self.index.malformed(LABELS))?;
            let place = tail.partition_point(|(other, _)| *other < name);
            self.pairs.insert(place, (name, metric));
        }
        Ok(&self.pairs)
    }

    /// The labels of a series.
    ///
    /// # Errors
    /// No such series, or damage.
    pub fn labels(&mut self, series: u32) -> Result<Labels, BlockError> {
        let pairs = self.pairs(series)?.len();
        if self.values.len() < pairs {
            self.values.resize_with(pairs, CachedValue::default);
        }
        let pairs = if self.series.is_some() { &self.pairs } else { &self.lists.pairs };
        let mut bytes = Vec::with_capacity(32 * pairs.len());
        for (&(name, value), cached) in pairs.iter().zip(&mut self.values) {
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

const LABELS: &str = "the list of a series' labels";

/// Reads lists of labels, each without what it shares with the one before it in its group.
#[derive(Debug)]
struct ListReader<'a> {
    index: &'a Index,
    section: Grouped,
    group: Option<u32>,
    cursor: Cursor<'a>,
    /// The list whose record the cursor is at.
    next: u32,
    /// The list before it: numbers of name and value.
    pairs: Vec<(u32, u32)>,
}

impl<'a> ListReader<'a> {
    fn new(index: &'a Index, section: Grouped) -> Self {
        Self { index, section, group: None, cursor: Cursor::new(&[]), next: 0, pairs: Vec::new() }
    }

    fn pairs(&mut self, number: u32) -> Result<&[(u32, u32)], BlockError> {
        let group = number / SERIES_PER_GROUP;
        // `pairs` are those of the list before `next`, so `next` may be one too far and no more.
        if self.group != Some(group) || self.next.saturating_sub(1) > number {
            self.group = None;
            self.cursor = Cursor::new(self.index.group(self.section, number)?);
            self.pairs.clear();
            self.next = group * SERIES_PER_GROUP;
            self.group = Some(group);
        }
        while self.next <= number {
            if self.advance().is_none() {
                self.group = None;
                return Err(self.index.malformed(LABELS));
            }
        }
        Ok(&self.pairs)
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
}

/// Reads which metric and which tail each series has.
#[derive(Debug)]
struct SeriesReader<'a> {
    index: &'a Index,
    /// The number of the label that is the metric's name, if any series has it.
    metric_name: Option<u32>,
    group: Option<u32>,
    cursor: Cursor<'a>,
    /// The series whose record the cursor is at.
    next: u32,
    /// Of the series before it: the number of the metric plus one, or zero, and the tail.
    metric: u32,
    tail: u32,
}

impl<'a> SeriesReader<'a> {
    fn new(index: &'a Index) -> Self {
        let metric_name = index.name_number(METRIC_NAME);
        let cursor = Cursor::new(&[]);
        Self { index, metric_name, group: None, cursor, next: 0, metric: 0, tail: 0 }
    }

    /// The number of the metric, if there is one, and that of the tail.
    fn labels(&mut self, series: u32) -> Result<(Option<u32>, u32), BlockError> {
        let group = series / SERIES_PER_GROUP;
        if self.group != Some(group) || self.next.saturating_sub(1) > series {
            self.group = None;
            self.cursor = Cursor::new(self.index.group(Grouped::LabelLists, series)?);
            (self.metric, self.tail) = (0, u32::MAX);
            self.next = group * SERIES_PER_GROUP;
            self.group = Some(group);
        }
        while self.next <= series {
            if self.advance().is_none() {
                self.group = None;
                return Err(self.index.malformed(LABELS));
            }
        }
        Ok((self.metric.checked_sub(1), self.tail))
    }

    /// Reads the next record; `None` when it is malformed.
    fn advance(&mut self) -> Option<()> {
        let number = self.cursor.uvarint()?;
        let zigzag = number >> 1;
        let distance = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        // Before the first of a group comes 2^32 - 1, which goes on with 0.
        let expected = i64::from(self.tail.wrapping_add(1));
        let tail = u32::try_from(expected.checked_add(distance)?).ok()?;
        self.tail = Some(tail).filter(|tail| *tail < self.index.footer.tails)?;
        if number & 1 == 0 {
            self.metric = self.cursor.uvarint32()?;
        }
        self.next += 1;
        Some(())
    }
}
