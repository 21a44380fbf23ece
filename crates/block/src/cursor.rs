//! Bounded reading of little-endian integers and runs of bytes.
//!
//! Invariant: a cursor never reads beyond its bytes; `None` means that they ended too early. The
//! holder of the bytes knows what they are and names the error.

use timberline_codec::varint;

/// The bytes still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(crate) fn uvarint(&mut self) -> Option<u64> {
        let (value, rest) = varint::uvarint(self.0)?;
        self.0 = rest;
        Some(value)
    }

    /// An unsigned integer that must fit 32 bits.
    #[inline]
    pub(crate) fn uvarint32(&mut self) -> Option<u32> {
        u32::try_from(self.uvarint()?).ok()
    }

    #[inline]
    pub(crate) fn ivarint(&mut self) -> Option<i64> {
        let (value, rest) = varint::ivarint(self.0)?;
        self.0 = rest;
        Some(value)
    }

    /// The next `len` bytes.
    #[inline]
    pub(crate) fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
