//! Columns of integers: a prediction, and what is left packed into as few bits as most of it needs.
//!
//! The integers are first made small: `x = (integer - origin) / factor`, where origin is the first one
//! and factor divides all differences. A [`Transform`] then predicts each `x`; what it leaves, less a
//! common base, is packed, and the bits of entries that need more are patched in. All arithmetic wraps,
//! so any column of `i64` works. Decoding folds factor, base and origin into the prediction's sum.

mod plan;

use super::{
    PageError,
    cursor::Cursor,
    pack::{self, Entries},
    patches,
};
use crate::varint::{put_ivarint, put_uvarint};

pub(super) use plan::Plan;

/// How an entry is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    /// Not at all.
    Plain = 0,
    /// By the one before.
    Delta = 1,
    /// By the two before.
    DeltaOfDelta = 2,
    /// By a straight line from the first.
    Line = 3,
}

impl Transform {
    fn from_byte(byte: u8) -> Result<Self, PageError> {
        match byte {
            0 => Ok(Self::Plain),
            1 => Ok(Self::Delta),
            2 => Ok(Self::DeltaOfDelta),
            3 => Ok(Self::Line),
            _ => Err(PageError::Range { field: "transform", value: u64::from(byte), max: 3 }),
        }
    }

    /// Entries at the front whose prediction is free: they are given by origin and step.
    const fn given(self) -> usize {
        match self {
            Self::Plain | Self::Line => 0,
            Self::Delta => 1,
            Self::DeltaOfDelta => 2,
        }
    }

    const fn has_step(self) -> bool {
        matches!(self, Self::DeltaOfDelta | Self::Line)
    }
}

/// The parameters of a column: all but the packed bits and the patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parameters {
    transform: Transform,
    width: u32,
    patches: usize,
    origin: i64,
    factor: u64,
    base: i64,
    step: i64,
}

impl Parameters {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[self.transform as u8, self.width as u8]);
        put_uvarint(bytes, self.patches as u64);
        put_ivarint(bytes, self.origin);
        put_uvarint(bytes, self.factor);
        put_ivarint(bytes, self.base);
        if self.transform.has_step() {
            put_ivarint(bytes, self.step);
        }
    }

    fn read(cursor: &mut Cursor<'_>, count: usize) -> Result<Self, PageError> {
        let transform = Transform::from_byte(cursor.byte("transform")?)?;
        let width = u32::from(cursor.byte("width")?);
        if width > u64::BITS {
            return Err(PageError::Range { field: "width", value: u64::from(width), max: 64 });
        }
        let patches = patches::bounded(cursor.uvarint("patch count")?, count)?;
        let origin = cursor.ivarint("origin")?;
        let factor = cursor.uvarint("factor")?;
        let base = cursor.ivarint("base")?;
        let step = if transform.has_step() { cursor.ivarint("step")? } else { 0 };
        Ok(Self { transform, width, patches, origin, factor, base, step })
    }
}

/// Reads a column of `count` integers into the first entries, in two's complement.
pub(super) fn decode(
    cursor: &mut Cursor<'_>,
    count: usize,
    entries: &mut Entries,
) -> Result<(), PageError> {
    let parameters = Parameters::read(cursor, count)?;
    let width = parameters.width;
    let packed = cursor.take(pack::packed_len(count, width), "packed entries")?;
    pack::unpack(packed, count, width, entries);
    patches::apply_high_bits(cursor, parameters.patches, width, count, entries)?;
    restore(&parameters, &mut entries[..count]);
    Ok(())
}

/// From what was packed to the integers.
fn restore(parameters: &Parameters, entries: &mut [u64]) {
    let Parameters { transform, factor, .. } = *parameters;
    let (origin, base) = (parameters.origin as u64, parameters.base as u64);
    let (base, step) = (base.wrapping_mul(factor), (parameters.step as u64).wrapping_mul(factor));
    if factor != 1 {
        for entry in entries.iter_mut() {
            *entry = entry.wrapping_mul(factor);
        }
    }
    match transform {
        Transform::Plain => {
            let base = origin.wrapping_add(base);
            for entry in entries {
                *entry = entry.wrapping_add(base);
            }
        }
        // The first entry is packed as zero, so starting one base early lands on the origin.
        Transform::Delta => running_sum(origin.wrapping_sub(base), base, entries),
        Transform::DeltaOfDelta => {
            // As above, twice: the second entry is packed as zero too, and its delta is the step.
            let delta = step.wrapping_sub(base.wrapping_mul(2));
            running_sum(delta, base, entries);
            running_sum(origin.wrapping_sub(delta.wrapping_add(base)), 0, entries);
        }
        Transform::Line => {
            let mut line = origin.wrapping_add(base);
            for entry in entries {
                *entry = entry.wrapping_add(line);
                line = line.wrapping_add(step);
            }
        }
    }
}

/// Replaces each entry by the sum of `start`, all entries up to it, and `base` for each of those.
///
/// Four entries are summed by themselves, so that only one addition in four waits for the one before.
fn running_sum(start: u64, base: u64, entries: &mut [u64]) {
    let mut sum = start;
    let (fours, rest) = entries.as_chunks_mut::<4>();
    for four in fours {
        let first = four[0].wrapping_add(base);
        let second = first.wrapping_add(four[1].wrapping_add(base));
        let last_two = four[2].wrapping_add(four[3]).wrapping_add(base.wrapping_mul(2));
        let third = second.wrapping_add(four[2].wrapping_add(base));
        let fourth = second.wrapping_add(last_two);
        *four = [first, second, third, fourth].map(|entry| sum.wrapping_add(entry));
        sum = sum.wrapping_add(fourth);
    }
    for entry in rest {
        sum = sum.wrapping_add(entry.wrapping_add(base));
        *entry = sum;
    }
}
