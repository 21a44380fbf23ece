//! A column of labels under construction: a dictionary, with one look-up for each series.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{ArrayRef, DictionaryArray, Int32Array, NullBufferBuilder, StringArray},
    buffer::{NullBuffer, ScalarBuffer},
    datatypes::Int32Type,
    error::ArrowError,
};

/// A dictionary with more values than this is begun anew with the next batch.
const VALUES_MAX: usize = 4_096;

/// Keys of the rows, and the dictionary, which stays from batch to batch.
#[derive(Debug)]
pub(crate) struct LabelColumn {
    keys: Vec<i32>,
    nulls: NullBufferBuilder,
    known: HashMap<Box<str>, i32>,
    values: Vec<Box<str>>,
    /// The values as an array, until there is another one.
    array: Option<ArrayRef>,
    /// The key of the series at hand.
    current: Option<i32>,
}

impl LabelColumn {
    pub(crate) fn new() -> Self {
        Self {
            keys: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            known: HashMap::new(),
            values: Vec::new(),
            array: None,
            current: None,
        }
    }

    /// What the rows appended next have.
    pub(crate) fn set(&mut self, value: Option<&str>) {
        self.current = value.map(|value| self.key(value));
    }

    fn key(&mut self, value: &str) -> i32 {
        if let Some(key) = self.known.get(value) {
            return *key;
        }
        // A batch has at most 2^31 rows, and the dictionary is begun anew with batches.
        let key = i32::try_from(self.values.len()).unwrap_or(i32::MAX);
        self.known.insert(value.into(), key);
        self.values.push(value.into());
        self.array = None;
        key
    }

    pub(crate) fn append(&mut self, rows: usize) {
        self.keys.resize(self.keys.len() + rows, self.current.unwrap_or(0));
        match self.current {
            Some(_) => self.nulls.append_n_non_nulls(rows),
            None => self.nulls.append_n_nulls(rows),
        }
    }

    /// The rows so far as an array; the next ones begin another.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let values = self.array.get_or_insert_with(|| {
            Arc::new(StringArray::from_iter_values(self.values.iter().map(AsRef::<str>::as_ref)))
        });
        let keys = ScalarBuffer::from(std::mem::take(&mut self.keys));
        let nulls: Option<NullBuffer> = self.nulls.finish();
        let keys = Int32Array::try_new(keys, nulls)?;
        let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(values))?;
        if self.values.len() > VALUES_MAX {
            let current = self.current.and_then(|key| self.values.get(key as usize)).cloned();
            self.known.clear();
            self.values.clear();
            self.array = None;
            self.set(current.as_deref());
        }
        Ok(Arc::new(array))
    }
}
