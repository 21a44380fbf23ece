//! Reads the fields of a page one by one.

use super::{PageError, VALUES_MAX};
use crate::varint;

/// What is left of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn byte(&mut self, field: &'static str) -> Result<u8, PageError> {
        let (first, rest) = self.rest.split_first().ok_or(PageError::Cut { field })?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], PageError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(PageError::Cut { field })?;
        self.rest = rest;
        Ok(taken)
    }

    /// Eight bytes, little-endian.
    pub(super) fn word(&mut self, field: &'static str) -> Result<u64, PageError> {
        let (word, rest) = self.rest.split_first_chunk::<8>().ok_or(PageError::Cut { field })?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*word))
    }

    pub(super) fn uvarint(&mut self, field: &'static str) -> Result<u64, PageError> {
        let (value, rest) = varint::uvarint(self.rest).ok_or(PageError::Cut { field })?;
        self.rest = rest;
        Ok(value)
    }

    pub(super) fn ivarint(&mut self, field: &'static str) -> Result<i64, PageError> {
        let (value, rest) = varint::ivarint(self.rest).ok_or(PageError::Cut { field })?;
        self.rest = rest;
        Ok(value)
    }

    /// A number of entries, from `min` to `max`.
    pub(super) fn count(&mut self, min: usize, max: usize) -> Result<usize, PageError> {
        let count = self.uvarint("count")?;
        let max = max.min(VALUES_MAX);
        match usize::try_from(count) {
            Ok(number) if (min..=max).contains(&number) => Ok(number),
            _ => Err(PageError::Count { count, max }),
        }
    }

    /// All that is left.
    pub(super) const fn remaining(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        rest
    }

    pub(super) const fn end(self) -> Result<(), PageError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(PageError::Trailing { extra }),
        }
    }
}
