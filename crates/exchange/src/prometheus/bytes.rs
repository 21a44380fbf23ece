//! Big-endian numbers and varints taken off the front of bytes.

use timberline_codec::varint;

/// What is wrong with bytes that a reader stopped at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Bytes before it.
    pub at: usize,
    /// What was to be read there.
    pub what: &'static str,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {} at byte {}", self.what, self.at)
    }
}

/// Bytes not yet read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, len: bytes.len() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> usize {
        self.len - self.rest.len()
    }

    pub(crate) fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.position(), what }
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(self.fault(what))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(self.fault(what))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, Fault> {
        Ok(self.array::<1>(what)?[0])
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Fault> {
        Ok(u32::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, Fault> {
        Ok(u64::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn f64(&mut self, what: &'static str) -> Result<f64, Fault> {
        Ok(f64::from_bits(self.u64(what)?))
    }

    pub(crate) fn uvarint(&mut self, what: &'static str) -> Result<u64, Fault> {
        let (value, rest) = varint::uvarint(self.rest).ok_or(self.fault(what))?;
        self.rest = rest;
        Ok(value)
    }

    pub(crate) fn varint(&mut self, what: &'static str) -> Result<i64, Fault> {
        let (value, rest) = varint::ivarint(self.rest).ok_or(self.fault(what))?;
        self.rest = rest;
        Ok(value)
    }

    /// A count of things of which each takes at least `bytes_min` bytes, so that there can be no more
    /// than the rest holds.
    pub(crate) fn count(&mut self, bytes_min: usize, what: &'static str) -> Result<usize, Fault> {
        let at = self.fault(what);
        let count = usize::try_from(self.uvarint(what)?).map_err(|_| at.clone())?;
        if count > self.rest.len() / bytes_min.max(1) { Err(at) } else { Ok(count) }
    }

    /// A string after its length.
    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str, Fault> {
        let at = self.fault(what);
        let len = self.count(1, what)?;
        str::from_utf8(self.take(len, what)?).map_err(|_| at)
    }
}
