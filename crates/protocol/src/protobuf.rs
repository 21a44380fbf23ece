//! Reading and writing protobuf, field by field, without copying.
//!
//! What this is not: it has no schema. Whoever reads a message asks each field for the type that the
//! schema gives it, and skips the numbers that it does not know.
//!
//! Invariant: a length is checked against the bytes that are there before it is believed, and a
//! [`Reader`] that returned an error is not read further.

use timberline_codec::varint;

use crate::ProtocolError;

/// Wire type of integers.
const VARINT: u8 = 0;
/// Wire type of doubles and other eight bytes.
const FIXED64: u8 = 1;
/// Wire type of strings, messages and packed fields.
const BYTES: u8 = 2;
/// Wire type of four bytes.
const FIXED32: u8 = 5;

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// The field's number, from 1.
    pub(crate) number: u32,
    /// Where the field (its tag) starts, in the message.
    pub(crate) start: usize,
    /// Where the field's tag ends, in the message: where its length is, if it has one.
    pub(crate) tag_end: usize,
    /// Where its contents start, counted as the reader's positions in errors are.
    origin: usize,
    value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> Field<'a> {
    /// The field as a varint.
    #[inline]
    pub(crate) fn varint(&self) -> Result<u64, ProtocolError> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(self.mistyped("a number is not written as a varint")),
        }
    }

    /// The field as a double.
    #[inline]
    pub(crate) fn double(&self) -> Result<f64, ProtocolError> {
        match self.value {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(self.mistyped("a double is not written as eight bytes")),
        }
    }

    /// The field as a string's bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> Result<&'a [u8], ProtocolError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.mistyped("a string or message is not written with a length")),
        }
    }

    /// The field as a message.
    #[inline]
    pub(crate) fn message(&self) -> Result<Reader<'a>, ProtocolError> {
        Ok(Reader { bytes: self.bytes()?, position: 0, origin: self.origin })
    }

    /// The field as one or several packed varints; a repeated number may be written either way.
    #[inline]
    pub(crate) fn for_each_varint(&self, mut each: impl FnMut(u64)) -> Result<(), ProtocolError> {
        let Value::Bytes(mut rest) = self.value else {
            each(self.varint()?);
            return Ok(());
        };
        while !rest.is_empty() {
            let (value, tail) = varint::uvarint(rest)
                .ok_or_else(|| self.mistyped("packed numbers end within a varint"))?;
            each(value);
            rest = tail;
        }
        Ok(())
    }

    /// The field as a varint that is zigzag (`sint32`, `sint64`).
    #[inline]
    pub(crate) fn zigzag(&self) -> Result<i64, ProtocolError> {
        self.varint().map(varint::unzigzag)
    }

    /// The bytes of packed numbers, if it is packed.
    #[inline]
    pub(crate) const fn packed(&self) -> Option<&'a [u8]> {
        match self.value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// How many numbers [`Field::for_each_varint`] will find at most: no varint takes less than a byte.
    #[inline]
    pub(crate) fn varint_count(&self) -> usize {
        match self.value {
            Value::Bytes(bytes) => bytes.iter().filter(|byte| **byte < 0x80).count(),
            _ => 1,
        }
    }

    /// How many numbers [`Field::for_each_double`] will find.
    #[inline]
    pub(crate) fn double_count(&self) -> usize {
        match self.value {
            Value::Bytes(bytes) => bytes.len() / 8,
            _ => 1,
        }
    }

    /// The field as one or several packed doubles; a repeated number may be written either way.
    pub(crate) fn for_each_double(&self, mut each: impl FnMut(f64)) -> Result<(), ProtocolError> {
        let Value::Bytes(bytes) = self.value else {
            each(self.double()?);
            return Ok(());
        };
        let (doubles, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(self.mistyped("packed doubles end within one"));
        }
        for double in doubles {
            each(f64::from_le_bytes(*double));
        }
        Ok(())
    }

    #[cold]
    fn mistyped(&self, reason: &'static str) -> ProtocolError {
        ProtocolError::Protobuf { position: self.origin, reason }
    }
}

/// Reads the fields of one message in their order.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    origin: usize,
}

impl<'a> Reader<'a> {
    /// A reader of a whole body.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, origin: 0 }
    }

    /// The message's bytes, all of them.
    #[inline]
    pub(crate) const fn message(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes read so far: where the next field starts.
    #[inline]
    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    /// The next field, if there is one.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, ProtocolError> {
        let start = self.position;
        let Some(&first) = self.bytes.get(start) else {
            return Ok(None);
        };
        let tag = if first < 0x80 {
            self.position += 1;
            u64::from(first)
        } else {
            self.varint()?
        };
        let Ok(number @ 1..=0x1fff_ffff) = u32::try_from(tag >> 3) else {
            return Err(self.fault("a field number is zero or too large"));
        };
        let tag_end = self.position;
        let value = match (tag & 7) as u8 {
            VARINT => Value::Varint(self.varint()?),
            FIXED64 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            BYTES => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            FIXED32 => {
                self.fixed::<4>()?;
                Value::Fixed32
            }
            _ => return Err(self.fault("a field has an unknown wire type")),
        };
        let contents = match value {
            Value::Bytes(bytes) => self.position - bytes.len(),
            _ => start,
        };
        Ok(Some(Field { number, start, tag_end, origin: self.origin + contents, value }))
    }

    /// Skips fields of one number (up to 15) that have a length, as long as there are such and their
    /// lengths take one byte: a run of labels, mostly.
    #[inline]
    pub(crate) fn skip_short(&mut self, number: u32) {
        debug_assert!(number < 16, "the tag of field {number} takes more than one byte");
        let tag = (number << 3) as u8 | BYTES;
        while let Some(&[next, len]) = self.bytes[self.position..].first_chunk::<2>() {
            let end = self.position + 2 + usize::from(len);
            if next != tag || len >= 0x80 || end > self.bytes.len() {
                break;
            }
            self.position = end;
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, ProtocolError> {
        match self.bytes.get(self.position) {
            Some(&byte) if byte < 0x80 => {
                self.position += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, ProtocolError> {
        let rest = &self.bytes[self.position..];
        let (value, tail) = varint::uvarint(rest).ok_or_else(|| {
            self.fault("a varint is cut off, or longer than the ten bytes of 64 bits")
        })?;
        self.position = self.bytes.len() - tail.len();
        Ok(value)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let bytes = self.bytes[self.position..].first_chunk::<N>();
        let bytes = *bytes.ok_or_else(|| self.fault("the message ends within a number"))?;
        self.position += N;
        Ok(bytes)
    }

    #[inline]
    fn take(&mut self, len: u64) -> Result<&'a [u8], ProtocolError> {
        let rest = &self.bytes[self.position..];
        let taken = usize::try_from(len).ok().and_then(|len| rest.get(..len));
        let taken =
            taken.ok_or_else(|| self.fault("a length reaches beyond the end of its message"))?;
        self.position += taken.len();
        Ok(taken)
    }

    #[cold]
    fn fault(&self, reason: &'static str) -> ProtocolError {
        ProtocolError::Protobuf { position: self.origin + self.position, reason }
    }
}

/// Appends a string, or a message encoded before.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, BYTES);
    varint::put_uvarint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a double.
pub(crate) fn put_double(out: &mut Vec<u8>, number: u32, value: f64) {
    put_tag(out, number, FIXED64);
    out.extend_from_slice(&value.to_bits().to_le_bytes());
}

/// Appends a signed number that is not zigzag.
pub(crate) fn put_int64(out: &mut Vec<u8>, number: u32, value: i64) {
    put_tag(out, number, VARINT);
    varint::put_uvarint(out, value as u64);
}

/// Appends an unsigned number, or the number of an enum's word.
pub(crate) fn put_uint64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, VARINT);
    varint::put_uvarint(out, value);
}

/// Appends a zigzag number (`sint32`, `sint64`).
pub(crate) fn put_zigzag(out: &mut Vec<u8>, number: u32, value: i64) {
    put_uint64(out, number, varint::zigzag(value));
}

/// Appends a repeated field of zigzag numbers, packed; nothing where there are none.
pub(crate) fn put_packed_zigzag(out: &mut Vec<u8>, number: u32, values: impl Iterator<Item = i64>) {
    let mut packed = Vec::new();
    values.for_each(|value| varint::put_uvarint(&mut packed, varint::zigzag(value)));
    if !packed.is_empty() {
        put_bytes(out, number, &packed);
    }
}

/// Appends a repeated field of doubles, packed; nothing where there are none.
pub(crate) fn put_packed_doubles(out: &mut Vec<u8>, number: u32, values: &[f64]) {
    if values.is_empty() {
        return;
    }
    put_tag(out, number, BYTES);
    varint::put_uvarint(out, 8 * values.len() as u64);
    values.iter().for_each(|value| out.extend_from_slice(&value.to_bits().to_le_bytes()));
}

fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u8) {
    varint::put_uvarint(out, u64::from(number) << 3 | u64::from(wire_type));
}

#[cfg(test)]
mod tests;
