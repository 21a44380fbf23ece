//! What the best parameters for a column are, found by counting what each choice would take.

use std::array;

use super::{Parameters, Transform};
use crate::page::{
    VALUES_MAX,
    pack::{self, Entries, packed_len},
    patches,
};

/// Entries that are looked at to find out where most of them lie.
const SAMPLES: usize = 32;

/// Of the sorted samples, how many at either end are taken for outliers.
const TRIMMED: usize = 2;

/// One in so many entries may be patched: each costs time when it is read.
const PATCHED_ONE_IN: usize = 8;

/// A column's parameters and the entries to pack.
#[derive(Clone, Debug)]
pub(in crate::page) struct Plan {
    parameters: Parameters,
    count: usize,
    /// Origin taken off and factor divided out.
    reduced: [i64; VALUES_MAX],
}

/// How well a transform does.
#[derive(Clone, Copy, Debug)]
struct Fit {
    transform: Transform,
    step: i64,
    base: i64,
    width: u32,
    patches: usize,
    bytes: usize,
}

impl Plan {
    /// Looks at a column of 1 to [`VALUES_MAX`] integers.
    pub(in crate::page) fn new(integers: &[i64]) -> Self {
        let count = integers.len();
        let origin = integers[0];
        let factor = common_factor(integers);
        let mut reduced = [0; VALUES_MAX];
        for (reduced, integer) in reduced.iter_mut().zip(integers) {
            *reduced = integer.wrapping_sub(origin);
        }
        if factor > 1 {
            for entry in &mut reduced[..count] {
                *entry /= factor;
            }
        }
        let fit = best_fit(&reduced[..count]);
        let Fit { transform, step, base, width, patches, .. } = fit;
        let factor = factor as u64;
        let parameters = Parameters { transform, width, patches, origin, factor, base, step };
        Self { parameters, count, reduced }
    }

    /// First value and step when the column is an arithmetic sequence.
    pub(in crate::page) fn arithmetic(&self) -> Option<(i64, i64)> {
        let Parameters { transform, width, patches, origin, factor, base, step } = self.parameters;
        if width > 0 || patches > 0 {
            return None;
        }
        let step = match transform {
            Transform::Plain => 0,
            Transform::Delta => base,
            Transform::Line => step,
            Transform::DeltaOfDelta => return None,
        };
        Some((origin, step.wrapping_mul(factor as i64)))
    }

    /// Writes the column.
    pub(in crate::page) fn put(&self, bytes: &mut Vec<u8>) {
        let Parameters { transform, width, base, step, .. } = self.parameters;
        self.parameters.put(bytes);
        let mut left = [0; VALUES_MAX];
        predict(transform, step, &self.reduced[..self.count], &mut left);
        let given = transform.given().min(self.count);
        let entries: Entries =
            array::from_fn(
                |index| {
                    if index < given { 0 } else { left[index].wrapping_sub(base) as u64 }
                },
            );
        pack::pack(&entries, self.count, width, bytes);
        patches::put_high_bits(&entries[..self.count], width, bytes);
    }
}

/// The largest number that divides all differences; 1 when they are all zero or too large.
fn common_factor(integers: &[i64]) -> i64 {
    let mut factor = 0;
    for integer in integers {
        let difference = integer.wrapping_sub(integers[0]).unsigned_abs();
        if factor == 0 || difference % factor != 0 {
            factor = greatest_common_divisor(factor, difference);
        }
        if factor == 1 {
            break;
        }
    }
    i64::try_from(factor).unwrap_or(1).max(1)
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// What a transform leaves, from its first entry that is not given on.
fn predict(transform: Transform, step: i64, reduced: &[i64], left: &mut [i64; VALUES_MAX]) {
    let left = &mut left[..reduced.len()];
    match transform {
        Transform::Plain => left.copy_from_slice(reduced),
        Transform::Delta => {
            for (left, pair) in left[1..].iter_mut().zip(reduced.windows(2)) {
                *left = pair[1].wrapping_sub(pair[0]);
            }
        }
        Transform::DeltaOfDelta => {
            for (left, three) in left.iter_mut().skip(2).zip(reduced.windows(3)) {
                let after = three[2].wrapping_sub(three[1]);
                *left = after.wrapping_sub(three[1].wrapping_sub(three[0]));
            }
        }
        Transform::Line => {
            let mut line = 0_i64;
            for (left, entry) in left.iter_mut().zip(reduced) {
                *left = entry.wrapping_sub(line);
                line = line.wrapping_add(step);
            }
        }
    }
}

fn best_fit(reduced: &[i64]) -> Fit {
    let last = reduced.len() - 1;
    let slope = if last == 0 { 0 } else { rounded_ratio(reduced[last], last as i64) };
    let first_delta = if last == 0 { 0 } else { reduced[1] };
    let mut left = [0; VALUES_MAX];
    // In the order of what they cost to decode: of equals the first is kept.
    let choices = [
        (Transform::Plain, 0),
        (Transform::Line, slope),
        (Transform::Delta, 0),
        (Transform::DeltaOfDelta, first_delta),
    ];
    let fits = choices.map(|(transform, step)| {
        predict(transform, step, reduced, &mut left);
        let given = transform.given().min(reduced.len());
        fit(transform, step, &left[given..reduced.len()], reduced.len())
    });
    let mut best = fits[0];
    for fit in &fits[1..] {
        if fit.bytes < best.bytes {
            best = *fit;
        }
    }
    best
}

fn rounded_ratio(dividend: i64, divisor: i64) -> i64 {
    let half = divisor / 2;
    let half = if dividend < 0 { -half } else { half };
    dividend.saturating_add(half) / divisor
}

/// The best base and width for what a transform has left.
fn fit(transform: Transform, step: i64, left: &[i64], count: usize) -> Fit {
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    for entry in left {
        low = low.min(*entry);
        high = high.max(*entry);
    }
    let header = if transform.has_step() { 6 } else { 3 };
    let mut best = Fit { transform, step, base: low, width: 0, patches: 0, bytes: header };
    if low >= high {
        best.base = if left.is_empty() { 0 } else { low };
        return best;
    }
    let (width, patches, bytes) = best_width(left, low, count);
    (best.width, best.patches, best.bytes) = (width, patches, header + bytes);
    if let Some(base) = trimmed_low(left, low) {
        let (width, patches, bytes) = best_width(left, base, count);
        if header + bytes < best.bytes {
            best = Fit { base, width, patches, bytes: header + bytes, ..best };
        }
    }
    best
}

/// The width with which packed entries and patches are smallest: width, patches, bytes.
fn best_width(left: &[i64], base: i64, count: usize) -> (u32, usize, usize) {
    let mut counts = [0_u16; 65];
    for entry in left {
        let bits = u64::BITS - (entry.wrapping_sub(base) as u64).leading_zeros();
        counts[bits as usize] += 1;
    }
    let top = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
    let mut best = (top as u32, 0, packed_len(count, top as u32));
    let mut patches = 0;
    for width in (0..top).rev() {
        patches += usize::from(counts[width + 1]);
        if patches > count / PATCHED_ONE_IN {
            break;
        }
        let high_bytes: usize = (width + 1..=top)
            .map(|bits| usize::from(counts[bits]) * (1 + (bits - width).div_ceil(7)))
            .sum();
        let bytes = packed_len(count, width as u32) + high_bytes;
        if bytes < best.2 {
            best = (width as u32, patches, bytes);
        }
    }
    best
}

/// The lowest entry apart from outliers far below the rest, if there are such.
fn trimmed_low(left: &[i64], low: i64) -> Option<i64> {
    let stride = left.len().div_ceil(SAMPLES);
    let mut samples: [i64; SAMPLES] = [0; SAMPLES];
    let taken = left.len().div_ceil(stride);
    for (sample, entry) in samples.iter_mut().zip(left.iter().step_by(stride)) {
        *sample = *entry;
    }
    let samples = &mut samples[..taken];
    samples.sort_unstable();
    let (Some(first), Some(last)) =
        (samples.get(TRIMMED), samples.get(taken.saturating_sub(1 + TRIMMED)))
    else {
        return None;
    };
    let spread = last.saturating_sub(*first).saturating_mul(2).saturating_add(1);
    let bound = first.saturating_sub(spread);
    if low >= bound {
        return None;
    }
    left.iter().copied().filter(|entry| *entry >= bound).min()
}

// A histogram's cells and patch counts hold every entry.
const _: () = assert!(VALUES_MAX <= u16::MAX as usize);
