//! The records of the log.

use timberline_model::{
    BucketCounts, BucketSpan, CUSTOM_BUCKETS_SCHEMA, Exemplar, Histogram, Labels, LabelsBuilder,
    Metadata, MetricKind, ResetHint,
};

use crate::prometheus::{
    bytes::{Bytes, Fault},
    chunks::nanos,
};

const SERIES: u8 = 1;
const SAMPLES: u8 = 2;
const TOMBSTONES: u8 = 3;
const EXEMPLARS: u8 = 4;
const MMAP_MARKERS: u8 = 5;
const METADATA: u8 = 6;
const HISTOGRAMS: u8 = 7;
const FLOAT_HISTOGRAMS: u8 = 8;
const CUSTOM_HISTOGRAMS: u8 = 9;
const CUSTOM_FLOAT_HISTOGRAMS: u8 = 10;

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Bytes that make no sense.
    #[error("{0}")]
    Fault(Fault),
    /// A type that is not known.
    #[error("a record of type {0}; types 1 to 10 are read")]
    Type(u8),
    /// Something in it that cannot be.
    #[error("{0}")]
    Content(String),
}

impl From<Fault> for RecordError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A series and its number in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalSeries {
    /// Its number.
    pub reference: u64,
    /// Its labels.
    pub labels: Labels,
}

/// A float of a series.
#[derive(Clone, Copy, Debug)]
pub struct WalSample {
    /// The series' number.
    pub reference: u64,
    /// Milliseconds.
    pub ms: i64,
    /// The value.
    pub value: f64,
}

/// A native histogram of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalHistogram {
    /// The series' number.
    pub reference: u64,
    /// Milliseconds.
    pub ms: i64,
    /// The value.
    pub histogram: Histogram,
}

/// What a record holds.
#[derive(Clone, Debug)]
pub enum Record {
    /// New series.
    Series(Vec<WalSeries>),
    /// Floats.
    Samples(Vec<WalSample>),
    /// Deleted spans: number of a series, first and last millisecond.
    Tombstones(Vec<(u64, i64, i64)>),
    /// Exemplars, by the number of their series.
    Exemplars(Vec<(u64, Exemplar)>),
    /// What is known of series, by their numbers.
    Metadata(Vec<(u64, Metadata)>),
    /// Native histograms.
    Histograms(Vec<WalHistogram>),
    /// Something that says nothing about samples.
    Nothing,
}

/// Reads a record.
///
/// # Errors
/// Bytes that are none, or of an unknown type.
pub fn decode_record(record: &[u8]) -> Result<Record, RecordError> {
    let mut bytes = Bytes::new(record);
    match bytes.byte("a type")? {
        SERIES => read_series(&mut bytes).map(Record::Series),
        SAMPLES => read_samples(&mut bytes).map(Record::Samples),
        TOMBSTONES => {
            let mut tombstones = Vec::new();
            while !bytes.is_empty() {
                let series = bytes.u64("a series")?;
                tombstones.push((series, bytes.varint("a begin")?, bytes.varint("an end")?));
            }
            Ok(Record::Tombstones(tombstones))
        }
        EXEMPLARS => read_exemplars(&mut bytes).map(Record::Exemplars),
        METADATA => read_metadata(&mut bytes).map(Record::Metadata),
        HISTOGRAMS | CUSTOM_HISTOGRAMS => read_histograms(&mut bytes, false),
        FLOAT_HISTOGRAMS | CUSTOM_FLOAT_HISTOGRAMS => read_histograms(&mut bytes, true),
        MMAP_MARKERS => Ok(Record::Nothing),
        other => Err(RecordError::Type(other)),
    }
}

fn read_labels(bytes: &mut Bytes<'_>, builder: &mut LabelsBuilder) -> Result<Labels, RecordError> {
    builder.clear();
    for _ in 0..bytes.count(2, "a count of labels")? {
        let name = bytes.text("a label's name")?;
        builder.push(name, bytes.text("a label's value")?);
    }
    builder.build().map_err(|error| RecordError::Content(error.to_string()))
}

fn read_series(bytes: &mut Bytes<'_>) -> Result<Vec<WalSeries>, RecordError> {
    let mut builder = LabelsBuilder::default();
    let mut series = Vec::new();
    while !bytes.is_empty() {
        let reference = bytes.u64("a series")?;
        series.push(WalSeries { reference, labels: read_labels(bytes, &mut builder)? });
    }
    Ok(series)
}

/// The first sample's number and time, against which the others are written.
struct Base {
    reference: u64,
    ms: i64,
}

impl Base {
    fn read(bytes: &mut Bytes<'_>) -> Result<Self, RecordError> {
        Ok(Self { reference: bytes.u64("a series")?, ms: bytes.u64("a time")?.cast_signed() })
    }

    fn next(&self, bytes: &mut Bytes<'_>) -> Result<(u64, i64), RecordError> {
        let reference = self.reference.wrapping_add_signed(bytes.varint("a series")?);
        Ok((reference, self.ms.wrapping_add(bytes.varint("a time")?)))
    }
}

fn read_samples(bytes: &mut Bytes<'_>) -> Result<Vec<WalSample>, RecordError> {
    let mut samples = Vec::new();
    if bytes.is_empty() {
        return Ok(samples);
    }
    let base = Base::read(bytes)?;
    while !bytes.is_empty() {
        let (reference, ms) = base.next(bytes)?;
        samples.push(WalSample { reference, ms, value: bytes.f64("a value")? });
    }
    Ok(samples)
}

fn read_exemplars(bytes: &mut Bytes<'_>) -> Result<Vec<(u64, Exemplar)>, RecordError> {
    let mut exemplars = Vec::new();
    if bytes.is_empty() {
        return Ok(exemplars);
    }
    let base = Base::read(bytes)?;
    let mut builder = LabelsBuilder::default();
    while !bytes.is_empty() {
        let (reference, ms) = base.next(bytes)?;
        let value = bytes.f64("a value")?;
        let labels = read_labels(bytes, &mut builder)?;
        let ts = nanos(ms).map_err(|error| RecordError::Content(error.to_string()))?;
        exemplars.push((reference, Exemplar { labels, value, ts }));
    }
    Ok(exemplars)
}

fn read_metadata(bytes: &mut Bytes<'_>) -> Result<Vec<(u64, Metadata)>, RecordError> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let reference = bytes.uvarint("a series")?;
        let kind = MetricKind::from_code(bytes.byte("a type")?).unwrap_or_default();
        let mut metadata = Metadata { kind, ..Metadata::default() };
        for _ in 0..bytes.count(2, "a count of fields")? {
            let name = bytes.text("a field's name")?;
            let text = bytes.text("a field's text")?;
            match name {
                "UNIT" => text.clone_into(&mut metadata.unit),
                "HELP" => text.clone_into(&mut metadata.help),
                _ => {}
            }
        }
        all.push((reference, metadata));
    }
    Ok(all)
}

fn read_histograms(bytes: &mut Bytes<'_>, float: bool) -> Result<Record, RecordError> {
    let mut histograms = Vec::new();
    if bytes.is_empty() {
        return Ok(Record::Histograms(histograms));
    }
    let base = Base::read(bytes)?;
    while !bytes.is_empty() {
        let (reference, ms) = base.next(bytes)?;
        let histogram = read_histogram(bytes, float)?;
        histograms.push(WalHistogram { reference, ms, histogram });
    }
    Ok(Record::Histograms(histograms))
}

fn read_histogram(bytes: &mut Bytes<'_>, float: bool) -> Result<Histogram, RecordError> {
    let reset_hint = ResetHint::from_code(bytes.byte("a reset hint")?).unwrap_or_default();
    let schema = bytes.varint("a schema")?;
    let schema = i8::try_from(schema)
        .map_err(|_| RecordError::Content(format!("a histogram of schema {schema}")))?;
    let zero_threshold = bytes.f64("a threshold")?;
    let (mut counts, sum);
    if float {
        let zero_count = bytes.f64("a zero count")?;
        let count = bytes.f64("a count")?;
        sum = bytes.f64("a sum")?;
        let (positive, negative) = (Vec::new(), Vec::new());
        counts = BucketCounts::Float { count, zero_count, positive, negative };
    } else {
        let zero_count = bytes.uvarint("a zero count")?;
        let count = bytes.uvarint("a count")?;
        sum = bytes.f64("a sum")?;
        let (positive, negative) = (Vec::new(), Vec::new());
        counts = BucketCounts::Integer { count, zero_count, positive, negative };
    }
    let positive_spans = read_spans(bytes)?;
    let negative_spans = read_spans(bytes)?;
    match &mut counts {
        BucketCounts::Integer { positive, negative, .. } => {
            *positive = read_deltas(bytes)?;
            *negative = read_deltas(bytes)?;
        }
        BucketCounts::Float { positive, negative, .. } => {
            *positive = read_floats(bytes)?;
            *negative = read_floats(bytes)?;
        }
    }
    let custom_values =
        if schema == CUSTOM_BUCKETS_SCHEMA { read_floats(bytes)? } else { Vec::new() };
    Ok(Histogram {
        reset_hint,
        schema,
        zero_threshold,
        sum,
        positive_spans,
        negative_spans,
        custom_values,
        counts,
    })
}

fn read_spans(bytes: &mut Bytes<'_>) -> Result<Vec<BucketSpan>, RecordError> {
    let beyond = |_| RecordError::Content("a span of more than 32 bits".to_owned());
    let count = bytes.count(2, "a count of spans")?;
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = i32::try_from(bytes.varint("a span's offset")?).map_err(beyond)?;
        let length = u32::try_from(bytes.uvarint("a span's length")?).map_err(beyond)?;
        spans.push(BucketSpan { offset, length });
    }
    Ok(spans)
}

/// Counts of buckets, each written as the difference to the one before.
fn read_deltas(bytes: &mut Bytes<'_>) -> Result<Vec<u64>, RecordError> {
    let count = bytes.count(1, "a count of buckets")?;
    let mut counts = Vec::with_capacity(count);
    let mut bucket = 0_u64;
    for _ in 0..count {
        let delta = bytes.varint("a bucket")?;
        let below = || RecordError::Content("a bucket with a count below zero".to_owned());
        bucket = bucket.checked_add_signed(delta).ok_or_else(below)?;
        counts.push(bucket);
    }
    Ok(counts)
}

fn read_floats(bytes: &mut Bytes<'_>) -> Result<Vec<f64>, RecordError> {
    let count = bytes.count(8, "a count of buckets")?;
    (0..count).map(|_| Ok(bytes.f64("a bucket")?)).collect()
}
