//! Whether a client's message holds what its letter announces, before it is decoded: the decoder takes lengths and
//! counts at their word.
//!
//! Invariant: a message that passes has all of its texts ended, all of its numbers, and as many values as it counts.

/// The bytes of the codes with which encryption is asked for, and a cancellation.
const CANCEL_BYTES: usize = 16;
const REQUEST_BYTES: usize = 8;
/// Requests stand where other clients name the protocol: with this in the upper half.
const REQUESTS: u32 = 1234;
/// The one to cancel, in the lower half.
const CANCEL: u32 = 5678;

/// Whether the first message of a connection is whole; `bytes` begin with its length.
pub(crate) fn is_whole_first(bytes: &[u8]) -> bool {
    let Some(code) = bytes.get(4..8).and_then(|code| code.try_into().ok()) else { return false };
    let code = u32::from_be_bytes(code);
    if code >> 16 == REQUESTS {
        return match code & 0xffff {
            CANCEL => bytes.len() >= CANCEL_BYTES,
            _ => bytes.len() == REQUEST_BYTES,
        };
    }
    // Names and values, up to a name that is empty.
    let mut rest = Rest(&bytes[8..]);
    loop {
        match rest.text() {
            Some([]) => return rest.0.is_empty(),
            Some(_) if rest.text().is_some() => {}
            _ => return false,
        }
    }
}

/// Whether a later message is whole: its letter, and what follows its length.
pub(crate) fn is_whole(letter: u8, body: &[u8]) -> bool {
    let mut rest = Rest(body);
    let whole = match letter {
        b'Q' | b'f' => rest.text().map(drop),
        b'P' => parse(&mut rest),
        b'B' => bind(&mut rest),
        b'D' | b'C' => rest.take(1).and_then(|_| rest.text()).map(drop),
        b'E' => rest.text().and_then(|_| rest.take(4)).map(drop),
        b'H' | b'S' | b'X' | b'c' => Some(()),
        // Bytes of any kind, of passwords and of copies; others are refused by their letter.
        _ => return true,
    };
    whole.is_some() && rest.0.is_empty()
}

/// A name, a statement, types.
fn parse(rest: &mut Rest<'_>) -> Option<()> {
    rest.text()?;
    rest.text()?;
    let types = rest.count()?;
    rest.take(types.checked_mul(4)?).map(drop)
}

/// A portal, a statement, formats, values, formats.
fn bind(rest: &mut Rest<'_>) -> Option<()> {
    rest.text()?;
    rest.text()?;
    let formats = rest.count()?;
    rest.take(formats * 2)?;
    for _ in 0..rest.count()? {
        let length = i32::from_be_bytes(rest.take(4)?.try_into().ok()?);
        // One below zero is NULL.
        if length != -1 {
            rest.take(usize::try_from(length).ok()?)?;
        }
    }
    let formats = rest.count()?;
    rest.take(formats * 2).map(drop)
}

/// What is left of a message.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A text up to its zero.
    fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }

    /// A count of things, of two bytes. Those below zero are none that anybody has.
    fn count(&mut self) -> Option<usize> {
        let count = i16::from_be_bytes(self.take(2)?.try_into().ok()?);
        usize::try_from(count).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn first_messages() {
        let with_length = |body: &[u8]| [&[0, 0, 0, 0], body].concat();
        for (body, whole) in [
            (&b"\0\x03\0\0user\0ada\0\0"[..], true),
            (b"\0\x03\0\0\0", true),
            (b"\0\x03\0\0user\0ada\0", false),
            (b"\0\x03\0\0user\0\0", false),
            (b"\0\x03\0\0user", false),
            (b"\x04\xd2\x16\x2f", true),
            (b"\x04\xd2\x16\x2fx", false),
            (b"\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02", true),
            (b"\x04\xd2\x16\x2e\0\0\0\x01\0\0", false),
            (b"\0\x03", false),
        ] {
            assert_eq!(is_whole_first(&with_length(body)), whole, "{body:?}");
        }
    }

    #[test]
    fn later_messages() {
        for (letter, body, whole) in [
            (b'Q', &b"SELECT 1\0"[..], true),
            (b'Q', b"SELECT 1", false),
            (b'Q', b"SELECT 1\0more", false),
            (b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x14", true),
            (b'P', b"s\0SELECT $1\0\0\x01\0\0\0", false),
            (b'P', b"s\0SELECT $1\0\xff\xff", false),
            (b'B', b"\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\0", true),
            (b'B', b"\0s\0\0\0\0\x01\0\0\0\x09x\0\0", false),
            (b'B', b"\0s\0\0\0\0\x01\xff\xff\xff\xfe\0\0", false),
            (b'D', b"Ss\0", true),
            (b'D', b"", false),
            (b'E', b"\0\0\0\0\x01", true),
            (b'E', b"\0\0\0", false),
            (b'S', b"", true),
            (b'S', b"x", false),
            (b'd', b"any", true),
        ] {
            assert_eq!(is_whole(letter, body), whole, "{} {body:?}", char::from(letter));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_none(
            letter in any::<u8>(),
            body in proptest::collection::vec(prop_oneof![Just(0_u8), Just(255), any::<u8>()], 0..40),
        ) {
            let _ = is_whole(letter, &body);
            let _ = is_whole_first(&body);
        }
    }
}
