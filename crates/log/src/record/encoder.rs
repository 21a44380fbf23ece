//! Columns and definitions to bytes.

use timberline_codec::varint::{put_ivarint, put_uvarint};
use timberline_model::{Labels, SeriesRef, TimeUnit};

use super::{DEFINITIONS, SAMPLES, TIMES_DELTA, TIMES_EQUAL, VERSION};

/// Builds records, one after another, in buffers that it keeps.
///
/// ```
/// use timberline_log::{Record, RecordEncoder};
/// use timberline_model::{Labels, SeriesRef};
///
/// let series = SeriesRef(7);
/// let labels = Labels::from_pairs([("__name__", "up"), ("job", "node")])?;
/// let mut encoder = RecordEncoder::default();
/// encoder.define(series, &labels);
/// encoder.samples(&[series], &[1_700_000_000_000_000_000], &[1.0]);
///
/// let record = Record::decode(encoder.finish())?;
/// assert_eq!(record.definitions().next().unwrap()?, (series, labels));
/// let (mut refs, mut timestamps, mut values) = (vec![], vec![], vec![]);
/// record.samples_into(&mut refs, &mut timestamps, &mut values)?;
/// assert_eq!((refs, values), (vec![series], vec![1.0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RecordEncoder {
    definitions: Vec<u8>,
    definition_count: u64,
    last_defined: u64,
    /// The samples section but for its values.
    columns: Vec<u8>,
    /// The values, eight bytes each.
    values: Vec<u8>,
    record: Vec<u8>,
}

impl RecordEncoder {
    /// Starts a new record.
    pub fn clear(&mut self) {
        self.definitions.clear();
        self.definition_count = 0;
        self.last_defined = 0;
        self.columns.clear();
        self.values.clear();
    }

    /// Bytes of memory that the buffers hold, used or not.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let buffers = [&self.definitions, &self.columns, &self.values, &self.record];
        buffers.iter().map(|buffer| buffer.capacity()).sum()
    }

    /// Adds the definition of a series.
    pub fn define(&mut self, series: SeriesRef, labels: &Labels) {
        put_ivarint(&mut self.definitions, series.0.wrapping_sub(self.last_defined) as i64);
        put_uvarint(&mut self.definitions, labels.as_bytes().len() as u64);
        self.definitions.extend_from_slice(labels.as_bytes());
        self.definition_count += 1;
        self.last_defined = series.0;
    }

    /// Adds the samples: columns of equal length, ascending by series, the samples of one series in
    /// their order of arrival. At most once a record; nothing is added for empty columns.
    ///
    /// # Panics
    /// When the columns differ in length, the series do not ascend, or there are samples already.
    pub fn samples(&mut self, refs: &[SeriesRef], timestamps: &[i64], values: &[f64]) {
        assert!(
            refs.len() == timestamps.len() && refs.len() == values.len(),
            "columns of {}, {} and {} samples",
            refs.len(),
            timestamps.len(),
            values.len(),
        );
        assert!(self.columns.is_empty(), "a record holds one set of columns");
        if refs.is_empty() {
            return;
        }
        put_uvarint(&mut self.columns, refs.len() as u64);
        put_refs(&mut self.columns, refs);
        put_timestamps(&mut self.columns, timestamps);
        put_values(&mut self.values, values);
    }

    /// The record, whole. It stays valid until the encoder is used again.
    pub fn finish(&mut self) -> &[u8] {
        let record = &mut self.record;
        record.clear();
        record.push(VERSION);
        if self.definition_count > 0 {
            let mut count = Vec::with_capacity(10);
            put_uvarint(&mut count, self.definition_count);
            put_section(record, DEFINITIONS, &[&count, &self.definitions]);
        }
        if !self.columns.is_empty() {
            put_section(record, SAMPLES, &[&self.columns, &self.values]);
        }
        record
    }
}

fn put_section(record: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    record.push(kind);
    put_uvarint(record, parts.iter().map(|part| part.len() as u64).sum());
    for part in parts {
        record.extend_from_slice(part);
    }
}

fn put_refs(bytes: &mut Vec<u8>, refs: &[SeriesRef]) {
    let mut previous = 0;
    for series in refs {
        assert!(series.0 >= previous, "series {series} comes after series {previous}");
        put_uvarint(bytes, series.0 - previous);
        previous = series.0;
    }
}

/// A unit, a form, and the timestamps in that unit. A scrape has one instant, which is stored once.
fn put_timestamps(bytes: &mut Vec<u8>, timestamps: &[i64]) {
    let first = timestamps[0];
    if timestamps.iter().all(|ts| *ts == first) {
        let unit = TimeUnit::of(first);
        bytes.extend_from_slice(&[unit as u8, TIMES_EQUAL]);
        put_ivarint(bytes, first / unit.nanos());
        return;
    }
    let unit = unit_of(timestamps);
    bytes.extend_from_slice(&[unit as u8, TIMES_DELTA]);
    match unit {
        // With the divisor known, the compiler multiplies instead of dividing.
        TimeUnit::Milli => put_deltas::<1_000_000>(bytes, timestamps),
        TimeUnit::Micro => put_deltas::<1_000>(bytes, timestamps),
        _ => put_deltas::<1>(bytes, timestamps),
    }
}

fn put_deltas<const UNIT: i64>(bytes: &mut Vec<u8>, timestamps: &[i64]) {
    let mut previous: i64 = 0;
    for ts in timestamps {
        let ts = ts / UNIT;
        put_ivarint(bytes, ts.wrapping_sub(previous));
        previous = ts;
    }
}

/// The coarsest unit that holds all of them exactly.
fn unit_of(timestamps: &[i64]) -> TimeUnit {
    let mut unit = TimeUnit::Milli;
    for ts in timestamps {
        if ts % unit.nanos() != 0 {
            unit = TimeUnit::of(*ts).max(unit);
        }
    }
    unit
}

fn put_values(bytes: &mut Vec<u8>, values: &[f64]) {
    bytes.reserve(size_of_val(values));
    for value in values {
        bytes.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}
