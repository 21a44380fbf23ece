//! What is known of a page of values without decoding it.
//!
//! Invariant: every figure is what a query computes from the values themselves, to the bit, for a
//! window that holds this page alone. Whether that also holds for figures joined over pages is said
//! per figure.

use super::{PageError, VALUES_MAX, cursor::Cursor, figure};
use crate::varint::put_uvarint;

/// The bits of the stale marker, which ends a series and is no sample to any question.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Integers up to this are exact, whatever the order in which they are added.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Figures of a page of values. Stale markers are counted, and otherwise left out.
///
/// Where [`PageStats::count`] is zero all other figures but `stale` are zero and mean nothing.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct PageStats {
    /// Values that are not stale markers.
    pub count: usize,
    /// Stale markers.
    pub stale: usize,
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
    /// The smallest value, the first of equals; NaN only if there is nothing else. Joins over pages.
    pub min: f64,
    /// The largest value, the first of equals; NaN only if there is nothing else. Joins over pages.
    pub max: f64,
    /// The sum from left to right, without what rounding lost.
    pub sum: f64,
    /// What rounding lost, summed up: Neumaier's compensation, as for PromQL's `sum_over_time`, whose
    /// answer is `sum + compensation` (or `sum` alone once it is infinite).
    pub compensation: f64,
    /// All values are integers, so small that no order of adding them loses anything. Sums of such
    /// pages join exactly as long as the magnitudes `count * max(|min|, |max|)` add up to no more
    /// than 2^53; other sums join to within rounding.
    pub is_integral: bool,
    /// How often a value is lower than the one before it within the page. The caller compares
    /// [`PageStats::last`] of a page with [`PageStats::first`] of the next himself.
    pub resets: usize,
    /// The sum of the values just before each reset, from left to right: what `increase` adds to
    /// `last - first`. Joins exactly when pages have one reset at most or are integral.
    pub drops: f64,
}

impl PageStats {
    /// The figures of up to [`VALUES_MAX`] values.
    ///
    /// # Panics
    /// When there are more values than a page holds.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        assert!(values.len() <= VALUES_MAX, "a page of {} values", values.len());
        let (mut kept, mut count) = ([0.0; VALUES_MAX], 0);
        for value in values {
            kept[count] = *value;
            count += usize::from(value.to_bits() != STALE_BITS);
            if count == VALUES_MAX {
                break;
            }
        }
        let stale = values.len() - count;
        match &kept[..count] {
            [] => Self { stale, ..Self::default() },
            kept => Self { stale, ..Self::of_samples(kept) },
        }
    }

    /// The figures of up to [`VALUES_MAX`] values that are one value, without having them.
    ///
    /// # Panics
    /// When there are more values than a page holds.
    #[must_use]
    pub fn of_equal(value: f64, count: usize) -> Self {
        assert!(count <= VALUES_MAX, "a page of {count} values");
        if value.to_bits() == STALE_BITS || count == 0 {
            return Self { stale: count, ..Self::default() };
        }
        let mut stats = Self {
            count,
            first: value,
            last: value,
            min: value,
            max: value,
            is_integral: value == value.trunc() && value.abs() * count as f64 <= EXACT_MAX,
            ..Self::default()
        };
        if stats.is_integral {
            // Added to zero, as sums are: of negative zeros it is zero.
            stats.sum = 0.0 + value * count as f64;
        } else {
            for _ in 0..count {
                add(value, &mut stats.sum, &mut stats.compensation);
            }
        }
        stats
    }

    fn of_samples(values: &[f64]) -> Self {
        let (first, last) = (values[0], values[values.len() - 1]);
        let mut stats = Self { count: values.len(), first, last, ..Self::default() };
        (stats.min, stats.max) = (first, first);
        let (mut before, mut whole) = (first, true);
        for value in values.iter().copied() {
            stats.min = if value < stats.min || stats.min.is_nan() { value } else { stats.min };
            stats.max = if value > stats.max || stats.max.is_nan() { value } else { stats.max };
            add(value, &mut stats.sum, &mut stats.compensation);
            whole &= value == value.trunc();
            if value < before {
                stats.resets += 1;
                stats.drops += before;
            }
            before = value;
        }
        let magnitude = stats.min.abs().max(stats.max.abs());
        stats.is_integral = whole && magnitude * stats.count as f64 <= EXACT_MAX;
        stats
    }

    /// The compensated sum, which is what `sum_over_time` of the page is.
    #[must_use]
    pub fn total(&self) -> f64 {
        if self.sum.is_finite() { self.sum + self.compensation } else { self.sum }
    }

    /// Appends the figures in their stored form, typically 15 to 40 bytes.
    pub fn put(&self, bytes: &mut Vec<u8>) {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits();
        let like =
            |value: f64| u8::from(same(value, self.first)) | u8::from(same(value, self.last)) << 1;
        // Equal to both is stored as equal to the first.
        let like = |value: f64| if like(value) & 1 == 1 { 1 } else { like(value) };
        let exceptions = self.stale > 0 || self.resets > 0;
        let flags = [
            u8::from(self.is_integral),
            u8::from(exceptions) << 1,
            u8::from(same(self.last, self.first)) << 2,
            u8::from(same(self.compensation, 0.0)) << 3,
            like(self.min) << 4,
            like(self.max) << 6,
        ];
        let flags = flags.iter().fold(0, |all, flag| all | flag);
        bytes.push(flags);
        put_uvarint(bytes, self.count as u64);
        if exceptions {
            put_uvarint(bytes, self.stale as u64);
            put_uvarint(bytes, self.resets as u64);
            figure::put(self.drops, bytes);
        }
        if self.count == 0 {
            return;
        }
        figure::put(self.first, bytes);
        if flags & LAST_IS_FIRST == 0 {
            figure::put(self.last, bytes);
        }
        if like(self.min) == 0 {
            figure::put(self.min, bytes);
        }
        if like(self.max) == 0 {
            figure::put(self.max, bytes);
        }
        figure::put(self.sum, bytes);
        if flags & NO_COMPENSATION == 0 {
            figure::put(self.compensation, bytes);
        }
    }

    /// Reads figures in their stored form and returns them with the bytes behind them.
    ///
    /// # Errors
    /// Bytes that end too early or that no figures are stored as.
    pub fn read(bytes: &[u8]) -> Result<(Self, &[u8]), PageError> {
        let mut cursor = Cursor::new(bytes);
        let flags = cursor.byte("flags")?;
        let mut stats = Self { count: cursor.count(0, VALUES_MAX)?, ..Self::default() };
        stats.is_integral = flags & IS_INTEGRAL != 0;
        if flags & EXCEPTIONS != 0 {
            stats.stale = cursor.count(0, VALUES_MAX - stats.count)?;
            stats.resets = cursor.count(0, stats.count.saturating_sub(1))?;
            stats.drops = figure::read(&mut cursor)?;
        }
        if stats.count > 0 {
            stats.first = figure::read(&mut cursor)?;
            let is_first = flags & LAST_IS_FIRST != 0;
            stats.last = if is_first { stats.first } else { figure::read(&mut cursor)? };
            for (field, like) in [(&mut stats.min, flags >> 4 & 3), (&mut stats.max, flags >> 6)] {
                *field = match like {
                    0 => figure::read(&mut cursor)?,
                    1 => stats.first,
                    2 => stats.last,
                    _ => {
                        let value = u64::from(like);
                        return Err(PageError::Range { field: "extreme", value, max: 2 });
                    }
                };
            }
            stats.sum = figure::read(&mut cursor)?;
            if flags & NO_COMPENSATION == 0 {
                stats.compensation = figure::read(&mut cursor)?;
            }
        }
        Ok((stats, cursor.remaining()))
    }
}

const IS_INTEGRAL: u8 = 1;
const EXCEPTIONS: u8 = 1 << 1;
const LAST_IS_FIRST: u8 = 1 << 2;
const NO_COMPENSATION: u8 = 1 << 3;

/// Adds to a sum, and what rounding lost to its compensation (Knuth's two-sum).
#[inline]
fn add(increment: f64, sum: &mut f64, compensation: &mut f64) {
    let total = *sum + increment;
    let counted = total - *sum;
    *compensation += (*sum - (total - counted)) + (increment - counted);
    *sum = total;
}

// A page's figures are those of the values that the caller's rule calls stale or not.
const _: () = assert!(f64::from_bits(STALE_BITS).is_nan());
