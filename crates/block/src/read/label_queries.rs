//! Questions about labels: which names there are, which values, and how many series have them.

use roaring::RoaringBitmap;

use super::{Block, dictionary::Dictionary, label_lists::LabelReader};
use crate::BlockError;

/// How much a block holds of one label name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelCount<'a> {
    /// The name.
    pub name: &'a str,
    /// Its distinct values.
    pub values: u64,
    /// Series that have it.
    pub series: u64,
}

/// Whether the posting lists of all values are read sooner than the labels of so many series. A value
/// costs about as much as a series' labels; of its list, what is dense costs next to nothing.
const fn looks_at_values(series: u64, values: u64, series_with_name: u64) -> bool {
    values.saturating_add(series_with_name / SERIES_OF_A_LIST) < series
}

/// So many entries of a posting list are read in the time in which one series' labels are.
const SERIES_OF_A_LIST: u64 = 16;

impl Block {
    /// The names of labels, sorted: of all series, or of those given.
    ///
    /// # Errors
    /// A series that the block does not have, or damage.
    pub fn label_names(&self, series: Option<&[u32]>) -> Result<Vec<String>, BlockError> {
        let index = self.index();
        let Some(series) = series else {
            return Ok(index.names.iter().map(|name| name.name.to_string()).collect());
        };
        let wanted = self.bitmap(series)?;
        let mut names = Vec::new();
        for name in &index.names {
            let present = index.posting(Dictionary::new(index, name).present())?;
            if !present.is_disjoint(&wanted) {
                names.push(name.name.to_string());
            }
        }
        Ok(names)
    }

    /// The values of a label, sorted: of all series, or of those given.
    ///
    /// # Errors
    /// A series that the block does not have, or damage.
    pub fn label_values(
        &self,
        name: &str,
        series: Option<&[u32]>,
    ) -> Result<Vec<String>, BlockError> {
        let index = self.index();
        let Some(number) = index.name_number(name) else { return Ok(Vec::new()) };
        let dictionary = Dictionary::new(index, index.name(number)?);
        let mut values = Vec::new();
        let Some(series) = series else {
            dictionary.scan("", &mut |value, _| {
                values.push(value.to_owned());
                Ok(())
            })?;
            return Ok(values);
        };
        let wanted = self.bitmap(series)?;
        let name = index.name(number)?;
        if looks_at_values(wanted.len(), u64::from(name.value_count), u64::from(name.series_count))
        {
            dictionary.scan("", &mut |value, list| {
                if dictionary.meets(list, &wanted)? {
                    values.push(value.to_owned());
                }
                Ok(())
            })?;
            return Ok(values);
        }
        let mut reader = LabelReader::new(index);
        let mut numbers = RoaringBitmap::new();
        for series in &wanted {
            numbers.extend(reader.value_number(series, number)?);
        }
        let mut text = Vec::new();
        for number in numbers {
            dictionary.value(number, &mut text)?;
            let value = str::from_utf8(&text).map_err(|_| index.malformed("a label value"))?;
            values.push(value.to_owned());
        }
        Ok(values)
    }

    /// How many values and series each label name has, by name. Costs no reading.
    pub fn label_counts(&self) -> impl Iterator<Item = LabelCount<'_>> {
        self.index().names.iter().map(|name| LabelCount {
            name: &name.name,
            values: u64::from(name.value_count),
            series: u64::from(name.series_count),
        })
    }

    /// Calls `each` with every value of a label, in order, and how many series have it. Reads the
    /// values, and no posting list.
    ///
    /// # Errors
    /// Damage.
    pub fn value_counts(
        &self,
        name: &str,
        each: &mut dyn FnMut(&str, u64),
    ) -> Result<(), BlockError> {
        let index = self.index();
        let Some(number) = index.name_number(name) else { return Ok(()) };
        Dictionary::new(index, index.name(number)?).scan("", &mut |value, list| {
            each(value, u64::from(list.count));
            Ok(())
        })
    }

    fn bitmap(&self, series: &[u32]) -> Result<RoaringBitmap, BlockError> {
        let bitmap: RoaringBitmap = series.iter().copied().collect();
        if let Some(max) = bitmap.max() {
            self.index().check_series(max)?;
        }
        Ok(bitmap)
    }
}
