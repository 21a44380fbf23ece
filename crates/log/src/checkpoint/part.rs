//! A part of the dictionary: series that share a table of label pairs.
//!
//! A label pair stands once in a part, whatever the number of series that have it; series are runs of
//! numbers. What a part is not: checked against the log. Whoever takes it in checks that names ascend
//! within a series.

use timberline_codec::varint::{put_uvarint, uvarint};
use timberline_model::limits;

use crate::LogError;

/// Bytes of a series at the least: a slot, a hash, a number of pairs.
const SERIES_BYTES_MIN: usize = 10;
const HASH_BYTES: usize = 8;

/// Builds one part.
#[derive(Clone, Debug)]
pub struct PartEncoder {
    number: u32,
    slot_end: u32,
    pair_count: u32,
    pairs: Vec<u8>,
    series_count: u32,
    series: Vec<u8>,
    /// One more than the slot added last.
    next: u32,
}

impl PartEncoder {
    /// A part without series. `slot_end` is the first slot that was never handed out; the references of
    /// the part's series are `number` times 2^32 plus their slots.
    #[must_use]
    pub const fn new(number: u32, slot_end: u32) -> Self {
        Self {
            number,
            slot_end,
            pair_count: 0,
            pairs: Vec::new(),
            series_count: 0,
            series: Vec::new(),
            next: 0,
        }
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    /// Adds a label pair, as canonical label bytes hold it, and returns its number.
    ///
    /// # Panics
    /// When there are 2^32 pairs.
    pub fn pair(&mut self, text: &[u8]) -> u32 {
        let number = self.pair_count;
        self.pair_count = number.checked_add(1).expect("fewer than 2^32 pairs");
        self.pairs.extend_from_slice(text);
        number
    }

    /// Adds a series: its slot, the hash of its labels, and its pairs in order of their names.
    ///
    /// # Panics
    /// When the slots do not ascend below `slot_end`, or a pair was not added.
    pub fn series(&mut self, slot: u32, hash: u64, pairs: impl ExactSizeIterator<Item = u32>) {
        assert!(self.next <= slot && slot < self.slot_end, "slot {slot} is out of its order");
        put_uvarint(&mut self.series, u64::from(slot - self.next));
        self.series.extend_from_slice(&hash.to_le_bytes());
        put_uvarint(&mut self.series, pairs.len() as u64);
        for pair in pairs {
            assert!(pair < self.pair_count, "there is no pair {pair}");
            put_uvarint(&mut self.series, u64::from(pair));
        }
        self.next = slot + 1;
        self.series_count += 1;
    }

    /// The content of the part.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.pairs.len() + self.series.len() + 32);
        put_uvarint(&mut bytes, u64::from(self.slot_end));
        put_uvarint(&mut bytes, u64::from(self.pair_count));
        put_uvarint(&mut bytes, self.pairs.len() as u64);
        bytes.extend_from_slice(&self.pairs);
        put_uvarint(&mut bytes, u64::from(self.series_count));
        bytes.extend_from_slice(&self.series);
        bytes
    }
}

/// A part that borrows the bytes it is read from.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    number: u32,
    slot_end: u32,
    pair_count: usize,
    pairs: &'a [u8],
    series_count: usize,
    series: &'a [u8],
}

impl<'a> Part<'a> {
    /// Finds what is where in the content of a part, and checks the pairs. The series are checked as
    /// they are read.
    ///
    /// # Errors
    /// [`LogError::MalformedPart`].
    pub fn decode(number: u32, content: &'a [u8]) -> Result<Self, LogError> {
        let (slot_end, rest) = number_below(content, 1 << u32::BITS)?;
        let (pair_count, rest) = number_below(rest, 1 << u32::BITS)?;
        let (pairs_len, rest) = number_below(rest, rest.len() as u64)?;
        let Some((pairs, rest)) = rest.split_at_checked(pairs_len as usize) else {
            return Err(malformed("the pairs are cut off"));
        };
        let (series_count, series) = number_below(rest, 1 << u32::BITS)?;
        if series_count > (series.len() / SERIES_BYTES_MIN) as u64 {
            return Err(malformed("more series than bytes for them"));
        }
        let part = Self {
            number,
            slot_end: slot_end as u32,
            pair_count: pair_count as usize,
            pairs,
            series_count: series_count as usize,
            series,
        };
        part.check_pairs()?;
        Ok(part)
    }

    fn check_pairs(&self) -> Result<(), LogError> {
        let (mut rest, mut count) = (self.pairs, 0);
        while !rest.is_empty() {
            let tail = check_text(rest).and_then(check_text);
            rest = tail.ok_or(malformed("a pair that is none"))?;
            count += 1;
        }
        if count == self.pair_count { Ok(()) } else { Err(malformed("pairs are missing")) }
    }

    /// The part's number.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The first slot that was never handed out.
    #[must_use]
    pub const fn slot_end(&self) -> u32 {
        self.slot_end
    }

    /// How many pairs there are.
    #[must_use]
    pub const fn pair_count(&self) -> usize {
        self.pair_count
    }

    /// How many series there are.
    #[must_use]
    pub const fn series_count(&self) -> usize {
        self.series_count
    }

    /// The pairs in the order of their numbers, as canonical label bytes hold them: each is a pair of
    /// texts that are not empty.
    pub fn pairs(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.pairs;
        std::iter::from_fn(move || {
            let tail = text(rest)?.1;
            let tail = text(tail)?.1;
            let (pair, tail) = rest.split_at(rest.len() - tail.len());
            rest = tail;
            Some(pair)
        })
    }

    /// The series, to be read one by one.
    #[must_use]
    pub const fn series(&self) -> PartSeries<'a> {
        let Self { slot_end, pair_count, series_count, series, .. } = *self;
        PartSeries { rest: series, left: series_count, next: 0, slot_end, pair_count }
    }
}

/// The series of a part that are still to be read.
#[derive(Clone, Debug)]
pub struct PartSeries<'a> {
    rest: &'a [u8],
    left: usize,
    next: u32,
    slot_end: u32,
    pair_count: usize,
}

impl PartSeries<'_> {
    /// The next series' slot and the hash of its labels; its pairs, at least one, are put into
    /// `pairs`. `None` at the end. Slots ascend, and pairs are among those of the part.
    ///
    /// # Errors
    /// [`LogError::MalformedPart`].
    #[expect(clippy::should_implement_trait, reason = "the pairs go into a buffer of the caller")]
    pub fn next(&mut self, pairs: &mut Vec<u32>) -> Result<Option<(u32, u64)>, LogError> {
        pairs.clear();
        if self.left == 0 {
            let reason = malformed("bytes after the last series");
            return if self.rest.is_empty() { Ok(None) } else { Err(reason) };
        }
        let (gap, rest) = number_below(self.rest, u64::from(self.slot_end - self.next))?;
        let Some((hash, rest)) = rest.split_first_chunk::<HASH_BYTES>() else {
            return Err(malformed("a series is cut off"));
        };
        let (count, mut rest) = number_below(rest, limits::LABEL_COUNT_MAX as u64 + 1)?;
        if count == 0 {
            return Err(malformed("a series without labels"));
        }
        for _ in 0..count {
            let (pair, tail) = number_below(rest, self.pair_count as u64)?;
            pairs.push(pair as u32);
            rest = tail;
        }
        let slot = self.next + gap as u32;
        self.next = slot + 1;
        self.left -= 1;
        self.rest = rest;
        Ok(Some((slot, u64::from_le_bytes(*hash))))
    }
}

/// A number below a limit.
#[inline]
fn number_below(bytes: &[u8], end: u64) -> Result<(u64, &[u8]), LogError> {
    match uvarint(bytes) {
        Some((number, rest)) if number < end => Ok((number, rest)),
        Some(_) => Err(malformed("a number beyond its limit")),
        None => Err(malformed("it is cut off")),
    }
}

/// A text behind its length, and what follows.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = uvarint(bytes)?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

/// What follows a text that is not empty, in its only form, and UTF-8.
fn check_text(bytes: &[u8]) -> Option<&[u8]> {
    let (text, rest) = text(bytes)?;
    let len_bytes = bytes.len() - rest.len() - text.len();
    let shortest = (usize::BITS - text.len().leading_zeros()).div_ceil(7) as usize;
    let sound = !text.is_empty() && len_bytes == shortest && str::from_utf8(text).is_ok();
    sound.then_some(rest)
}

const fn malformed(reason: &'static str) -> LogError {
    LogError::MalformedPart { reason }
}
