//! Values that are decimals of few digits, as integers; the others as patches.

use super::{
    PageError, VALUES_MAX,
    cursor::Cursor,
    integers::{self, Plan},
    pack::Entries,
    patches,
    scale::{EXPONENT_MAX, Scale, integer_of},
};

/// Values that are looked at to find the exponent.
const SAMPLES: usize = 32;

/// What a digit more costs each value, and a patch, both in thirds of a bit.
const DIGIT_COST: usize = 10;
const PATCH_COST: usize = 3 * 72;

/// One in so many values may be a patch.
const PATCHED_ONE_IN: usize = 4;

/// A column of values as integers.
#[derive(Debug)]
pub(super) struct Decimals {
    exponent: u8,
    plan: Plan,
    magnitude: u64,
    /// Where values are that are no decimals of this exponent, ascending.
    patches: Vec<u16>,
}

impl Decimals {
    /// Finds the exponent and the integers; `None` when too many values have none.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut integers = [0; VALUES_MAX];
        let integers = &mut integers[..values.len()];
        let mut patches = Vec::new();
        let mut exponent = exponent_of(values.iter().step_by(values.len().div_ceil(SAMPLES)))?;
        to_integers(values, exponent, integers, &mut patches);
        if patches.len() > values.len() / 2 / SAMPLES {
            // More than the sample showed: what would suit those?
            let odd = patches.iter().map(|place| &values[usize::from(*place)]);
            let other = exponent_of(odd.step_by(patches.len().div_ceil(SAMPLES)));
            if let Some(other) = other.filter(|other| *other > exponent) {
                let before = patches.len();
                to_integers(values, other, integers, &mut patches);
                let digits = usize::from(other - exponent) * DIGIT_COST * values.len();
                if patches.len() * PATCH_COST + digits > before * PATCH_COST {
                    to_integers(values, exponent, integers, &mut patches);
                } else {
                    exponent = other;
                }
            }
        }
        if patches.len() > values.len() / PATCHED_ONE_IN {
            return None;
        }
        let magnitude = integers.iter().fold(0, |all, integer| all | integer.unsigned_abs());
        Some(Self { exponent, plan: Plan::new(integers), magnitude, patches })
    }

    /// The scale that decodes fastest.
    pub(super) fn scale(&self) -> Scale {
        Scale::for_magnitude(self.exponent, self.magnitude)
    }

    /// The scale that is exact for sure.
    pub(super) const fn exact_scale(&self) -> Scale {
        Scale::divide(self.exponent)
    }

    /// First integer and step when the values are a sequence without exceptions.
    pub(super) fn arithmetic(&self) -> Option<(i64, i64)> {
        if self.patches.is_empty() { self.plan.arithmetic() } else { None }
    }

    pub(super) fn encode(&self, scale: Scale, values: &[f64], bytes: &mut Vec<u8>) {
        bytes.push(scale.to_byte());
        self.plan.put(bytes);
        patches::put_values(&self.patches, values, bytes);
    }
}

pub(super) fn decode(cursor: &mut Cursor<'_>, values: &mut [f64]) -> Result<(), PageError> {
    let scale = Scale::from_byte(cursor.byte("scale")?)?;
    let mut integers: Entries = [0; VALUES_MAX];
    integers::decode(cursor, values.len(), &mut integers)?;
    scale.apply(&integers[..values.len()], values)?;
    patches::apply_values(cursor, values)
}

/// The exponent with which some values are cheapest; `None` when most have no exponent at all.
fn exponent_of<'a>(values: impl Iterator<Item = &'a f64>) -> Option<u8> {
    let mut counts = [0_usize; EXPONENT_MAX as usize + 1];
    let (mut total, mut likely) = (0, 0);
    for value in values {
        total += 1;
        // A value of few digits is one of more digits too, up to where the integer gets too large.
        let least = (0..=EXPONENT_MAX).find(|exponent| integer_of(*value, *exponent).is_some());
        if let Some(least) = least {
            counts[usize::from(least)] += 1;
            likely += 1;
        }
    }
    if likely * 2 < total {
        return None;
    }
    let mut unfit = total;
    let mut best = (usize::MAX, 0);
    for (exponent, count) in counts.iter().enumerate() {
        unfit -= count;
        let cost = unfit * PATCH_COST + exponent * DIGIT_COST * total;
        if cost < best.0 {
            best = (cost, exponent as u8);
        }
    }
    Some(best.1)
}

/// Fills in the integers; where a value is none the one before stands, which costs no delta.
fn to_integers(values: &[f64], exponent: u8, integers: &mut [i64], patches: &mut Vec<u16>) {
    patches.clear();
    let mut before = values.iter().find_map(|value| integer_of(*value, exponent)).unwrap_or(0);
    for (place, (value, integer)) in values.iter().zip(integers).enumerate() {
        match integer_of(*value, exponent) {
            Some(found) => before = found,
            None => patches.push(place as u16),
        }
        *integer = before;
    }
}

const _: () = assert!(VALUES_MAX <= u16::MAX as usize);
