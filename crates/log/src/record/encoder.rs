//! Columns and definitions to bytes.

use timberline_codec::varint::{put_ivarint, put_uvarint};
use timberline_model::{Exemplar, FamilyMetadata, Labels, SeriesRef};

use super::{
    DEFINITIONS, EXEMPLARS, HISTOGRAMS, METADATA, SAMPLES, STARTS, STARTS_ALL, STARTS_NONE,
    VERSION,
    columns::{put_refs, put_timestamps, put_values},
    put_family,
};

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
    sample_count: usize,
    starts: Vec<u8>,
    histograms: Vec<u8>,
    exemplars: Vec<u8>,
    metadata: Vec<u8>,
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
        self.sample_count = 0;
        self.starts.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.metadata.clear();
    }

    /// Bytes of memory that the buffers hold, used or not.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let buffers = [
            &self.definitions,
            &self.columns,
            &self.values,
            &self.starts,
            &self.histograms,
            &self.exemplars,
            &self.metadata,
            &self.record,
        ];
        buffers.iter().map(|buffer| buffer.capacity()).sum()
    }

    /// Adds the definition of a series.
    pub fn define(&mut self, series: SeriesRef, labels: &Labels) {
        put_ivarint(&mut self.definitions, series.0.wrapping_sub(self.last_defined) as i64);
        put_labels(&mut self.definitions, labels);
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
        self.sample_count = refs.len();
    }

    /// Adds the start timestamps of the samples, one for each, 0 where nobody said. Nothing is added
    /// when nobody said for any.
    ///
    /// # Panics
    /// When there are not as many as samples, or when there are some already.
    pub fn starts(&mut self, starts: &[i64]) {
        assert!(self.starts.is_empty(), "a record holds one set of starts");
        if starts.iter().all(|start| *start == 0) {
            return;
        }
        assert_eq!(starts.len(), self.sample_count, "one start for each sample");
        put_timestamps(&mut self.starts, starts);
    }

    /// Adds native histograms: columns of equal length, ordered as samples are; `starts` may be empty.
    /// `encoded` has the bytes of each, which a reader gets back as they are. At most once a record;
    /// nothing is added for empty columns.
    ///
    /// # Panics
    /// When the columns differ in length, the series do not ascend, or there are histograms already.
    pub fn histograms<'a>(
        &mut self,
        refs: &[SeriesRef],
        timestamps: &[i64],
        starts: &[i64],
        encoded: impl ExactSizeIterator<Item = &'a [u8]>,
    ) {
        assert!(refs.len() == timestamps.len() && refs.len() == encoded.len(), "equal columns");
        assert!(starts.is_empty() || starts.len() == refs.len(), "one start for each histogram");
        assert!(self.histograms.is_empty(), "a record holds one set of histograms");
        if refs.is_empty() {
            return;
        }
        let section = &mut self.histograms;
        put_uvarint(section, refs.len() as u64);
        put_refs(section, refs);
        put_timestamps(section, timestamps);
        if starts.iter().all(|start| *start == 0) {
            section.push(STARTS_NONE);
        } else {
            section.push(STARTS_ALL);
            put_timestamps(section, starts);
        }
        for bytes in encoded {
            put_uvarint(section, bytes.len() as u64);
            section.extend_from_slice(bytes);
        }
    }

    /// Adds exemplars, ascending by series, those of one series in their order of arrival. At most
    /// once a record; nothing is added for none.
    ///
    /// # Panics
    /// When there are more series than exemplars or fewer, the series do not ascend, or there are
    /// exemplars already.
    pub fn exemplars<'a>(
        &mut self,
        refs: &[SeriesRef],
        exemplars: impl ExactSizeIterator<Item = &'a Exemplar> + Clone,
    ) {
        assert_eq!(refs.len(), exemplars.len(), "a series for each exemplar");
        assert!(self.exemplars.is_empty(), "a record holds one set of exemplars");
        if refs.is_empty() {
            return;
        }
        let section = &mut self.exemplars;
        put_uvarint(section, refs.len() as u64);
        put_refs(section, refs);
        let timestamps: Vec<i64> = exemplars.clone().map(|exemplar| exemplar.ts).collect();
        put_timestamps(section, &timestamps);
        let values: Vec<f64> = exemplars.clone().map(|exemplar| exemplar.value).collect();
        put_values(section, &values);
        exemplars.for_each(|exemplar| put_labels(section, &exemplar.labels));
    }

    /// Adds what is known of metric families. At most once a record; nothing is added for none.
    ///
    /// # Panics
    /// When there is metadata already.
    pub fn metadata(&mut self, families: &[FamilyMetadata]) {
        assert!(self.metadata.is_empty(), "a record holds one set of metadata");
        if families.is_empty() {
            return;
        }
        put_uvarint(&mut self.metadata, families.len() as u64);
        for FamilyMetadata { family, metadata } in families {
            put_family(&mut self.metadata, family, metadata);
        }
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
        let sections: [(u8, [&[u8]; 2]); 5] = [
            (SAMPLES, [&self.columns, &self.values]),
            (HISTOGRAMS, [&self.histograms, &[]]),
            (EXEMPLARS, [&self.exemplars, &[]]),
            (METADATA, [&self.metadata, &[]]),
            (STARTS, [&self.starts, &[]]),
        ];
        for (kind, parts) in sections {
            if !parts[0].is_empty() {
                put_section(record, kind, &parts);
            }
        }
        record
    }
}

fn put_labels(bytes: &mut Vec<u8>, labels: &Labels) {
    put_uvarint(bytes, labels.as_bytes().len() as u64);
    bytes.extend_from_slice(labels.as_bytes());
}

fn put_section(record: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    record.push(kind);
    put_uvarint(record, parts.iter().map(|part| part.len() as u64).sum());
    for part in parts {
        record.extend_from_slice(part);
    }
}
