//! Bytes to columns and definitions.

use timberline_codec::varint::{ivarint, uvarint};
use timberline_model::{Labels, SeriesRef, TimeUnit};

use super::{DEFINITIONS, SAMPLES, TIMES_DELTA, TIMES_EQUAL, VERSION, section_name};
use crate::LogError;

const VALUE_BYTES: usize = size_of::<f64>();

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
            match kind {
                DEFINITIONS | SAMPLES if kind <= last_kind => {
                    return Err(malformed("sections out of order"));
                }
                DEFINITIONS => record.open_definitions(section)?,
                SAMPLES => record.open_samples(section)?,
                _ => return Err(LogError::UnknownSection { kind, name: section_name(kind) }),
            }
            last_kind = kind;
            rest = tail;
        }
        Ok(record)
    }

    /// How many series the record defines.
    #[must_use]
    pub fn definition_count(&self) -> usize {
        self.definition_count
    }

    /// How many samples the record holds.
    #[must_use]
    pub fn sample_count(&self) -> usize {
        self.sample_count
    }

    /// The definitions, in order. Ends after the first error.
    pub fn definitions(&self) -> impl Iterator<Item = Result<(SeriesRef, Labels), LogError>> + 'a {
        let (mut left, mut rest, mut previous) = (self.definition_count, self.definitions, 0_u64);
        std::iter::from_fn(move || {
            if left == 0 {
                if rest.is_empty() {
                    return None;
                }
                rest = &[];
                return Some(Err(malformed("bytes after the last definition")));
            }
            let definition = read_definition(&mut rest, &mut previous);
            left = if definition.is_ok() { left - 1 } else { 0 };
            if definition.is_err() {
                rest = &[];
            }
            Some(definition)
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
            .and_then(|rest| read_timestamps(rest, self.sample_count, timestamps));
        if let Err(error) = read {
            refs.truncate(refs_before);
            timestamps.truncate(timestamps_before);
            return Err(error);
        }
        let bits = self.values.chunks_exact(VALUE_BYTES);
        values.extend(bits.map(|b| {
            f64::from_bits(u64::from_le_bytes(b.try_into().expect("chunks of eight bytes")))
        }));
        Ok(())
    }

    fn open_definitions(&mut self, section: &'a [u8]) -> Result<(), LogError> {
        let (count, definitions) = uvarint(section).ok_or(malformed("no count of definitions"))?;
        // A definition takes two bytes at least, so a count cannot make anyone allocate too much.
        if count == 0 || count > (definitions.len() / 2) as u64 {
            return Err(malformed("more definitions than bytes for them"));
        }
        self.definition_count = usize::try_from(count).expect("bounded by a length");
        self.definitions = definitions;
        Ok(())
    }

    fn open_samples(&mut self, section: &'a [u8]) -> Result<(), LogError> {
        let (count, rest) = uvarint(section).ok_or(malformed("no count of samples"))?;
        if count == 0 || count > (rest.len() / VALUE_BYTES) as u64 {
            return Err(malformed("more samples than bytes for them"));
        }
        self.sample_count = usize::try_from(count).expect("bounded by a length");
        (self.columns, self.values) = rest.split_at(rest.len() - self.sample_count * VALUE_BYTES);
        Ok(())
    }
}

fn split_section(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = uvarint(bytes)?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

fn read_definition(rest: &mut &[u8], previous: &mut u64) -> Result<(SeriesRef, Labels), LogError> {
    let cut = malformed("a definition is cut off");
    let Some((delta, tail)) = ivarint(rest) else { return Err(cut) };
    let Some((labels, tail)) = split_section(tail) else { return Err(cut) };
    *previous = previous.wrapping_add(delta as u64);
    *rest = tail;
    let labels = Labels::from_bytes(labels).map_err(|_| malformed("labels are not canonical"))?;
    Ok((SeriesRef(*previous), labels))
}

fn read_refs<'a>(
    mut bytes: &'a [u8],
    count: usize,
    refs: &mut Vec<SeriesRef>,
) -> Result<&'a [u8], LogError> {
    refs.reserve(count);
    let mut previous = 0_u64;
    for _ in 0..count {
        let (delta, rest) = uvarint(bytes).ok_or(malformed("series references are cut off"))?;
        previous = previous.checked_add(delta).ok_or(malformed("a series reference overflows"))?;
        refs.push(SeriesRef(previous));
        bytes = rest;
    }
    Ok(bytes)
}

fn read_timestamps(bytes: &[u8], count: usize, timestamps: &mut Vec<i64>) -> Result<(), LogError> {
    let cut = || malformed("timestamps are cut off");
    let [unit, form, rest @ ..] = bytes else { return Err(cut()) };
    let unit = TimeUnit::from_code(*unit).ok_or(malformed("unknown time unit"))?.nanos();
    let overflow = || malformed("a timestamp is beyond 64 bits of nanoseconds");
    let mut rest = rest;
    match *form {
        TIMES_EQUAL => {
            let (ts, tail) = ivarint(rest).ok_or_else(cut)?;
            let ts = ts.checked_mul(unit).ok_or_else(overflow)?;
            timestamps.resize(timestamps.len() + count, ts);
            rest = tail;
        }
        TIMES_DELTA => {
            timestamps.reserve(count);
            let mut previous: i64 = 0;
            for _ in 0..count {
                let (delta, tail) = ivarint(rest).ok_or_else(cut)?;
                previous = previous.wrapping_add(delta);
                timestamps.push(previous.checked_mul(unit).ok_or_else(overflow)?);
                rest = tail;
            }
        }
        _ => return Err(malformed("unknown form of timestamps")),
    }
    if rest.is_empty() { Ok(()) } else { Err(malformed("bytes after the last timestamp")) }
}

const fn malformed(reason: &'static str) -> LogError {
    LogError::MalformedRecord { reason }
}
