//! Bytes to columns and definitions.

use timberline_codec::varint::{ivarint, uvarint};
use timberline_model::{Exemplar, FamilyMetadata, Labels, SeriesRef};

use super::{
    DEFINITIONS, EXEMPLARS, FAMILY_BYTES_MIN, HISTOGRAMS, METADATA, SAMPLES, STARTS, STARTS_ALL,
    STARTS_NONE, VERSION,
    columns::{VALUE_BYTES, read_refs, read_timestamps, read_values},
    family, malformed,
};
use crate::LogError;

/// The fewest bytes of a definition: a difference and a length.
const DEFINITION_BYTES_MIN: usize = 2;
/// The fewest bytes of a histogram: a reference and a length.
const HISTOGRAM_BYTES_MIN: usize = 2;
/// The fewest bytes of an exemplar: a reference, a value, and a length.
const EXEMPLAR_BYTES_MIN: usize = 2 + VALUE_BYTES;

/// A record that borrows the bytes it is read from. Its sections have been found; what is in them is
/// checked as it is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    definition_count: usize,
    definitions: &'a [u8],
    sample_count: usize,
    /// References and timestamps.
    columns: &'a [u8],
    values: &'a [u8],
    starts: &'a [u8],
    histogram_count: usize,
    histograms: &'a [u8],
    exemplar_count: usize,
    exemplars: &'a [u8],
    family_count: usize,
    metadata: &'a [u8],
}

/// One native histogram of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHistogram<'a> {
    /// Of which series.
    pub series: SeriesRef,
    /// Nanoseconds since the Unix epoch.
    pub ts: i64,
    /// When what it counts began, nanoseconds; 0 if nobody said.
    pub start: i64,
    /// Its bytes, as they were given to the encoder.
    pub encoded: &'a [u8],
}

impl<'a> Record<'a> {
    /// Finds the sections of a record.
    ///
    /// # Errors
    /// [`LogError::RecordVersion`], [`LogError::UnknownSection`], or [`LogError::MalformedRecord`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, LogError> {
        let (version, mut rest) = bytes.split_first().ok_or(malformed("no version byte"))?;
        if *version != VERSION {
            return Err(LogError::RecordVersion { found: *version, known: VERSION });
        }
        let mut record = Self::default();
        let mut last_kind = 0;
        while let Some((&kind, tail)) = rest.split_first() {
            let (section, tail) = split_section(tail).ok_or(malformed("a section is cut off"))?;
            if (DEFINITIONS..=STARTS).contains(&kind) && kind <= last_kind {
                return Err(malformed("sections out of order"));
            }
            record.open(kind, section)?;
            last_kind = kind;
            rest = tail;
        }
        Ok(record)
    }

    fn open(&mut self, kind: u8, section: &'a [u8]) -> Result<(), LogError> {
        match kind {
            DEFINITIONS => {
                let more = "more definitions than bytes for them";
                (self.definition_count, self.definitions) =
                    read_count(section, DEFINITION_BYTES_MIN, more)?;
            }
            SAMPLES => {
                let more = "more samples than bytes for them";
                let (count, rest) = read_count(section, VALUE_BYTES, more)?;
                self.sample_count = count;
                (self.columns, self.values) = rest.split_at(rest.len() - count * VALUE_BYTES);
            }
            HISTOGRAMS => {
                let more = "more histograms than bytes for them";
                (self.histogram_count, self.histograms) =
                    read_count(section, HISTOGRAM_BYTES_MIN, more)?;
            }
            EXEMPLARS => {
                let more = "more exemplars than bytes for them";
                (self.exemplar_count, self.exemplars) =
                    read_count(section, EXEMPLAR_BYTES_MIN, more)?;
            }
            METADATA => {
                let more = "more metric families than bytes for them";
                (self.family_count, self.metadata) = read_count(section, FAMILY_BYTES_MIN, more)?;
            }
            STARTS if self.sample_count == 0 => {
                return Err(malformed("start timestamps without samples"));
            }
            STARTS if section.is_empty() => return Err(malformed("timestamps are cut off")),
            STARTS => self.starts = section,
            _ => return Err(LogError::UnknownSection { kind, name: "unknown" }),
        }
        Ok(())
    }

    /// How many series the record defines.
    #[must_use]
    pub fn definition_count(&self) -> usize {
        self.definition_count
    }

    /// How many float samples the record holds.
    #[must_use]
    pub fn sample_count(&self) -> usize {
        self.sample_count
    }

    /// How many histograms the record holds.
    #[must_use]
    pub fn histogram_count(&self) -> usize {
        self.histogram_count
    }

    /// How many exemplars the record holds.
    #[must_use]
    pub fn exemplar_count(&self) -> usize {
        self.exemplar_count
    }

    /// Of how many metric families the record says something.
    #[must_use]
    pub fn family_count(&self) -> usize {
        self.family_count
    }

    /// The definitions, in order. Ends after the first error.
    pub fn definitions(&self) -> impl Iterator<Item = Result<(SeriesRef, Labels), LogError>> + 'a {
        let mut previous = 0_u64;
        entries(self.definition_count, self.definitions, move |rest| {
            read_definition(rest, &mut previous)
        })
    }

    /// What is said of metric families, in order. Ends after the first error.
    pub fn metadata(&self) -> impl Iterator<Item = Result<FamilyMetadata, LogError>> + 'a {
        entries(self.family_count, self.metadata, |rest| {
            let (entry, tail) = family(rest).ok_or(malformed("metadata is cut off or none"))?;
            *rest = tail;
            Ok(entry)
        })
    }

    /// Appends the samples to columns. All of them are appended, or none.
    ///
    /// # Errors
    /// [`LogError::MalformedRecord`].
    pub fn samples_into(
        &self,
        refs: &mut Vec<SeriesRef>,
        timestamps: &mut Vec<i64>,
        values: &mut Vec<f64>,
    ) -> Result<(), LogError> {
        if self.sample_count == 0 {
            return Ok(());
        }
        let (refs_before, timestamps_before) = (refs.len(), timestamps.len());
        let read = read_refs(self.columns, self.sample_count, refs)
            .and_then(|rest| read_timestamps(rest, self.sample_count, timestamps))
            .and_then(|rest| at_end(rest, "bytes after the last timestamp"));
        if let Err(error) = read {
            refs.truncate(refs_before);
            timestamps.truncate(timestamps_before);
            return Err(error);
        }
        read_values(self.values, values);
        Ok(())
    }

    /// Appends the start timestamps of the samples, as many as there are samples; none when nobody
    /// said for any.
    ///
    /// # Errors
    /// [`LogError::MalformedRecord`]; nothing is appended then.
    pub fn starts_into(&self, starts: &mut Vec<i64>) -> Result<(), LogError> {
        if self.starts.is_empty() {
            return Ok(());
        }
        let before = starts.len();
        let read = read_timestamps(self.starts, self.sample_count, starts)
            .and_then(|rest| at_end(rest, "bytes after the last start timestamp"));
        if read.is_err() {
            starts.truncate(before);
        }
        read
    }

    /// The native histograms, in order.
    ///
    /// # Errors
    /// [`LogError::MalformedRecord`].
    pub fn histograms(&self) -> Result<Vec<RecordHistogram<'a>>, LogError> {
        let count = self.histogram_count;
        if count == 0 {
            return Ok(Vec::new());
        }
        let (mut refs, mut timestamps, mut starts) = (Vec::new(), Vec::new(), Vec::new());
        let rest = read_refs(self.histograms, count, &mut refs)?;
        let rest = read_timestamps(rest, count, &mut timestamps)?;
        let mut rest = match rest.split_first() {
            Some((&STARTS_NONE, rest)) => {
                starts.resize(count, 0);
                rest
            }
            Some((&STARTS_ALL, rest)) => read_timestamps(rest, count, &mut starts)?,
            _ => return Err(malformed("unknown form of start timestamps")),
        };
        let mut histograms = Vec::with_capacity(count);
        for ((series, ts), start) in refs.into_iter().zip(timestamps).zip(starts) {
            let split = split_section(rest).ok_or(malformed("a histogram is cut off"))?;
            histograms.push(RecordHistogram { series, ts, start, encoded: split.0 });
            rest = split.1;
        }
        at_end(rest, "bytes after the last histogram")?;
        Ok(histograms)
    }

    /// The exemplars, in order.
    ///
    /// # Errors
    /// [`LogError::MalformedRecord`].
    pub fn exemplars(&self) -> Result<Vec<(SeriesRef, Exemplar)>, LogError> {
        let count = self.exemplar_count;
        if count == 0 {
            return Ok(Vec::new());
        }
        let (mut refs, mut timestamps, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let rest = read_refs(self.exemplars, count, &mut refs)?;
        let rest = read_timestamps(rest, count, &mut timestamps)?;
        let cut = || malformed("exemplars are cut off");
        let (bits, mut rest) = rest.split_at_checked(count * VALUE_BYTES).ok_or_else(cut)?;
        read_values(bits, &mut values);
        let mut exemplars = Vec::with_capacity(count);
        for ((series, ts), value) in refs.into_iter().zip(timestamps).zip(values) {
            let (labels, tail) = read_labels(rest, cut())?;
            exemplars.push((series, Exemplar { labels, value, ts }));
            rest = tail;
        }
        at_end(rest, "bytes after the last exemplar")?;
        Ok(exemplars)
    }
}

/// A count of entries that take at least `bytes_min` bytes each, so that it cannot make anyone
/// allocate too much, and the bytes behind it.
fn read_count<'a>(
    section: &'a [u8],
    bytes_min: usize,
    more: &'static str,
) -> Result<(usize, &'a [u8]), LogError> {
    let (count, rest) = uvarint(section).ok_or(malformed("a section has no count"))?;
    if count == 0 || count > (rest.len() / bytes_min) as u64 {
        return Err(malformed(more));
    }
    Ok((usize::try_from(count).expect("bounded by a length"), rest))
}

/// Reads `count` entries that fill the bytes. Ends after the first error.
fn entries<'a, T>(
    count: usize,
    bytes: &'a [u8],
    mut read: impl FnMut(&mut &'a [u8]) -> Result<T, LogError>,
) -> impl Iterator<Item = Result<T, LogError>> {
    let (mut left, mut rest) = (count, bytes);
    std::iter::from_fn(move || {
        if left == 0 {
            if rest.is_empty() {
                return None;
            }
            rest = &[];
            return Some(Err(malformed("bytes after the last entry")));
        }
        let entry = read(&mut rest);
        left = if entry.is_ok() { left - 1 } else { 0 };
        if entry.is_err() {
            rest = &[];
        }
        Some(entry)
    })
}

fn split_section(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = uvarint(bytes)?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

fn read_definition(rest: &mut &[u8], previous: &mut u64) -> Result<(SeriesRef, Labels), LogError> {
    let cut = || malformed("a definition is cut off");
    let (delta, tail) = ivarint(rest).ok_or_else(cut)?;
    let (labels, tail) = read_labels(tail, cut())?;
    *previous = previous.wrapping_add(delta as u64);
    *rest = tail;
    Ok((SeriesRef(*previous), labels))
}

fn read_labels(bytes: &[u8], cut: LogError) -> Result<(Labels, &[u8]), LogError> {
    let Some((labels, tail)) = split_section(bytes) else { return Err(cut) };
    let labels = Labels::from_bytes(labels).map_err(|_| malformed("labels are not canonical"))?;
    Ok((labels, tail))
}

fn at_end(rest: &[u8], reason: &'static str) -> Result<(), LogError> {
    if rest.is_empty() { Ok(()) } else { Err(malformed(reason)) }
}
